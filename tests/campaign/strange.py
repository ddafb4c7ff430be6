# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Messages that are almost right, wrong, or far too much, from a seed."""

from __future__ import annotations

import array
import functools
import random
from typing import Any

import numpy as np
from audio_common_msgs.msg import AudioData, AudioDataStamped, AudioInfo
from sensor_msgs.msg import Image, RegionOfInterest
from std_msgs.msg import Header

from emotion_msgs.msg import (
    EmotionPrediction,
    EmotionPredictionArray,
    Face,
    FaceArray,
    GameState,
    InterviewState,
    MultimodalState,
    Utterance,
    VoiceActivity,
)
from emotion_perception.ros.convert import array_to_image, to_stamp
from support.faces import background, paste, portraits

_FLOATS = (0.0, -0.0, 1.0, -1.0, 1e-45, 3.4e38, -3.4e38, 1e9, 0.5)
_ODD_FLOATS = (float('nan'), float('inf'), float('-inf'))
_TEXTS = ('', 'face_1', '/', '\n\0', '%s{}', 'bgr8', 'é' * 300, '🙂', 'x' * 2000)
# Parts of a message that is no giant, at most.
_MOST = 200
_ENCODINGS = ('bgr8', 'mono8', 'rgba8', 'yuv422', '16UC1', 'jpeg', '')


@functools.cache
def _people() -> tuple[np.ndarray, np.ndarray]:
    return portraits()


class Stranger:
    """Makes messages of the types that the nodes subscribe to.

    :param seed: the same one gives the same messages, but for the time in their stamps.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._numbers = np.random.default_rng(seed)

    def make(self, kind: type, now: float) -> Any:
        """Return a message of a type whose usual stamp is the time (seconds)."""
        message = _USUAL[kind](self, now) if kind in _USUAL else kind()
        for _ in range(self.random.choice((0, 1, 1, 2, 4))):
            self._spoil(message)
        return message

    def usual(self, kind: type, now: float) -> Any:
        """Return a message of a type with which nothing is wrong."""
        return _USUAL[kind](self, now)

    # What is usual.

    def header(self, now: float) -> Header:
        """Return a header of about now."""
        return Header(stamp=to_stamp(max(0.0, now + self.random.gauss(0, 0.05))), frame_id='fuzz')

    def image(self, now: float, side: int = 0) -> Image:
        """Return a picture of noise."""
        size = (side, side) if side else self.random.choice(((48, 64), (120, 160), (1, 1)))
        pixels = self._numbers.integers(0, 256, (*size, 3), np.uint8)
        return array_to_image(pixels, self.header(now))

    def picture(self, now: float) -> Image:
        """Return a picture of somebody, or of noise."""
        if self.random.random() < 0.5:
            return self.image(now)
        scene = background(320, 240).copy()
        middle = 160 + self.random.uniform(-20, 20), 120 + self.random.uniform(-20, 20)
        paste(scene, self.random.choice(_people()), *middle, side=self.random.choice((90, 130)))
        return array_to_image(scene, self.header(now))

    def face(self, now: float, side: int) -> Face:
        """Return a face whose crop has that side, pixels."""
        return Face(
            id=f'face_{self.random.randrange(5)}',
            region=RegionOfInterest(x_offset=5, y_offset=5, width=80, height=90),
            score=0.9,
            landmarks=self._numbers.uniform(0, 100, 8).astype(np.float32),
            quality=0.7,
            crop=self.image(now, side),
        )

    def faces(self, now: float) -> FaceArray:
        """Return the faces of a frame."""
        message = FaceArray(header=self.header(now), image_width=640, image_height=480)
        message.faces = [
            self.face(now, self.random.choice((8, 64, 128)))
            for _ in range(self.random.choice((0, 1, 1, 2, 5)))
        ]
        return message

    def prediction(self, now: float) -> EmotionPrediction:
        """Return what a face or a voice shows."""
        shares = self._numbers.dirichlet(np.full(6, 0.5)).astype(np.float32)
        return EmotionPrediction(
            header=self.header(now),
            modality=self.random.randrange(3),
            subject_id=f'face_{self.random.randrange(5)}',
            emotion=int(shares.argmax()),
            probabilities=shares,
            confidence=float(shares.max()),
            class_balance=0.5,
            class_shares=array.array('f', [1 / 6] * 6),
            quality=0.5,
            span=self.random.choice((0.0, 2.0)),
            model='fuzz',
        )

    def predictions(self, now: float) -> EmotionPredictionArray:
        """Return what the faces of a frame show."""
        found = [self.prediction(now) for _ in range(self.random.choice((0, 1, 2, 4)))]
        return EmotionPredictionArray(
            header=self.header(now),
            predictions=found,
            primary_id=found[0].subject_id if found else '',
        )

    def sound(self, now: float) -> AudioDataStamped:
        """Return a tenth of a second of loud noise or silence."""
        samples = self._numbers.normal(0, self.random.choice((0, 3000)), 1600)
        data = array.array('B', samples.clip(-32768, 32767).astype('<i2').tobytes())
        return AudioDataStamped(header=self.header(now), audio=AudioData(data=data))

    def info(self, now: float) -> AudioInfo:
        """Return the format of the sound."""
        return AudioInfo(
            channels=1, sample_rate=16000, sample_format='S16LE', coding_format='wave'
        )

    def utterance(self, now: float) -> Utterance:
        """Return nothing, half a second or three of noise."""
        return self.spoken(now, self.random.choice((0.0, 0.5, 3.0)))

    def spoken(self, now: float, seconds: float = 1.0) -> Utterance:
        """Return so many seconds of noise."""
        samples = self._numbers.normal(0, 3000, round(16000 * seconds))
        header = self.header(now)
        return Utterance(
            header=header,
            start=header.stamp,
            end=header.stamp,
            sample_rate=16000,
            samples=array.array('h', samples.clip(-32768, 32767).astype(np.int16).tobytes()),
            snr=20.0,
        )

    def activity(self, now: float) -> VoiceActivity:
        """Return whether somebody speaks."""
        return VoiceActivity(
            header=self.header(now),
            probability=0.6,
            speaking=self.random.random() < 0.5,
            level=-30.0,
            duration=0.032,
        )

    # What is not.

    def _spoil(self, message: Any) -> None:
        """Give one field, however deep, a value that nobody expects."""
        names = list(message.get_fields_and_field_types().items())
        if not names:
            return
        name, kind = self.random.choice(names)
        value = getattr(message, name)
        if hasattr(value, 'get_fields_and_field_types'):
            self._spoil(value)
        elif isinstance(value, list) and value and hasattr(value[0], 'SLOT_TYPES'):
            # An array of fixed length that has another would end who sends it, not who receives.
            if not kind.endswith(']') and self.random.random() < 0.2:
                many = value * self.random.choice((0, 2, 40))
                # Spoilt twice or more it would be one of those that are far too large.
                setattr(message, name, many[:_MOST])
            else:
                self._spoil(self.random.choice(value))
        else:
            setattr(message, name, self._odd(kind, value))

    def _odd(self, kind: str, value: Any) -> Any:
        choose = self.random.choice
        if kind == 'boolean':
            return not value
        if kind == 'string':
            return choose((*_TEXTS, *_ENCODINGS))
        if kind in ('float', 'double'):
            return choose(_FLOATS + _ODD_FLOATS)
        if kind.startswith(('int', 'uint')) and '[' not in kind and '<' not in kind:
            bits = int(kind.lstrip('uint'))
            low, high = (0, 2**bits - 1) if kind[0] == 'u' else (-(2 ** (bits - 1)), 2**31 - 1)
            return choose((low, high, 0, 1, 2, 7, 255 if bits > 8 else 100))
        if isinstance(value, np.ndarray):
            spoilt = value.copy()
            for _ in range(choose((1, 1, len(spoilt)))):
                odd = choose(_FLOATS + _ODD_FLOATS) if value.dtype.kind == 'f' else 0
                spoilt[self.random.randrange(len(spoilt))] = odd
            return spoilt
        if isinstance(value, array.array):
            if value.typecode in 'fd':
                return array.array(
                    value.typecode, [choose(_FLOATS + _ODD_FLOATS)] * choose((1, 6))
                )
            return value[: self.random.randrange(len(value) + 1)]
        if isinstance(value, list):
            return [''] * choose((0, 1, 50)) if 'string' in kind else value
        return value

    # What takes the memory or the time of whoever believes it.

    def crowd(self, now: float) -> FaceArray:
        """Return 3000 faces (147 MB)."""
        return FaceArray(header=self.header(now), faces=[self.face(now, 128)] * 3000)

    def crowd_read(self, now: float) -> EmotionPredictionArray:
        """Return what 3000 faces show."""
        return EmotionPredictionArray(
            header=self.header(now), predictions=[self.prediction(now)] * 3000
        )

    def long_sound(self, now: float) -> AudioDataStamped:
        """Return a block of sound of 100 MB."""
        data = array.array('B', bytes(100 << 20))
        return AudioDataStamped(header=self.header(now), audio=AudioData(data=data))

    def long_utterance(self, now: float) -> Utterance:
        """Return an utterance of twenty minutes, or what claims to be one of a day."""
        message = self.spoken(now)
        message.sample_rate = self.random.choice((10, 16000))
        message.samples = array.array('h', bytes(2 * 16000 * 1200))
        return message

    def large_image(self, now: float) -> Image:
        """Return a picture of twelve million pixels."""
        return array_to_image(np.zeros((3000, 4000, 3), np.uint8), self.header(now))

    def large_prediction(self, now: float) -> EmotionPrediction:
        """Return an emotion with a frame and an embedding of megabytes."""
        message = self.prediction(now)
        message.embedding = array.array('f', bytes(4 << 20))
        message.header.frame_id = 'x' * (1 << 20)
        return message


_USUAL: dict[type, Any] = {
    Image: Stranger.picture,
    FaceArray: Stranger.faces,
    EmotionPrediction: Stranger.prediction,
    EmotionPredictionArray: Stranger.predictions,
    AudioDataStamped: Stranger.sound,
    AudioInfo: Stranger.info,
    Utterance: Stranger.utterance,
    VoiceActivity: Stranger.activity,
}

STATES = (MultimodalState, GameState, InterviewState)
"""Types of the latched states: made from nothing, and spoilt."""

GIANTS: dict[str, tuple[type, Any]] = {
    'camera/image_raw': (Image, Stranger.large_image),
    'audio/audio_stamped': (AudioDataStamped, Stranger.long_sound),
    'emotion/detections': (FaceArray, Stranger.crowd),
    'emotion/face': (EmotionPrediction, Stranger.large_prediction),
    'emotion/faces': (EmotionPredictionArray, Stranger.crowd_read),
    'emotion/utterance': (Utterance, Stranger.long_utterance),
    'emotion/voice': (EmotionPrediction, Stranger.large_prediction),
    'emotion/fused': (EmotionPrediction, Stranger.large_prediction),
}
"""By topic: the type of a message that is far too large, and what makes one."""
