"""The multimodal cycle as a state machine: hold an expression, speak, see the result.

``WAITING_FACE`` -> ``LISTENING`` -> ``SHOW_RESULT`` -> ``WAITING_FACE`` ...

The machine knows neither ROS nor a clock: every call brings the time along and returns what
happened. Times are seconds of one clock; a clock that is set back or forth while a phase runs
moves the phase along with it.

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
cancel             outcome ``cancelled``,   outcome ``cancelled``,     back to WAITING_FACE; the
                   the hold begins anew     back to WAITING_FACE       outcome stays
reset              as cancel, and all counts and outcomes are forgotten
=================  =======================  =========================  ========================
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import Enum, IntEnum

from emotion_apps.reading import Reading
from emotion_perception.settings import Settings, setting

# A step of the clock that is larger than this is a jump, not time that has passed: whoever
# drives the machine calls it at least ten times a second while something can time out.
_JUMP = 1.5
# A stamp that is older than the last one by more than this begins a new time line (a recording
# that starts over); less is a message out of order.
_REORDER = 1.0
# So many fused results are kept until the voice result comes that one of them may cover.
_EARLY = 128
# Without a frame for this long, the face that was seen last is not there any more.
_STALE = 2.0


class Phase(IntEnum):
    """The phases; the values equal the constants of ``emotion_msgs/MultimodalState``."""

    WAITING_FACE = 0
    LISTENING = 1
    SHOW_RESULT = 2


class Outcome(str, Enum):
    """How a cycle ended."""

    NONE = ''
    SUCCESS = 'success'
    NO_FACE = 'no_face'
    NO_SPEECH = 'no_speech'
    CANCELLED = 'cancelled'


@dataclass(frozen=True)
class MultimodalSettings(Settings):
    """Settings of the multimodal cycle."""

    lock_frames: int = setting(
        10,
        'Processed frames for which one face must show one label to lock it.',
        low=1,
        high=1000,
        live=True,
    )
    hold_gap: float = setting(
        0.5,
        'Seconds for which the face may be lost without the hold beginning anew.',
        low=0.0,
        high=10.0,
        live=True,
    )
    face_timeout: float = setting(
        30.0,
        'Seconds that a goal of emotion/detect waits for a held expression; 0 waits for '
        'ever. The continuous mode always waits.',
        low=0.0,
        high=3600.0,
        live=True,
    )
    speech_timeout: float = setting(
        6.0,
        'Seconds to wait in LISTENING for speech to begin; then the cycle goes on with the '
        'face only.',
        low=0.1,
        high=3600.0,
        live=True,
    )
    speech_limit: float = setting(
        20.0,
        'Seconds of one stretch of speech after which its result is no longer waited for '
        '(longer than the maximum of vad_node).',
        low=0.5,
        high=3600.0,
        live=True,
    )
    voice_wait: float = setting(
        4.0,
        'Seconds to wait for the voice result after the speech ended.',
        low=0.0,
        high=600.0,
        live=True,
    )
    fused_wait: float = setting(
        1.0,
        'Seconds to wait for the fused result after the voice result.',
        low=0.0,
        high=60.0,
        live=True,
    )
    lock_tolerance: float = setting(
        0.5,
        'Seconds before the lock at which an utterance, with its pre-roll, may begin and '
        'still count.',
        low=0.0,
        high=10.0,
        live=True,
    )
    result_hold: float = setting(
        6.0, 'Seconds for which the result is shown.', low=0.1, high=3600.0, live=True
    )
    rest: float = setting(
        1.0,
        'Seconds after a shown result before a hold counts again.',
        low=0.0,
        high=60.0,
        live=True,
    )


@dataclass(frozen=True)
class Event:
    """Something that happened in the cycle.

    :param kind: ``'phase'`` (another phase was entered), ``'finished'`` (the cycle has its
        outcome), or ``'changed'`` (only what a screen shows).
    :param outcome: with ``'finished'``.
    :param message: with ``'finished'``: the outcome in words.
    """

    kind: str
    outcome: Outcome = Outcome.NONE
    message: str = ''


@dataclass(frozen=True)
class Snapshot:
    """All that a screen needs to draw the cycle.

    :param running: whether cycles run; if not, a live face is shown but never locked.
    :param cycle: number of the cycle, from 1.
    :param progress: WAITING_FACE: part of the hold that is done; else part of the phase that is
        over; 0..1.
    :param remaining: seconds until the phase ends by itself; NaN if it does not.
    :param duration: seconds of the whole of that; NaN if it does not.
    :param speaking: LISTENING: whether somebody speaks now.
    :param face: WAITING_FACE: the live face; later the locked one.
    :param outcome: of the last finished cycle.
    """

    phase: Phase
    prompt: str
    running: bool
    cycle: int
    progress: float
    remaining: float
    duration: float
    speaking: bool
    face: Reading | None
    voice: Reading | None
    fused: Reading | None
    outcome: Outcome


class _Listening(Enum):
    """What LISTENING waits for."""

    SPEECH = 'speech to begin'
    END = 'speech to end'
    VOICE = 'the voice result'
    FUSED = 'the fused result'


class Multimodal:
    """The multimodal cycle.

    :param settings: may be replaced while it runs (:attr:`settings`).
    :param running: whether cycles run from the start, one after the other.
    """

    def __init__(
        self, settings: MultimodalSettings | None = None, *, running: bool = False
    ) -> None:
        self.settings = settings or MultimodalSettings()
        self._continuous = running
        self._early_fused: deque[Reading] = deque(maxlen=_EARLY)
        self._forget()

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
    def once(self) -> bool:
        """Whether a single cycle that was asked for is under way."""
        return self._once

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
        """Return all that a screen needs, as of the last call."""
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

    # Commands.

    def start(self, now: float) -> list[Event]:
        """Run cycles one after the other; nothing changes if they run already."""
        self._advance(now)
        if self._continuous:
            return []
        self._continuous = True
        return [Event('changed')]

    def stop(self, now: float) -> list[Event]:
        """Break the cycle off and run no further one until told to."""
        self._advance(now)
        if not self.running:
            return []
        events = self._break_off('stopped')
        self._continuous = False
        return events

    def request(
        self, now: float, *, face_timeout: float = 0.0, speech_timeout: float = 0.0
    ) -> list[Event]:
        """Begin one cycle that was asked for; one that runs continuously is broken off for it.

        :param face_timeout: seconds to wait for a held expression; 0 takes the setting.
        :param speech_timeout: seconds to wait for speech; 0 takes the setting.
        :raises RuntimeError: if one that was asked for is under way.
        """
        self._advance(now)
        if self._once:
            raise RuntimeError('a cycle that was asked for is under way')
        busy = self._continuous and (self._phase == Phase.LISTENING or self._held > 0)
        events = self._break_off('another cycle was asked for') if busy else []
        if self._phase != Phase.WAITING_FACE:
            events += self._next_cycle()
        self._elapsed = self._rest = 0.0
        self._once = True
        self._face_timeout = face_timeout or self.settings.face_timeout
        self._speech_timeout = speech_timeout
        return [*events, Event('changed')]

    def cancel(self, now: float) -> list[Event]:
        """Break the cycle off; the next one begins if cycles run continuously."""
        self._advance(now)
        return self._break_off('cancelled')

    def reset(self, now: float) -> list[Event]:
        """Break the cycle off and forget counts, outcome and everything seen and heard."""
        self._advance(now)
        events = self._break_off('reset')
        now_known = self._now
        self._forget()
        self._now = now_known
        return [*events, Event('phase')]

    # What is seen and heard.

    def on_face(self, reading: Reading, now: float) -> list[Event]:
        """Take the primary face of a processed frame."""
        events = self._advance(now)
        if not self._in_order(reading.stamp) or self._phase != Phase.WAITING_FACE:
            return events
        before = self._face
        self._face, self._face_seen, self._lost_since = reading, self._now, None
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
            return events + self._enter(Phase.LISTENING)
        return [*events, Event('changed')]

    def on_faces(self, subjects: Collection[str], stamp: float, now: float) -> list[Event]:
        """Take note of which faces a processed frame shows."""
        events = self._advance(now)
        if self._phase != Phase.WAITING_FACE or self._face is None:
            return events
        if self._face.subject in subjects or stamp < self._face.stamp:
            return events
        if self._lost_since is None or stamp < self._lost_since:
            self._lost_since = stamp
        if stamp - self._lost_since >= self.settings.hold_gap:
            self._lose_face()
            return [*events, Event('changed')]
        return events

    def on_voice_activity(self, speaking: bool, stamp: float, now: float) -> list[Event]:
        """Take note of whether somebody speaks."""
        events = self._advance(now)
        was = self._speaking_since is not None
        if speaking and not was:
            self._speaking_since = stamp
        elif not speaking:
            self._speaking_since = None
        if self._phase != Phase.LISTENING:
            return events
        if (
            self._waits == _Listening.SPEECH
            and speaking
            and self._after_lock(self._speaking_since)
        ):
            self._wait_for(_Listening.END)
        elif self._waits == _Listening.END and not speaking:
            self._wait_for(_Listening.VOICE)
        return events if was == speaking else [*events, Event('changed')]

    def on_utterance(self, start: float, now: float) -> list[Event]:
        """Take note that a stretch of speech, begun at ``start``, has ended."""
        events = self._advance(now)
        if (
            self._phase == Phase.LISTENING
            and self._after_lock(start)
            and self._waits in (_Listening.SPEECH, _Listening.END)
        ):
            self._wait_for(_Listening.VOICE)
            return [*events, Event('changed')]
        return events

    def on_voice(self, reading: Reading, now: float) -> list[Event]:
        """Take the emotion of an utterance."""
        events = self._advance(now)
        if (
            self._phase != Phase.LISTENING
            or self._waits == _Listening.FUSED
            or not self._after_lock(reading.start)
        ):
            self._late += 1
            return events
        if not reading.known:
            # Too short, or no speech after all: the time that is left goes on.
            self._abstained = reading.reason or 'the voice model abstained'
            speaks = self._after_lock(self._speaking_since)
            self._wait_for(_Listening.END if speaks else _Listening.SPEECH)
            return [*events, Event('changed')]
        self._voice = reading
        self._fused = next(filter(self._covers, self._early_fused), None)
        if self._fused is not None:
            return events + self._show()
        self._wait_for(_Listening.FUSED)
        return [*events, Event('changed'), *self._expire()]

    def on_fused(self, reading: Reading, now: float) -> list[Event]:
        """Take face and voice as one."""
        events = self._advance(now)
        if self._phase == Phase.LISTENING and self._voice is None:
            # It can overtake the voice result that it covers: another topic, another queue.
            self._early_fused.append(reading)
        elif self._phase != Phase.WAITING_FACE and self._fused is None and self._covers(reading):
            self._fused = reading
            if self._phase == Phase.LISTENING:
                return events + self._show()
            return [*events, Event('changed')]
        return events

    def tick(self, now: float) -> list[Event]:
        """Let time pass: end what has timed out."""
        return self._advance(now)

    # Time.

    def _advance(self, now: float) -> list[Event]:
        """Bring the machine to ``now`` and end what has timed out."""
        if self._now is None:
            self._now = now
        step, self._now = now - self._now, now
        if step < 0 or (step > _JUMP and self._phase != Phase.WAITING_FACE):
            # The clock was set: no time has passed, and stamps of before mean the same moments.
            self._locked_at += step
            self._face_seen += step
            self._last_stamp = -math.inf
            self._lost_since = None
            if self._speaking_since is not None:
                self._speaking_since += step
            step = 0.0
        if self._phase == Phase.LISTENING and self._waits == _Listening.SPEECH:
            self._waited += step
        self._elapsed += step
        self._rest = max(0.0, self._rest - step)
        return self._expire()

    def _limit(self) -> float:
        """Return how long the phase, or what it waits for, may take; infinite if for ever."""
        settings = self.settings
        if self._phase == Phase.WAITING_FACE:
            return self._face_timeout if self._once and self._face_timeout else math.inf
        if self._phase == Phase.SHOW_RESULT:
            return settings.result_hold
        return {
            _Listening.SPEECH: self._speech_timeout or settings.speech_timeout,
            _Listening.END: settings.speech_limit,
            _Listening.VOICE: settings.voice_wait,
            _Listening.FUSED: settings.fused_wait,
        }[self._waits]

    def _expire(self) -> list[Event]:
        """End what has timed out."""
        events: list[Event] = []
        if (
            self._phase == Phase.WAITING_FACE
            and self._face is not None
            and self._now - self._face_seen > _STALE
        ):
            self._lose_face()
            events.append(Event('changed'))
        if self._elapsed < self._limit():
            return events
        if self._phase == Phase.WAITING_FACE:
            events += self._finish(Outcome.NO_FACE, 'no expression was held in time')
            return events + self._next_cycle()
        if self._phase == Phase.SHOW_RESULT:
            events += self._next_cycle()
            self._rest = self.settings.rest
            return events
        return events + self._show()

    # Steps.

    def _forget(self) -> None:
        """Set everything to the beginning."""
        self._now: float | None = None
        self._cycle = 1
        self._late = 0
        self._outcome = Outcome.NONE
        self._once = False
        self._last_stamp = -math.inf
        self._speaking_since: float | None = None
        self._lose_face()
        self._face_seen = 0.0
        self._enter(Phase.WAITING_FACE)

    def _enter(self, phase: Phase) -> list[Event]:
        """Enter a phase."""
        self._phase = phase
        self._elapsed = self._rest = 0.0
        if phase == Phase.WAITING_FACE:
            self._locked_at = math.inf
            self._voice = self._fused = None
            self._early_fused.clear()
            self._held = 0
            self._face = None
            self._face_timeout = self._speech_timeout = 0.0
            self._abstained = ''
            self._waits, self._waited = _Listening.SPEECH, 0.0
        elif phase == Phase.LISTENING:
            self._locked_at = self._face.stamp
            if self._speaking_since is not None and self._after_lock(self._speaking_since):
                self._wait_for(_Listening.END)
        return [Event('phase')]

    def _wait_for(self, what: _Listening) -> None:
        """Wait for something else in LISTENING; the time for speech to begin only pauses."""
        self._waits = what
        self._elapsed = self._waited if what == _Listening.SPEECH else 0.0

    def _show(self) -> list[Event]:
        """Declare the outcome and show the result."""
        if self._voice is not None:
            events = self._finish(Outcome.SUCCESS, 'face and voice were read')
        else:
            events = self._finish(
                Outcome.NO_SPEECH,
                {
                    _Listening.SPEECH: f'nobody spoke in time{self._because()}',
                    _Listening.END: 'the speech did not end in time',
                    _Listening.VOICE: 'speech was heard, but no voice result came in time',
                }[self._waits],
            )
        return events + self._enter(Phase.SHOW_RESULT)

    def _because(self) -> str:
        return f' ({self._abstained})' if self._abstained else ''

    def _finish(self, outcome: Outcome, message: str) -> list[Event]:
        """Declare the outcome of the cycle."""
        self._outcome = outcome
        self._once = False
        return [Event('finished', outcome, message)]

    def _break_off(self, message: str) -> list[Event]:
        """End the cycle, in whatever phase it is, and wait for a face."""
        if self._phase == Phase.SHOW_RESULT:
            return self._next_cycle()
        if not self.running:
            return []
        return self._finish(Outcome.CANCELLED, message) + self._next_cycle()

    def _next_cycle(self) -> list[Event]:
        """Wait for a face again."""
        self._cycle += 1
        return self._enter(Phase.WAITING_FACE)

    def _lose_face(self) -> None:
        self._face, self._held, self._lost_since = None, 0, None

    def _listening_prompt(self) -> str:
        return 'SPEAK NOW' if self._waits in (_Listening.SPEECH, _Listening.END) else 'ONE MOMENT'

    # Checks.

    def _after_lock(self, start: float | None) -> bool:
        """Whether speech that began then belongs to this cycle."""
        return start is not None and start >= self._locked_at - self.settings.lock_tolerance

    def _covers(self, fused: Reading | None) -> bool:
        """Whether a fused reading is the one of the voice of this cycle.

        It carries that voice's stamp. A later stamp is not enough: the frames between carry the
        voice of an earlier cycle as long as the new one is not known.
        """
        return (
            fused is not None
            and fused.known
            and self._voice is not None
            and 'voice' in fused.sources
            and abs(fused.stamp - self._voice.stamp) < 1e-3
        )

    def _in_order(self, stamp: float) -> bool:
        """Whether a frame is newer than the last; a much older one begins a new time line."""
        if stamp <= self._last_stamp and self._last_stamp - stamp < _REORDER:
            return False
        if stamp < self._last_stamp:
            self._held = 0
        self._last_stamp = stamp
        return True


def with_time_left(snapshot: Snapshot, passed: float) -> Snapshot:
    """Return the snapshot as it looks ``passed`` seconds later, for a screen between two states.

    :param passed: seconds since the snapshot; less than 0 counts as 0.
    """
    if math.isnan(snapshot.remaining):
        return snapshot
    remaining = max(0.0, snapshot.remaining - max(0.0, passed))
    if snapshot.phase == Phase.WAITING_FACE or not snapshot.duration > 0:
        return replace(snapshot, remaining=remaining)
    return replace(snapshot, remaining=remaining, progress=1 - remaining / snapshot.duration)
