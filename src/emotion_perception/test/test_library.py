# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The library: pictures and sound in, emotions out, without ROS."""

from __future__ import annotations

import numpy as np
import pytest

import emotion_perception
from emotion_perception import EMOTIONS, Emotion, FaceEmotions, VoiceEmotions
from emotion_perception.models.voice_memory import MemorySettings
from support.faces import astronaut, hopper
from support.sounds import read_16k, real_voice, with_silence


@pytest.fixture(scope='module')
def faces() -> FaceEmotions:
    return FaceEmotions()


@pytest.fixture(scope='module')
def voices() -> VoiceEmotions:
    return VoiceEmotions(memory=MemorySettings(utterances=0))


def test_the_faces_of_a_picture_come_with_ids_and_probabilities(faces: FaceEmotions) -> None:
    both = np.hstack([astronaut(), hopper()[:512]])
    found = faces.picture(both)
    assert [face.id for face in found] == ['face1', 'face2']
    assert [face.primary for face in found] == [True, False]
    left = min(found, key=lambda face: face.box[0])
    assert left.emotion is Emotion.HAPPY and left.label == 'Happy'
    for face in found:
        assert face.probabilities.shape == (len(EMOTIONS),)
        assert face.probabilities.sum() == pytest.approx(1, abs=1e-5)
        assert face.confidence == face.probabilities.max()


def test_a_picture_leaves_no_trace_in_the_next(faces: FaceEmotions) -> None:
    first = faces.picture(astronaut())
    faces.picture(hopper())
    np.testing.assert_array_equal(
        faces.picture(astronaut())[0].probabilities, first[0].probabilities
    )


def test_frames_keep_a_faces_id_and_smooth_what_it_shows(faces: FaceEmotions) -> None:
    faces.reset()
    shown = [faces.frame(astronaut(), index / 30) for index in range(30)]
    assert shown[0] == []  # seen once
    assert len({frame[0].id for frame in shown[1:]}) == 1
    assert shown[-1][0].primary
    assert shown[-1][0].reading.stable and not shown[1][0].reading.stable
    # Another film: the past does not count any more.
    faces.reset()
    assert faces.frame(hopper(), 0.0) == []


def test_a_picture_without_a_face_gives_nothing(faces: FaceEmotions) -> None:
    assert faces.picture(np.zeros((48, 64, 3), np.uint8)) == []


def test_a_grey_picture_is_refused_with_its_shape(faces: FaceEmotions) -> None:
    with pytest.raises(ValueError, match=r'\(48, 64\)'):
        faces.picture(np.zeros((48, 64), np.uint8))


def test_the_utterances_of_a_recording_come_with_times_and_probabilities(
    voices: VoiceEmotions,
) -> None:
    sound = with_silence(read_16k(real_voice()), before=1.0, after=1.0)
    found = voices.recording(np.concatenate([sound, sound]), 16000)
    assert len(found) == 2
    length = len(sound) / 16000
    for number, utterance in enumerate(found):
        assert number * length + 0.5 < utterance.start < utterance.end < (number + 1) * length
        assert utterance.samples.size == pytest.approx(
            (utterance.end - utterance.start) * 16000, abs=1
        )
        assert utterance.probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_speech_at_the_very_end_of_a_recording_is_heard(voices: VoiceEmotions) -> None:
    sound = with_silence(read_16k(real_voice()), before=1.0, after=0.0)
    assert len(voices.recording(sound, 16000)) == 1


def test_a_stream_gives_what_the_whole_recording_gives(voices: VoiceEmotions) -> None:
    sound = with_silence(read_16k(real_voice()))
    whole = voices.recording(sound, 16000)
    voices.reset()
    parts = []
    for start in range(0, len(sound), 1000):
        parts += voices.hear(sound[start : start + 1000], 16000, start / 16000)
    parts += voices.stop()
    assert len(parts) == len(whole) == 1
    np.testing.assert_allclose(parts[0].probabilities, whole[0].probabilities, atol=1e-4)


def test_a_recording_before_leaves_nothing_behind(voices: VoiceEmotions) -> None:
    """Neither its voice nor its background."""
    sound = read_16k(real_voice())
    alone = voices.recording(sound, 16000)
    voices.recording(with_silence(sound, noise=300.0), 16000)
    again = voices.recording(sound, 16000)
    assert len(alone) == len(again) == 1
    np.testing.assert_equal(again[0].snr, alone[0].snr)
    np.testing.assert_array_equal(alone[0].probabilities, again[0].probabilities)


def test_stereo_float_sound_of_another_rate_is_taken(voices: VoiceEmotions) -> None:
    import soxr

    sound = with_silence(read_16k(real_voice())).astype(np.float32) / 32768
    stereo = np.repeat(soxr.resample(sound, 16000, 44100)[:, None], 2, axis=1)
    found = voices.recording(stereo, 44100)
    assert len(found) == 1
    assert found[0].emotion is None or found[0].confidence == found[0].probabilities.max()


def test_an_abstention_has_no_label_and_says_why(voices: VoiceEmotions) -> None:
    from emotion_perception.voice_emotions import VoiceEmotion

    short = np.ones(1600, np.int16) * 1000
    reading = voices.reader.read(short, 16000, 0.0)
    utterance = VoiceEmotion(0.0, 0.1, short, 20.0, reading)
    assert utterance.emotion is None and utterance.label == 'Unknown'
    assert np.isnan(utterance.confidence)
    assert 'too short' in utterance.reading.reason


def test_a_name_that_the_library_lacks_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match='has no attribute'):
        emotion_perception.FaceMotions  # noqa: B018


def test_the_library_imports_neither_ros_nor_a_heavy_framework() -> None:
    import subprocess
    import sys

    code = (
        'import sys, emotion_perception as e\n'
        'e.FaceEmotions, e.VoiceEmotions\n'
        'print(sorted({"rclpy", "emotion_msgs", "torch", "transformers"} & set(sys.modules)))\n'
    )
    result = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stdout.strip() == '[]'
