# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What a message may hold: who can publish must not be able to take the memory or the time.

The limits lie far above what the nodes of this project send, and stand in the ``.msg`` files.
What cannot be right is refused (:class:`MessageError`); of what is only too much, the first
part is used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from std_msgs.msg import Header

from emotion_msgs.msg import EmotionPrediction, Face, Utterance
from emotion_perception.audio.decoders import SoundFormat
from emotion_perception.audio.pcm import RATE
from emotion_perception.emotions import EMOTIONS, UNKNOWN, UNKNOWN_LABEL, distribution
from emotion_perception.ros.convert import image_to_array, to_seconds, to_stamp

MOST_FACES = 64
"""Faces of one frame that are read: the first ones, which are the largest."""
LARGEST_CROP = 512
"""Side of a face's crop, pixels."""
LARGEST_BLOCK = 1 << 24
"""Bytes of one block of sound."""
LONGEST_BLOCK = 60.0
"""Seconds of one block of sound."""
LONGEST_UTTERANCE = 3600.0
"""Seconds of one utterance."""
LONGEST_TEXT = 256
"""Characters of a name: of a subject, a model, a frame."""
LARGEST_EMBEDDING = 16384
"""Values of an embedding."""

_LONGEST_SPAN = 86400.0

T = TypeVar('T')


class MessageError(ValueError):
    """A message cannot be used; the text says which of its fields is wrong."""


def first(faces: Sequence[T]) -> Sequence[T]:
    """Return the faces of a frame that are read."""
    return faces[:MOST_FACES]


def crop_of(face: Face) -> np.ndarray:
    """Return the crop of a face, (side, side, 3) BGR uint8.

    :raises MessageError: if it is too large or not square.
    :raises ImageError: if it cannot be read.
    """
    width, height = face.crop.width, face.crop.height
    if max(width, height) > LARGEST_CROP:
        raise MessageError(
            f'its crop is {width}x{height} pixels, more than {LARGEST_CROP}x{LARGEST_CROP}'
        )
    if len(face.id) > LONGEST_TEXT:
        raise MessageError(f'its id has {len(face.id)} characters, more than {LONGEST_TEXT}')
    crop = image_to_array(face.crop)
    if width != height:
        raise MessageError(f'its crop is {width}x{height} pixels, not square')
    return crop


def probabilities_of(message: EmotionPrediction) -> np.ndarray:
    """Return the probabilities of a prediction, float32 (6,), sum 1.

    :raises MessageError: if they are none, its class is none, or a text or embedding is longer
        than any that a model gives.
    """
    subject = message.subject_id[:LONGEST_TEXT]
    if subject != message.subject_id:
        raise MessageError(f'a subject of {len(message.subject_id)} characters')
    try:
        probabilities = distribution(message.probabilities)
    except ValueError as error:
        raise MessageError(f'a reading of {subject!r}: {error}') from None
    if message.emotion >= len(EMOTIONS) and message.emotion != UNKNOWN:
        raise MessageError(f'{message.emotion} is no class of EmotionPrediction')
    longest = max(len(message.subject_id), len(message.model), len(message.reason))
    if longest > LONGEST_TEXT * 4 or len(message.sources) > len(EMOTIONS):
        raise MessageError(f'a reading of {subject!r} has a text of {longest} characters')
    if len(message.embedding) > LARGEST_EMBEDDING:
        raise MessageError(
            f'a reading of {subject!r} has an embedding of {len(message.embedding)} values, more '
            f'than {LARGEST_EMBEDDING}'
        )
    return probabilities


def checked(message: EmotionPrediction) -> EmotionPrediction:
    """Return a prediction that may be published again: each field is in its range.

    What says the same twice (label, confidence) follows from class and probabilities; what is
    out of range counts as not known.

    :raises MessageError: see :func:`probabilities_of`.
    """
    probabilities = probabilities_of(message)
    known = message.emotion != UNKNOWN
    return EmotionPrediction(
        header=header_of(message.header),
        modality=message.modality,
        subject_id=message.subject_id[:LONGEST_TEXT],
        emotion=message.emotion,
        label=EMOTIONS[message.emotion] if known else UNKNOWN_LABEL,
        confidence=float(probabilities[message.emotion]) if known else 0.0,
        probabilities=probabilities,
        class_balance=_within(message.class_balance, 0.0, 1.0),
        class_shares=message.class_shares,
        valence=_within(message.valence, -1.0, 1.0),
        arousal=_within(message.arousal, -1.0, 1.0),
        stable=message.stable,
        quality=_within(message.quality, 0.0, 1.0),
        span=span_of(message),
        region=message.region,
        model=message.model,
        embedding=message.embedding,
        sources=message.sources,
        reason=message.reason,
    )


def header_of(header: Header) -> Header:
    """Return a header that may go along with results: a name of usual length, a stamp that is one.

    It is the header itself where that is so.
    """
    stamp = header.stamp
    if len(header.frame_id) <= LONGEST_TEXT and stamp.sec >= 0 and stamp.nanosec < 10**9:
        return header
    return Header(
        stamp=to_stamp(max(0.0, to_seconds(stamp))), frame_id=header.frame_id[:LONGEST_TEXT]
    )


def quality_of(face: Face) -> float:
    """Return the quality of a face, 0 to 1; NaN where what it says cannot be."""
    return _within(face.quality, 0.0, 1.0)


def _within(value: float, low: float, high: float) -> float:
    """Return a value that is in a range, else NaN."""
    return float(value) if low <= value <= high else math.nan


def span_of(message: EmotionPrediction) -> float:
    """Return how many seconds a prediction covers; 0 where what it says cannot be."""
    span = float(message.span)
    return span if 0.0 <= span <= _LONGEST_SPAN else 0.0


def samples_of(message: Utterance) -> np.ndarray:
    """Return the samples of an utterance, int16 (n,), mono, 16 kHz; not a copy.

    :raises MessageError: if it says another rate, or is longer than any that was spoken.
    """
    if message.sample_rate != RATE:
        raise MessageError(
            f'an utterance of {message.sample_rate} Hz: it has to be one of {RATE} Hz'
        )
    if len(message.samples) > LONGEST_UTTERANCE * RATE:
        raise MessageError(
            f'an utterance of {len(message.samples) / RATE:.0f} s, longer than '
            f'{LONGEST_UTTERANCE:.0f} s'
        )
    return np.asarray(message.samples, np.int16)


def check_block(size: int, form: SoundFormat) -> None:
    """Check that a block of sound is no longer than one that a driver sends.

    :param size: in bytes.
    :raises MessageError: if it is.
    """
    seconds = form.seconds(size)
    if size > LARGEST_BLOCK or seconds > LONGEST_BLOCK:
        raise MessageError(
            f'a block of {size / 1e6:.1f} MB, {seconds:.0f} s of sound: more than '
            f'{LARGEST_BLOCK / 1e6:.0f} MB or {LONGEST_BLOCK:.0f} s'
        )
