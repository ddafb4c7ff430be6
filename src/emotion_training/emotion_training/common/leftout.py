# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What is left out of many: named, counted, and an error of its own if nothing remains."""

from __future__ import annotations

from collections.abc import Callable

from emotion_training.common.files import TrainingError

# Each is told up to so many times; then they are only counted.
_TOLD = 5


class NothingLeftError(TrainingError):
    """Of all that was to be read, nothing could be; commands exit with :attr:`code`."""

    code = 3


class LeftOut:
    """Keeps account of what a command leaves out.

    :param what: of which there are many, for instance ``'clips'``.
    :param say: told of the first ones, and at the end of all.
    """

    def __init__(self, what: str, say: Callable[[str], None]) -> None:
        self.what = what
        self.count = 0
        self._say = say
        self._first = ''

    def add(self, reason: object) -> None:
        """Leave one out.

        :param reason: a line that names it.
        """
        self.count += 1
        self._first = self._first or str(reason)
        if self.count <= _TOLD:
            self._say(f'left out: {reason}')

    def close(self, kept: int) -> None:
        """Say how many were left out.

        :param kept: how many remain.
        :raises NothingLeftError: if none does.
        """
        if not kept:
            reason = f'; the first: {self._first}' if self._first else ''
            raise NothingLeftError(f'none of {self.count} {self.what} can be used{reason}')
        if self.count:
            self._say(f'{self.count} of {self.count + kept} {self.what} are left out')
