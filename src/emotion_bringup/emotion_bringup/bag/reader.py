# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Read a bag of MCAP files, whoever recorded it, and whether or not it was finished."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import yaml
from mcap.exceptions import McapError
from mcap.reader import make_reader
from mcap.records import Channel, Message, Schema
from mcap.stream_reader import StreamReader
from rclpy.qos import QoSProfile

from emotion_bringup.bag import offers
from emotion_bringup.bag.errors import BagError

# What a file that ends in the middle, or is none, makes the library raise.
_BROKEN = (McapError, struct.error, ValueError, KeyError, OSError)


@dataclass(frozen=True)
class Topic:
    """A topic of a bag.

    :param kind: full name of its type.
    :param count: number of messages.
    :param offers: what its publishers offered; empty where not known.
    """

    name: str
    kind: str
    count: int
    offers: list[QoSProfile]


@dataclass(frozen=True)
class Recorded:
    """A message as it was serialised.

    :param taken: when the recorder received it, nanoseconds since the epoch.
    """

    topic: str
    data: bytes
    taken: int


@dataclass(frozen=True)
class _File:
    path: Path
    finished: bool
    start: int
    end: int
    channels: dict[int, tuple[Channel, str]]
    counts: Counter[int]


class BagReader:
    """A bag: a folder as ``ros2 bag`` makes them, or a single MCAP file.

    :ivar topics: by name.
    :ivar start: time of the first message, nanoseconds since the epoch; ``end`` of the last.
    :ivar finished: whether all files were closed; one whose recorder was killed is read up to
        where it breaks off.
    :raises BagError: if there is none, or its form is another one.
    """

    def __init__(self, path: Path) -> None:
        self._files = [_open(file) for file in _files(path)]
        filled = [file for file in self._files if file.counts.total()]
        self.paths = [file.path for file in self._files]
        self.finished = all(file.finished for file in self._files)
        self.start = min((file.start for file in filled), default=0)
        self.end = max((file.end for file in filled), default=0)
        self.topics: dict[str, Topic] = {}
        for file in self._files:
            for number, (channel, kind) in file.channels.items():
                before = self.topics.get(channel.topic)
                self.topics[channel.topic] = Topic(
                    channel.topic,
                    kind,
                    file.counts[number] + (before.count if before else 0),
                    offers.from_text(channel.metadata.get('offered_qos_profiles', '')),
                )

    @property
    def count(self) -> int:
        """Return the number of messages of all topics."""
        return sum(topic.count for topic in self.topics.values())

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return sum(path.stat().st_size for path in self.paths)

    def messages(self, topics: Collection[str]) -> Iterator[Recorded]:
        """Yield the messages of some topics in the order in which they were recorded."""
        for file in self._files:
            with file.path.open('rb') as stream:
                found = _whole(stream, topics) if file.finished else _rest(stream)
                for channel, message in found:
                    if channel.topic in topics:
                        yield Recorded(channel.topic, message.data, message.log_time)


def _files(path: Path) -> list[Path]:
    """Return the MCAP files of a bag in their order."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise BagError(f'there is no bag {path}')
    files = sorted(path.glob('*.mcap'))
    metadata = path / 'metadata.yaml'
    if metadata.is_file():
        try:
            content = yaml.safe_load(metadata.read_text(encoding='utf-8'))
            named = content['rosbag2_bagfile_information']['relative_file_paths']
            files = [path / Path(name).name for name in named]
        except (yaml.YAMLError, KeyError, TypeError) as error:
            raise BagError(f'{metadata} is damaged: {error!r}') from error
    strange = next((file for file in files if file.suffix != '.mcap'), None)
    if strange is not None or not files:
        what = f'holds {strange.name}' if strange else 'holds no *.mcap'
        raise BagError(
            f'{path} {what}: only MCAP is read here; ros2 bag convert makes it of other bags'
        )
    return files


def _open(path: Path) -> _File:
    """Look what a file holds: in its summary, or message by message where it has none."""
    try:
        with path.open('rb') as stream:
            try:
                summary = make_reader(stream).get_summary()
            except _BROKEN:
                summary = None
            if summary is None or summary.statistics is None:
                return _scan(path, stream)
            statistics = summary.statistics
            return _File(
                path,
                True,
                statistics.message_start_time,
                statistics.message_end_time,
                {
                    number: (channel, summary.schemas[channel.schema_id].name)
                    for number, channel in summary.channels.items()
                },
                Counter(statistics.channel_message_counts),
            )
    except _BROKEN as error:
        raise BagError(f'{path} cannot be read as MCAP: {error}') from error


def _scan(path: Path, stream: IO[bytes]) -> _File:
    stream.seek(0)
    start, end = 0, 0
    channels: dict[int, tuple[Channel, str]] = {}
    counts: Counter[int] = Counter()
    schemas: dict[int, Schema] = {}
    for record in _records(stream):
        if isinstance(record, Schema):
            schemas[record.id] = record
        elif isinstance(record, Channel):
            channels[record.id] = record, schemas[record.schema_id].name
        elif isinstance(record, Message):
            start = min(start or record.log_time, record.log_time)
            end = max(end, record.log_time)
            counts[record.channel_id] += 1
    return _File(path, False, start, end, channels, counts)


def _records(stream: IO[bytes]) -> Iterator[object]:
    """Yield the records of a file up to where it breaks off."""
    records = StreamReader(stream).records
    # A file that is no MCAP at all fails here, and that is said.
    yield next(records, None)
    while True:
        try:
            yield next(records)
        except (StopIteration, *_BROKEN):
            return


def _whole(stream: IO[bytes], topics: Collection[str]) -> Iterator[tuple[Channel, Message]]:
    for _, channel, message in make_reader(stream).iter_messages(list(topics)):
        yield channel, message


def _rest(stream: IO[bytes]) -> Iterator[tuple[Channel, Message]]:
    channels: dict[int, Channel] = {}
    for record in _records(stream):
        if isinstance(record, Channel):
            channels[record.id] = record
        elif isinstance(record, Message):
            yield channels[record.channel_id], record
