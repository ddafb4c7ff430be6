# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The options of commands that write down what is said."""

from __future__ import annotations

import argparse


def add_transcript_options(parser: argparse.ArgumentParser) -> None:
    """Let a command take ``--transcript`` and ``--transcript-model``."""
    parser.add_argument(
        '--transcript',
        action='store_true',
        help='write down the words, on this machine (needs ./emotion setup --transcript)',
    )
    parser.add_argument(
        '--transcript-model',
        default='',
        metavar='MODEL',
        help='folder, name (small, large-v3, ...) or hub id of a model for faster-whisper '
        '(default: Whisper tiny.en)',
    )


def wants_transcript(given: argparse.Namespace) -> bool:
    """Tell whether the words are wanted: who names a model for them wants them."""
    return bool(given.transcript or given.transcript_model)
