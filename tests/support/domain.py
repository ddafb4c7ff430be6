# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A ROS domain of one's own, so that two test runs on one machine never hear each other."""

from __future__ import annotations

import os
import random
import socket

# Above 101 the ports reach into Linux's ephemeral range.
_DOMAINS = range(1, 102)


def claim_domain() -> tuple[int, socket.socket | None]:
    """Choose a domain id, and hold it until the returned socket is closed.

    ``ROS_DOMAIN_ID`` of the environment is taken as it is, and then nothing is held. Otherwise a
    socket of Linux's abstract name space keeps other test runs off (it is no file, so nobody can
    lay one in its way, and the kernel frees it when the run dies), and a probe of the domain's
    first ports other programs.

    :raises RuntimeError: if every domain is taken.
    """
    given = os.environ.get('ROS_DOMAIN_ID', '')
    if given:
        return int(given), None
    # The order differs between runs, so that leftovers of one do not meet the next.
    for domain in random.sample(_DOMAINS, len(_DOMAINS)):
        holder = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            holder.bind(f'\0emotion-test-domain-{domain}')
        except OSError:
            holder.close()
            continue
        if _quiet(domain):
            return domain, holder
        holder.close()
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
