# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""How a page's wishes reach the graph."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

Call = Callable[[int, str, dict[str, Any]], Awaitable[Any]]
"""Takes the number of a place, the name of a procedure and its values; returns what it gives."""


class CallError(RuntimeError):
    """Something that was asked of the graph did not succeed; the text says why."""
