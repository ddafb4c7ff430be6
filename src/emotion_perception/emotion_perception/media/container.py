# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Open a recording or a stream, and say what it holds and when it begins and ends."""

from __future__ import annotations

import math
import os
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

import av
from av.stream import Disposition

from emotion_perception.media.errors import MediaError
from emotion_perception.media.files import check_file, is_stream, local_path

# Opening a stream, or waiting for more of it, for longer than this (seconds) means: it is lost.
STREAM_TIMEOUT = 4.0

BEYOND = 5.0
"""A gap that leads so far beyond the end that is declared, seconds, is a new clock."""
LONGEST_GAP = 24 * 3600.0
"""The same where no end is declared, seconds: nobody pauses a recording for longer."""

# Clocks of these begin where the film does; those of others (broadcasts, tapes) anywhere.
_OWN_ZERO = {'mov', 'matroska'}
# A recording whose own clock begins later than this, seconds, is a piece of a longer one.
_LATEST_BEGIN = 10.0
# Their headers say how long they are; of others the length is a guess, or that of what is there.
_SAYS_LENGTH = {'mov', 'matroska', 'flac', 'asf', 'aiff', 'au', 'w64', 'caf', 'flv'}
# Sizes that recorders write into a WAV's header before they know it.
_UNKNOWN_SIZE = 0x7FFFF000

# So many times in a row reading may fail before a file counts as being at its end.
_FAILURES = 5

# Titles in another encoding are no reason to refuse a file; PyAV 19 does not ask any more.
_LENIENT: dict[str, Any] = (
    {'metadata_errors': 'replace'} if int(av.__version__.split('.')[0]) < 19 else {}
)

StreamT = TypeVar('StreamT', bound=av.stream.Stream)

_NO_PICTURE = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image


@dataclass(frozen=True)
class Track:
    """One track of a recording.

    :param index: in the file, as FFmpeg counts.
    :param codec: its name; ``'unknown codec'`` if there is no decoder for it.
    :param begin: time of its first picture or sample, seconds.
    :param end: time at which its header says that it ends, seconds; NaN if that is not known.
    """

    index: int
    codec: str
    decodable: bool
    begin: float
    end: float


@dataclass(frozen=True)
class Contents:
    """What a recording holds.

    All times are the container's own, seconds; where its clock begins anywhere (a broadcast), or
    far into a longer recording, they count from its first picture or sample.

    :param name: the file or address, for messages.
    :param pictures: tracks of moving pictures, those that can be decoded first.
    :param sounds: tracks of sound, likewise.
    :param begin: when it begins to play: 0, or earlier if there is something earlier.
    :param end: when the last track ends; NaN if not known.
    :param origin: what was taken off the container's times, seconds.
    :param rate: pictures a second, nominal; 0 if not known.
    :param cover: whether it holds a cover, which is no film.
    """

    name: str
    pictures: tuple[Track, ...]
    sounds: tuple[Track, ...]
    begin: float
    end: float
    origin: float
    rate: float
    cover: bool

    @property
    def seconds(self) -> float:
        """Return how long it plays; NaN if not known."""
        return self.end - self.begin

    def picture(self) -> Track:
        """Return the track of pictures to show.

        :raises MediaError: if there is none, or none that can be decoded.
        """
        if not self.pictures:
            cover = ' but a cover' if self.cover else ''
            raise MediaError(f'{self.name} holds no picture{cover}')
        return _decodable(self.pictures, 'picture', self.name)

    def sound(self) -> Track:
        """Return the first track of sound.

        :raises MediaError: if there is none, or none that can be decoded.
        """
        if not self.sounds:
            raise MediaError(f'{self.name} has no sound track')
        return _decodable(self.sounds, 'sound', self.name)


def probe(source: str | os.PathLike[str]) -> Contents:
    """Return what a recording holds, by its headers.

    :raises MediaError: if it cannot be read at all.
    """
    with open_container(source) as container:
        return describe(container, source)


def open_container(source: str | os.PathLike[str]) -> av.container.InputContainer:
    """Open a file or stream; close it after use.

    Names with a colon, of any script, or that look like an address are those of files if there
    is such a file.

    :raises MediaError: if it is not there or cannot be read; says what is known of the reason.
    """
    if is_stream(source):
        # A stream's first seconds are kept while its format is found out: not more than one.
        options = {'analyzeduration': '1000000'}
        if str(source).lower().startswith('rtsp'):
            options['rtsp_transport'] = 'tcp'
        try:
            return av.open(
                str(source), 'r', options=options, timeout=(STREAM_TIMEOUT, STREAM_TIMEOUT)
            )
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise MediaError(f'stream {source} cannot be opened: {why(error)}') from error
    path = local_path(source)
    check_file(path)
    try:
        return av.open(_name(path), 'r', **_LENIENT)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        reason = _unfinished(path) or f'it is damaged or no recording ({why(error)})'
        raise MediaError(f'{path} cannot be read: {reason}') from error


def describe(container: av.container.InputContainer, source: str | os.PathLike[str]) -> Contents:
    """Return what an open container holds."""
    form = container.format.name.split(',')[0]
    starts = [
        float(stream.start_time * (stream.time_base or 0))
        for stream in container.streams
        if stream.type in ('video', 'audio')
        and stream.start_time is not None
        and not is_cover(stream)
    ]
    first = min(starts, default=0.0)
    origin = 0.0 if form in _OWN_ZERO and first <= _LATEST_BEGIN else first
    wholes: dict[str, list[av.stream.Stream]] = {'video': [], 'audio': []}
    cover = False
    for stream in container.streams:
        if stream.type not in wholes:
            continue
        if is_cover(stream):
            cover = True
        else:
            wholes[stream.type].append(stream)
    alone = sum(map(len, wholes.values())) == 1
    total = math.nan
    if container.duration is not None:
        total = (container.start_time or 0) / av.time_base + container.duration / av.time_base
    if not is_stream(source):
        total = _said_by_header(local_path(source), form, total)

    def track(stream: av.stream.Stream) -> Track:
        begin = end = math.nan
        if stream.start_time is not None:
            begin = float(stream.start_time * (stream.time_base or 0))
        else:
            begin = 0.0
        if form == 'avi' and stream.type == 'video':
            end = total
        elif form in _SAYS_LENGTH and form not in ('matroska', 'flv') and stream.duration:
            end = begin + float(stream.duration * (stream.time_base or 0))
        elif form == 'matroska' and (tag := _seconds(stream.metadata.get('DURATION', ''))):
            end = tag
        elif alone:
            end = total
        codec = stream.codec_context.name if stream.codec_context else 'unknown codec'
        return Track(
            stream.index, codec, stream.codec_context is not None, begin - origin, end - origin
        )

    def ordered(streams: list[av.stream.Stream]) -> tuple[Track, ...]:
        tracks = [(track(stream), stream.disposition) for stream in streams]
        return tuple(
            item
            for item, _ in sorted(
                tracks,
                key=lambda pair: (not pair[0].decodable, not pair[1] & Disposition.default),
            )
        )

    pictures = ordered(wholes['video'])
    # Of several sound tracks, the order of the file counts: no player's preference.
    sounds = tuple(sorted(map(track, wholes['audio']), key=lambda item: not item.decodable))
    rate = 0.0
    if pictures and pictures[0].decodable:
        guess = picture_stream(container, pictures[0].index).guessed_rate
        rate = float(guess) if guess and 0 < guess < 1000 else 0.0
    ends = [item.end for item in (*pictures, *sounds) if not math.isnan(item.end)]
    end = max(ends) if len(ends) == len(pictures) + len(sounds) and ends else total - origin
    return Contents(
        str(source), pictures, sounds, min(0.0, first - origin), end, origin, rate, cover
    )


def is_cover(stream: av.stream.Stream) -> bool:
    """Tell whether a stream of pictures is none of a film: a cover, or thumbnails."""
    return stream.type == 'video' and bool(stream.disposition & _NO_PICTURE)


def measured_seconds(source: str | os.PathLike[str], contents: Contents) -> float:
    """Return how long a recording plays: as it says, else by going through it undecoded."""
    if not math.isnan(contents.seconds):
        return contents.seconds
    end = 0.0
    wanted = [item.index for item in (*contents.pictures, *contents.sounds)]
    with open_container(source) as container:
        for packet in packets(container, [container.streams[index] for index in wanted]):
            if packet.pts is not None:
                last = (packet.pts + (packet.duration or 0)) * packet.time_base
                end = max(end, float(last) - contents.origin)
    return end - contents.begin


def sound_stream(container: av.container.InputContainer, index: int) -> av.AudioStream:
    """Return the track of sound of an index."""
    return next(stream for stream in container.streams.audio if stream.index == index)


def picture_stream(container: av.container.InputContainer, index: int) -> av.VideoStream:
    """Return the track of pictures of an index."""
    return next(stream for stream in container.streams.video if stream.index == index)


def packets(
    container: av.container.InputContainer,
    streams: Sequence[StreamT],
    stuck: Callable[[str], None] = lambda _: None,
) -> Iterator[av.Packet[StreamT]]:
    """Yield packets, without those that only flush, until the file cannot be read further.

    :param stuck: told why, if that is before its end.
    """
    failures, reason = 0, ''
    while failures < _FAILURES:
        try:
            for packet in cast('Iterator[av.Packet[StreamT]]', container.demux(*streams)):
                if packet.size:
                    failures = 0
                    yield packet
            return
        except av.error.EOFError:
            return
        except av.error.InvalidDataError as error:
            failures, reason = failures + 1, why(error)  # There may be more behind it.
        except av.error.FFmpegError as error:
            failures, reason = _FAILURES, why(error)
    stuck(reason)


def why(error: Exception) -> str:
    """Return the reason that FFmpeg gives, in words."""
    return getattr(error, 'strerror', None) or str(error)


def _decodable(tracks: Sequence[Track], kind: str, name: str) -> Track:
    if not tracks[0].decodable:
        raise MediaError(
            f'{name}: its {kind} track {tracks[0].index} cannot be decoded: {tracks[0].codec}'
        )
    return tracks[0]


def _name(path: Path) -> str | BinaryIO:
    """Return what FFmpeg takes for exactly this file, whatever its name."""
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        return open(path, 'rb')  # A name in no encoding; closed with the container.
    return f'file:{path.absolute()}'


def _seconds(text: str) -> float:
    """Return the seconds of ``00:01:02.5``; 0 if it is none."""
    match = re.fullmatch(r'(\d+):(\d\d):(\d\d(?:\.\d+)?)', text)
    return int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3]) if match else 0.0


def _said_by_header(path: Path, form: str, total: float) -> float:
    """Return the time at which a file's header says that it ends; NaN if it does not say."""
    if form in _SAYS_LENGTH:
        return total
    with open(path, 'rb') as file:
        head = file.read(128)
        if form == 'avi' and (place := head.find(b'avih')) > 0 and place + 28 <= len(head):
            # Of a part of a file FFmpeg guesses how long it is.
            period, *_, frames = struct.unpack('<5I', head[place + 8 : place + 28])
            return max(total, period * frames / 1e6)
        if form == 'wav':
            # What is there counts for FFmpeg; the header says what there should be.
            size = struct.unpack('<I', head[4:8])[0] if len(head) >= 8 else 0
            present = path.stat().st_size
            if head[:4] == b'RIFF' and present < size + 8 < _UNKNOWN_SIZE:
                return total * (size + 8 - 44) / max(1, present - 44)
            return total
        if form == 'mp3':
            tag = 0
            if head[:3] == b'ID3':
                tag = 10 + sum(part << shift for part, shift in zip(head[6:], (21, 14, 7, 0)))
            file.seek(tag)
            first = file.read(512)
            if any(sign in first for sign in (b'Xing', b'Info', b'VBRI')):
                return total
    return math.nan


def _unfinished(path: Path) -> str:
    """Say why an MP4 or MOV file has no index; empty for anything else."""
    with open(path, 'rb') as file:
        place, size = 0, path.stat().st_size
        if size < 8:
            return ''
        while place + 8 <= size:
            file.seek(place)
            length, kind = struct.unpack('>I4s', file.read(8))
            if place == 0 and kind not in (b'ftyp', b'wide', b'mdat', b'skip', b'free'):
                return ''
            if kind == b'moov':
                return '' if place + length <= size else 'its index (moov) is cut short'
            if length == 1 and place + 16 <= size:
                length = struct.unpack('>Q', file.read(8))[0]
            if length < 8:
                break
            place += length
    return (
        'its index (moov) is missing: the recording was not finished, or only a part of the file '
        'was copied'
    )
