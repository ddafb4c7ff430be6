"""A ROS domain of one's own, so that two test runs on one machine never hear each other."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path
from typing import IO

# Above 101 the ports reach into Linux's ephemeral range.
_DOMAINS = range(1, 102)


def claim_domain() -> tuple[int, IO[str] | None]:
    """Choose a domain id, and hold it until the returned file is closed.

    ``ROS_DOMAIN_ID`` of the environment is taken as it is, and then nothing is held. Otherwise a
    lock file keeps other test runs off, and a probe of the domain's first port other programs.

    Raises:
        RuntimeError: if every domain is taken.

    """
    given = os.environ.get('ROS_DOMAIN_ID', '')
    if given:
        return int(given), None
    folder = Path(tempfile.gettempdir(), f'emotion-test-domains-{os.getuid()}')
    folder.mkdir(exist_ok=True)
    # The order differs between runs, so that leftovers of one do not meet the next.
    for domain in random.sample(_DOMAINS, len(_DOMAINS)):
        handle = (folder / str(domain)).open('w')
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.close()
            continue
        if _quiet(domain):
            return domain, handle
        handle.close()
    raise RuntimeError('every ROS domain from 1 to 101 is in use on this machine')


def _quiet(domain: int) -> bool:
    """Tell whether no DDS participant holds the first ports of a domain."""
    for offset in (10, 11):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(('', 7400 + 250 * domain + offset))
            except OSError:
                return False
    return True
