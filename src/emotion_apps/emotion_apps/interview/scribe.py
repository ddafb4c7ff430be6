# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Write down what is said, beside what goes on: a thread with a transcriber of its own.

The sound of a stretch of speech is dropped as soon as its words are known.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from emotion_perception.audio.pcm import RATE
from emotion_perception.words.language import Language
from emotion_perception.words.transcriber import Transcriber, TranscriptError, Word

# Seconds that are understood as one at most, and how far apart parts of one may seem to lie.
_LONGEST = 28.0
_GAP = 0.3
# Stretches that may wait for a slow model; an older one is given up.
_WAITING = 200


@dataclass(frozen=True)
class Speech:
    """The sound of a stretch of speech.

    :param start: time of the first sample, seconds.
    :param samples: int16 (n,), mono, 16 kHz.
    """

    start: float
    samples: np.ndarray

    @property
    def end(self) -> float:
        """Return the time after the last sample, seconds."""
        return self.start + self.samples.size / RATE


@dataclass(frozen=True)
class Turn:
    """A stretch of speech between two silences, and its words.

    :param start: when its sound begins, seconds; ``end`` when it ends.
    """

    start: float
    end: float
    words: tuple[Word, ...]


class Joiner:
    """Put together what was cut only because it was long: a word may lie on the cut."""

    def __init__(self) -> None:
        self._parts: list[np.ndarray] = []
        self._start = 0.0

    def push(self, start: float, samples: np.ndarray, goes_on: bool) -> list[Speech]:
        """Take an utterance; return what is complete.

        :param start: time of the first sample, seconds.
        :param samples: int16 (n,), mono, 16 kHz.
        :param goes_on: whether the next utterance may begin where this one ends.
        """
        complete = []
        if self._parts and abs(start - self._start - self._seconds) > _GAP:
            complete += self.flush()
        if not self._parts:
            self._start = start
        self._parts.append(samples)
        # The next one is as long as this one at most.
        if not goes_on or self._seconds + samples.size / RATE > _LONGEST:
            complete += self.flush()
        return complete

    def flush(self) -> list[Speech]:
        """Return what is under way, if anything is."""
        parts, self._parts = self._parts, []
        return [Speech(self._start, np.concatenate(parts))] if parts else []

    @property
    def _seconds(self) -> float:
        return sum(part.size for part in self._parts) / RATE


class Scribe:
    """Transcribe stretches of speech in a thread, oldest first.

    :param load: makes the transcriber, in the thread, when there is something to write down.
    :param language: that is spoken.
    :param patient: whether whoever brings more than can be written down waits, and nothing is
        given up.
    """

    def __init__(
        self, load: Callable[[], Transcriber], language: Language, patient: bool = False
    ) -> None:
        self._patient = patient
        self._load = load
        self.language = language
        self._joiner = Joiner()
        self._changed = threading.Condition()
        self._waiting: deque[Speech] = deque()
        self._done: list[Turn] = []
        self._working: Speech | None = None
        self._stopped = False
        self.name = ''
        """Of the transcriber; empty until it was loaded."""
        self.reason = ''
        """Why the words of some stretches are not known; empty as long as all are."""
        self.left_out = 0
        """Number of those stretches."""
        self._thread = threading.Thread(target=self._run, name='scribe', daemon=True)
        self._thread.start()

    @property
    def pending(self) -> int:
        """Return how many stretches of speech are not written down yet."""
        with self._changed:
            return self._unfinished()

    def hear(self, start: float, samples: np.ndarray, goes_on: bool) -> None:
        """Take an utterance; see :meth:`Joiner.push`."""
        self._put(self._joiner.push(start, samples, goes_on))

    def flush(self) -> None:
        """Take no utterance any more as the rest of the one before."""
        self._put(self._joiner.flush())

    def turns(self) -> list[Turn]:
        """Return what was written down since the last call, oldest first."""
        with self._changed:
            done, self._done = self._done, []
        return done

    def wait(self, seconds: float) -> bool:
        """Wait until all is written down, so long at most; return whether it is."""
        self.flush()
        with self._changed:
            return self._changed.wait_for(lambda: not self._unfinished(), seconds)

    def clear(self) -> None:
        """Forget what waits, what is being written and what was written down."""
        self._joiner.flush()
        with self._changed:
            self._waiting.clear()
            self._done.clear()
            self._working = None
            self.left_out, self.reason = 0, ''

    def give_up(self, reason: str) -> None:
        """Leave unwritten what waits and what is being written.

        :param reason: why the words of it are not known.
        """
        with self._changed:
            self._give_up(self._unfinished(), reason)
            self._waiting.clear()
            self._working = None
            self._changed.notify_all()

    def stop(self) -> None:
        """End the thread, after what it is writing; what waits is left unwritten.

        The model is gone then: one that is still there when the interpreter ends takes the
        process down with it.
        """
        self.give_up('the program ended')
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join()

    def _unfinished(self) -> int:
        return len(self._waiting) + (self._working is not None)

    def _give_up(self, count: int, reason: str) -> None:
        if count:
            self.left_out += count
            self.reason = reason

    def _put(self, speech: list[Speech]) -> None:
        with self._changed:
            if self._patient:
                self._changed.wait_for(lambda: len(self._waiting) < _WAITING)
            self._waiting.extend(speech)
            while len(self._waiting) > _WAITING:
                self._waiting.popleft()
                self._give_up(1, 'the model is too slow for so much speech')
            self._changed.notify_all()

    def _run(self) -> None:
        transcriber: Transcriber | None = None
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting) or self._stopped)
                if self._stopped:
                    return
                speech = self._working = self._waiting.popleft()
            words: tuple[Word, ...] = ()
            reason = ''
            try:
                if transcriber is None:
                    transcriber = self._load()
                    self.name = transcriber.name
                words = transcriber.words(speech.samples, speech.start)
            except TranscriptError as error:
                reason = str(error)
            except Exception as error:
                # One stretch that the model cannot take is no reason to end.
                reason = f'{type(error).__name__}: {error}'
            with self._changed:
                # Meanwhile it may have been forgotten.
                if self._working is speech:
                    self._working = None
                    if reason:
                        self._give_up(1, reason)
                    else:
                        self._done.append(Turn(speech.start, speech.end, words))
                self._changed.notify_all()
