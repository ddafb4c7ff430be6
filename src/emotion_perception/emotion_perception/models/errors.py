# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The one error that choosing, fetching or loading a model raises."""

from __future__ import annotations


class ModelError(Exception):
    """A model cannot be used; the message says what is wrong, where, and what to do."""
