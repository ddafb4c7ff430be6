# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Messages to arrays and back.

Image data is always handed over as ``array.array``: assigning an ndarray or bytes makes rclpy
check every element, which costs up to hundreds of milliseconds a frame.
"""

from __future__ import annotations

import array
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
from builtin_interfaces.msg import Time
from sensor_msgs.msg import CompressedImage, Image, RegionOfInterest
from std_msgs.msg import Header

from emotion_msgs.msg import EmotionPrediction, Utterance, VoiceActivity
from emotion_perception.audio.pcm import RATE
from emotion_perception.emotions import EMOTIONS, UNKNOWN, UNKNOWN_LABEL
from emotion_perception.models.balance import (
    BALANCED,
    NATURAL,
    UNKNOWN_MIXTURE,
    Mixture,
)
from emotion_perception.vision.encodings import decode_jpeg_or_png, to_bgr

if TYPE_CHECKING:  # Most who convert messages hear nothing.
    from emotion_perception.audio.listener import Activity, Heard

# Seconds of the last stamp that a message can hold.
_LAST_STAMP = 2.0**31 - 1


def image_to_array(message: Image | CompressedImage) -> np.ndarray:
    """Return the picture of a message as BGR.

    :return: (height, width, 3) uint8; for ``bgr8`` a read-only view of the message's data, not
        a copy.
    :raises ImageError: if it cannot be read.
    """
    data = np.frombuffer(message.data, np.uint8)
    if isinstance(message, CompressedImage):
        return decode_jpeg_or_png(data, message.format)
    return to_bgr(
        data,
        message.encoding,
        message.width,
        message.height,
        message.step,
        big_endian=bool(message.is_bigendian),
    )


def array_to_image(picture: np.ndarray, header: Header) -> Image:
    """Return an Image message (``bgr8``, or ``mono8`` for two dimensions) of a uint8 picture."""
    picture = np.ascontiguousarray(picture, np.uint8)
    height, width = picture.shape[:2]
    data = array.array('B')
    data.frombytes(picture.data.cast('B'))
    message = Image(
        header=header,
        height=height,
        width=width,
        encoding='mono8' if picture.ndim == 2 else 'bgr8',
        step=width * (1 if picture.ndim == 2 else 3),
    )
    message.data = data
    return message


def array_to_jpeg(picture: np.ndarray, header: Header, quality: int) -> CompressedImage:
    """Return a CompressedImage message of a BGR picture; quality 10 to 100."""
    _, coded = cv2.imencode('.jpg', picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    message = CompressedImage(header=header, format='bgr8; jpeg compressed bgr8')
    data = array.array('B')
    data.frombytes(coded.tobytes())
    message.data = data
    return message


def to_seconds(stamp: Time) -> float:
    """Return a stamp as seconds since the epoch (about 0.2 microseconds exact)."""
    return stamp.sec + stamp.nanosec * 1e-9


def to_stamp(seconds: float) -> Time:
    """Return seconds since the epoch (not negative) as a stamp; past its range, the last one."""
    seconds = min(seconds, _LAST_STAMP)
    whole = math.floor(seconds)
    nanoseconds = min(round((seconds - whole) * 1e9), 999_999_999)
    return Time(sec=int(whole), nanosec=nanoseconds)


def to_region(box: Sequence[float] | np.ndarray, width: int, height: int) -> RegionOfInterest:
    """Return a box (x, y, width, height; pixels) as a region, clipped to the picture."""
    left, top = max(0, round(box[0])), max(0, round(box[1]))
    right = min(width, round(box[0] + box[2]))
    bottom = min(height, round(box[1] + box[3]))
    return RegionOfInterest(
        x_offset=min(left, width),
        y_offset=min(top, height),
        width=max(0, right - left),
        height=max(0, bottom - top),
    )


def from_region(region: RegionOfInterest) -> np.ndarray:
    """Return a region as float32 (4,): x, y, width, height."""
    return np.array([region.x_offset, region.y_offset, region.width, region.height], np.float32)


def to_activity(activity: Activity, frame_id: str) -> VoiceActivity:
    """Return what a frame of sound holds as a message."""
    return VoiceActivity(
        header=_heard_at(activity.time, frame_id),
        probability=activity.probability,
        speaking=activity.speaking,
        level=activity.level,
        duration=activity.duration,
    )


def to_utterance(heard: Heard, frame_id: str) -> Utterance:
    """Return an utterance as a message."""
    segment = heard.segment
    samples = array.array('h')
    samples.frombytes(segment.samples.tobytes())
    header = _heard_at(segment.end, frame_id)
    return Utterance(
        header=header,
        start=to_stamp(max(0.0, segment.start)),
        end=header.stamp,
        ended_by=int(segment.ended_by),
        sample_rate=RATE,
        samples=samples,
        speech_seconds=segment.speech_seconds,
        snr=heard.snr,
    )


def _heard_at(seconds: float, frame_id: str) -> Header:
    return Header(stamp=to_stamp(max(0.0, seconds)), frame_id=frame_id)


def to_prediction(
    header: Header,
    modality: int,
    subject_id: str,
    probabilities: np.ndarray | None,
    *,
    mixture: Mixture = UNKNOWN_MIXTURE,
    model: str = '',
    emotion: int | None = None,
    stable: bool = True,
    valence: float = math.nan,
    arousal: float = math.nan,
    quality: float = math.nan,
    span: float = 0.0,
    region: RegionOfInterest | None = None,
    sources: Sequence[str] = (),
    embedding: np.ndarray | None = None,
    unknown: str = '',
) -> EmotionPrediction:
    """Return a prediction message.

    :param probabilities: (6,), sums to 1; not looked at where there is no answer.
    :param mixture: for which mixture of classes they answer.
    :param emotion: the class to name; the most probable one by default (smoothing may hold
        another).
    :param embedding: (d,) float32, where it was asked for.
    :param unknown: why there is no answer; makes the message an abstention.
    """
    message = EmotionPrediction(
        header=header, modality=modality, subject_id=subject_id, class_balance=math.nan
    )
    if unknown:
        message.emotion, message.label, message.confidence = UNKNOWN, UNKNOWN_LABEL, 0.0
        message.probabilities = np.full(len(EMOTIONS), 1 / len(EMOTIONS), np.float32)
        message.reason = unknown
    else:
        probabilities = np.asarray(probabilities, np.float32)
        chosen = int(probabilities.argmax()) if emotion is None else int(emotion)
        message.emotion, message.label = chosen, EMOTIONS[chosen]
        message.confidence = float(probabilities[chosen])
        message.probabilities = probabilities
        if mixture.shares is not None:
            message.class_balance = float(mixture.balance)
            message.class_shares = array.array('f', mixture.shares.tobytes())
        if embedding is not None:
            # The message checks each value of anything but an array of its own type.
            message.embedding = array.array('f', np.asarray(embedding, np.float32).tobytes())
    message.valence, message.arousal = float(valence), float(arousal)
    message.stable, message.quality, message.span = bool(stable), float(quality), float(span)
    if region is not None:
        message.region = region
    message.model = model
    message.sources = list(sources)
    return message


def mixture_of(message: EmotionPrediction) -> Mixture:
    """Return for which mixture of classes a prediction answers.

    A message whose fields do not make sense counts as one of unknown shares.
    """
    shares = np.array(message.class_shares, np.float32)
    if (
        shares.shape != (len(EMOTIONS),)
        or not np.isfinite(shares).all()
        or shares.min() < 0
        or not shares.sum() > 0
        or not NATURAL <= message.class_balance <= BALANCED
    ):
        return UNKNOWN_MIXTURE
    return Mixture(shares / shares.sum(), float(message.class_balance))
