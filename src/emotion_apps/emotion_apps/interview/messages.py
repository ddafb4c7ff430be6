# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The interview's state as a message, and back for the screen."""

from __future__ import annotations

from std_msgs.msg import Header

from emotion_apps.interview.states import Outcome, Phase, Snapshot
from emotion_msgs.msg import InterviewState


def to_state_message(snapshot: Snapshot, header: Header) -> InterviewState:
    """Return the state message of a snapshot."""
    return InterviewState(
        header=header,
        phase=int(snapshot.phase),
        phase_name=snapshot.phase.name,
        running=snapshot.running,
        question=snapshot.question,
        questions=snapshot.questions,
        text=snapshot.text,
        hint=snapshot.hint,
        elapsed=float(snapshot.elapsed),
        remaining=float(snapshot.remaining),
        speaking=snapshot.speaking,
        speaking_time=float(snapshot.speaking_time),
        face_present=snapshot.face_present,
        facing_camera=snapshot.facing_camera,
        engagement=float(snapshot.engagement),
        transcript=snapshot.transcript,
        words_per_minute=float(snapshot.words_per_minute),
        fillers=snapshot.fillers,
        transcribing=snapshot.transcribing,
        outcome=snapshot.outcome.value,
        report=snapshot.report,
    )


def to_snapshot(message: InterviewState) -> Snapshot:
    """Return the snapshot of a state message.

    :raises ValueError: if a field has a value that no machine gives.
    """
    return Snapshot(
        phase=Phase(message.phase),
        running=message.running,
        question=message.question,
        questions=message.questions,
        text=message.text,
        hint=message.hint,
        elapsed=message.elapsed,
        remaining=message.remaining,
        speaking=message.speaking,
        speaking_time=message.speaking_time,
        face_present=message.face_present,
        facing_camera=message.facing_camera,
        engagement=message.engagement,
        transcript=message.transcript,
        words_per_minute=message.words_per_minute,
        fillers=message.fillers,
        transcribing=message.transcribing,
        outcome=Outcome(message.outcome),
        report=message.report,
    )
