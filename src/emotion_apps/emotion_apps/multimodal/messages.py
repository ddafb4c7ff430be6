# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The multimodal cycle as messages, and back."""

from __future__ import annotations

from std_msgs.msg import Header

from emotion_apps.multimodal.states import Outcome, Phase, Snapshot
from emotion_apps.readings import to_reading
from emotion_msgs.action import DetectEmotion
from emotion_msgs.msg import MultimodalState

OUTCOMES = {
    Outcome.SUCCESS: DetectEmotion.Result.SUCCESS,
    Outcome.NO_FACE: DetectEmotion.Result.NO_FACE,
    Outcome.NO_SPEECH: DetectEmotion.Result.NO_SPEECH,
    Outcome.CANCELLED: DetectEmotion.Result.CANCELLED,
}
"""Constant of the action's result for each outcome."""


def to_state_message(snapshot: Snapshot, header: Header) -> MultimodalState:
    """Return the state message of a snapshot."""
    message = MultimodalState(
        header=header,
        phase=int(snapshot.phase),
        phase_name=snapshot.phase.name,
        running=snapshot.running,
        prompt=snapshot.prompt,
        cycle=snapshot.cycle,
        progress=float(snapshot.progress),
        remaining=float(snapshot.remaining),
        duration=float(snapshot.duration),
        speaking=snapshot.speaking,
        outcome=snapshot.outcome.value,
    )
    _add_readings(message, snapshot)
    return message


def to_result(snapshot: Snapshot, outcome: Outcome, words: str) -> DetectEmotion.Result:
    """Return the action's result for a cycle that ended."""
    message = DetectEmotion.Result(outcome=OUTCOMES[outcome], message=words)
    if outcome in (Outcome.SUCCESS, Outcome.NO_SPEECH):
        _add_readings(message, snapshot)
    return message


def to_snapshot(message: MultimodalState) -> Snapshot:
    """Return the snapshot of a state message.

    :raises ValueError: if a field has a value that no machine gives.
    """
    return Snapshot(
        phase=Phase(message.phase),
        prompt=message.prompt,
        running=message.running,
        cycle=message.cycle,
        progress=message.progress,
        remaining=message.remaining,
        duration=message.duration,
        speaking=message.speaking,
        face=to_reading(message.face) if message.has_face else None,
        voice=to_reading(message.voice) if message.has_voice else None,
        fused=to_reading(message.fused) if message.has_fused else None,
        outcome=Outcome(message.outcome),
    )


def _add_readings(message: MultimodalState | DetectEmotion.Result, snapshot: Snapshot) -> None:
    for name in ('face', 'voice', 'fused'):
        reading = getattr(snapshot, name)
        setattr(message, f'has_{name}', reading is not None)
        if reading is not None:
            setattr(message, name, reading.source)
