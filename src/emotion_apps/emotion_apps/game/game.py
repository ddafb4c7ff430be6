# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Facial Emotion Battle: two people, one target emotion a round, and a fair winner.

``IDLE`` -> ``WAITING_PLAYERS`` -> (``COUNTDOWN`` -> ``ROUND`` -> ``ROUND_RESULT``) for each round
-> ``FINAL`` -> ``IDLE``, with ``PAUSED`` while a player is away. A game ends with one declared
outcome: ``finished``, ``abandoned`` (who left did not come back, no two players came, or too few
frames showed both) or ``stopped``.

What is fair here: a frame counts only if both players are seen in it, so both are scored on the
same frames; the score belongs to the person (the track of the face), not to the place in the
picture; places are given anew only between rounds; a round with too few frames is played again.
A frame out of order does not count; a camera that begins anew changes nothing but the tracks,
and those who play are recognised by their places.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from emotion_apps.game import prompts
from emotion_apps.game.events import Event, FrameSeen, Start
from emotion_apps.game.players import Player, Players
from emotion_apps.game.settings import GameSettings
from emotion_apps.game.states import (
    UNDER_WAY,
    GameState,
    Outcome,
    Phase,
    PlayerState,
    RoundResult,
)
from emotion_apps.game.targets import TargetOrder, emotions_of
from emotion_apps.machine import Ended, Entered, Machine, Refused, Reset, Stop, Tick
from emotion_perception.emotions import Emotion
from emotion_perception.timing import Order, TimeLine

REPLAYS = 2
"""How often one round is played again for want of frames before the game is given up."""

TIE_MARGIN = 0.005
"""Means that differ by less are equal: half of what the screen can show."""


class Game(Machine[Event]):
    """The state machine of the game; read :meth:`state` after each event.

    :param settings: the rules; :attr:`settings` may be replaced at any time, rounds, targets and
        seed take effect with the next game.
    """

    def __init__(self, settings: GameSettings | None = None) -> None:
        super().__init__()
        self._settings = settings or GameSettings()
        self._forget()
        self._notices.clear()

    @property
    def settings(self) -> GameSettings:
        """Return the rules."""
        return self._settings

    @settings.setter
    def settings(self, settings: GameSettings) -> None:
        self._settings = self._people.settings = settings

    # What it is.

    @property
    def phase(self) -> Phase:
        """Return the phase."""
        return self._phase

    @property
    def outcome(self) -> Outcome:
        """Return how the last game ended."""
        return self._outcome

    @property
    def reason(self) -> str:
        """Return why the game was given up, in words; '' if it was not."""
        return self._reason

    @property
    def running(self) -> bool:
        """Whether a game is played, or its players are waited for."""
        return self._phase in UNDER_WAY or self._phase == Phase.WAITING_PLAYERS

    def state(self) -> GameState:
        """Return all that a screen needs to draw itself."""
        duration = self._duration()
        return GameState(
            stamp=self._stamp,
            phase=self._phase,
            running=self.running,
            prompt=self._prompt(),
            round=self._round,
            rounds=self._rounds,
            target=self._shown_target(),
            remaining=float(np.maximum(0.0, duration - self._elapsed)),
            duration=duration,
            players=(self._player_state(0), self._player_state(1)),
            ignored=self._people.others(),
            explanation=prompts.explanation(self.settings),
            results=tuple(self._results),
            winner=self._winner(),
            outcome=self._outcome,
        )

    # What happens.

    def _take(self, event: Event, passed: float) -> None:
        self._people.age(passed)
        match event:
            case FrameSeen():
                self._on_frame(event, passed)
            case Tick():
                self._step(passed)
            case Start():
                self._step(passed)
                self._start(event)
            case Stop():
                self._step(passed)
                self._stop()
            case Reset():
                if self.running:
                    self._end(Outcome.STOPPED, 'the game was reset')
                self._forget()

    def _on_frame(self, frame: FrameSeen, passed: float) -> None:
        if self._line.take(frame.stamp * 1e-9) is Order.LATE:
            self._step(passed)
            return
        self._stamp = frame.stamp
        self._people.see(frame.faces, recognise=self._phase in UNDER_WAY)
        self._step(passed)
        self._score()

    def _start(self, plan: Start) -> None:
        if self._phase in UNDER_WAY:
            raise Refused('a game is under way: stop or reset it first')
        settings = replace(
            self.settings,
            rounds=plan.rounds or self.settings.rounds,
            seconds=plan.seconds or self.settings.seconds,
            targets=tuple(plan.targets) or self.settings.targets,
            seed=self.settings.seed if plan.seed is None else max(-1, plan.seed),
        )
        self._clear()
        self._rounds, self._seconds = settings.rounds, settings.seconds
        self._targets = TargetOrder(emotions_of(settings.targets), settings.seed)
        self._patience = plan.patience
        self._enter(Phase.WAITING_PLAYERS)

    def _stop(self) -> None:
        """End the game, keep what was reached for the screen, and be idle."""
        if self.running:
            self._end(Outcome.STOPPED, 'stopped')
        if self._phase != Phase.IDLE:
            self._enter(Phase.IDLE)

    # Phases.

    def _forget(self) -> None:
        """Forget everybody and everything."""
        self._people = Players(self.settings)
        self._line = TimeLine()
        self._stamp = 0
        self._clear()
        self._enter(Phase.IDLE)
        if self.settings.autostart:
            self._start(Start())

    def _clear(self) -> None:
        """Forget the game but not who is in the picture."""
        self._people.forget()
        self._targets = TargetOrder(emotions_of(self.settings.targets), self.settings.seed)
        self._results: list[RoundResult] = []
        self._round = 0
        self._rounds = self.settings.rounds
        self._seconds = self.settings.seconds
        self._target: Emotion | None = None
        self._frames = 0
        self._played_again = 0
        self._patience = 0.0
        self._outcome = Outcome.NONE
        self._reason = ''
        self._notice = ''
        # Where a pause goes on: the phase, and how much of it was over.
        self._paused: tuple[Phase, float] = (Phase.COUNTDOWN, 0.0)

    def _enter(self, phase: Phase, elapsed: float = 0.0) -> None:
        self._phase = phase
        self._elapsed = elapsed
        self._tell(Entered(phase))

    def _end(self, outcome: Outcome, words: str) -> None:
        """Declare the outcome of the game."""
        self._outcome = outcome
        self._tell(Ended(outcome, words))

    def _step(self, passed: float) -> None:
        """Let the phase age, and move on where its time has come."""
        self._elapsed += passed
        over = self._elapsed >= self._duration()
        match self._phase:
            case Phase.WAITING_PLAYERS:
                if self._people.choose():
                    self._next_round()
                elif over:
                    self._give_up('no two players came')
            case Phase.COUNTDOWN:
                if self._people.lost():
                    self._leave_countdown()
                elif over:
                    self._notice = ''
                    self._enter(Phase.ROUND)
            case Phase.ROUND:
                if self._people.lost():
                    self._pause(Phase.ROUND)
                elif over:
                    self._end_round()
            case Phase.PAUSED:
                if self._people.back():
                    self._resume()
                elif over:
                    away = [f'player {number}' for number in self._people.away()]
                    self._give_up(f'{" and ".join(away) or "a player"} did not come back')
            case Phase.ROUND_RESULT if over:
                if self._round < self._rounds:
                    self._next_round()
                else:
                    self._end(Outcome.FINISHED, 'finished')
                    self._enter(Phase.FINAL)
            case Phase.FINAL if over:
                self._enter(Phase.IDLE)
                if self.settings.autostart:
                    self._start(Start())

    def _duration(self) -> float:
        """Return the length of the phase, seconds, or NaN where it has no end of its own."""
        settings = self.settings
        return {
            Phase.WAITING_PLAYERS: self._patience or math.nan,
            Phase.COUNTDOWN: settings.countdown,
            Phase.ROUND: self._seconds,
            Phase.PAUSED: settings.abandon_seconds,
            Phase.ROUND_RESULT: settings.result_seconds,
            Phase.FINAL: settings.final_seconds or math.nan,
        }.get(self._phase, math.nan)

    def _next_round(self) -> None:
        self._round += 1
        self._played_again = 0
        self._target = next(self._targets)
        self._begin_countdown()

    def _begin_countdown(self) -> None:
        if self._people.swap_places():
            # Scores and results go with the person.
            self._results = [_swapped(result) for result in self._results]
            self._notice = 'PLACES SWAPPED: YOUR SCORE GOES WITH YOU'
        self._frames = 0
        for player in self._people.players:
            player.begin_round()
        self._enter(Phase.COUNTDOWN)

    def _leave_countdown(self) -> None:
        """Handle a player who left in the countdown: others may step in before round 1."""
        if self._results or self._played_again:
            self._pause(Phase.COUNTDOWN)
            return
        self._people.forget()
        self._round = 0
        self._target = None
        self._notice = ''
        # The next pair starts with the same first target: a seed gives the same game however
        # often somebody leaves before it begins.
        self._targets.rewind()
        self._enter(Phase.WAITING_PLAYERS)

    def _end_round(self) -> None:
        if self._frames < self.settings.minimum_frames:
            if self._played_again >= REPLAYS:
                self._give_up('too few frames showed both players')
                return
            self._played_again += 1
            self._notice = 'TOO FEW FRAMES OF BOTH: ONCE MORE'
            self._begin_countdown()
            return
        first, second = (self._mean(player) for player in self._people.players)
        winner = 0
        if abs(first - second) >= TIE_MARGIN:
            winner = 1 if first > second else 2
            self._people.players[winner - 1].score += 1
        self._results.append(
            RoundResult(self._round, self._asked, (first, second), self._frames, winner)
        )
        self._enter(Phase.ROUND_RESULT)

    def _pause(self, phase: Phase) -> None:
        self._paused = (phase, self._elapsed)
        self._enter(Phase.PAUSED)

    def _resume(self) -> None:
        phase, elapsed = self._paused
        if phase == Phase.COUNTDOWN:
            self._begin_countdown()
        else:
            self._enter(phase, elapsed)

    def _give_up(self, reason: str) -> None:
        self._reason = reason
        self._end(Outcome.ABANDONED, reason)
        self._enter(Phase.FINAL)

    # Scores.

    def _score(self) -> None:
        """Count the newest frame if it shows both players."""
        if self._phase not in (Phase.COUNTDOWN, Phase.ROUND):
            return
        players = self._people.players
        seen = [
            player.sighting.probabilities
            for player in players
            if player.sighting is not None and player.sighting.probabilities is not None
        ]
        if len(seen) < len(players):
            return
        self._frames += self._phase == Phase.ROUND
        for player, probabilities in zip(players, seen):
            if self._phase == Phase.ROUND:
                player.count(float(probabilities[self._asked]), self._asked, self._stamp)
            elif self.settings.baseline:
                player.count_neutral(probabilities)

    def _baseline(self, player: Player) -> float:
        """Return what is subtracted from a player's mean, or NaN if nothing is."""
        if not self.settings.baseline or self._target is None:
            return math.nan
        return player.neutral(self._target)

    def _mean(self, player: Player) -> float:
        return player.mean(self._frames, self._baseline(player))

    def _winner(self) -> int:
        if self._phase != Phase.FINAL or self._outcome is not Outcome.FINISHED:
            return 0
        first, second = (player.score for player in self._people.players)
        return 0 if first == second else 1 if first > second else 2

    # What is shown.

    @property
    def _asked(self) -> Emotion:
        """Return the target of the round that is under way."""
        if self._target is None:
            raise RuntimeError('no round is under way')
        return self._target

    def _shown_target(self) -> Emotion | None:
        """Return the target, hidden while the neutral face is measured."""
        if self._phase == Phase.COUNTDOWN and self.settings.baseline:
            return None
        return self._target

    def _player_state(self, index: int) -> PlayerState:
        if not self._people.players:
            return PlayerState(index + 1)
        player = self._people.players[index]
        face = player.sighting
        target = self._shown_target()
        live = math.nan
        if face is not None and face.probabilities is not None and target is not None:
            live = float(face.probabilities[target])
        return PlayerState(
            number=index + 1,
            track=player.track,
            present=face is not None,
            box=face.box if face is not None else (0.0, 0.0, 0.0, 0.0),
            live=live,
            mean=self._mean(player),
            baseline=math.nan if target is None else self._baseline(player),
            frames=self._frames,
            score=player.score,
            best=player.best,
            best_target=player.best_target,
            best_stamp=player.best_stamp,
        )

    def _prompt(self) -> str:
        match self._phase:
            case Phase.IDLE:
                stopped = self._outcome is Outcome.STOPPED
                return 'GAME STOPPED' if stopped else 'START A GAME'
            case Phase.WAITING_PLAYERS:
                return prompts.waiting(self._people.faces)
            case Phase.COUNTDOWN:
                calm = 'KEEP A NEUTRAL FACE' if self.settings.baseline else 'GET READY'
                return self._notice or calm
            case Phase.ROUND:
                return prompts.TARGET_PROMPTS[self._asked]
            case Phase.PAUSED:
                away = self._people.away()
                first, second = self._people.players
                return prompts.come_back(away, (away == [1]) == (first.centre < second.centre))
            case Phase.ROUND_RESULT:
                return prompts.won(self._results[-1].winner, 'ROUND')
        if self._outcome is Outcome.ABANDONED:
            return f'GAME GIVEN UP: {self._reason.upper()}'
        return prompts.won(self._winner(), 'GAME')


def _swapped(result: RoundResult) -> RoundResult:
    """Return a result as it reads when the players have changed places."""
    first, second = result.means
    return replace(result, means=(second, first), winner={0: 0, 1: 2, 2: 1}[result.winner])
