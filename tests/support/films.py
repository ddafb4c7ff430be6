# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Films that show and speak their own time, and other recordings, made at run time with PyAV.

The ruler: each picture shows its time in milliseconds as sixteen black or white fields, and every
quarter of a second a short tone says by its pitch which quarter it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

WIDTH, HEIGHT = 160, 120
QUARTER = 0.25
_TONE, _LOWEST, _STEP = 0.03, 500, 100
_MILLI = Fraction(1, 1000)


def ruler(time: float) -> np.ndarray:
    """Return the picture of a time (0 to 65 s): (HEIGHT, WIDTH, 3) BGR."""
    number = round(time * 1000)
    bits = np.array([number >> place & 1 for place in range(16)]).reshape(4, 4)
    fields = np.kron(bits, np.ones((HEIGHT // 4, WIDTH // 4)))
    return np.repeat((40 + 175 * fields).astype(np.uint8)[..., None], 3, axis=2)


def read_ruler(picture: np.ndarray) -> float:
    """Return the time that a picture shows, seconds; of any size, upright."""
    height, width = picture.shape[0] // 4, picture.shape[1] // 4
    fields = picture[: 4 * height, : 4 * width].mean(axis=2).reshape(4, height, 4, width)
    fields = fields[:, height // 4 : -(height // 4), :, width // 4 : -(width // 4)]
    bits = fields.mean(axis=(1, 3)) > 127
    return sum(int(bit) << place for place, bit in enumerate(bits.ravel())) / 1000


def frames_of(path: Path) -> list[np.ndarray]:
    """Return all pictures of a film, BGR."""
    from emotion_perception.media.pictures import PictureReader

    with PictureReader(path) as reader:
        return [picture.image() for picture in reader]


def speech(begin: float, end: float, rate: int) -> np.ndarray:
    """Return the tones of a stretch of time: float32 (n,)."""
    times = np.arange(round(begin * rate), round(end * rate)) / rate
    quarter = np.floor(times / QUARTER + 1e-9)
    inside = times - quarter * QUARTER
    pitch = _LOWEST + _STEP * (quarter % 60)
    wave = 0.5 * np.sin(2 * np.pi * pitch * inside)
    return np.where(inside < _TONE, wave, 0).astype(np.float32)


def listen(samples: np.ndarray, rate: int, begin: float = 0.0) -> list[tuple[float, float]]:
    """Return (time that a tone says, time at which it begins) for each tone.

    :param samples: int16 (n,) or (n, channels).
    :param begin: time of the first sample, seconds.
    """
    wave = samples if samples.ndim == 1 else samples[:, 0]
    wave = wave / 32768
    length = round(_TONE * rate)
    found, place = [], 0
    while place < len(wave) - length:
        loud = np.flatnonzero(np.abs(wave[place:]) > 0.1)
        if not loud.size:
            break
        start = place + int(loud[0])
        tone = wave[start : start + length] * np.hanning(len(wave[start : start + length]))
        spectrum = np.abs(np.fft.rfft(tone, 1 << 15))
        pitch = np.argmax(spectrum) * rate / (1 << 15)
        found.append((round((pitch - _LOWEST) / _STEP) * QUARTER, begin + start / rate))
        place = start + round(0.6 * QUARTER * rate)
    return found


@dataclass(frozen=True)
class Sound:
    """A track of sound.

    :param pieces: stretches (begin, end) in seconds; between them nothing is written.
    :param bits: a second; 0 for the encoder's own choice.
    :param wave: from (begin, end, rate) to samples; the ruler's tones by default.
    """

    codec: str = 'aac'
    pieces: Sequence[tuple[float, float]] = ((0.0, 3.0),)
    rate: int = 16000
    layout: str = 'mono'
    bits: int = 0
    wave: Callable[[float, float, int], np.ndarray] = speech


def write_film(
    path: Path,
    times: Iterable[float] | None = None,
    sounds: Sequence[Sound] = (),
    codec: str = 'libx264',
    pixels: str = 'yuv420p',
    picture: Callable[[float], np.ndarray] = ruler,
    shift: float = 0.0,
    container: dict[str, str] | None = None,
    rotation: int = 0,
    tick: Fraction = _MILLI,
    **options: str,
) -> Path:
    """Write a film; the test skips where this build of FFmpeg has no such encoder.

    :param times: of the pictures, seconds; ``None`` for 3 s at 25 a second, empty for none.
    :param shift: added to all times that are written, not to those that are shown and spoken.
    :param rotation: degrees counterclockwise by which a player has to turn it.
    :param tick: in whose multiples the encoder counts time, seconds.
    :param options: of the picture's encoder.
    """
    shown = [place / 25 for place in range(75)] if times is None else list(times)

    def write() -> None:
        with av.open(str(path), 'w', options=container or {}) as film:
            coded: list[Any] = []
            if shown:
                stream = _stream(film, codec, 25)
                stream.height, stream.width = picture(shown[0]).shape[:2]
                stream.pix_fmt = pixels
                stream.codec_context.time_base = tick
                stream.options = options
                if rotation:
                    stream.set_display_rotation(rotation)
                coded.append((stream, _pictures(stream, shown, picture, shift, tick)))
            for sound in sounds:
                stream = _stream(film, sound.codec, sound.rate, layout=sound.layout)
                if sound.bits:
                    stream.bit_rate = sound.bits
                coded.append((stream, _packets(stream, sound, shift)))
            packets = [packet for _, stream in coded for packet in stream]
            for packet in sorted(packets, key=lambda item: float(item.dts * item.time_base)):
                film.mux(packet)

    # Where root runs it, SVT-AV1 makes the thread that opens it real-time: this thread would stay
    # so, and every node, browser and tool that is started later would inherit it. Setting it back
    # is not enough, because the C library remembers it, and Fast DDS asks the C library.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(write).result()
    return path


def _stream(film: Any, codec: str, rate: int, **more: Any) -> Any:
    try:
        return film.add_stream(codec, rate=rate, **more)
    except (ValueError, av.error.FFmpegError) as error:
        pytest.skip(f'this build of PyAV has no encoder {codec}: {error}')


def _pictures(
    stream: Any,
    times: list[float],
    picture: Callable[[float], np.ndarray],
    shift: float,
    tick: Fraction,
) -> Iterable[av.Packet[Any]]:
    for time in times:
        frame = av.VideoFrame.from_ndarray(picture(time), 'bgr24')
        frame.pts, frame.time_base = round((time + shift) / tick), tick
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _packets(stream: Any, sound: Sound, shift: float) -> Iterable[av.Packet[Any]]:
    """Encode the pieces one behind the other, then move each packet to its piece."""
    context = stream.codec_context
    context.open()
    size = context.frame_size or 1024
    starts, written = [], 0
    fifo = av.AudioFifo()
    for begin, end in sound.pieces:
        wave = sound.wave(begin, end, sound.rate)
        # A packet belongs to one piece.
        wave = np.pad(wave, (0, -len(wave) % size))
        starts.append((written, begin))
        written += len(wave)
        channels = context.layout.nb_channels
        form = context.format.name
        data = np.repeat(wave[:, None], channels, axis=1)
        if 's16' in form:
            data = (data * 32767).astype(np.int16)
        elif 'u8' in form:
            data = (data * 127 + 128).astype(np.uint8)
        elif 's32' in form:
            data = (data * (2**31 - 256)).astype(np.int32)
        data = np.ascontiguousarray(data.T if form.endswith('p') else data.reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(data, form, context.layout.name)
        frame.sample_rate = sound.rate
        fifo.write(frame)
    place = 0
    while (whole := fifo.read(size, partial=True)) is not None:
        whole.pts, whole.time_base = place, Fraction(1, sound.rate)
        place += whole.samples
        yield from _moved(stream.encode(whole), sound, starts, shift)
    yield from _moved(stream.encode(None), sound, starts, shift)


def _moved(
    packets: list[av.Packet[Any]], sound: Sound, starts: list[tuple[int, float]], shift: float
) -> Iterable[av.Packet[Any]]:
    for packet in packets:
        assert packet.pts is not None and packet.dts is not None
        first = float(packet.pts * packet.time_base * sound.rate)
        written, begin = max(item for item in starts if item[0] <= max(first, 0.0))
        move = round((begin - written / sound.rate + shift) / packet.time_base)
        packet.pts, packet.dts = packet.pts + move, packet.dts + move
        yield packet
