# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The one error of this room."""

from __future__ import annotations


class MediaError(RuntimeError):
    """A file, track or stream cannot be read: the message names it, says why and what to do."""
