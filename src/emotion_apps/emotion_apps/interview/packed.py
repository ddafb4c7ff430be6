# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Many small records, kept in little memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

import numpy as np

Record = TypeVar('Record')

_FIRST = 64


class Packed(Generic[Record]):
    """Records in the order in which they came, each held as its numbers alone.

    Forty readings and frames a second of Python's own objects are half a megabyte a minute.

    :param kind: the fields of a record, as NumPy describes them.
    :param make: makes a record of the fields' values, when it is looked at.
    """

    def __init__(self, kind: list[tuple[Any, ...]], make: Callable[..., Record]) -> None:
        self._rows = np.zeros(_FIRST, kind)
        self._count = 0
        self._make = make

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Record]:
        return (self._make(*self._rows[index]) for index in range(self._count))

    def append(self, *values: Any) -> None:
        """Add a record, by the values of its fields."""
        if self._count == len(self._rows):
            self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
        self._rows[self._count] = values
        self._count += 1
