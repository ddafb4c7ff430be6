# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The report of a mock interview as files: HTML, the same as Markdown, and its figures as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from emotion_apps.interview.content import as_json
from emotion_apps.interview.log import InterviewLog
from emotion_apps.interview.markdown import render_markdown
from emotion_apps.interview.page import render
from emotion_perception.storage import SaveError, write_atomically


@dataclass(frozen=True)
class Report:
    """The files of a report."""

    page: Path
    markdown: Path
    data: Path


@dataclass(frozen=True)
class Texts:
    """A report in its three forms; ``data`` is JSON."""

    page: str
    markdown: str
    data: str


def texts_of(log: InterviewLog) -> Texts:
    """Return the report of an interview."""
    data = json.dumps(as_json(log), indent=1, allow_nan=False, ensure_ascii=False)
    return Texts(render(log), render_markdown(log), data + '\n')


def report_in(folder: str | Path) -> Report:
    """Return where the files of a report in a folder are, or would be."""
    folder = Path(folder).expanduser()
    return Report(*(folder / f'interview.{form}' for form in ('html', 'md', 'json')))


def write_report(log: InterviewLog, folder: str | Path) -> Report:
    """Write the files: all of them, or none.

    :raises SaveError: if the folder cannot be made or written.
    """
    report, texts = report_in(folder), texts_of(log)
    written: list[Path] = []
    try:
        for path, text in (
            (report.data, texts.data),
            (report.markdown, texts.markdown),
            # The page is the last: where there is one, the report is complete.
            (report.page, texts.page),
        ):
            write_atomically(path, text.encode())
            written.append(path)
    except SaveError:
        for path in written:
            path.unlink()
        raise
    return report
