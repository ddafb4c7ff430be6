# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The screens: every phase at every size, with and without what can be missing."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from emotion_apps.multimodal.drawing import draw_multimodal, portrait
from emotion_apps.multimodal.states import Outcome, Phase, Snapshot
from emotion_apps.reading import Reading
from emotion_apps.view import theme
from emotion_apps.view.draw import Box, Canvas
from emotion_apps.view.perception import draw_perception
from emotion_apps.view.scene import FaceMark, Scene
from emotion_perception.emotions import UNKNOWN, Emotion

SIZES = [(1280, 720), (960, 720), (640, 360), (1920, 1080)]
SOURCES = [(640, 480), (1280, 720), (360, 288), (480, 640)]


def reading(emotion: int, confidence: float = 0.8) -> Reading:
    if emotion == UNKNOWN:
        return Reading(reason='too short')
    values = [(1 - confidence) / 5] * 6
    values[emotion] = confidence
    return Reading(emotion, tuple(values), 100.0, 'face_1', region=(150.0, 80.0, 90.0, 120.0))


def scene(size: tuple[int, int] = (640, 480), faces: int = 1) -> Scene:
    wide, high = size
    ramp = np.linspace(40, 200, wide, dtype=np.uint8)
    picture = np.repeat(np.repeat(ramp[None, :, None], high, 0), 3, 2).copy()
    marks = [
        FaceMark(f'face_{i}', Box(40.0 + 60 * i, 30, 50, 70), reading(Emotion(i % 6)), i == 0)
        for i in range(faces)
    ]
    return Scene(
        picture,
        marks,
        [-50.0, -20.0, -30.0] * 20,
        True,
        reading(Emotion.HAPPY),
        reading(Emotion.SAD),
        reading(Emotion.FEAR),
    )


def snapshot(phase: Phase, **fields: object) -> Snapshot:
    prompts = {
        Phase.WAITING_FACE: 'HOLD AN EXPRESSION TO LOCK IN',
        Phase.LISTENING: 'SPEAK NOW',
        Phase.SHOW_RESULT: 'RESULT',
    }
    usual = Snapshot(
        phase=phase,
        prompt=prompts[phase],
        running=True,
        cycle=1,
        progress=0.4,
        remaining=3.7,
        duration=6.0,
        speaking=False,
        face=reading(Emotion.HAPPY),
        voice=None,
        fused=None,
        outcome=Outcome.NONE,
    )
    return replace(usual, **fields)


def amount(image: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((image == np.array(colour, np.uint8)).all(axis=2).sum())


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('source', SOURCES)
@pytest.mark.parametrize('phase', list(Phase))
def test_every_phase_is_drawn_at_every_size(size, source, phase):
    canvas = Canvas(*size)
    draw_multimodal(
        canvas,
        scene(source),
        snapshot(phase, voice=reading(Emotion.SAD)),
        np.full((80, 80, 3), 90, np.uint8),
        [-30.0] * 50,
    )
    assert canvas.image.shape == (size[1], size[0], 3)
    assert amount(canvas.image, theme.TEXT)


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('faces', [0, 1, 40])
def test_perception_is_drawn_with_any_number_of_faces(size, faces):
    canvas = Canvas(*size)
    draw_perception(canvas, scene(faces=faces))
    assert amount(canvas.image, theme.TEXT)


@pytest.mark.parametrize('phase', list(Phase))
def test_nothing_at_all_can_be_drawn(phase):
    canvas = Canvas()
    draw_multimodal(
        canvas, Scene(), snapshot(phase, face=None, remaining=math.nan, duration=math.nan)
    )
    draw_perception(canvas, Scene())


@pytest.mark.parametrize('phase', list(Phase))
def test_abstentions_can_be_drawn(phase):
    nothing = reading(UNKNOWN)
    draw_multimodal(
        Canvas(),
        scene(),
        snapshot(phase, face=nothing, voice=nothing, fused=nothing),
        None,
        [-30.0],
    )


def test_listening_is_darker_than_waiting():
    waiting, listening = Canvas(), Canvas()
    draw_multimodal(waiting, scene(), snapshot(Phase.WAITING_FACE))
    draw_multimodal(listening, scene(), snapshot(Phase.LISTENING))
    corner = (slice(500, 700), slice(20, 120))
    assert listening.image[corner].mean() < 0.6 * waiting.image[corner].mean()


def test_listening_without_sound_warns():
    silent, live = Canvas(), Canvas()
    draw_multimodal(silent, Scene(scene().picture), snapshot(Phase.LISTENING))
    draw_multimodal(live, scene(), snapshot(Phase.LISTENING))
    assert amount(silent.image, theme.WARNING)
    assert not amount(live.image, theme.WARNING)


def test_the_result_shows_face_left_voice_right_and_both_below():
    canvas = Canvas()
    draw_multimodal(
        canvas,
        scene(),
        snapshot(Phase.SHOW_RESULT, voice=reading(Emotion.ANGRY), fused=reading(Emotion.SURPRISE)),
    )

    def count(box: Box, emotion: Emotion) -> int:
        left, top, right, bottom = box.rounded()
        return amount(canvas.image[top:bottom, left:right], theme.emotion_colour(emotion))

    left, right, below = Box(0, 0, 640, 490), Box(640, 0, 640, 490), Box(0, 500, 600, 220)
    assert count(left, Emotion.HAPPY) > 20 * count(right, Emotion.HAPPY)
    assert count(right, Emotion.ANGRY) > 5 * count(left, Emotion.ANGRY)
    assert count(below, Emotion.SURPRISE) > 5 * count(below, Emotion.HAPPY)


def test_only_what_changes_flickers():
    """Draw two frames of noise: outside the picture not one pixel may differ."""

    def drawn(seed: int) -> np.ndarray:
        canvas = Canvas()
        picture = np.random.default_rng(seed).integers(0, 256, (480, 640, 3), np.uint8)
        state = snapshot(Phase.WAITING_FACE)
        draw_multimodal(canvas, Scene(picture, levels=[-40.0] * 40), state)
        return canvas.image

    assert np.array_equal(drawn(1)[:, 905:], drawn(2)[:, 905:])


@pytest.mark.parametrize(
    'region',
    [
        (0, 0, 0, 0),
        (-50, -50, 40, 40),
        (630, 470, 200, 200),
        (math.nan, 0, 10, 10),
        (100, 100, 90, 120),
        (0, 0, 640, 480),
    ],
)
def test_a_portrait_is_square_or_nothing(region):
    cut = portrait(scene().picture, region)
    assert cut is None or cut.shape[0] == cut.shape[1]


def test_a_portrait_is_a_copy_of_the_face_and_a_margin():
    picture = np.zeros((480, 640, 3), np.uint8)
    picture[100:220, 300:390] = 255
    cut = portrait(picture, (300, 100, 90, 120))
    assert cut.shape[:2] == (180, 180)
    assert (cut > 0).sum() == 3 * 90 * 120
    assert not np.shares_memory(cut, picture)
