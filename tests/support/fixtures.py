# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The fixtures that every test of the repository can ask for.

``ros_domain``    a ROS domain id of this test module's own, or ROS_DOMAIN_ID where that is set
``processes``     starts nodes and programs, and ends them; see support.processes
``client``        a node to watch and talk to them with; see support.client
``shared``        the folder with the research data; the test skips where it is absent
``media``         ``media('two_people.jpg')``: a file of the real pictures and films; skips alike
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.domain import claim_domain

if TYPE_CHECKING:
    from support.client import Client
    from support.processes import ProcessGroup

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def ros_domain() -> Iterator[int]:
    """Hold a ROS domain for the tests of one module, and set it in the environment."""
    domain, holder = claim_domain()
    before = os.environ.get('ROS_DOMAIN_ID')
    os.environ['ROS_DOMAIN_ID'] = str(domain)
    yield domain
    if before is None:
        del os.environ['ROS_DOMAIN_ID']
    if holder is not None:
        holder.close()


@pytest.fixture
def processes(
    request: pytest.FixtureRequest, tmp_path: Path, ros_domain: int
) -> Iterator[ProcessGroup]:
    """Give the test a ProcessGroup; at its end every process has to heed Ctrl-C."""
    from support.processes import ProcessGroup

    group = ProcessGroup(tmp_path / 'processes', ros_domain)
    request.node.process_group = group
    yield group
    died = [process.name for process in group.processes if process.died]
    stubborn = group.stop()
    problems = []
    if died:
        problems.append(f'ended by themselves: {", ".join(died)}')
    if stubborn:
        problems.append(f'did not end on Ctrl-C: {", ".join(stubborn)}')
    assert not problems, '; '.join(problems) + '\n' + group.logs()


@pytest.fixture
def client(processes: ProcessGroup, ros_domain: int) -> Iterator[Client]:
    """Give the test a Client on the domain of its processes."""
    from support.client import Client

    client = Client(ros_domain, check=processes.check)
    yield client
    client.close()


@pytest.fixture(scope='session')
def shared() -> Path:
    """Return the folder of the research data (EMOTION_SHARED or beside the repository)."""
    folder = Path(os.environ.get('EMOTION_SHARED') or ROOT.parent / 'shared')
    if not (folder / 'data').is_dir():
        pytest.skip(f'needs the research data: no {folder / "data"} (EMOTION_SHARED names it)')
    return folder


@pytest.fixture(scope='session')
def media(shared: Path) -> Callable[[str], Path]:
    """Return a function from the name of a picture or film of the research data to its path."""

    def find(name: str) -> Path:
        path = shared / 'data' / 'media' / name
        if not path.is_file():
            pytest.skip(f'needs {path}')
        return path

    return find


def pytest_configure() -> None:
    """Heed Ctrl-C even where the test run itself was started in the background.

    A shell that is not interactive has such programs ignore SIGINT, and what they start inherits
    that: nodes would not end as they do for a user.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """Put the processes' logs into the report of a test that failed."""
    outcome = yield
    report = outcome.get_result()
    group = getattr(item, 'process_group', None)
    if report.failed and group is not None and group.processes:
        report.sections.append(('processes', group.logs()))
