"""Facial Emotion Battle: two people, one target emotion a round, and a fair winner.

The engine knows neither ROS nor a clock. Whoever drives it passes the time in, with every frame
(:meth:`Game.observe`) and between frames (:meth:`Game.tick`), at least once a second; only
differences of times count, and a clock that jumps is taken as one that stood still or went on
for a moment.

What is fair here: a frame counts only if both players are seen in it, so both are scored on the
same frames; the score belongs to the person (the track of the face), not to the place in the
picture; places are given anew only between rounds; a round with too few frames is played again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np

from emotion_apps.game.targets import TargetOrder
from emotion_perception.emotions import EMOTIONS, Emotion, emotion_of
from emotion_perception.settings import Settings, setting


class Phase(IntEnum):
    """Where the game stands; the values equal the constants of ``emotion_msgs/GameState``."""

    IDLE = 0
    WAITING_PLAYERS = 1
    COUNTDOWN = 2
    ROUND = 3
    PAUSED = 4
    ROUND_RESULT = 5
    FINAL = 6


UNDER_WAY = frozenset({Phase.COUNTDOWN, Phase.ROUND, Phase.PAUSED, Phase.ROUND_RESULT})
"""Phases of a game that two players have begun and that has not ended."""

FINISHED, ABANDONED, STOPPED = 'finished', 'abandoned', 'stopped'
"""How a game can end."""

# A face that the detector misses for a few frames has not left: shorter gaps than this (seconds)
# do not break the stretch over which a face counts as steadily seen.
_FLICKER = 0.3

# A frame that is so many times later than usual is a picture that stands still.
_LATE = 3.0

# A step of the clock counts for no more than this (seconds): a longer one is a clock that was set.
_LONGEST_STEP = 2.0


@dataclass(frozen=True)
class GameSettings(Settings):
    """Rules of the game."""

    rounds: int = setting(5, 'Rounds of a game.', low=1, high=30, live=True)
    seconds: float = setting(8.0, 'Seconds of a round.', low=1.0, high=120.0, live=True)
    targets: tuple[str, ...] = setting(
        ('Happy', 'Surprise', 'Sad', 'Angry', 'Fear'),
        'Emotions that a round can ask for.',
        live=True,
    )
    seed: int = setting(
        -1,
        'Order of the targets: the same seed gives the same order; '
        'negative for another order in each game.',
        low=-1,
        live=True,
    )
    countdown: float = setting(
        3.0, 'Seconds of the countdown before each round.', low=0.5, high=30.0, live=True
    )
    result_seconds: float = setting(
        4.0, 'Seconds that the result of a round is shown.', low=0.2, high=60.0, live=True
    )
    final_seconds: float = setting(
        15.0,
        'Seconds that the final screen is shown; 0 keeps it until the next start.',
        low=0.0,
        high=600.0,
        live=True,
    )
    stable_seconds: float = setting(
        1.0,
        'Seconds that two faces must be seen before they become the players.',
        low=0.0,
        high=10.0,
        live=True,
    )
    grace_seconds: float = setting(
        1.0,
        'Seconds that a player may be out of sight before the round pauses.',
        low=0.1,
        high=10.0,
        live=True,
    )
    return_seconds: float = setting(
        0.5,
        'Seconds that a player who was lost must be seen again before the game goes on.',
        low=0.0,
        high=10.0,
        live=True,
    )
    abandon_seconds: float = setting(
        20.0,
        'Seconds of a pause after which the game is given up.',
        low=1.0,
        high=600.0,
        live=True,
    )
    patience: float = setting(
        120.0,
        'Seconds that a game asked for by an action goal waits for its players; 0 waits for ever.',
        low=0.0,
        high=3600.0,
        live=True,
    )
    minimum_frames: int = setting(
        10,
        'Frames with both players that a fair round needs; with fewer it is played again.',
        low=1,
        high=1000,
        live=True,
    )
    replays: int = setting(
        2,
        'How often one round is played again for want of frames before the game is given up.',
        low=0,
        high=10,
        live=True,
    )
    tie_margin: float = setting(
        0.005,
        'Means that differ by less are equal: the default is half of what the screen can show.',
        low=0.0,
        high=0.5,
        live=True,
    )
    baseline: bool = setting(
        False,
        "Subtract each player's neutral face, measured in the "
        'countdown, so that a face that always looks a little angry has no '
        'head start.',
        live=True,
    )
    autostart: bool = setting(
        True,
        'Wait for players at once and again after each game; else '
        'only after start or an action goal.',
        live=True,
    )

    def check(self) -> None:
        """Check what must hold between the values."""
        emotions_of(self.targets)


def emotions_of(names: Sequence[str]) -> tuple[Emotion, ...]:
    """Return the classes that a list of target names stands for, without doubles.

    :raises ValueError: if the list is empty or a name is not one of the six classes.
    """
    emotions = []
    for name in names:
        emotion = emotion_of(name)
        if emotion is None:
            raise ValueError(f'{name!r} is not a target; allowed: {list(EMOTIONS)}')
        if emotion not in emotions:
            emotions.append(emotion)
    if not emotions:
        raise ValueError(f'no target named; allowed: {list(EMOTIONS)}')
    return tuple(emotions)


@dataclass(frozen=True)
class Sighting:
    """One face of one frame.

    :param track: id of the tracked face.
    :param box: x, y, width, height in pixels.
    :param probabilities: of the six classes, or ``None`` if the model abstained.
    """

    track: str
    box: tuple[float, float, float, float]
    probabilities: np.ndarray | None

    @property
    def centre(self) -> float:
        """Return the horizontal middle of the face, pixels."""
        return self.box[0] + self.box[2] / 2


@dataclass(frozen=True)
class PlayerState:
    """One player, as screens and messages show it; see ``emotion_msgs/PlayerState``."""

    number: int
    track: str = ''
    present: bool = False
    box: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    live: float = math.nan
    mean: float = math.nan
    baseline: float = math.nan
    frames: int = 0
    score: int = 0
    best: float = math.nan
    best_target: Emotion | None = None
    best_stamp: int = 0


@dataclass(frozen=True)
class RoundResult:
    """How one round (from 1) ended: target, both means, frames scored, winner (0: tie)."""

    round: int
    target: Emotion
    means: tuple[float, float]
    frames: int
    winner: int


@dataclass(frozen=True)
class GameState:
    """All that a screen needs; field by field ``emotion_msgs/GameState``.

    ``stamp`` is the acquisition time of the newest frame, nanoseconds (0 before the first);
    ``remaining`` and ``duration`` are seconds, NaN where a phase has no end of its own.
    """

    stamp: int
    phase: Phase
    running: bool
    prompt: str
    round: int
    rounds: int
    target: Emotion | None
    remaining: float
    duration: float
    players: tuple[PlayerState, PlayerState]
    ignored: tuple[str, ...]
    explanation: str
    results: tuple[RoundResult, ...]
    winner: int
    outcome: str


@dataclass
class _Player:
    """What the game knows about one person."""

    track: str
    centre: float
    sighting: Sighting | None = None
    missing: float = 0.0
    total: float = 0.0
    neutral_total: np.ndarray = field(default_factory=lambda: np.zeros(len(EMOTIONS)))
    neutral_frames: int = 0
    score: int = 0
    best: float = math.nan
    best_target: Emotion | None = None
    best_stamp: int = 0
    # Tracks seen in one frame together with this person: none of them can be this person.
    others: set[str] = field(default_factory=set)

    def neutral(self, target: Emotion) -> float:
        """Return the probability of the target in the neutral face, or NaN if unmeasured.

        For the target Neutral there is none: the neutral face is what the round asks for.
        """
        if not self.neutral_frames or target == Emotion.NEUTRAL:
            return math.nan
        return float(self.neutral_total[target] / self.neutral_frames)


@dataclass
class _Seen:
    """Since when, and when last, a track was seen (engine time, seconds)."""

    first: float
    last: float


class Game:
    """The state machine of the game.

    Drive it with :meth:`observe` and :meth:`tick`; read :meth:`state` after either.

    :param settings: the rules; :attr:`settings` may be replaced at any time, rounds, targets and
        seed take effect with the next game.
    """

    def __init__(self, settings: GameSettings | None = None) -> None:
        self.settings = settings or GameSettings()
        self.reset()

    # Commands

    def reset(self) -> None:
        """Forget players, scores and results, and be as after construction."""
        self._time: float | None = None
        self._clock = 0.0
        # When the newest frame came (engine time), and the usual time between two frames.
        self._frame_clock = 0.0
        self._interval = 0.0
        self._seen: dict[str, _Seen] = {}
        self._present: dict[str, Sighting] = {}
        self._stamp = 0
        self._enter(Phase.IDLE)
        self._clear('')
        if self.settings.autostart:
            self.start()

    def start(
        self,
        *,
        rounds: int = 0,
        seconds: float = 0.0,
        targets: Sequence[str] = (),
        seed: int | None = None,
        patience: float = 0.0,
    ) -> None:
        """Begin a new game: wait for two players.

        :param rounds: number of rounds, 0 for that of the settings; the same holds for
            ``seconds`` of a round and ``targets``.
        :param seed: order of the targets, negative for a random one; ``None`` for the settings'.
        :param patience: seconds to wait for players; 0 for ever.
        :raises RuntimeError: if a game is under way: stop it first.
        :raises ValueError: if a value is out of its range, naming it.
        """
        if self._phase in UNDER_WAY:
            raise RuntimeError('a game is under way: stop or reset it first')
        plan = replace(
            self.settings,
            rounds=rounds or self.settings.rounds,
            seconds=seconds or self.settings.seconds,
            targets=tuple(targets) or self.settings.targets,
            seed=self.settings.seed if seed is None else max(-1, seed),
        )
        self._clear('')
        self._rounds, self._seconds = plan.rounds, plan.seconds
        self._targets = TargetOrder(emotions_of(plan.targets), plan.seed)
        self._patience = patience
        self._enter(Phase.WAITING_PLAYERS)

    def stop(self) -> None:
        """End the game, keep what was reached for the screen, and be idle."""
        if self._phase == Phase.IDLE:
            return
        if self._phase != Phase.FINAL:
            self._outcome = STOPPED
        self._enter(Phase.IDLE)

    # Input

    def observe(self, time: float, faces: Sequence[Sighting], stamp: int = 0) -> None:
        """Take in one frame.

        :param time: now, seconds of any clock.
        :param faces: every tracked face of the frame.
        :param stamp: acquisition time of the frame, nanoseconds.
        """
        step = self._advance(time)
        self._interval += 0.2 * (self._clock - self._frame_clock - self._interval)
        self._frame_clock = self._clock
        self._stamp = stamp
        self._present = {face.track: face for face in faces}
        self._watch()
        self._find_players()
        self._step(step)
        self._score()

    def tick(self, time: float) -> None:
        """Let time pass without a frame; a picture that stops is a picture without players."""
        self._step(self._advance(time))

    # Output

    @property
    def phase(self) -> Phase:
        """Return the phase."""
        return self._phase

    @property
    def outcome(self) -> str:
        """Return how the last game ended: '' (none yet), finished, abandoned or stopped."""
        return self._outcome

    @property
    def reason(self) -> str:
        """Return why the game was given up, in words; '' if it was not."""
        return self._reason

    def state(self) -> GameState:
        """Return all that a screen needs to draw itself."""
        duration = self._duration()
        results = tuple(self._results)
        return GameState(
            stamp=self._stamp,
            phase=self._phase,
            running=self._phase in UNDER_WAY or self._phase == Phase.WAITING_PLAYERS,
            prompt=self._prompt(),
            round=self._round,
            rounds=self._rounds,
            target=self._shown_target(),
            remaining=float(np.maximum(0.0, duration - self._elapsed)),
            duration=duration,
            players=(self._player_state(0), self._player_state(1)),
            ignored=self._ignored(),
            explanation=self._explanation(),
            results=results,
            winner=self._winner(),
            outcome=self._outcome,
        )

    # Time and phases

    def _advance(self, time: float) -> float:
        """Move the engine's clock to ``time`` and return the step, seconds, 0 or more."""
        step = 0.0 if self._time is None else min(_LONGEST_STEP, max(0.0, time - self._time))
        self._time = time
        self._clock += step
        for player in self._players:
            player.missing += step
            if self._is_lost(player):
                player.sighting = None
        return step

    def _enter(self, phase: Phase, elapsed: float = 0.0) -> None:
        self._phase = phase
        self._elapsed = elapsed

    def _clear(self, outcome: str) -> None:
        """Forget the game but not who is in the picture."""
        self._players: list[_Player] = []
        self._results: list[RoundResult] = []
        self._round = 0
        self._rounds = self.settings.rounds
        self._seconds = self.settings.seconds
        self._target: Emotion | None = None
        self._frames = 0
        self._played_again = 0
        self._patience = 0.0
        self._outcome = outcome
        self._reason = ''
        self._notice = ''
        # Where a pause goes on: the phase, and how much of it was over.
        self._paused: tuple[Phase, float] = (Phase.COUNTDOWN, 0.0)

    def _step(self, step: float) -> None:
        """Let the phase age by ``step`` seconds and move on where its time has come."""
        self._elapsed += step
        settings = self.settings
        over = self._elapsed >= self._duration()
        if self._phase == Phase.WAITING_PLAYERS:
            self._wait_for_players(over)
        elif self._phase == Phase.COUNTDOWN:
            if self._lost():
                self._leave_countdown()
            elif over:
                self._begin_round()
        elif self._phase == Phase.ROUND:
            if self._lost():
                self._pause(Phase.ROUND)
            elif over:
                self._end_round()
        elif self._phase == Phase.PAUSED:
            if all(
                player.sighting is not None and self._steady(player.track, settings.return_seconds)
                for player in self._players
            ):
                self._resume()
            elif over:
                self._give_up(f'{self._who(self._away())} did not come back')
        elif self._phase == Phase.ROUND_RESULT and over:
            if self._round < self._rounds:
                self._next_round()
            else:
                self._outcome = FINISHED
                self._enter(Phase.FINAL)
        elif self._phase == Phase.FINAL and over:
            self._enter(Phase.IDLE)
            if settings.autostart:
                self.start()

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

    def _wait_for_players(self, over: bool) -> None:
        steady = [
            face
            for face in self._present.values()
            if self._steady(face.track, self.settings.stable_seconds)
        ]
        if len(steady) >= 2:
            steady.sort(key=lambda face: face.centre)
            self._players = [
                _Player(face.track, face.centre, face) for face in (steady[0], steady[-1])
            ]
            self._find_players()
            self._next_round()
        elif over:
            self._give_up('no two players came')

    def _next_round(self) -> None:
        self._round += 1
        self._played_again = 0
        self._target = next(self._targets)
        self._begin_countdown()

    def _begin_countdown(self) -> None:
        self._give_places()
        self._frames = 0
        for player in self._players:
            player.total = 0.0
        self._enter(Phase.COUNTDOWN)

    def _leave_countdown(self) -> None:
        """Handle a player who left in the countdown: others may step in before round 1."""
        if self._results or self._played_again:
            self._pause(Phase.COUNTDOWN)
            return
        self._players = []
        self._round = 0
        self._target = None
        self._notice = ''
        # The next pair starts with the same first target: a seed gives the same game however
        # often somebody leaves before it begins.
        self._targets.rewind()
        self._enter(Phase.WAITING_PLAYERS)

    def _begin_round(self) -> None:
        self._notice = ''
        self._enter(Phase.ROUND)

    def _end_round(self) -> None:
        if self._frames < self.settings.minimum_frames:
            if self._played_again >= self.settings.replays:
                self._give_up('too few frames showed both players')
                return
            self._played_again += 1
            self._notice = 'TOO FEW FRAMES OF BOTH: ONCE MORE'
            self._begin_countdown()
            return
        means = (self._mean(self._players[0]), self._mean(self._players[1]))
        winner = 0
        if abs(means[0] - means[1]) >= max(self.settings.tie_margin, 1e-9):
            winner = 1 if means[0] > means[1] else 2
            self._players[winner - 1].score += 1
        self._results.append(RoundResult(self._round, self._target, means, self._frames, winner))
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
        self._outcome = ABANDONED
        self._reason = reason
        self._enter(Phase.FINAL)

    # Who is who

    def _watch(self) -> None:
        """Note since when each face has been seen without a gap."""
        # A face missing from this frame is forgotten once the gap is no flicker any more. Gaps
        # between frames do not count: a slow camera is not a face that comes and goes.
        self._seen = {
            track: seen
            for track, seen in self._seen.items()
            if track in self._present or self._clock - seen.last <= _FLICKER
        }
        for track in self._present:
            self._seen.setdefault(track, _Seen(self._clock, self._clock)).last = self._clock

    def _steady(self, track: str, seconds: float) -> bool:
        """Say whether a face is in the newest frame and has been seen for ``seconds``.

        Time counts from frame to frame, so that a picture that stands still proves nothing.
        """
        seen = self._seen.get(track)
        return track in self._present and seen is not None and seen.last - seen.first >= seconds

    def _find_players(self) -> None:
        """Find the players in the newest frame, by track, else by the place they left."""
        if self._phase in UNDER_WAY:
            self._recognise_returning()
        for player in self._players:
            face = self._present.get(player.track)
            player.sighting = face
            if face is not None:
                player.missing = 0.0
                player.centre = face.centre
                player.others.update(track for track in self._present if track != player.track)

    def _recognise_returning(self) -> None:
        """Give a lost player's place to the one new face that can be that player.

        After a long loss the tracker gives a person a new id. A face qualifies if it is steadily
        seen, was never seen in one frame with the lost player, and stands on the side of the
        other player where the lost one stood. Where two could be meant, nobody is chosen.
        """
        lost = [player for player in self._players if player.track not in self._present]
        tracks = {player.track for player in self._players}
        new = [
            face
            for face in self._present.values()
            if face.track not in tracks
            and self._steady(face.track, self.settings.return_seconds)
            and not any(face.track in player.others for player in lost)
        ]
        if len(lost) == 1:
            missing = lost[0]
            other = next(player for player in self._players if player is not missing)
            left = missing.centre < other.centre
            here = self._present[other.track].centre
            new = [face for face in new if (face.centre < here) == left]
        if lost and len(new) == len(lost):
            # Left to right: a place in the picture is all that tells two strangers apart.
            lost.sort(key=lambda player: player.centre)
            for player, face in zip(lost, sorted(new, key=lambda face: face.centre)):
                player.track = face.track

    def _give_places(self) -> None:
        """Make the leftmost player number 1 again; scores and results go with the person."""
        first, second = self._players
        if first.centre <= second.centre:
            return
        self._players = [second, first]
        self._results = [
            replace(
                result,
                means=(result.means[1], result.means[0]),
                winner={0: 0, 1: 2, 2: 1}[result.winner],
            )
            for result in self._results
        ]
        self._notice = 'PLACES SWAPPED: YOUR SCORE GOES WITH YOU'

    def _lost(self) -> bool:
        """Say whether a player has been out of sight for longer than the grace time."""
        return any(self._is_lost(player) for player in self._players)

    def _is_lost(self, player: _Player) -> bool:
        grace = self.settings.grace_seconds
        if player.track in self._present:
            # Seen in the newest frame: only a picture that stands still can have lost this
            # player, and on a slow machine the next frame may take longer than the grace time.
            grace = max(grace, _LATE * self._interval)
        return player.missing > grace

    def _away(self) -> list[int]:
        """Return the numbers of the players who are not seen."""
        return [
            number for number, player in enumerate(self._players, 1) if player.sighting is None
        ]

    @staticmethod
    def _who(numbers: list[int]) -> str:
        return ' and '.join(f'player {number}' for number in numbers) or 'a player'

    def _ignored(self) -> tuple[str, ...]:
        if not self._players:
            return ()
        tracks = {player.track for player in self._players}
        return tuple(sorted(track for track in self._present if track not in tracks))

    # Scores

    def _score(self) -> None:
        """Count the newest frame if it shows both players."""
        if self._phase not in (Phase.COUNTDOWN, Phase.ROUND):
            return
        faces = [player.sighting for player in self._players]
        if any(face is None or face.probabilities is None for face in faces):
            return
        if self._phase == Phase.COUNTDOWN:
            if self.settings.baseline:
                for player, face in zip(self._players, faces):
                    player.neutral_total = player.neutral_total + face.probabilities
                    player.neutral_frames += 1
            return
        self._frames += 1
        for player, face in zip(self._players, faces):
            value = float(face.probabilities[self._target])
            player.total += value
            if not value <= player.best:
                player.best, player.best_target = value, self._target
                player.best_stamp = self._stamp

    def _baseline(self, player: _Player) -> float:
        """Return what is subtracted from a player's mean, or NaN if nothing is."""
        if not self.settings.baseline or self._target is None:
            return math.nan
        return player.neutral(self._target)

    def _mean(self, player: _Player) -> float:
        if not self._frames:
            return math.nan
        mean = player.total / self._frames
        baseline = self._baseline(player)
        return mean if math.isnan(baseline) else max(0.0, mean - baseline)

    def _winner(self) -> int:
        if self._phase != Phase.FINAL or self._outcome != FINISHED:
            return 0
        first, second = (player.score for player in self._players)
        return 0 if first == second else 1 if first > second else 2

    # What is shown

    def _shown_target(self) -> Emotion | None:
        """Return the target, hidden while the neutral face is measured."""
        if self._phase == Phase.COUNTDOWN and self.settings.baseline:
            return None
        return self._target

    def _player_state(self, index: int) -> PlayerState:
        if not self._players:
            return PlayerState(index + 1)
        player = self._players[index]
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
        if self._phase == Phase.IDLE:
            return 'GAME STOPPED' if self._outcome == STOPPED else 'START A GAME'
        if self._phase == Phase.WAITING_PLAYERS:
            return {0: 'TWO PLAYERS WANTED', 1: 'ONE MORE PLAYER WANTED'}.get(
                len(self._present), 'HOLD STILL, BOTH OF YOU'
            )
        if self._phase == Phase.COUNTDOWN:
            calm = 'KEEP A NEUTRAL FACE' if self.settings.baseline else 'GET READY'
            return self._notice or calm
        if self._phase == Phase.ROUND:
            return TARGET_PROMPTS[self._target]
        if self._phase == Phase.PAUSED:
            return self._pause_prompt()
        if self._phase == Phase.ROUND_RESULT:
            winner = self._results[-1].winner
            return f'PLAYER {winner} WINS THE ROUND' if winner else 'THE ROUND IS A TIE'
        if self._outcome == ABANDONED:
            return f'GAME GIVEN UP: {self._reason.upper()}'
        winner = self._winner()
        return f'PLAYER {winner} WINS THE GAME' if winner else 'THE GAME IS A TIE'

    def _pause_prompt(self) -> str:
        away = self._away()
        if len(away) == 1:
            missing, other = self._players[away[0] - 1], self._players[2 - away[0]]
            side = 'LEFT' if missing.centre < other.centre else 'RIGHT'
            return f'PLAYER {away[0]}, COME BACK ON THE {side}'
        return 'BOTH PLAYERS, COME BACK' if away else 'GOING ON'

    def _explanation(self) -> str:
        less = ", less each player's own neutral face" if self.settings.baseline else ''
        return (
            f'Score: mean confidence in the target over all frames that show both players'
            f'{less}. The higher mean takes the round.'
        )


TARGET_PROMPTS: dict[Emotion, str] = {
    Emotion.ANGRY: 'FROWN, PRESS YOUR LIPS, GLARE',
    Emotion.FEAR: 'EYES WIDE, MOUTH TENSE: A GHOST!',
    Emotion.HAPPY: 'SMILE AS WIDE AS YOU CAN',
    Emotion.NEUTRAL: 'RELAX: SHOW NOTHING AT ALL',
    Emotion.SAD: 'CORNERS DOWN, BROWS UP: YOUR ICE CREAM FELL',
    Emotion.SURPRISE: 'MOUTH OPEN, BROWS UP: NO WAY!',
}
"""What a round asks the players to do."""
