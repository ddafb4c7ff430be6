# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A process in which nothing goes on ends, and says where it was; one that waits does not."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

import pytest

BEGIN = """
    import signal, sys, time
    from emotion_perception.ros import hang
    hang._MOST = 0.3
    hang.watch()
    hang.alive()

    def take():
        # Within one call of C, which keeps Python's lock.
        return sum(range(10**11))
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Run a program that begins to watch itself."""
    return subprocess.run(
        [sys.executable, '-c', textwrap.dedent(BEGIN) + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_call_that_never_returns_ends_the_process_and_is_named() -> None:
    ended = run('take()')
    assert ended.returncode == -signal.SIGPROF
    assert 'in take' in ended.stderr


@pytest.mark.parametrize(
    'code',
    [
        'time.sleep(0.6)',
        'for _ in range(40): sum(range(10**6)); hang.alive()',
        'hang.pause(); sum(range(3 * 10**7))',
        'hang.rest(); hang.alive(); sum(range(3 * 10**7))',
    ],
    ids=['waits', 'works', 'loads a model', 'ends'],
)
def test_a_process_that_goes_on_does_not_end(code: str) -> None:
    ended = run(code)
    assert (ended.returncode, ended.stderr) == (0, '')
