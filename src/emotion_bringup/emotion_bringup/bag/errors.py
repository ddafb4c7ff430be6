# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What a user is told when a bag cannot be had."""

from __future__ import annotations


class BagError(Exception):
    """A bag, a profile or an option cannot be used; the text says why, and what to do."""
