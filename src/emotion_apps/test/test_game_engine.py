# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Every rule of the game, with its hard cases, at the engine."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from emotion_apps.game.events import Event, FrameSeen, Start
from emotion_apps.game.game import Game
from emotion_apps.game.prompts import TARGET_PROMPTS
from emotion_apps.game.settings import GameSettings
from emotion_apps.game.states import Outcome, Phase, Sighting
from emotion_apps.game.targets import TargetOrder
from emotion_apps.machine import Notice, Refused, Reset, Stop, Tick
from emotion_perception.emotions import Emotion

FPS = 20.0
LEFT, MIDDLE, RIGHT = 50.0, 250.0, 450.0
RULES = {
    'rounds': 2,
    'seconds': 2.0,
    'targets': ('Happy', 'Angry'),
    'seed': 1,
    'countdown': 1.0,
    'result_seconds': 0.5,
    'final_seconds': 0.0,
    'stable_seconds': 0.5,
    'grace_seconds': 0.5,
    'abandon_seconds': 3.0,
}


def face(track: str, x: float, value: float | None = 0.5) -> Sighting:
    """Return a face whose six probabilities are all ``value`` (the engine reads one of them)."""
    probabilities = None if value is None else np.full(6, value, np.float32)
    return Sighting(track, (x, 100.0, 80.0, 100.0), probabilities)


class Table:
    """A game with a clock: shows it the same faces frame after frame."""

    def __init__(self, fps: float = FPS, **rules) -> None:
        self.game = Game(GameSettings(**{**RULES, **rules}))
        self.now = 100.0
        self.fps = fps

    @property
    def state(self):
        return self.game.state()

    def do(self, event: Event) -> list[Notice]:
        return self.game.handle(event, self.now)

    def show(self, *faces: Sighting, seconds: float = 0.0, frames: int = 1) -> None:
        for _ in range(max(frames, round(seconds * self.fps))):
            self.now += 1 / self.fps
            self.do(FrameSeen(faces, round(self.now * 1e9)))

    def until(self, phase: Phase, *faces: Sighting, limit: float = 30.0):
        """Show the faces until the phase is reached; return the state."""
        for _ in range(round(limit * self.fps)):
            if self.game.phase == phase:
                return self.state
            self.show(*faces)
        raise AssertionError(f'{self.game.phase.name} after {limit} s, not {phase.name}')

    def rest(self, seconds: float) -> None:
        """Let time pass without frames."""
        for _ in range(round(seconds * 10)):
            self.now += 0.1
            self.do(Tick())


A, B = face('face_1', LEFT, 0.8), face('face_2', RIGHT, 0.3)


def test_game_waits_until_two_faces_are_stable():
    table = Table()
    table.show(A, seconds=3.0)
    assert table.state.phase == Phase.WAITING_PLAYERS
    assert table.state.prompt == 'ONE MORE PLAYER WANTED'
    table.show(A, B, seconds=0.4)
    assert table.state.phase == Phase.WAITING_PLAYERS
    table.show(A, B, seconds=0.2)
    assert table.state.phase == Phase.COUNTDOWN


def test_a_face_that_comes_and_goes_is_not_stable():
    table = Table()
    for _ in range(5):
        table.show(A, B, seconds=0.4)
        table.show(A, seconds=0.4)
    assert table.state.phase == Phase.WAITING_PLAYERS


def test_one_missed_frame_does_not_make_a_face_unstable():
    table = Table()
    table.show(A, B, seconds=0.3)
    table.show(A)
    table.show(A, B, seconds=0.3)
    assert table.state.phase == Phase.COUNTDOWN


def test_a_picture_that_stands_still_does_not_make_faces_stable():
    table = Table()
    table.show(A, B)
    table.rest(5.0)
    assert table.state.phase == Phase.WAITING_PLAYERS


def test_a_slow_camera_still_gives_stable_faces():
    table = Table(fps=2.0, grace_seconds=1.0, minimum_frames=3)
    assert table.until(Phase.ROUND_RESULT, A, B).results[0].frames == 4


def test_a_camera_slower_than_the_grace_time_does_not_pause_the_round():
    table = Table(grace_seconds=0.5, seconds=8.0, minimum_frames=3, countdown=2.0)
    for _ in range(20):
        table.show(A, B)
        table.rest(0.9)
        assert table.state.phase != Phase.PAUSED
    assert table.state.results[0].frames == pytest.approx(8, abs=1)


def test_leftmost_is_player_1_and_rightmost_player_2():
    table = Table()
    state = table.until(Phase.COUNTDOWN, face('face_9', RIGHT), face('face_4', LEFT))
    assert [player.track for player in state.players] == ['face_4', 'face_9']
    assert [player.number for player in state.players] == [1, 2]


def test_of_three_stable_faces_the_outer_two_play_and_the_third_is_shown_as_ignored():
    table = Table()
    state = table.until(Phase.COUNTDOWN, A, face('face_7', MIDDLE), B)
    assert [player.track for player in state.players] == ['face_1', 'face_2']
    assert state.ignored == ('face_7',)


def test_whole_game_ends_with_the_winner():
    table = Table()
    state = table.until(Phase.FINAL, A, B)
    assert state.outcome == Outcome.FINISHED
    assert state.winner == 1
    assert [player.score for player in state.players] == [2, 0]
    assert len(state.results) == 2
    for result in state.results:
        assert result.winner == 1
        assert result.means == pytest.approx((0.8, 0.3))
        assert result.frames == pytest.approx(2.0 * FPS, abs=1)
    assert state.prompt == 'PLAYER 1 WINS THE GAME'


def test_countdown_and_round_last_as_long_as_set():
    table = Table()
    table.until(Phase.COUNTDOWN, A, B)
    begin = table.now
    table.until(Phase.ROUND, A, B)
    assert table.now - begin == pytest.approx(1.0, abs=1.5 / FPS)
    begin = table.now
    assert table.state.duration == 2.0
    table.show(A, B, seconds=0.5)
    assert table.state.remaining == pytest.approx(1.5, abs=1e-6)
    table.until(Phase.ROUND_RESULT, A, B)
    assert table.now - begin == pytest.approx(2.0, abs=1.5 / FPS)


def test_time_passes_without_frames_too():
    table = Table(grace_seconds=10.0)
    table.until(Phase.COUNTDOWN, A, B)
    table.rest(1.1)
    assert table.state.phase == Phase.ROUND


def test_a_clock_that_jumps_back_stands_still():
    table = Table()
    table.until(Phase.ROUND, A, B)
    remaining = table.state.remaining
    table.now -= 50.0
    table.show(A, B)
    assert table.state.remaining == remaining
    table.show(A, B, seconds=0.5)
    assert table.state.remaining == pytest.approx(remaining - 0.5)


def test_a_clock_that_jumps_ahead_does_not_end_the_round():
    table = Table(seconds=8.0)
    table.until(Phase.ROUND, A, B)
    table.now += 1e9
    table.show(A, B)
    assert table.state.phase == Phase.ROUND


def test_live_value_is_that_of_the_newest_frame_for_the_target():
    table = Table(targets=('Happy',))
    table.until(Phase.ROUND, A, B)
    smile = np.zeros(6, np.float32)
    smile[Emotion.HAPPY] = 0.9
    table.show(Sighting('face_1', (LEFT, 0, 80, 100), smile), B)
    players = table.state.players
    assert players[0].live == pytest.approx(0.9)
    assert players[1].live == pytest.approx(0.3)


def test_players_are_scored_on_the_same_frames():
    table = Table()
    table.until(Phase.ROUND, A, B)
    before = table.state.players[0].frames
    # Player 1 alone shows 1.0: it must not count, as player 2 had no chance to answer.
    table.show(face('face_1', LEFT, 1.0), seconds=0.3)
    state = table.state
    assert state.players[0].frames == state.players[1].frames == before
    assert state.players[0].mean == pytest.approx(0.8)
    assert state.players[0].live == pytest.approx(1.0)
    assert math.isnan(state.players[1].live)


def test_a_face_without_a_prediction_is_present_but_not_scored():
    table = Table()
    table.until(Phase.ROUND, A, B)
    before = table.state.players[0].frames
    table.show(A, face('face_2', RIGHT, None), seconds=1.0)
    state = table.state
    assert state.phase == Phase.ROUND
    assert state.players[1].present
    assert state.players[0].frames == before


def test_a_short_absence_does_not_pause_the_round():
    table = Table()
    table.until(Phase.ROUND, A, B)
    table.show(A, seconds=0.4)
    assert table.state.phase == Phase.ROUND
    assert table.until(Phase.ROUND_RESULT, A, B).results[0].frames < 2.0 * FPS - 5


def test_a_player_who_leaves_pauses_the_round_and_resumes_it_on_return():
    table = Table()
    table.until(Phase.ROUND, A, B)
    table.show(A, B, seconds=0.5)
    state = table.until(Phase.PAUSED, A)
    assert state.prompt == 'PLAYER 2, COME BACK ON THE RIGHT'
    assert not state.players[1].present
    frames = state.players[0].frames
    table.show(A, seconds=1.0)
    table.show(A, B)
    assert table.state.phase == Phase.PAUSED
    state = table.until(Phase.ROUND, A, B)
    # Half a second of play and the grace time are over; the pause itself cost nothing.
    assert state.remaining == pytest.approx(2.0 - 0.5 - 0.5, abs=3 / FPS)
    assert state.players[0].frames == pytest.approx(frames, abs=2)
    assert table.until(Phase.ROUND_RESULT, A, B).results[0].winner == 1


def test_a_player_who_does_not_come_back_ends_the_game_as_abandoned():
    table = Table()
    table.until(Phase.ROUND, A, B)
    state = table.until(Phase.FINAL, A)
    assert state.outcome == Outcome.ABANDONED
    assert state.winner == 0
    assert table.game.reason == 'player 2 did not come back'
    assert state.results == ()


def test_a_camera_that_stops_pauses_the_round_and_at_last_ends_the_game():
    table = Table()
    table.until(Phase.ROUND, A, B)
    table.rest(1.0)
    assert table.state.phase == Phase.PAUSED
    assert not any(player.present for player in table.state.players)
    table.rest(3.1)
    assert table.state.outcome == Outcome.ABANDONED


def test_leaving_before_round_1_lets_others_step_in():
    table = Table()
    first = table.until(Phase.COUNTDOWN, A, B).target
    table.until(Phase.WAITING_PLAYERS, A)
    state = table.until(Phase.COUNTDOWN, A, face('face_8', RIGHT))
    assert [player.track for player in state.players] == ['face_1', 'face_8']
    assert (state.round, state.target) == (1, first)


def test_leaving_between_rounds_pauses_and_begins_the_countdown_anew():
    table = Table()
    table.until(Phase.ROUND_RESULT, A, B)
    state = table.until(Phase.PAUSED, A)
    assert (state.round, state.players[0].score) == (2, 1)
    state = table.until(Phase.COUNTDOWN, A, B)
    assert state.remaining == pytest.approx(1.0)
    assert state.round == 2


def test_swapping_places_in_a_round_keeps_the_score_with_the_person():
    table = Table()
    table.until(Phase.ROUND, A, B)
    table.show(A, B, seconds=1.0)
    swapped = face('face_1', RIGHT, 0.8), face('face_2', LEFT, 0.3)
    state = table.until(Phase.ROUND_RESULT, *swapped)
    assert [player.track for player in state.players] == ['face_1', 'face_2']
    assert state.results[0].winner == 1
    assert state.results[0].means == pytest.approx((0.8, 0.3))
    # Between rounds the leftmost becomes player 1 again and takes the score along.
    state = table.until(Phase.COUNTDOWN, *swapped)
    assert [player.track for player in state.players] == ['face_2', 'face_1']
    assert [player.score for player in state.players] == [0, 1]
    assert state.results[0].winner == 2
    assert state.results[0].means == pytest.approx((0.3, 0.8))
    assert state.prompt == 'PLACES SWAPPED: YOUR SCORE GOES WITH YOU'
    assert table.until(Phase.FINAL, *swapped).winner == 2


def test_a_third_person_who_walks_through_changes_nothing():
    table = Table()
    table.until(Phase.ROUND, A, B)
    for x in np.linspace(-50, 600, 20):
        table.show(A, face('face_5', float(x), 1.0), B)
        assert table.state.ignored == ('face_5',)
    state = table.until(Phase.ROUND_RESULT, A, B)
    assert state.results[0].means == pytest.approx((0.8, 0.3))
    assert state.ignored == ()


def test_a_third_person_seen_beside_a_player_cannot_take_that_players_place():
    table = Table()
    table.until(Phase.ROUND, A, B)
    table.show(A, B, face('face_5', 500.0), seconds=0.2)
    state = table.until(Phase.PAUSED, A, face('face_5', RIGHT))
    table.show(A, face('face_5', RIGHT), seconds=1.0)
    state = table.state
    assert state.phase == Phase.PAUSED
    assert state.players[1].track == 'face_2'
    assert state.ignored == ('face_5',)


def test_a_returning_player_with_a_new_track_gets_the_place_back():
    table = Table()
    table.until(Phase.ROUND, A, B)
    table.show(A, B, seconds=1.0)
    table.until(Phase.PAUSED, A)
    back = face('face_6', RIGHT, 0.3)
    state = table.until(Phase.ROUND, A, back)
    assert state.players[1].track == 'face_6'
    state = table.until(Phase.FINAL, A, back)
    assert state.outcome == Outcome.FINISHED
    assert state.results[0].means == pytest.approx((0.8, 0.3))


def test_a_new_face_on_the_other_side_is_not_taken_for_the_lost_player():
    table = Table()
    table.until(Phase.ROUND, face('face_1', MIDDLE), B)
    table.until(Phase.PAUSED, face('face_1', MIDDLE))
    table.show(face('face_1', MIDDLE), face('face_6', LEFT), seconds=1.0)
    assert table.state.phase == Phase.PAUSED
    assert table.state.players[1].track == 'face_2'


def test_two_new_faces_on_that_side_are_not_taken_for_the_lost_player():
    table = Table()
    table.until(Phase.ROUND, A, B)
    table.until(Phase.PAUSED, A)
    table.show(A, face('face_6', MIDDLE), face('face_7', RIGHT), seconds=1.0)
    assert table.state.phase == Phase.PAUSED
    assert table.until(Phase.ROUND, A, face('face_7', RIGHT)).players[1].track == 'face_7'


def test_both_players_returning_with_new_tracks_get_their_places_back():
    table = Table()
    table.until(Phase.ROUND_RESULT, A, B)
    table.until(Phase.PAUSED)
    state = table.until(Phase.COUNTDOWN, face('face_11', RIGHT, 0.3), face('face_10', LEFT, 0.8))
    assert [player.track for player in state.players] == ['face_10', 'face_11']
    assert [player.score for player in state.players] == [1, 0]


def test_a_track_that_changes_within_the_grace_time_does_not_pause_the_round():
    table = Table(grace_seconds=1.0)
    table.until(Phase.ROUND, A, B)
    renamed = face('face_6', RIGHT, 0.3)
    for _ in range(round(1.0 * FPS)):
        table.show(A, renamed)
        assert table.state.phase == Phase.ROUND
    assert table.state.players[1].track == 'face_6'


def test_equal_means_are_a_tie_and_nobody_scores():
    table = Table()
    state = table.until(Phase.ROUND_RESULT, face('face_1', LEFT, 0.5), face('face_2', RIGHT, 0.5))
    assert state.results[0].winner == 0
    assert [player.score for player in state.players] == [0, 0]
    assert state.prompt == 'THE ROUND IS A TIE'


def test_means_nobody_could_tell_apart_on_the_screen_are_a_tie():
    table = Table()
    state = table.until(
        Phase.ROUND_RESULT, face('face_1', LEFT, 0.5), face('face_2', RIGHT, 0.503)
    )
    assert state.results[0].winner == 0


def test_a_difference_that_the_screen_can_show_wins():
    table = Table()
    state = table.until(
        Phase.ROUND_RESULT, face('face_1', LEFT, 0.5), face('face_2', RIGHT, 0.506)
    )
    assert state.results[0].winner == 2


def test_a_game_of_equal_scores_is_named_a_tie():
    table = Table()
    table.until(Phase.ROUND_RESULT, A, B)
    table.until(Phase.COUNTDOWN, A, B)
    state = table.until(Phase.FINAL, face('face_1', LEFT, 0.2), face('face_2', RIGHT, 0.7))
    assert [player.score for player in state.players] == [1, 1]
    assert state.winner == 0
    assert state.prompt == 'THE GAME IS A TIE'


def test_a_round_with_too_few_frames_is_played_again_with_the_same_target():
    table = Table(minimum_frames=15)
    target = table.until(Phase.ROUND, A, B).target
    # One of them is always away, but never for as long as the grace time.
    for _ in range(6):
        table.show(A, seconds=0.2)
        table.show(B, seconds=0.2)
    state = table.state
    assert state.phase == Phase.COUNTDOWN
    assert (state.round, state.target, state.results) == (1, target, ())
    assert state.prompt == 'TOO FEW FRAMES OF BOTH: ONCE MORE'
    state = table.until(Phase.ROUND_RESULT, A, B)
    assert state.results[0].round == 1
    assert state.results[0].frames == pytest.approx(2.0 * FPS, abs=1)


def test_a_round_that_never_gets_enough_frames_ends_the_game():
    table = Table(minimum_frames=100)
    state = table.until(Phase.FINAL, A, B)
    assert state.outcome == Outcome.ABANDONED
    assert table.game.reason == 'too few frames showed both players'


def test_baseline_takes_away_the_head_start_of_a_face_that_always_looks_angry():
    table = Table(baseline=True, targets=('Angry',), rounds=1)
    table.until(Phase.ROUND, face('face_1', LEFT, 0.4), face('face_2', RIGHT, 0.1))
    frown = face('face_1', LEFT, 0.6), face('face_2', RIGHT, 0.5)
    state = table.until(Phase.FINAL, *frown)
    assert state.players[0].baseline == pytest.approx(0.4)
    assert state.players[1].baseline == pytest.approx(0.1)
    assert state.results[0].winner == 2
    assert state.results[0].means == pytest.approx((0.2, 0.4), abs=0.02)
    assert 'neutral face' in state.explanation


def test_without_the_option_the_same_faces_give_the_other_winner():
    table = Table(targets=('Angry',), rounds=1)
    table.until(Phase.ROUND, face('face_1', LEFT, 0.4), face('face_2', RIGHT, 0.1))
    state = table.until(Phase.FINAL, face('face_1', LEFT, 0.6), face('face_2', RIGHT, 0.5))
    assert state.results[0].winner == 1
    assert math.isnan(state.players[0].baseline)
    assert 'neutral face' not in state.explanation


def test_the_target_is_hidden_while_the_neutral_face_is_measured():
    table = Table(baseline=True)
    state = table.until(Phase.COUNTDOWN, A, B)
    assert state.target is None
    assert state.prompt == 'KEEP A NEUTRAL FACE'
    assert table.until(Phase.ROUND, A, B).target is not None


def test_a_mean_below_the_neutral_face_is_zero():
    table = Table(baseline=True, targets=('Happy',))
    table.until(Phase.ROUND, face('face_1', LEFT, 0.9), face('face_2', RIGHT, 0.1))
    state = table.until(Phase.ROUND_RESULT, face('face_1', LEFT, 0.2), face('face_2', RIGHT, 0.2))
    assert state.results[0].means[0] == 0.0


def test_the_target_neutral_is_scored_without_a_baseline():
    table = Table(baseline=True, targets=('Neutral',))
    table.until(Phase.ROUND, A, B)
    state = table.until(Phase.ROUND_RESULT, A, B)
    assert state.results[0].means == pytest.approx((0.8, 0.3))


def test_the_best_moment_is_kept_with_its_target_and_stamp():
    table = Table(rounds=1)
    table.until(Phase.ROUND, A, B)
    table.show(face('face_1', LEFT, 0.95), B)
    stamp = round(table.now * 1e9)
    state = table.until(Phase.FINAL, A, B)
    best = state.players[0]
    assert best.best == pytest.approx(0.95)
    assert best.best_stamp == stamp
    assert best.best_target == state.results[0].target


def test_targets_never_repeat_at_once():
    for seed in range(50):
        order = TargetOrder(tuple(Emotion)[:3], seed)
        dealt = [next(order) for _ in range(30)]
        assert all(one != two for one, two in itertools.pairwise(dealt))


def test_each_target_comes_once_before_any_comes_again():
    order = TargetOrder(tuple(Emotion), 3)
    for _ in range(5):
        assert {next(order) for _ in range(6)} == set(Emotion)


def test_the_same_seed_gives_the_same_order_and_another_another():
    def deal(seed: int) -> list[Emotion]:
        order = TargetOrder(tuple(Emotion), seed)
        return [next(order) for _ in range(12)]

    assert deal(5) == deal(5)
    assert len({tuple(deal(seed)) for seed in range(20)}) > 15
    assert len({tuple(deal(-1)) for _ in range(5)}) > 1


def test_a_single_target_repeats_for_want_of_another():
    order = TargetOrder((Emotion.SAD,), 0)
    assert [next(order) for _ in range(3)] == [Emotion.SAD] * 3


def test_a_game_follows_its_seed():
    def targets(seed: int) -> list[Emotion]:
        table = Table(rounds=4, targets=('Happy', 'Sad', 'Angry', 'Surprise', 'Fear'), seed=seed)
        return [result.target for result in table.until(Phase.FINAL, A, B).results]

    assert targets(7) == targets(7)
    assert targets(7) != targets(8)


def test_without_autostart_the_game_is_idle_until_started():
    table = Table(autostart=False)
    table.show(A, B, seconds=2.0)
    assert table.state.phase == Phase.IDLE
    table.do(Start(rounds=1, seconds=1.0, targets=['Sad'], seed=3))
    state = table.until(Phase.FINAL, A, B)
    assert (state.rounds, state.results[0].target) == (1, Emotion.SAD)


def test_start_is_refused_during_a_game():
    table = Table()
    table.until(Phase.ROUND, A, B)
    with pytest.raises(Refused, match='stop or reset'):
        table.do(Start())
    assert table.state.phase == Phase.ROUND


@pytest.mark.parametrize(
    'wrong, named',
    [
        ({'rounds': 31}, 'rounds'),
        ({'seconds': 0.1}, 'seconds'),
        ({'seconds': math.nan}, 'seconds'),
        ({'targets': ['Hungry']}, 'Hungry'),
    ],
)
def test_a_plan_out_of_range_is_refused_by_name_and_changes_nothing(wrong, named):
    table = Table(autostart=False)
    with pytest.raises(ValueError, match=named):
        table.do(Start(**wrong))
    assert table.state.phase == Phase.IDLE


def test_stop_ends_the_game_and_keeps_the_scores():
    table = Table()
    table.until(Phase.ROUND_RESULT, A, B)
    table.do(Stop())
    state = table.state
    assert (state.phase, state.outcome, state.players[0].score) == (Phase.IDLE, Outcome.STOPPED, 1)
    table.do(Start())
    assert table.state.phase == Phase.WAITING_PLAYERS
    assert table.state.players[0].score == 0


def test_stop_after_the_end_does_not_rewrite_the_outcome():
    table = Table()
    table.until(Phase.FINAL, A, B)
    table.do(Stop())
    assert table.state.outcome == Outcome.FINISHED


def test_reset_forgets_everything():
    table = Table()
    table.until(Phase.ROUND_RESULT, A, B)
    table.do(Reset())
    state = table.state
    assert state.phase == Phase.WAITING_PLAYERS
    assert (state.results, state.outcome, state.round) == ((), '', 0)
    assert state.players[0].track == ''


def test_after_the_final_screen_the_next_game_waits_for_players():
    table = Table(rounds=1, final_seconds=1.0)
    table.until(Phase.FINAL, A, B)
    state = table.until(Phase.WAITING_PLAYERS, A, B)
    assert state.results == ()
    assert table.until(Phase.FINAL, A, B).outcome == Outcome.FINISHED


def test_without_autostart_the_final_screen_ends_in_idle_with_the_outcome():
    table = Table(rounds=1, final_seconds=1.0, autostart=False)
    table.do(Start())
    table.until(Phase.FINAL, A, B)
    assert table.until(Phase.IDLE, A, B).outcome == Outcome.FINISHED


def test_a_game_with_patience_gives_up_when_no_players_come():
    table = Table(autostart=False)
    table.do(Start(patience=5.0))
    table.show(A, seconds=4.9)
    assert table.state.phase == Phase.WAITING_PLAYERS
    assert table.state.remaining == pytest.approx(0.1, abs=0.06)
    table.show(A, seconds=0.2)
    assert table.state.outcome == Outcome.ABANDONED
    assert table.game.reason == 'no two players came'


def test_every_target_has_a_prompt():
    assert set(TARGET_PROMPTS) == set(Emotion)


def test_a_wrong_target_in_the_settings_is_refused_by_name():
    with pytest.raises(ValueError, match='Hungry'):
        GameSettings(targets=('Hungry',))
