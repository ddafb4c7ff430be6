# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""When the report of a live interview is due, and where it goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from emotion_apps.interview.report import report_in, write_report
from emotion_apps.interview.scribe import Scribe
from emotion_apps.interview.session import InterviewSession
from emotion_apps.interview.states import Phase

# Seconds after which a report that could not be saved is tried again.
_RETRY = 5.0


class Logger(Protocol):
    """Where it is told what became of a report."""

    def info(self, message: str) -> object:
        """Tell something."""

    def error(self, message: str) -> object:
        """Tell that something went wrong."""


class Delivery:
    """Writes the report of each interview once, when it is over and its last words are known.

    :param session: that holds the interview.
    :param scribe: which writes down what is said; nothing is without one.
    :param out: gives the folder for reports; empty to keep none.
    """

    def __init__(
        self,
        session: InterviewSession,
        scribe: Scribe | None,
        out: Callable[[], str],
        logger: Logger,
    ) -> None:
        self._session, self._scribe = session, scribe
        self._out, self._logger = out, logger
        self.due = False
        """Whether an interview is over whose report was not written yet."""
        self._unsaved = False
        self._next_try = 0.0
        self.path = ''
        """The page of the last report; empty if none was kept."""

    @property
    def transcribing(self) -> int:
        """Return how many stretches of speech are still being written down."""
        return 0 if self._scribe is None else self._scribe.pending

    def changed(self) -> None:
        """Note that the interview entered another phase."""
        # What was said last is still being written down: the report waits for it.
        self.due = self._session.interview.phase is Phase.FINISHED
        self._unsaved = False
        self.settle()

    def settle(self) -> bool:
        """Write the report if it is due and nothing is missing; return whether that was tried."""
        if self.due and not self.transcribing:
            self.finish()
            return True
        if self._unsaved and time.monotonic() > self._next_try:
            self._write()
            return True
        return False

    def finish(self, seconds: float = 0.0) -> None:
        """Write the report if it is not kept yet.

        :param seconds: for which the last words are waited for.
        """
        if self.due:
            self.due = False
            self._session.finish(seconds)
            if self._scribe is not None and self._scribe.left_out:
                self._logger.error(f'words are missing: {self._scribe.reason}')
            self._write()
        elif self._unsaved:
            self._write()

    def missing(self) -> str:
        """Return why there is no report to hand out; empty if there is one."""
        if self._session.interview.phase is not Phase.FINISHED:
            return 'there is no report: no interview is over'
        if self.due:
            return 'there is no report yet: the last words are being written down'
        return ''

    def _write(self) -> None:
        out = self._out()
        if not out:
            self._logger.info('the interview is over; give out:=FOLDER to keep a report')
            return
        try:
            report = write_report(self._session.log, _unused(Path(out).expanduser()))
        except OSError as error:
            if not self._unsaved:
                self._logger.error(
                    f'the report is not saved: {error}; it is tried again every {_RETRY:g} s, '
                    'and ~/report gives it meanwhile'
                )
            self._unsaved, self._next_try = True, time.monotonic() + _RETRY
            return
        self._unsaved = False
        self.path = str(report.page)
        self._logger.info(f'report: {report.page}')


def _unused(folder: Path) -> Path:
    """Return the folder, or one with a number if it holds a report already."""
    number = 1
    candidate = folder
    while report_in(candidate).page.exists():
        number += 1
        candidate = folder.with_name(f'{folder.name}-{number}')
    return candidate
