# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A strength or a suggestion."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """A strength or a suggestion, with the measurement it rests on."""

    text: str
    measurement: str
