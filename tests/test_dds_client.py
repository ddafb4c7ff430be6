# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A client of another vendor's DDS, without any ROS, hears what the composed graph says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')
pytest.importorskip('cyclonedds', reason='needs the package cyclonedds')

from emotion_bringup.demo_media import make_film
from emotion_bringup.process import executable
from emotion_msgs.msg import EmotionPrediction
from support.processes import ProcessGroup

# In a process of its own, with nothing of ROS: the types are written out as DDS sees them.
CLIENT = """
import sys, time
from dataclasses import dataclass
from cyclonedds.core import Policy, Qos
from cyclonedds.domain import DomainParticipant
from cyclonedds.idl import IdlStruct
from cyclonedds.idl.types import array, float32, int32, sequence, uint8, uint32
from cyclonedds.sub import DataReader
from cyclonedds.topic import Topic
from cyclonedds.util import duration

@dataclass
class Time(IdlStruct, typename='builtin_interfaces::msg::dds_::Time_'):
    sec: int32
    nanosec: uint32

@dataclass
class Header(IdlStruct, typename='std_msgs::msg::dds_::Header_'):
    stamp: Time
    frame_id: str

@dataclass
class Region(IdlStruct, typename='sensor_msgs::msg::dds_::RegionOfInterest_'):
    x_offset: uint32
    y_offset: uint32
    height: uint32
    width: uint32
    do_rectify: bool

@dataclass
class Prediction(IdlStruct, typename='emotion_msgs::msg::dds_::EmotionPrediction_'):
FIELDS

participant = DomainParticipant(int(sys.argv[1]))
topic = Topic(participant, 'rt/emotion/face', Prediction)
reader = DataReader(participant, topic, qos=Qos(Policy.Reliability.Reliable(duration(seconds=1))))
end = time.monotonic() + 90
while time.monotonic() < end:
    for face in reader.take_iter(timeout=duration(seconds=1)):
        assert not any(name.startswith('rclpy') for name in sys.modules)
        print('heard', face.header.frame_id, face.label, sum(face.probabilities), flush=True)
        sys.exit()
sys.exit('nothing was heard')
"""

# Discovery on this machine alone, as the graph of a test does it.
LOCALHOST = (
    '<CycloneDDS><Domain><General><Interfaces><NetworkInterface address="127.0.0.1"/></Interfaces>'
    '<AllowMulticast>false</AllowMulticast></General><Discovery><Peers><Peer address="localhost"/>'
    '</Peers><ParticipantIndex>auto</ParticipantIndex><MaxAutoParticipantIndex>100'
    '</MaxAutoParticipantIndex></Discovery></Domain></CycloneDDS>'
)

_KINDS = {
    'std_msgs/Header': 'Header',
    'sensor_msgs/RegionOfInterest': 'Region',
    'boolean': 'bool',
    'string': 'str',
    'float': 'float32',
    'uint8': 'uint8',
}


def idl(kind: str) -> str:
    """Return what cyclonedds calls the type of a field."""
    if kind.startswith('sequence<'):
        return f'sequence[{_KINDS[kind[9:-1]]}]'
    name, bracket, size = kind.partition('[')
    return f'array[{_KINDS[name]}, {size[:-1]}]' if bracket else _KINDS[name]


def test_a_client_without_ros_hears_the_composed_graph(
    processes: ProcessGroup, tmp_path: Path
) -> None:
    film = tmp_path / 'face.avi'
    make_film(film, 2.0)
    processes.start(
        executable('emotion_bringup', 'graph'),
        '--graph',
        'face',
        f'camera:={film}',
        'loop:=true',
        'view:=false',
    )
    fields = '\n'.join(
        f'    {name}: {idl(kind)}'
        for name, kind in EmotionPrediction.get_fields_and_field_types().items()
    )
    client = processes.start(
        sys.executable,
        '-c',
        CLIENT.replace('FIELDS', fields),
        str(processes.domain),
        name='cyclonedds',
        env={'CYCLONEDDS_URI': LOCALHOST},
        may_end=True,
    )
    assert client.wait(120) == 0, client.output()
    word, frame, label, total = client.output().split()[-4:]
    assert (word, frame) == ('heard', 'camera')
    assert label in ('Angry', 'Fear', 'Happy', 'Neutral', 'Sad', 'Surprise', 'Unknown')
    assert float(total) == pytest.approx(1, abs=1e-3)
