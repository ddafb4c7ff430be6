# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The rule of the lamp."""

from __future__ import annotations

import numpy as np
import pytest
from mood_lamp.lamp import Lamp, LampSettings

from emotion_perception.emotions import Emotion

HAPPY, SAD = np.eye(6)[Emotion.HAPPY], np.eye(6)[Emotion.SAD]


def test_a_happy_face_makes_yellow_light() -> None:
    red, green, blue = Lamp().shine(HAPPY, 0.0)
    assert red > 0.8 and green > 0.8 and blue < 0.4


def test_the_light_fades_from_mood_to_mood() -> None:
    lamp, happy, sad = Lamp(), Lamp().shine(HAPPY, 0.0), Lamp().shine(SAD, 0.0)
    lamp.shine(HAPPY, 0.0)
    between = lamp.shine(SAD, 1.0)
    assert np.all((between >= np.minimum(happy, sad)) & (between <= np.maximum(happy, sad)))
    np.testing.assert_allclose(lamp.shine(SAD, 60.0), sad, atol=1e-6)


def test_a_clock_that_jumps_back_begins_anew() -> None:
    lamp = Lamp()
    lamp.shine(HAPPY, 100.0)
    np.testing.assert_allclose(lamp.shine(SAD, 1.0), Lamp().shine(SAD, 0.0))


def test_a_brightness_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match='brightness'):
        LampSettings(brightness=2.0)
