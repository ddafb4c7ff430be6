# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What config/ holds for other tools speaks of topics and fields that there are."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as xml
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')

from ament_index_python.packages import get_package_share_directory
from sensor_msgs.msg import Image

from emotion_bringup.bag.offers import read_overrides
from emotion_msgs.msg import (
    EmotionPrediction,
    EmotionPredictionArray,
    MultimodalState,
    VoiceActivity,
)

FOLDER = Path(get_package_share_directory('emotion_bringup'), 'config')
TOPICS = {
    '/camera/image_raw': Image,
    '/emotion/view': Image,
    '/emotion/face': EmotionPrediction,
    '/emotion/voice': EmotionPrediction,
    '/emotion/fused': EmotionPrediction,
    '/emotion/faces': EmotionPredictionArray,
    '/emotion/voice_activity': VoiceActivity,
    '/emotion/multimodal/state': MultimodalState,
}


def check_field(topic: str, path: str) -> None:
    """Follow a path of fields, and assert that each is there."""
    kind = TOPICS[topic]
    for part in filter(None, re.split(r'[./]', path)):
        name = re.match(r'\w+', part)[0]
        fields = kind.get_fields_and_field_types()
        assert name in fields, f'{topic}: {kind.__name__} has no {name}'
        if name == 'predictions':
            assert 'subject_id' in part
            kind = EmotionPrediction


def panels(node: object) -> Iterator[str]:
    """Yield the panels of a Foxglove layout."""
    if isinstance(node, str):
        yield node
    else:
        assert node['direction'] in ('row', 'column') and 0 < node['splitPercentage'] < 100
        yield from panels(node['first'])
        yield from panels(node['second'])


def test_the_foxglove_layout_shows_topics_and_fields_that_there_are() -> None:
    layout = json.loads((FOLDER / 'foxglove' / 'emotion.json').read_text())
    assert set(panels(layout['layout'])) == set(layout['configById'])
    paths = [
        item['value']
        for config in layout['configById'].values()
        for item in config.get('paths', ())
    ]
    assert len(paths) > 15
    for path in paths:
        topic, _, fields = path.partition('.')
        check_field(topic, fields)
        for variable in re.findall(r'\$(\w+)', path):
            assert variable in layout['globalVariables']
    image = layout['configById']['Image!camera']['imageMode']
    assert image['imageTopic'] in TOPICS
    assert list(image['annotations']) == ['/emotion/annotations']


def test_the_plotjuggler_layout_shows_fields_that_there_are() -> None:
    root = xml.parse(FOLDER / 'plotjuggler' / 'emotion.xml').getroot()
    names = [curve.attrib['name'] for curve in root.iter('curve')]
    assert len(names) > 10
    for name in names:
        topic = next(
            topic for topic in sorted(TOPICS, key=len)[::-1] if name.startswith(topic + '/')
        )
        check_field(topic, name.removeprefix(topic))


def test_the_rviz_profile_shows_topics_that_there_are() -> None:
    profile = yaml.safe_load((FOLDER / 'rviz' / 'emotion.rviz').read_text())
    displays = profile['Visualization Manager']['Displays']
    topics = [item['Topic']['Value'] for item in displays if 'Topic' in item]
    assert topics and all(TOPICS[topic] is Image for topic in topics)
    assert any(item['Class'] == 'rviz_default_plugins/TF' for item in displays)


def test_the_overrides_for_bags_are_quality_of_service() -> None:
    overrides = read_overrides(str(FOLDER / 'rosbag2' / 'qos.yaml'))
    assert overrides['/audio/audio_info']['durability'] == 'transient_local'
    assert '/camera/image_raw' in overrides
