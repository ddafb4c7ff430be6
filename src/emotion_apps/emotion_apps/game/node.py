# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""``game_node``: Facial Emotion Battle on top of ``emotion/faces``."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from std_srvs.srv import Trigger

from emotion_apps.game.events import Event, FrameSeen, Start
from emotion_apps.game.game import Game
from emotion_apps.game.messages import (
    from_predictions,
    to_nanoseconds,
    to_result_message,
    to_state_message,
)
from emotion_apps.game.settings import GameNodeSettings
from emotion_apps.game.sounds import SoundPlayer, cue
from emotion_apps.game.states import GameState, Outcome, Phase
from emotion_apps.goal import SingleGoal
from emotion_apps.machine import Ended, Refused, Reset, Stop, Tick
from emotion_msgs.action import PlayGame
from emotion_msgs.msg import EmotionPrediction, EmotionPredictionArray
from emotion_msgs.msg import GameState as StateMessage
from emotion_perception.models.balance import unknown_shares
from emotion_perception.ros import main as ros_main
from emotion_perception.ros import qos
from emotion_perception.ros.convert import mixture_of, to_seconds
from emotion_perception.ros.diagnostics import Diagnostics
from emotion_perception.ros.limits import LONGEST_TEXT, first
from emotion_perception.ros.parameters import Parameters
from emotion_perception.ros.report import Reporter
from emotion_perception.ros.stamps import Stamps, now
from emotion_perception.ros.timer import steady_timer

# Seconds between two looks at the clock when no frames come.
TICK = 0.1

# Depth 1: of frames that wait, only the newest counts.
NEWEST = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.RELIABLE
)

OUTCOMES = {
    Outcome.FINISHED: PlayGame.Result.FINISHED,
    Outcome.ABANDONED: PlayGame.Result.ABANDONED,
    Outcome.STOPPED: PlayGame.Result.CANCELLED,
}
"""Constant of the action's result for each outcome."""


class GameNode(Node):
    """Move faces into the game and its state out.

    Every frame is answered by a state at once, so that the bars on a screen are as fresh as the
    predictions. While no frames come, a timer lets the time pass.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__('game_node', **arguments)
        parameters = Parameters(self, GameNodeSettings)
        parameters.on_change(self._on_settings)
        self._sounds = self._make_sounds() if parameters.value.sounds else None
        self._report = Reporter(self)
        self._diagnostics = Diagnostics(self, self._facts)
        self._game = Game(parameters.value.rules)
        self._state: GameState | None = None
        self._frame_id = ''
        self._idle_ticks = 0
        self._judged: set[str] = set()
        self._stamps = Stamps(self, 'emotion/faces')
        self._frames = self._diagnostics.watch(EmotionPredictionArray, 'emotion/faces', 'frames')
        self._publisher = self.create_publisher(StateMessage, 'emotion/game/state', qos.LATCHED)
        self.create_subscription(EmotionPredictionArray, 'emotion/faces', self._on_faces, NEWEST)
        for name, event, words in (
            ('start', Start(), 'waiting for two players'),
            ('stop', Stop(), 'stopped'),
            ('reset', Reset(), 'reset'),
        ):
            self.create_service(Trigger, f'~/{name}', self._service(event, words))
        self._goal = SingleGoal(
            self, PlayGame, 'emotion/game/play', self._on_request, self._publish
        )
        steady_timer(self, TICK, self._on_tick)
        self._publish()

    def destroy_node(self) -> None:
        """Stop the sounds and the action server with the node."""
        if self._sounds is not None:
            self._sounds.close()
        self._goal.destroy()
        super().destroy_node()

    # Frames and time

    def _on_faces(self, message: EmotionPredictionArray) -> None:
        self._frames.came()
        header = self._stamps.header(message.header)
        self._frame_id = header.frame_id
        self._idle_ticks = 0
        self._check_fairness(message)
        seen = from_predictions(message, self._refuse)
        self._take(FrameSeen(seen, to_nanoseconds(header.stamp)))
        self._publish()
        self._diagnostics.tick(now(self) - to_seconds(header.stamp))

    def _refuse(self, why: str) -> None:
        self._report.warn('reading', f'{why}; it is not scored')

    def _check_fairness(self, message: EmotionPredictionArray) -> None:
        """Say once of each model that its classes cannot be made equally easy to show."""
        for prediction in first(message.predictions):
            model = prediction.model[:LONGEST_TEXT]
            if prediction.emotion == EmotionPrediction.UNKNOWN or model in self._judged:
                continue
            self._judged.add(model)
            if mixture_of(prediction).shares is None:
                self.get_logger().warning(
                    f'a class that was rare in the training of {model or "this model"} is hard to '
                    f'win by: {unknown_shares(model or "the model")}'
                )

    def _on_tick(self) -> None:
        phase = self._game.phase
        self._take(Stop() if self._goal.cancelled else Tick())
        self._idle_ticks += 1
        # With frames, each brings its own state; without, the clock on the screen goes on.
        if self._game.phase != phase or self._idle_ticks > 2:
            self._publish()

    def _take(self, event: Event) -> None:
        """Hand an event to the game, and end the goal with the game."""
        # What a reset forgets belongs to its goal all the same.
        before = self._game.state() if isinstance(event, Reset) else None
        for notice in self._game.handle(event, now(self)):
            if isinstance(notice, Ended):
                self._publish()
                self._goal.finish(
                    _result(before or self._game.state(), notice),
                    success=notice.outcome is Outcome.FINISHED,
                )

    def _publish(self) -> None:
        state = self._game.state()
        message = to_state_message(state, self._frame_id)
        self._publisher.publish(message)
        if self._sounds is not None:
            self._play(cue(self._state, state))
        if self._state is None or self._state.phase != state.phase:
            self.get_logger().info(f'{state.phase.name}: {state.prompt}')
        self._state = state
        self._goal.tell(message, _change(state))

    def _play(self, name: str | None) -> None:
        if name is None or self._sounds is None:
            return
        try:
            self._sounds.play(name)
        except OSError as error:
            self._report.warn('sound', f'no sound: {error}')

    def _make_sounds(self) -> SoundPlayer:
        player = SoundPlayer()
        if player.command is None:
            self.get_logger().warning(
                'no sounds: none of the known players is installed; '
                'install pulseaudio-utils or alsa-utils'
            )
        return player

    def _on_settings(self, settings: GameNodeSettings) -> None:
        self._game.settings = settings.rules

    def _facts(self) -> dict[str, object]:
        return {'phase': self._game.phase.name}

    def _service(self, event: Event, words: str) -> Callable[..., Trigger.Response]:
        """Return the callback of a service that hands a command on."""

        def serve(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            response.success, response.message = False, ''
            if isinstance(event, Start) and self._goal.under_way:
                response.message = 'a game asked for by an action goal is under way'
            elif isinstance(event, Stop) and self._game.phase == Phase.IDLE:
                response.message = 'no game is under way'
            else:
                try:
                    self._take(event)
                except Refused as refused:
                    response.message = str(refused)
                else:
                    response.success, response.message = True, words
                    self._publish()
            return response

        return serve

    def _on_request(self, goal: PlayGame.Goal) -> None:
        self._take(
            Start(
                rounds=goal.rounds,
                seconds=goal.seconds,
                targets=tuple(goal.targets),
                seed=goal.seed,
                patience=self._game.settings.patience,
            )
        )


def _result(state: GameState, end: Ended) -> PlayGame.Result:
    """Return the action's result for a game that ended."""
    return PlayGame.Result(
        outcome=OUTCOMES[Outcome(end.outcome)],
        message=end.words,
        winner=state.winner,
        scores=[player.score for player in state.players],
        rounds=[to_result_message(result) for result in state.results],
    )


def _change(state: GameState) -> tuple[object, ...]:
    """Return what of a state is worth a feedback: all but the bars and parts of a second."""
    seconds = None if math.isnan(state.remaining) else math.ceil(state.remaining)
    return state.phase, state.round, seconds, state.prompt


def main(args: Sequence[str] | None = None) -> None:
    """Run the node."""
    ros_main.run(GameNode, args)


if __name__ == '__main__':
    main()
