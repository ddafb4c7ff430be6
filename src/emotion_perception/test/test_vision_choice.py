# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What follows detection: the primary face, quality, smoothing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from emotion_perception.emotions import Emotion
from emotion_perception.vision.align import align
from emotion_perception.vision.detectors import make_detector
from emotion_perception.vision.primary import Primary
from emotion_perception.vision.quality import face_quality, frontalness, grain, sharpness
from emotion_perception.vision.smooth import Smoother, SmoothSettings
from support.faces import astronaut


@dataclass(frozen=True)
class Seen:
    id: str
    box: np.ndarray


def seen(**widths: float) -> list[Seen]:
    return [Seen(id, np.array([0, 0, width, width])) for id, width in widths.items()]


# The primary face


def test_the_largest_face_is_primary_at_first() -> None:
    assert Primary().choose(seen(a=50, b=80, c=60), 0.0) == 'b'


def test_a_slightly_larger_face_does_not_take_over() -> None:
    primary = Primary()
    primary.choose(seen(a=80, b=70), 0.0)
    for i in range(1, 300):
        assert primary.choose(seen(a=80, b=92 if i % 2 else 60), i / 30) == 'a'


def test_a_clearly_larger_face_takes_over_when_it_stays_so() -> None:
    primary = Primary()
    primary.choose(seen(a=80, b=70), 0.0)
    choices = [primary.choose(seen(a=80, b=120), i / 10) for i in range(1, 10)]
    assert choices == ['a'] * 6 + ['b'] * 3


def test_a_moment_of_being_larger_is_not_enough() -> None:
    primary = Primary()
    primary.choose(seen(a=80, b=70), 0.0)
    for i in range(1, 100):
        large = i % 5 < 3
        assert primary.choose(seen(a=80, b=150 if large else 70), i / 10) == 'a'


def test_a_lost_primary_face_keeps_its_place_for_a_while() -> None:
    primary = Primary()
    primary.choose(seen(a=80, b=70), 0.0)
    assert primary.choose(seen(b=70), 0.5) is None
    assert primary.choose(seen(a=80, b=70), 0.7) == 'a'
    assert primary.choose([], 1.2) is None
    assert primary.choose(seen(b=70), 1.6) == 'b'


def test_time_that_goes_back_starts_the_choice_anew() -> None:
    primary = Primary()
    primary.choose(seen(a=80, b=70), 100.0)
    assert primary.choose(seen(b=70, c=90), 1.0) == 'c'


# Quality


def test_a_sharp_large_frontal_face_is_good_and_every_fault_costs() -> None:
    picture = astronaut()
    face = make_detector().detect(picture)[0]
    crop = align(picture, face.landmarks, 128)
    good = face_quality(crop, face.box, face.landmarks)
    assert 0.75 < good <= 1.0
    blurred = cv2.GaussianBlur(crop, (0, 0), 4)
    assert face_quality(blurred, face.box, face.landmarks) < 0.75 * good
    small = np.array([0, 0, 18, 18])
    assert face_quality(crop, small, face.landmarks) < 0.6 * good
    turned = face.landmarks.copy()
    turned[3, 0] = turned[1, 0]
    assert face_quality(crop, face.box, turned) < 0.5 * good


def test_noise_and_darkness_cost_quality_and_less_light_alone_does_not() -> None:
    picture = astronaut()
    face = make_detector().detect(picture)[0]
    crop = align(picture, face.landmarks, 128)
    noise = np.random.default_rng(0).normal(0, 1, crop.shape)
    good = face_quality(crop, face.box, face.landmarks)
    noisy = np.clip(crop + 60 * noise, 0, 255).astype(np.uint8)
    dark = np.clip(crop * 0.06 + 3 * noise, 0, 255).astype(np.uint8)
    assert face_quality(noisy, face.box, face.landmarks) < 0.7 * good
    assert face_quality(dark, face.box, face.landmarks) < 0.7 * good
    dimmed = (crop * 0.5).astype(np.uint8)
    assert face_quality(dimmed, face.box, face.landmarks) > 0.9 * good
    assert grain(np.full_like(crop, 90)) == 1.0
    assert face_quality(np.full_like(crop, 90), face.box) == 0.0


def test_sharpness_does_not_depend_on_the_light() -> None:
    picture = astronaut()
    crop = align(picture, make_detector().detect(picture)[0].landmarks, 128)
    dark = (crop * 0.5).astype(np.uint8)
    assert sharpness(dark) == pytest.approx(sharpness(crop), rel=0.1)
    assert sharpness(np.full_like(crop, 90)) == 0.0


def test_landmarks_that_are_unknown_count_as_frontal() -> None:
    assert frontalness(np.full((4, 2), np.nan)) == 1.0


# Smoothing

HAPPY = np.eye(6)[Emotion.HAPPY] * 0.7 + 0.05
SAD = np.eye(6)[Emotion.SAD] * 0.7 + 0.05


def test_the_first_reading_counts_as_it_is_and_is_not_stable() -> None:
    smoothed = Smoother().update('face_1', HAPPY, 0.0)
    assert np.allclose(smoothed.probabilities, HAPPY)
    assert smoothed.emotion is Emotion.HAPPY
    assert not smoothed.stable
    assert math.isnan(smoothed.valence)


@pytest.mark.parametrize('method', ['exponential', 'majority'])
def test_one_odd_frame_does_not_change_the_label(method: str) -> None:
    smoother = Smoother(SmoothSettings(method=method))
    for i in range(60):
        smoothed = smoother.update('face_1', SAD if i % 10 == 7 else HAPPY, i / 30)
        assert smoothed.emotion is Emotion.HAPPY
        assert smoothed.probabilities.argmax() == Emotion.HAPPY
        assert smoothed.probabilities.sum() == pytest.approx(1.0)


@pytest.mark.parametrize('method', ['exponential', 'majority'])
def test_a_real_change_is_followed_within_a_second(method: str) -> None:
    smoother = Smoother(SmoothSettings(method=method))
    for i in range(60):
        smoother.update('face_1', HAPPY, i / 30)
    labels = [smoother.update('face_1', SAD, 2 + i / 30).emotion for i in range(30)]
    assert labels[0] is Emotion.HAPPY
    assert labels[-1] is Emotion.SAD


def test_without_smoothing_readings_pass_unchanged() -> None:
    smoother = Smoother(SmoothSettings(method='none'))
    for i in range(10):
        reading = HAPPY if i % 2 else SAD
        smoothed = smoother.update('face_1', reading, i / 30)
        assert np.allclose(smoothed.probabilities, reading)
        assert smoothed.emotion == reading.argmax()
        assert smoothed.span == 0.0


def test_two_people_are_never_mixed() -> None:
    smoother = Smoother()
    for i in range(30):
        one = smoother.update('face_1', HAPPY, i / 30)
        other = smoother.update('face_2', SAD, i / 30)
    assert np.allclose(one.probabilities, HAPPY, atol=1e-6)
    assert np.allclose(other.probabilities, SAD, atol=1e-6)


def test_smoothing_depends_on_time_and_not_on_the_frame_rate() -> None:
    values = []
    for rate in (10, 100):
        smoother = Smoother()
        smoother.update('face_1', HAPPY, 0.0)
        for i in range(1, rate // 2 + 1):
            smoothed = smoother.update('face_1', SAD, i / rate)
        values.append(smoothed.probabilities)
    assert np.allclose(values[0], values[1], atol=1e-6)


def test_a_label_is_stable_once_it_has_held_long_enough() -> None:
    smoother = Smoother(SmoothSettings(stable_seconds=0.5))
    stable = [smoother.update('face_1', HAPPY, i / 10).stable for i in range(10)]
    assert stable == [False] * 5 + [True] * 5
    changed = [smoother.update('face_1', SAD, 1 + i / 10) for i in range(12)]
    first = next(i for i, item in enumerate(changed) if item.emotion is Emotion.SAD)
    assert not changed[first].stable
    assert changed[-1].stable


def test_labels_that_are_nearly_alike_do_not_flicker() -> None:
    smoother = Smoother(SmoothSettings(time_constant=0.05))
    rng = np.random.default_rng(0)
    labels = set()
    for i in range(200):
        reading = np.array([0.02, 0.02, 0.45, 0.02, 0.45, 0.04]) + rng.normal(0, 0.015, 6)
        labels.add(smoother.update('face_1', np.clip(reading, 0, 1), i / 30).emotion)
    assert len(labels) == 1


def test_a_person_who_was_long_away_starts_anew() -> None:
    smoother = Smoother()
    smoother.update('face_1', HAPPY, 0.0)
    smoother.update('face_2', HAPPY, 0.9)
    smoother.expire(2.0)
    assert 'face_1' not in smoother and 'face_2' in smoother
    smoother.update('face_2', HAPPY, 1.6)
    assert smoother.update('face_2', SAD, 5.0).emotion is Emotion.SAD
    assert smoother.update('face_2', HAPPY, 0.5).emotion is Emotion.HAPPY


def test_valence_and_arousal_are_smoothed_alike() -> None:
    smoother = Smoother()
    smoother.update('face_1', HAPPY, 0.0, valence=0.0, arousal=1.0)
    smoothed = smoother.update('face_1', HAPPY, 0.1, valence=1.0, arousal=1.0)
    assert 0.1 < smoothed.valence < 0.5
    assert smoothed.arousal == pytest.approx(1.0)


@pytest.mark.parametrize('reading', [[np.nan] * 6, [0.5, 0.5], [np.inf, 0, 0, 0, 0, 0]])
def test_readings_that_are_no_probabilities_are_refused(reading: list[float]) -> None:
    with pytest.raises(ValueError, match='six finite'):
        Smoother().update('face_1', np.array(reading), 0.0)


def test_majority_takes_the_most_frequent_label_of_its_window() -> None:
    smoother = Smoother(SmoothSettings(method='majority', window=5))
    readings = [HAPPY, HAPPY, HAPPY, SAD, SAD, SAD]
    labels = [smoother.update('face_1', r, i / 30).emotion for i, r in enumerate(readings)]
    assert labels[4] is Emotion.HAPPY
    assert labels[5] is Emotion.SAD


def test_settings_out_of_range_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match='window'):
        SmoothSettings(window=0)
    with pytest.raises(ValueError, match='method'):
        SmoothSettings(method='median')
