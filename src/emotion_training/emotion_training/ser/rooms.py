# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Impulse responses of simulated rooms.

Early reflections by the image method (Allen and Berkley, "Image method for efficiently simulating
small-room acoustics", JASA 65, 1979), the late ones as decaying noise (Polack's model).
"""

from __future__ import annotations

import numpy as np

from emotion_perception.audio.pcm import RATE

SOUND = 343.0
"""Metres per second."""

_ORDER = 6
_EARLY = 0.05


def impulse_response(
    rng: np.random.Generator,
    size: np.ndarray,
    source: np.ndarray,
    microphone: np.ndarray,
    rt60: float,
    rate: int = RATE,
) -> np.ndarray:
    """Return the response of a shoebox room from the direct sound on, which is 1 at sample 0.

    :param size: of the room, metres (3,).
    :param source: metres (3,), within the room.
    :param microphone: metres (3,), within the room.
    :param rt60: time in which sound falls by 60 dB, s.
    :return: float32, as long as ``rt60``.
    """
    volume = size.prod()
    surface = 2 * (size[0] * size[1] + size[0] * size[2] + size[1] * size[2])
    # Sabine's formula; walls that could not give so short a time absorb nearly everything.
    absorbed = min(0.99, 0.161 * volume / (surface * rt60))
    reflected = np.sqrt(1.0 - absorbed)
    axis = np.arange(-_ORDER, _ORDER + 1)
    places, bounces = [], []
    for side in range(3):
        images = np.concatenate(
            (2 * axis * size[side] + source[side], 2 * axis * size[side] - source[side])
        )
        places.append(images - microphone[side])
        bounces.append(np.concatenate((np.abs(2 * axis), np.abs(2 * axis - 1))))
    distance = np.sqrt(
        places[0][:, None, None] ** 2
        + places[1][None, :, None] ** 2
        + places[2][None, None, :] ** 2
    ).ravel()
    count = (
        bounces[0][:, None, None] + bounces[1][None, :, None] + bounces[2][None, None, :]
    ).ravel()
    direct = float(np.linalg.norm(source - microphone))
    length = max(1, round(rt60 * rate))
    delay = np.rint((distance - direct) / SOUND * rate).astype(int)
    near = (delay >= 0) & (delay < length)
    response = np.zeros(length)
    np.add.at(response, delay[near], reflected ** count[near] * direct / distance[near])
    # Behind the early part the images become too few: noise goes on at their level.
    start = min(length, round(_EARLY * rate))
    time = np.arange(length) / rate
    envelope = 10 ** (-3.0 * time / rt60)
    early = response[start // 2 : start]
    level = np.sqrt(np.mean(np.square(early / envelope[start // 2 : start]))) if start > 1 else 0.0
    late = rng.normal(size=length) * level * envelope
    fade = np.clip((time - _EARLY / 2) / (_EARLY / 2), 0.0, 1.0)
    response = response * np.sqrt(1.0 - fade) + late * np.sqrt(fade)
    response[0] = 1.0
    return response.astype(np.float32)


def random_room(
    rng: np.random.Generator, shortest: float = 0.15, longest: float = 0.9
) -> np.ndarray:
    """Return the response of a room of any usual size, a speaker at 0.3 to 4 m."""
    size = rng.uniform((2.5, 2.5, 2.3), (9.0, 8.0, 3.5))
    microphone = size * rng.uniform(0.15, 0.85, 3)
    for _ in range(50):
        source = size * rng.uniform(0.1, 0.9, 3)
        if 0.3 <= np.linalg.norm(source - microphone) <= 4.0:
            break
    return impulse_response(rng, size, source, microphone, rng.uniform(shortest, longest))


def bank(count: int, seed: int, longest: float = 0.9) -> np.ndarray:
    """Return so many responses of random rooms, float32 (count, samples), zeros at the ends."""
    rng = np.random.default_rng(seed)
    result = np.zeros((count, round(longest * RATE)), np.float32)
    for row in result:
        response = random_room(rng, longest=longest)
        row[: response.size] = response
    return result
