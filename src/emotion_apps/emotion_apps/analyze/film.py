# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A film with what was found drawn into it."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pyarrow.parquet as pq

from emotion_apps.analyze.columns import CLASSES
from emotion_apps.analyze.options import Every
from emotion_apps.reading import Reading
from emotion_apps.view import theme
from emotion_apps.view.draw import Box, Canvas, Placement
from emotion_apps.view.scene import FaceMark, draw_faces
from emotion_perception.audio.resample import MonoResampler
from emotion_perception.emotions import EMOTIONS
from emotion_perception.media.errors import MediaError
from emotion_perception.media.pictures import PictureReader
from emotion_perception.media.samples import to_int16
from emotion_perception.media.sound import SoundReader

_TICK = Fraction(1, 90_000)
# What was said stays on the picture for so long after it, seconds.
_AFTER = 2.0
# Smaller pictures are enlarged, so that what is written can be read; larger ones reduced.
_LEAST_HEIGHT, _MOST_HEIGHT = 540, 1080
_SOUND_RATE = 48_000


def write_film(source: Path, faces: Path, utterances: Path, film: Path, every: Every) -> None:
    """Write a film's pictures with boxes, ids and emotions, at their own times, with its sound.

    :param faces: table of its faces.
    :param utterances: table of its utterances.
    :param every: which pictures were looked at: what was found stays until the next one.
    :raises MediaError: if it cannot be read.
    """
    marks = _marks(faces)
    times = sorted(marks)
    said = pq.read_table(utterances).to_pylist()
    with PictureReader(source) as reader, av.open(str(film), 'w') as container:
        rate, begin = reader.contents.rate or 25.0, reader.contents.begin
        hold = every.seconds or (every.pictures - 1) / rate
        pictures: Any = container.add_stream('libx264', rate=round(rate) or 25)
        sound = _Sound(source, container)
        canvas: Canvas | None = None
        for picture in reader:
            image = picture.image()
            if canvas is None:
                height = min(max(image.shape[0], _LEAST_HEIGHT), _MOST_HEIGHT)
                scale = height / image.shape[0]
                canvas = Canvas(2 * round(scale * image.shape[1] / 2), 2 * round(height / 2))
                pictures.width, pictures.height = canvas.width, canvas.height
                pictures.pix_fmt = 'yuv420p'
                pictures.codec_context.time_base = _TICK
                pictures.codec_context.thread_count = 1
                pictures.options = {'crf': '23', 'preset': 'veryfast'}
            canvas.image[:] = cv2.resize(
                image, (canvas.width, canvas.height), interpolation=cv2.INTER_LINEAR
            )
            place = Placement(canvas.box, canvas.height / image.shape[0], 0.0, 0.0)
            last = bisect.bisect_right(times, picture.time + 1e-4) - 1
            if last >= 0 and picture.time - times[last] <= hold + 1e-4:
                draw_faces(canvas, place, marks[times[last]])
            while said and said[0]['end'] + _AFTER < picture.time:
                said.pop(0)
            if said and said[0]['start'] <= picture.time:
                _draw_voice(canvas, said[0])
            sound.write_until(picture.time - begin)
            frame = av.VideoFrame.from_ndarray(canvas.image, 'bgr24')
            frame.pts, frame.time_base = round((picture.time - begin) / _TICK), _TICK
            container.mux(pictures.encode(frame))
        container.mux(pictures.encode(None))
        sound.finish()


class _Sound:
    """The film's sound, as one channel of AAC; nothing where it has none that can be read."""

    def __init__(self, source: Path, container: av.container.OutputContainer) -> None:
        self._container = container
        self._pieces: Iterator[np.ndarray] = iter(())
        self._written = 0
        try:
            reader = SoundReader(source, whole=True)
        except MediaError:
            return
        self._pieces = self._read(reader)
        self._stream: Any = container.add_stream('aac', rate=_SOUND_RATE, layout='mono')

    @staticmethod
    def _read(reader: SoundReader) -> Iterator[np.ndarray]:
        with reader:
            resampler: MonoResampler | None = None
            for chunk in reader:
                resampler = resampler or MonoResampler(chunk.rate, _SOUND_RATE)
                yield resampler.push(chunk.samples)
            if resampler is not None:
                yield resampler.flush()

    def write_until(self, time: float) -> None:
        """Write what is heard before a time, seconds from the beginning."""
        while self._written < time * _SOUND_RATE:
            samples = next(self._pieces, None)
            if samples is None:
                return
            if not samples.size:
                continue
            frame = av.AudioFrame.from_ndarray(to_int16(samples)[None], 's16', 'mono')
            frame.sample_rate, frame.time_base = _SOUND_RATE, Fraction(1, _SOUND_RATE)
            frame.pts = self._written
            self._written += samples.size
            self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Write the rest."""
        self.write_until(float('inf'))
        if self._written:
            self._container.mux(self._stream.encode(None))


def _marks(table: Path) -> dict[float, list[FaceMark]]:
    """Return the faces of each picture by its time."""
    wanted = ['time', 'face', 'primary', 'x', 'y', 'width', 'height', 'emotion', *CLASSES]
    marks: dict[float, list[FaceMark]] = {}
    for batch in pq.ParquetFile(table).iter_batches(columns=wanted):
        for row in batch.to_pylist():
            marks.setdefault(row['time'], []).append(
                FaceMark(
                    row['face'],
                    Box(row['x'], row['y'], row['width'], row['height']),
                    Reading(EMOTIONS.index(row['emotion']), tuple(row[name] for name in CLASSES)),
                    row['primary'],
                )
            )
    return marks


def _draw_voice(canvas: Canvas, item: dict[str, Any]) -> None:
    """Write the emotion of the utterance that is being spoken, or was just now."""
    unit = canvas.unit
    text = f'voice: {item["emotion"] or item["reason"]}'
    if item['face'] and item['fused_emotion']:
        text += f', with the face: {item["fused_emotion"]}'
    canvas.tag(text, 20 * unit, canvas.height - 20 * unit, 26 * unit, theme.ACCENT)
