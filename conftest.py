# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Fixtures for the whole repository: tests/support describes them."""

from importlib.util import find_spec

pytest_plugins = ['support.fixtures']

_TRAINING = find_spec('torch') is not None
collect_ignore_glob = [] if _TRAINING else ['src/emotion_training/test/*']


def pytest_report_header() -> str:
    """Say what an environment without PyTorch (``EMOTION_TRAINING=0``) leaves out."""
    return '' if _TRAINING else 'without PyTorch: src/emotion_training/test is left out'
