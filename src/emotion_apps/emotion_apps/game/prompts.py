# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What the game tells its players."""

from __future__ import annotations

from emotion_apps.game.settings import GameSettings
from emotion_perception.emotions import Emotion

TARGET_PROMPTS: dict[Emotion, str] = {
    Emotion.ANGRY: 'FROWN, PRESS YOUR LIPS, GLARE',
    Emotion.FEAR: 'EYES WIDE, MOUTH TENSE: A GHOST!',
    Emotion.HAPPY: 'SMILE AS WIDE AS YOU CAN',
    Emotion.NEUTRAL: 'RELAX: SHOW NOTHING AT ALL',
    Emotion.SAD: 'CORNERS DOWN, BROWS UP: YOUR ICE CREAM FELL',
    Emotion.SURPRISE: 'MOUTH OPEN, BROWS UP: NO WAY!',
}
"""What a round asks the players to do."""


def come_back(away: list[int], left: bool) -> str:
    """Return what a pause asks for.

    :param away: numbers of the players who are not seen.
    :param left: whether the one who is away, if it is one, stood on the left.
    """
    if len(away) == 1:
        return f'PLAYER {away[0]}, COME BACK ON THE {"LEFT" if left else "RIGHT"}'
    return 'BOTH PLAYERS, COME BACK' if away else 'GOING ON'


def waiting(faces: int) -> str:
    """Return what is told while the players are waited for, by how many faces are seen."""
    return {0: 'TWO PLAYERS WANTED', 1: 'ONE MORE PLAYER WANTED'}.get(
        faces, 'HOLD STILL, BOTH OF YOU'
    )


def won(winner: int, what: str) -> str:
    """Return who won a round or a game; 0 is a tie."""
    return f'PLAYER {winner} WINS THE {what}' if winner else f'THE {what} IS A TIE'


def explanation(settings: GameSettings) -> str:
    """Return how the score comes about, in one sentence."""
    less = ", less each player's own neutral face" if settings.baseline else ''
    return (
        f'Score: mean confidence in the target over all frames that show both players{less}. '
        'The higher mean takes the round.'
    )
