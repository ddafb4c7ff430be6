# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The multimodal cycle as a state machine: hold an expression, speak, see the result.

``WAITING_FACE`` -> ``LISTENING`` -> ``SHOW_RESULT`` -> ``WAITING_FACE`` ...

Each cycle ends with one declared outcome:

``success``
    a face was locked and a voice was read;
``no_speech``
    a face was locked, but no voice was read in time: the result shows the face alone;
``no_face``
    nobody held an expression in time (only for a cycle that was asked for with a time-out);
``cancelled``
    the cycle was broken off.

What may happen at any time, and what it does then:

=================  =======================  =========================  ========================
what               WAITING_FACE             LISTENING                  SHOW_RESULT
=================  =======================  =========================  ========================
the face leaves    the hold begins anew     goes on: the face is       goes on
                                            locked already
a voice result     dropped                  taken, if its speech       dropped: the outcome is
                                            began after the lock       declared
a fused result     dropped                  taken with the voice that  added, if it covers the
                                            it covers                  voice that is shown
a camera that      the hold begins anew     goes on                    goes on
begins anew
a microphone that  nothing                  the lock moves along: what nothing
begins anew                                 is said from now on counts
a clock that is    no time has passed       no time has passed, and    no time has passed
set                                         the lock moves along
cancel             outcome ``cancelled``,   outcome ``cancelled``,     back to WAITING_FACE; the
                   the hold begins anew     back to WAITING_FACE       outcome stays
reset              as cancel, and all counts and outcomes are forgotten
=================  =======================  =========================  ========================
"""

from __future__ import annotations

import math
from collections import deque
from enum import Enum

from emotion_apps.machine import Changed, Ended, Entered, Machine, Refused, Reset, Stop, Tick
from emotion_apps.multimodal.events import (
    BothRead,
    Cancel,
    Event,
    FaceRead,
    FacesSeen,
    Request,
    SoundHeard,
    Start,
    UtteranceEnded,
    VoiceRead,
)
from emotion_apps.multimodal.settings import MultimodalSettings
from emotion_apps.multimodal.states import Outcome, Phase, Snapshot
from emotion_apps.reading import Reading
from emotion_perception.timing import Order, TimeLine

# So many fused results are kept until the voice result comes that one of them may cover.
_EARLY = 128
# Without a frame for this long, the face that was seen last is not there any more.
_STALE = 2.0
# Seconds for which the face may be lost without the hold beginning anew.
_HOLD_GAP = 0.5
# Seconds before the lock at which an utterance, with its pre-roll, may begin and still count.
_LOCK_TOLERANCE = 0.5


class _Awaits(Enum):
    """What LISTENING waits for."""

    SPEECH = 'speech to begin'
    END = 'speech to end'
    VOICE = 'the voice result'
    BOTH = 'the fused result'


class Multimodal(Machine[Event]):
    """The multimodal cycle.

    :param settings: may be replaced while it runs (:attr:`settings`).
    :param running: whether cycles run from the start, one after the other.
    """

    def __init__(
        self, settings: MultimodalSettings | None = None, *, running: bool = False
    ) -> None:
        super().__init__()
        self.settings = settings or MultimodalSettings()
        self._continuous = running
        self._early: deque[Reading] = deque(maxlen=_EARLY)
        self._phase = Phase.WAITING_FACE
        self._cycle, self._late = 1, 0
        self._outcome = Outcome.NONE
        self._once = False
        # The face that is held or locked, when it was seen and since when it is not.
        self._face: Reading | None = None
        self._face_seen = 0.0
        self._lost_since: float | None = None
        self._held = 0
        self._voice: Reading | None = None
        self._fused: Reading | None = None
        self._speaking_since: float | None = None
        # Seconds: of the phase, of the rest after a result, of what LISTENING waits for.
        self._elapsed = self._rest = self._waited = 0.0
        self._face_timeout = self._speech_timeout = 0.0
        self._locked_stamp = self._locked_at = math.inf
        self._abstained = ''
        self._awaits = _Awaits.SPEECH
        self._forget()
        self._notices.clear()

    # What it is.

    @property
    def phase(self) -> Phase:
        """Return the phase."""
        return self._phase

    @property
    def outcome(self) -> Outcome:
        """Return how the last finished cycle ended."""
        return self._outcome

    @property
    def running(self) -> bool:
        """Whether cycles run, continuously or one that was asked for."""
        return self._continuous or self._once

    @property
    def late(self) -> int:
        """Return how many voice results came too late or belonged to no cycle."""
        return self._late

    @property
    def timed(self) -> bool:
        """Whether something can end by the passing of time alone, so that ticks are needed."""
        return (
            self._phase != Phase.WAITING_FACE
            or self._face is not None
            or bool(self._rest)
            or (self._once and self._face_timeout > 0)
        )

    def snapshot(self) -> Snapshot:
        """Return all that a screen needs, as of the last event."""
        limit = self._limit()
        remaining = math.nan if math.isinf(limit) else max(0.0, limit - self._elapsed)
        duration = math.nan if math.isinf(limit) else limit
        if self._phase == Phase.WAITING_FACE:
            progress = min(1.0, self._held / self.settings.lock_frames)
            prompt = 'HOLD AN EXPRESSION TO LOCK IN' if self.running else 'STOPPED'
        else:
            progress = min(1.0, self._elapsed / limit) if limit > 0 else 1.0
            prompt = self._listening_prompt() if self._phase == Phase.LISTENING else 'RESULT'
        return Snapshot(
            phase=self._phase,
            prompt=prompt,
            running=self.running,
            cycle=self._cycle,
            progress=progress,
            remaining=remaining,
            duration=duration,
            speaking=self._phase == Phase.LISTENING and self._speaking_since is not None,
            face=self._face,
            voice=self._voice,
            fused=self._fused,
            outcome=self._outcome,
        )

    # What happens.

    def _take(self, event: Event, passed: float) -> None:
        self._pass(passed)
        match event:
            case FaceRead(reading):
                self._on_face(reading)
            case FacesSeen():
                self._on_faces(event)
            case SoundHeard():
                self._on_sound(event)
            case UtteranceEnded(start):
                self._on_utterance(start)
            case VoiceRead(reading):
                self._on_voice(reading)
            case BothRead(reading):
                self._on_both(reading)
            case Tick():
                pass
            case Start():
                if not self._continuous:
                    self._continuous = True
                    self._tell(Changed())
            case Stop():
                if self.running:
                    self._break_off('stopped')
                    self._continuous = False
            case Request():
                self._on_request(event)
            case Cancel():
                self._break_off('cancelled')
            case Reset():
                self._break_off('reset')
                self._forget()

    def _on_request(self, request: Request) -> None:
        if self._once:
            raise Refused('a cycle that was asked for is under way')
        if self._continuous and (self._phase == Phase.LISTENING or self._held > 0):
            self._break_off('another cycle was asked for')
        if self._phase != Phase.WAITING_FACE:
            self._next_cycle()
        self._elapsed = self._rest = 0.0
        self._once = True
        self._face_timeout = request.face_timeout or self.settings.face_timeout
        self._speech_timeout = request.speech_timeout
        self._tell(Changed())

    def _on_face(self, reading: Reading) -> None:
        order = self._face_line.take(reading.time)
        if order is Order.LATE or self._phase != Phase.WAITING_FACE:
            return
        if order is Order.ANEW:
            self._lose_face()
        before = self._face
        self._face, self._face_seen, self._lost_since = reading, self._stopwatch.time, None
        if not self.running or self._rest > 0 or not reading.known:
            self._held = 0
        elif (
            self._held
            and before is not None
            and before.subject == reading.subject
            and before.emotion == reading.emotion
        ):
            self._held += 1
        else:
            self._held = 1
        if self._held >= self.settings.lock_frames:
            self._enter(Phase.LISTENING)
        else:
            self._tell(Changed())

    def _on_faces(self, event: FacesSeen) -> None:
        order = self._faces_line.take(event.stamp)
        if order is Order.LATE or self._phase != Phase.WAITING_FACE or self._face is None:
            return
        if order is Order.ANEW:
            self._lost_since = None
        if self._face.subject in event.subjects or event.stamp < self._face.time:
            return
        if self._lost_since is None:
            self._lost_since = event.stamp
        if event.stamp - self._lost_since >= _HOLD_GAP:
            self._lose_face()
            self._tell(Changed())

    def _on_sound(self, event: SoundHeard) -> None:
        order = self._sound_line.take(event.stamp)
        if order is Order.LATE:
            return
        if order is Order.ANEW:
            self._speaking_since = None
            self._move_lock(event.stamp)
        was = self._speaking_since is not None
        if event.speaking and not was:
            self._speaking_since = event.stamp
        elif not event.speaking:
            self._speaking_since = None
        if self._phase != Phase.LISTENING:
            return
        if (
            self._awaits == _Awaits.SPEECH
            and event.speaking
            and self._after_lock(self._speaking_since)
        ):
            self._wait_for(_Awaits.END)
        elif self._awaits == _Awaits.END and not event.speaking:
            self._wait_for(_Awaits.VOICE)
        if was != event.speaking:
            self._tell(Changed())

    def _on_utterance(self, start: float) -> None:
        if (
            self._phase == Phase.LISTENING
            and self._after_lock(start)
            and self._awaits in (_Awaits.SPEECH, _Awaits.END)
        ):
            self._wait_for(_Awaits.VOICE)
            self._tell(Changed())

    def _on_voice(self, reading: Reading) -> None:
        if self._voice_line.take(reading.time) is Order.ANEW:
            self._move_lock(reading.time)
        if (
            self._phase != Phase.LISTENING
            or self._awaits == _Awaits.BOTH
            or not self._after_lock(reading.start)
        ):
            self._late += 1
            return
        if not reading.known:
            # Too short, or no speech after all: the time that is left goes on.
            self._abstained = reading.reason or 'the voice model abstained'
            speaks = self._after_lock(self._speaking_since)
            self._wait_for(_Awaits.END if speaks else _Awaits.SPEECH)
            self._tell(Changed())
            return
        self._voice = reading
        self._fused = next(filter(self._covers, self._early), None)
        if self._fused is not None:
            self._show()
            return
        self._wait_for(_Awaits.BOTH)
        self._tell(Changed())
        self._expire()

    def _on_both(self, reading: Reading) -> None:
        if self._phase == Phase.LISTENING and self._voice is None:
            # It can overtake the voice result that it covers: another topic, another queue.
            self._early.append(reading)
        elif self._phase != Phase.WAITING_FACE and self._fused is None and self._covers(reading):
            self._fused = reading
            if self._phase == Phase.LISTENING:
                self._show()
            else:
                self._tell(Changed())

    # Time.

    def _pass(self, passed: float) -> None:
        """Let time pass, and end what has timed out."""
        jump = self._stopwatch.jump
        if jump < 0 or (jump and self._phase != Phase.WAITING_FACE):
            # Stamps of before mean the same moments, by the clock as it is now.
            self._locked_stamp += jump
            if self._speaking_since is not None:
                self._speaking_since += jump
            self._begin_lines()
        if self._phase == Phase.LISTENING and self._awaits == _Awaits.SPEECH:
            self._waited += passed
        self._elapsed += passed
        self._rest = max(0.0, self._rest - passed)
        self._expire()

    def _begin_lines(self) -> None:
        self._face_line, self._faces_line = TimeLine(), TimeLine()
        self._sound_line, self._voice_line = TimeLine(), TimeLine()
        self._lost_since = None

    def _move_lock(self, stamp: float) -> None:
        """Say when the lock was in the new time line of the sound, of which a stamp is now."""
        if self._phase == Phase.LISTENING:
            self._locked_stamp = stamp - (self._stopwatch.time - self._locked_at)

    def _limit(self) -> float:
        """Return how long the phase, or what it waits for, may take; infinite if for ever."""
        settings = self.settings
        if self._phase == Phase.WAITING_FACE:
            return self._face_timeout if self._once and self._face_timeout else math.inf
        if self._phase == Phase.SHOW_RESULT:
            return settings.result_hold
        return {
            _Awaits.SPEECH: self._speech_timeout or settings.speech_timeout,
            _Awaits.END: settings.speech_limit,
            _Awaits.VOICE: settings.voice_wait,
            _Awaits.BOTH: settings.fused_wait,
        }[self._awaits]

    def _expire(self) -> None:
        """End what has timed out."""
        if (
            self._phase == Phase.WAITING_FACE
            and self._face is not None
            and self._stopwatch.time - self._face_seen > _STALE
        ):
            self._lose_face()
            self._tell(Changed())
        if self._elapsed < self._limit():
            return
        if self._phase == Phase.WAITING_FACE:
            self._finish(Outcome.NO_FACE, 'no expression was held in time')
            self._next_cycle()
        elif self._phase == Phase.SHOW_RESULT:
            self._next_cycle()
            self._rest = self.settings.rest
        else:
            self._show()

    # Steps.

    def _forget(self) -> None:
        """Set everything to the beginning."""
        self._cycle = 1
        self._late = 0
        self._outcome = Outcome.NONE
        self._once = False
        self._begin_lines()
        self._speaking_since = None
        self._face_seen = 0.0
        self._lose_face()
        self._enter(Phase.WAITING_FACE)

    def _enter(self, phase: Phase) -> None:
        """Enter a phase."""
        self._phase = phase
        self._elapsed = self._rest = 0.0
        if phase == Phase.WAITING_FACE:
            self._locked_stamp = self._locked_at = math.inf
            self._voice = self._fused = None
            self._early.clear()
            self._held = 0
            self._face = None
            self._face_timeout = self._speech_timeout = 0.0
            self._abstained = ''
            self._awaits, self._waited = _Awaits.SPEECH, 0.0
        elif phase == Phase.LISTENING and self._face is not None:
            # When by the stamps, which those of the sound are compared with, and when by time.
            self._locked_stamp, self._locked_at = self._face.time, self._stopwatch.time
            if self._after_lock(self._speaking_since):
                self._wait_for(_Awaits.END)
        self._tell(Entered(phase))

    def _wait_for(self, what: _Awaits) -> None:
        """Wait for something else in LISTENING; the time for speech to begin only pauses."""
        self._awaits = what
        self._elapsed = self._waited if what == _Awaits.SPEECH else 0.0

    def _show(self) -> None:
        """Declare the outcome and show the result."""
        if self._voice is not None:
            self._finish(Outcome.SUCCESS, 'face and voice were read')
        else:
            because = f' ({self._abstained})' if self._abstained else ''
            words = {
                _Awaits.SPEECH: f'nobody spoke in time{because}',
                _Awaits.END: 'the speech did not end in time',
                _Awaits.VOICE: 'speech was heard, but no voice result came in time',
            }
            self._finish(Outcome.NO_SPEECH, words[self._awaits])
        self._enter(Phase.SHOW_RESULT)

    def _finish(self, outcome: Outcome, words: str) -> None:
        """Declare the outcome of the cycle."""
        self._outcome = outcome
        self._once = False
        self._tell(Ended(outcome, words))

    def _break_off(self, words: str) -> None:
        """End the cycle, in whatever phase it is, and wait for a face."""
        if self._phase == Phase.SHOW_RESULT:
            self._next_cycle()
        elif self.running:
            self._finish(Outcome.CANCELLED, words)
            self._next_cycle()

    def _next_cycle(self) -> None:
        """Wait for a face again."""
        self._cycle += 1
        self._enter(Phase.WAITING_FACE)

    def _lose_face(self) -> None:
        self._face, self._held, self._lost_since = None, 0, None

    def _listening_prompt(self) -> str:
        return 'SPEAK NOW' if self._awaits in (_Awaits.SPEECH, _Awaits.END) else 'ONE MOMENT'

    # Checks.

    def _after_lock(self, start: float | None) -> bool:
        """Whether speech that began then belongs to this cycle."""
        return start is not None and start >= self._locked_stamp - _LOCK_TOLERANCE

    def _covers(self, fused: Reading) -> bool:
        """Whether a fused reading is the one of the voice of this cycle.

        It carries that voice's stamp. A later stamp is not enough: the frames between carry the
        voice of an earlier cycle as long as the new one is not known.
        """
        return (
            fused.known
            and self._voice is not None
            and 'voice' in fused.sources
            and abs(fused.stamp - self._voice.stamp) < 1e-3
        )
