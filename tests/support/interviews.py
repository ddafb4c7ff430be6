# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The offline interview, as a user calls it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def interview(film: Path, out: Path, *more: str) -> dict[str, Any]:
    """Return the report on a recorded interview; ``said`` is what was printed beside it.

    :param more: further arguments of the command.
    """
    done = subprocess.run(
        [
            sys.executable,
            '-m',
            'emotion_apps.interview.recording',
            '--video',
            str(film),
            '--out',
            str(out),
            *more,
        ],
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads((out / 'interview.json').read_text())
    report['said'] = done.stderr
    return report
