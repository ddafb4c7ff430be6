# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The game's state as a message, and back for the screen."""

from __future__ import annotations

from collections.abc import Callable

from builtin_interfaces.msg import Time
from sensor_msgs.msg import RegionOfInterest
from std_msgs.msg import Header

from emotion_apps.game.states import (
    GameState,
    Outcome,
    Phase,
    PlayerState,
    RoundResult,
    Sighting,
)
from emotion_msgs.msg import EmotionPrediction, EmotionPredictionArray
from emotion_msgs.msg import GameState as StateMessage
from emotion_msgs.msg import PlayerState as PlayerMessage
from emotion_msgs.msg import RoundResult as ResultMessage
from emotion_perception.emotions import EMOTIONS, UNKNOWN, UNKNOWN_LABEL, Emotion
from emotion_perception.models.balance import BALANCED
from emotion_perception.ros.convert import mixture_of
from emotion_perception.ros.limits import (
    LONGEST_TEXT,
    MessageError,
    first,
    probabilities_of,
)

_SECOND = 1_000_000_000


def to_nanoseconds(stamp: Time) -> int:
    """Return a stamp as nanoseconds since the epoch."""
    return stamp.sec * _SECOND + stamp.nanosec


def from_nanoseconds(stamp: int) -> Time:
    """Return nanoseconds since the epoch as a stamp."""
    return Time(sec=stamp // _SECOND, nanosec=stamp % _SECOND)


def from_predictions(
    message: EmotionPredictionArray, refuse: Callable[[str], None]
) -> list[Sighting]:
    """Return what the game needs to know of one frame.

    The probabilities are brought to equally common classes, whatever mixture they answer for: how
    rare fear was where the model learnt must not make it hard to win by.
    A prediction that abstains, or whose probabilities are none, is a face that is seen but cannot
    be scored.

    :param refuse: called with the reason for each prediction whose probabilities are none.
    """
    sightings = []
    for prediction in first(message.predictions):
        values = None
        try:
            if prediction.emotion != EmotionPrediction.UNKNOWN:
                values = probabilities_of(prediction)
        except MessageError as error:
            refuse(str(error))
        region = prediction.region
        box = (
            float(region.x_offset),
            float(region.y_offset),
            float(region.width),
            float(region.height),
        )
        if values is not None:
            values = mixture_of(prediction).rebalance(values, BALANCED)
        sightings.append(Sighting(prediction.subject_id[:LONGEST_TEXT], box, values))
    return sightings


def to_state_message(state: GameState, frame_id: str = '') -> StateMessage:
    """Return the state as a message.

    :param frame_id: that of the camera.
    """
    return StateMessage(
        header=Header(stamp=from_nanoseconds(state.stamp), frame_id=frame_id),
        phase=int(state.phase),
        phase_name=state.phase.name,
        running=state.running,
        prompt=state.prompt,
        round=state.round,
        rounds=state.rounds,
        target=_constant(state.target),
        target_label=_label(state.target),
        remaining=state.remaining,
        duration=state.duration,
        players=[_to_player(player) for player in state.players],
        ignored=list(state.ignored),
        explanation=state.explanation,
        results=[to_result_message(result) for result in state.results],
        winner=state.winner,
        outcome=state.outcome.value,
    )


def to_result_message(result: RoundResult) -> ResultMessage:
    """Return the result of one round as a message."""
    return ResultMessage(
        round=result.round,
        target=_constant(result.target),
        target_label=_label(result.target),
        means=list(result.means),
        frames=result.frames,
        winner=result.winner,
    )


def from_state_message(message: StateMessage) -> GameState:
    """Return the state that a message carries.

    :raises ValueError: if the phase is none of the constants, or the outcome none of those that
        a game has.
    """
    first, second = (_from_player(player) for player in message.players)
    return GameState(
        stamp=to_nanoseconds(message.header.stamp),
        phase=Phase(message.phase),
        running=message.running,
        prompt=message.prompt,
        round=message.round,
        rounds=message.rounds,
        target=_emotion(message.target),
        remaining=message.remaining,
        duration=message.duration,
        players=(first, second),
        ignored=tuple(message.ignored),
        explanation=message.explanation,
        results=tuple(
            RoundResult(
                result.round,
                Emotion(result.target),
                (float(result.means[0]), float(result.means[1])),
                result.frames,
                result.winner,
            )
            for result in message.results
        ),
        winner=message.winner,
        outcome=Outcome(message.outcome),
    )


def _to_player(player: PlayerState) -> PlayerMessage:
    x, y, width, height = (max(0, round(value)) for value in player.box)
    return PlayerMessage(
        number=player.number,
        track_id=player.track,
        present=player.present,
        region=RegionOfInterest(x_offset=x, y_offset=y, width=width, height=height),
        live=player.live,
        mean=player.mean,
        baseline=player.baseline,
        frames=player.frames,
        score=player.score,
        best=player.best,
        best_target=_constant(player.best_target),
        best_stamp=from_nanoseconds(player.best_stamp),
    )


def _from_player(message: PlayerMessage) -> PlayerState:
    region = message.region
    return PlayerState(
        number=message.number,
        track=message.track_id,
        present=message.present,
        box=(
            float(region.x_offset),
            float(region.y_offset),
            float(region.width),
            float(region.height),
        ),
        live=message.live,
        mean=message.mean,
        baseline=message.baseline,
        frames=message.frames,
        score=message.score,
        best=message.best,
        best_target=_emotion(message.best_target),
        best_stamp=to_nanoseconds(message.best_stamp),
    )


def _constant(target: Emotion | None) -> int:
    return UNKNOWN if target is None else int(target)


def _label(target: Emotion | None) -> str:
    return UNKNOWN_LABEL if target is None else EMOTIONS[target]


def _emotion(constant: int) -> Emotion | None:
    return None if constant == UNKNOWN else Emotion(constant)
