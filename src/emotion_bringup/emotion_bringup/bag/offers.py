# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Quality of service in bags: what publishers offered, in rosbag2's own words.

The form is that of rosbag2's metadata version 5, which every release since Humble reads; what is
asked of live publishers, and offered again on replay, follows rosbag2's rules, too
(https://github.com/ros2/rosbag2#overriding-qos-profiles).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from rclpy.duration import Duration
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    LivelinessPolicy,
    QoSProfile,
    ReliabilityPolicy,
)

from emotion_bringup.bag.errors import BagError

# Messages that may wait for the recorder, and for slow subscriptions of a replay: DDS does not
# tell how many the original publisher kept.
_RECORD_DEPTH = 100
_PLAY_DEPTH = 100
# Of messages of a megabyte each no more than these are kept.
_LARGE = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/PointCloud2')
_LARGE_DEPTH = 10
_FOREVER = {'sec': 9223372036, 'nsec': 854775807}
_POLICIES: dict[str, Any] = {
    'history': HistoryPolicy,
    'reliability': ReliabilityPolicy,
    'durability': DurabilityPolicy,
    'liveliness': LivelinessPolicy,
}
_TIMES = ('deadline', 'lifespan', 'liveliness_lease_duration')


def to_text(offers: Sequence[QoSProfile]) -> str:
    """Return what publishers offered as a bag's metadata carry it."""
    return yaml.safe_dump(
        [
            {
                'history': HistoryPolicy.KEEP_LAST.value,
                'depth': _PLAY_DEPTH,
                'reliability': offer.reliability.value,
                'durability': offer.durability.value,
                **dict.fromkeys(_TIMES[:2], _FOREVER),
                'liveliness': LivelinessPolicy.AUTOMATIC.value,
                _TIMES[2]: _FOREVER,
                'avoid_ros_namespace_conventions': False,
            }
            for offer in offers
        ],
        sort_keys=False,
    )


def from_text(text: str) -> list[QoSProfile]:
    """Return what publishers offered, from a bag's metadata of any version.

    What cannot be read counts as nothing known.
    """
    try:
        return [
            QoSProfile(
                depth=_PLAY_DEPTH,
                reliability=_policy('reliability', item['reliability']),
                durability=_policy('durability', item['durability']),
            )
            for item in yaml.safe_load(text) or []
        ]
    except (yaml.YAMLError, KeyError, TypeError, ValueError):
        return []


def to_record(offers: Sequence[QoSProfile]) -> QoSProfile:
    """Return what to ask for so that all publishers are heard: the most that all offer."""
    return _common(offers, _RECORD_DEPTH, ReliabilityPolicy.BEST_EFFORT)


def to_play(offers: Sequence[QoSProfile], kind: str = '') -> QoSProfile:
    """Return what to offer on replay: what was offered, or the default where that differed.

    :param kind: full name of the type.
    """
    depth = _LARGE_DEPTH if kind in _LARGE else _PLAY_DEPTH
    return _common(offers, depth, ReliabilityPolicy.RELIABLE)


def _common(offers: Sequence[QoSProfile], depth: int, otherwise: ReliabilityPolicy) -> QoSProfile:
    reliabilities = {offer.reliability for offer in offers}
    latched = bool(offers) and all(
        offer.durability == DurabilityPolicy.TRANSIENT_LOCAL for offer in offers
    )
    return QoSProfile(
        depth=depth,
        reliability=reliabilities.pop() if len(reliabilities) == 1 else otherwise,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


def read_overrides(path: str) -> dict[str, dict[str, Any]]:
    """Return the overrides by topic of a file in the form of ``ros2 bag``.

    :raises BagError: if there is no such file, or it says what cannot be.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding='utf-8')) or {}
        overrides = {str(topic): dict(values) for topic, values in content.items()}
        for topic, values in overrides.items():
            try:
                override(QoSProfile(depth=1), values)
            except (KeyError, TypeError, ValueError) as error:
                raise BagError(f'{path}: {topic}: {error}') from error
    except (OSError, yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
        raise BagError(f'{path} cannot be read as quality of service by topic: {error}') from error
    return overrides


def override(profile: QoSProfile, values: Mapping[str, Any]) -> QoSProfile:
    """Return a profile with some policies replaced.

    :raises ValueError: for a policy, or the value of one, that does not exist.
    """
    given: dict[str, Any] = {
        'depth': profile.depth,
        'history': profile.history,
        'reliability': profile.reliability,
        'durability': profile.durability,
    }
    for name, value in values.items():
        if name in _POLICIES:
            given[name] = _policy(name, value)
        elif name in _TIMES:
            given[name] = Duration(seconds=value['sec'], nanoseconds=value['nsec'])
        elif name in ('depth', 'avoid_ros_namespace_conventions'):
            given[name] = value
        else:
            raise ValueError(f'there is no policy {name!r}')
    return QoSProfile(**given)


def _policy(name: str, value: object) -> Any:
    """Return a policy by its number, or by its name as ``ros2 topic`` takes it."""
    kind = _POLICIES[name]
    if isinstance(value, int):
        return kind(value)
    try:
        return kind[str(value).upper()]
    except KeyError:
        allowed = ', '.join(item.name.lower() for item in kind)
        raise ValueError(f'{name}: there is no {value!r}; allowed: {allowed}') from None
