# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The settings of the nodes, each made of those of its parts: their ROS parameters.

Without ROS, so that launch arguments, documentation and the nodes show the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from emotion_perception.audio.denoise import METHODS
from emotion_perception.audio.pcm import SAMPLE_FORMATS
from emotion_perception.audio.segment import SegmentSettings
from emotion_perception.audio.source import SourceSettings as SoundSourceSettings
from emotion_perception.audio.vad import VadSettings
from emotion_perception.fusion.live import FusionSettings
from emotion_perception.models import ModelSettings
from emotion_perception.models.balance import BalanceSettings
from emotion_perception.models.voice_memory import MemorySettings
from emotion_perception.ros.start import StartSettings
from emotion_perception.settings import Settings, part, setting
from emotion_perception.vision.finder import FinderSettings
from emotion_perception.vision.smooth import SmoothSettings
from emotion_perception.vision.source import SourceSettings as PictureSourceSettings

_EMBEDDING = "Publish the model's embedding with each prediction; fusion method network needs it."


@dataclass(frozen=True)
class CameraSettings(PictureSourceSettings):
    """Settings of ``camera_node``."""

    frame_id: str = setting('camera', 'Frame that the pictures are stamped with.')
    calibration: str = setting(
        '',
        "Calibration file of camera_calibration's YAML format; camera/camera_info is "
        'published only with one.',
    )
    wait: bool = setting(
        True,
        'A video file or folder begins when the first subscriber of '
        'camera/image_raw is there, so that its first frames are not lost.',
    )


@dataclass(frozen=True)
class FaceDetectorSettings(StartSettings):
    """Settings of ``face_detector_node``."""

    finder: FinderSettings = part(FinderSettings, prefix='')


@dataclass(frozen=True)
class FerSettings(StartSettings):
    """Settings of ``fer_node``."""

    model: str = setting(
        'fer-default',
        'Facial emotion model: a name in weights/catalog.yaml, a path, or a hub id.',
    )
    runtime: ModelSettings = part(ModelSettings, prefix='')
    balance: BalanceSettings = part(BalanceSettings, prefix='')
    embedding: bool = setting(False, _EMBEDDING, live=True)
    smoother: SmoothSettings = part(SmoothSettings)


@dataclass(frozen=True)
class MicrophoneSettings(SoundSourceSettings):
    """Settings of ``microphone_node``."""

    frame_id: str = setting('microphone', 'Frame that the messages are stamped with.')
    wait: bool = setting(
        True,
        'A file begins when the first subscriber of audio/audio_stamped '
        'is there, so that its first words are not lost.',
    )


@dataclass(frozen=True)
class VadNodeSettings(StartSettings):
    """Settings of ``vad_node``."""

    detector: VadSettings = part(VadSettings, prefix='')
    noise_suppression: str = setting(
        'off',
        'What cleans the sound before the detector hears it; utterances stay as they were '
        'recorded.',
        choices=METHODS,
    )
    segment: SegmentSettings = part(SegmentSettings)
    default_rate: int = setting(
        16000, 'Samples per second of sound that comes without AudioInfo.', low=4000, high=384000
    )
    default_channels: int = setting(
        1, 'Channels of sound that comes without AudioInfo.', low=1, high=255
    )
    default_format: str = setting(
        'S16LE', 'Sample format of sound that comes without AudioInfo.', choices=SAMPLE_FORMATS
    )


@dataclass(frozen=True)
class SerSettings(StartSettings):
    """Settings of ``ser_node``."""

    model: str = setting(
        'ser-default',
        'Speech emotion model: a name in weights/catalog.yaml, a path, or a hub id.',
    )
    runtime: ModelSettings = part(ModelSettings, prefix='')
    balance: BalanceSettings = part(BalanceSettings, prefix='')
    embedding: bool = setting(False, _EMBEDDING, live=True)
    noise_suppression: str = setting(
        'off', 'What cleans an utterance before the model hears it.', choices=METHODS
    )
    memory: MemorySettings = part(MemorySettings)


@dataclass(frozen=True)
class FusionNodeSettings(StartSettings):
    """Settings of ``fusion_node``."""

    fusion: FusionSettings = part(FusionSettings, prefix='')
    rate: float = setting(
        10.0,
        'Most results a second between utterances; an utterance is always answered at once.',
        low=0.1,
        high=60.0,
        live=True,
    )


@dataclass(frozen=True)
class InteropSettings(Settings):
    """Settings of ``interop_node``: none, for whoever listens says what is wanted."""


SETTINGS: Mapping[str, type[Settings]] = {
    'camera_node': CameraSettings,
    'face_detector_node': FaceDetectorSettings,
    'fer_node': FerSettings,
    'microphone_node': MicrophoneSettings,
    'vad_node': VadNodeSettings,
    'ser_node': SerSettings,
    'fusion_node': FusionNodeSettings,
    'interop_node': InteropSettings,
}
"""By the name of the node."""
