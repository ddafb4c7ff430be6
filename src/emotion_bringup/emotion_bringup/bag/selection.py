# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Which topics: by name, by pattern, or by one of the profiles in ``config/rosbag2``."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from ament_index_python.packages import get_package_share_directory

from emotion_bringup.bag.errors import BagError

PROFILES = ('results', 'sound', 'everything')
"""Names of the profiles; the files are parameters of rosbag2's own recorder node, too."""


@dataclass(frozen=True)
class Selection:
    """Chooses topics.

    :param names: full names that are taken.
    :param patterns: regular expressions that a name is searched for; empty, with no names, for
        all topics.
    :param exclude: regular expression of names that are left out whatever else holds.
    :raises BagError: for an expression that is none.
    """

    names: Collection[str] = ()
    patterns: Sequence[str] = ()
    exclude: str = ''

    def __post_init__(self) -> None:
        for pattern in (*self.patterns, self.exclude):
            try:
                re.compile(pattern)
            except re.error as error:
                raise BagError(f'{pattern!r} is no regular expression: {error}') from error

    def takes(self, topic: str) -> bool:
        """Tell whether a topic is chosen.

        Topics that begin a part of their name with an underscore (those of actions among them)
        are hidden: only their name itself takes them.
        """
        if self.exclude and re.search(self.exclude, topic):
            return False
        if topic in self.names:
            return True
        if '/_' in topic:
            return False
        if not self.names and not self.patterns:
            return True
        return any(re.search(pattern, topic) for pattern in self.patterns)


def profile_patterns(name: str) -> list[str]:
    """Return the patterns of a profile; none stands for all topics.

    :raises BagError: if its file is damaged.
    """
    folder = Path(get_package_share_directory('emotion_bringup'), 'config', 'rosbag2')
    path = folder / f'{name}.yaml'
    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8'))
        record = next(iter(content.values()))['ros__parameters']['record']
        return [record['regex']] if record.get('regex') else []
    except (OSError, yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise BagError(f'{path} cannot be read as a profile: {error!r}') from error
