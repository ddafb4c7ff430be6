# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Write a bag: a folder with one MCAP file and ``metadata.yaml``, as ``ros2 bag record`` does."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from mcap.writer import CompressionType, Writer

from emotion_bringup.bag.errors import BagError
from emotion_perception.storage import write_atomically

COMPRESSIONS = ('none', 'lz4', 'zstd')

# What is lost when the process is killed: a chunk that is not full yet.
_CHUNK = 128 * 1024


@dataclass
class _Channel:
    number: int
    kind: str
    offers: str
    count: int = 0


@dataclass
class _Span:
    start: int = 0
    end: int = 0
    count: int = 0
    channels: dict[str, _Channel] = field(default_factory=dict)


class BagWriter:
    """Writes messages as they were serialised; not to be used by two threads at once.

    :param folder: to make; the name of the bag.
    :param distribution: of ROS, for the metadata.
    :param compression: of the chunks, one of :data:`COMPRESSIONS`.
    :raises BagError: if the folder exists already, or cannot be made.
    """

    def __init__(self, folder: Path, distribution: str, compression: str = 'none') -> None:
        self.path = folder / f'{folder.resolve().name}_0.mcap'
        self._distribution = distribution
        self._span = _Span()
        try:
            folder.mkdir(parents=True)
            self._file = self.path.open('xb')
        except FileExistsError:
            raise BagError(f'{folder} exists already: name another folder (-o)') from None
        except OSError as error:
            raise BagError(f'{folder} cannot be written: {error.strerror}') from error
        self._writer = Writer(
            self._file, chunk_size=_CHUNK, compression=CompressionType[compression.upper()]
        )
        self._writer.start(profile='ros2', library='emotion_bringup')

    @property
    def count(self) -> int:
        """How many messages were written."""
        return self._span.count

    def add_topic(self, topic: str, kind: str, definition: str, offers: str) -> None:
        """Announce a topic.

        :param kind: full name of its type.
        :param definition: see :func:`emotion_bringup.bag.definitions.definition`.
        :param offers: see :func:`emotion_bringup.bag.offers.to_text`.
        """
        schema = self._writer.register_schema(kind, 'ros2msg', definition.encode())
        number = self._writer.register_channel(
            topic, 'cdr', schema, {'offered_qos_profiles': offers}
        )
        self._span.channels[topic] = _Channel(number, kind, offers)

    def write(self, topic: str, data: bytes, taken: int, published: int) -> None:
        """Write a message of a topic that was announced.

        :param data: serialised (CDR).
        :param taken: when it arrived, nanoseconds since the epoch.
        :param published: when it was sent, likewise.
        """
        span, channel = self._span, self._span.channels[topic]
        self._writer.add_message(channel.number, taken, data, published, channel.count)
        span.start = taken if not span.count else min(span.start, taken)
        span.end = max(span.end, taken)
        span.count += 1
        channel.count += 1

    def flush(self) -> None:
        """Hand the chunks that are full to the system."""
        self._file.flush()

    def close(self) -> None:
        """Finish the file and write the metadata."""
        text = yaml.safe_dump({'rosbag2_bagfile_information': self._metadata()}, sort_keys=False)
        self._writer.add_metadata('rosbag2', {'serialized_metadata': text})
        self._writer.finish()
        self._file.close()
        write_atomically(self.path.parent / 'metadata.yaml', text.encode())

    def _metadata(self) -> dict[str, Any]:
        span = self._span
        extent = {
            'duration': {'nanoseconds': span.end - span.start},
            'starting_time': {'nanoseconds_since_epoch': span.start},
            'message_count': span.count,
        }
        return {
            'version': 5,
            'storage_identifier': 'mcap',
            **extent,
            'topics_with_message_count': [
                {
                    'topic_metadata': {
                        'name': topic,
                        'type': channel.kind,
                        'serialization_format': 'cdr',
                        'offered_qos_profiles': channel.offers,
                    },
                    'message_count': channel.count,
                }
                for topic, channel in span.channels.items()
            ],
            'compression_format': '',
            'compression_mode': '',
            'relative_file_paths': [self.path.name],
            'files': [{'path': self.path.name, **extent}],
            'ros_distro': self._distribution,
        }
