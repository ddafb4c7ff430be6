# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The one error of this room."""

from __future__ import annotations


class AnalyzeError(RuntimeError):
    """The analysis cannot begin or go on; the message says why and what to do."""
