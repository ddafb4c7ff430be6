"""``game_node``: Facial Emotion Battle on top of ``emotion/faces``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from std_srvs.srv import Trigger

from emotion_apps.game.game import (
    ABANDONED,
    FINISHED,
    UNDER_WAY,
    Game,
    GameState,
    Phase,
)
from emotion_apps.game.messages import (
    from_predictions,
    to_nanoseconds,
    to_result_message,
    to_state_message,
)
from emotion_apps.game.settings import GameNodeSettings
from emotion_apps.game.sounds import SoundPlayer, cue
from emotion_msgs.action import PlayGame
from emotion_msgs.msg import EmotionPrediction, EmotionPredictionArray
from emotion_msgs.msg import GameState as StateMessage
from emotion_perception.models.balance import unknown_shares
from emotion_perception.ros import main as ros_main
from emotion_perception.ros import qos
from emotion_perception.ros.convert import mixture_of, to_seconds
from emotion_perception.ros.diagnostics import Diagnostics
from emotion_perception.ros.parameters import Parameters
from emotion_perception.ros.report import Reporter

# Seconds between two looks at the clock when no frames come.
TICK = 0.1

# Depth 1: of frames that wait, only the newest counts.
NEWEST = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.RELIABLE
)


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
        self._goal: ServerGoalHandle | None = None
        self._goal_taken = False
        self._result: PlayGame.Result | None = None
        self._told: tuple[object, ...] = ()
        self._state: GameState | None = None
        self._frame_id = ''
        self._idle_ticks = 0
        self._judged: set[str] = set()
        self._publisher = self.create_publisher(StateMessage, 'emotion/game/state', qos.LATCHED)
        self.create_subscription(EmotionPredictionArray, 'emotion/faces', self._on_faces, NEWEST)
        self.create_service(Trigger, '~/start', self._on_start)
        self.create_service(Trigger, '~/stop', self._on_stop)
        self.create_service(Trigger, '~/reset', self._on_reset)
        self._server = ActionServer(
            self,
            PlayGame,
            'emotion/game/play',
            self._end_goal,
            goal_callback=self._on_goal,
            handle_accepted_callback=self._on_accepted,
            cancel_callback=self._on_cancel,
        )
        self.create_timer(TICK, self._on_tick)
        self._publish()

    def destroy_node(self) -> None:
        """Stop the sounds and the action server with the node."""
        if self._sounds is not None:
            self._sounds.close()
        self._server.destroy()
        super().destroy_node()

    # Frames and time

    def _on_faces(self, message: EmotionPredictionArray) -> None:
        self._frame_id = message.header.frame_id
        self._idle_ticks = 0
        stamp = message.header.stamp
        self._check_fairness(message)
        self._game.observe(self._now(), from_predictions(message), to_nanoseconds(stamp))
        self._publish()
        self._diagnostics.tick(self._now() - to_seconds(stamp))

    def _check_fairness(self, message: EmotionPredictionArray) -> None:
        """Say once of each model that its classes cannot be made equally easy to show."""
        for prediction in message.predictions:
            model = prediction.model
            if prediction.emotion == EmotionPrediction.UNKNOWN or model in self._judged:
                continue
            self._judged.add(model)
            if mixture_of(prediction).shares is None:
                self.get_logger().warning(
                    f'a class that was rare in the training of {model or "this model"} is hard to '
                    f'win by: {unknown_shares(model or "the model")}'
                )

    def _on_tick(self) -> None:
        self._end_if_cancelled()
        phase = self._game.phase
        self._game.tick(self._now())
        self._idle_ticks += 1
        # With frames, each brings its own state; without, the clock on the screen goes on.
        if self._game.phase != phase or self._idle_ticks > 2:
            self._publish()

    def _now(self) -> float:
        return self.get_clock().now().nanoseconds * 1e-9

    def _publish(self) -> None:
        state = self._game.state()
        message = to_state_message(state, self._frame_id)
        self._publisher.publish(message)
        if self._sounds is not None:
            self._play(cue(self._state, state))
        if self._state is None or self._state.phase != state.phase:
            self.get_logger().info(f'{state.phase.name}: {state.prompt}')
        self._state = state
        self._tell(state, message)

    def _play(self, name: str | None) -> None:
        if name is None:
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

    # Services

    def _on_start(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if self._goal_taken:
            return _answer(response, False, 'a game asked for by an action goal is under way')
        try:
            self._game.start()
        except RuntimeError as error:
            return _answer(response, False, str(error))
        self._publish()
        return _answer(response, True, 'waiting for two players')

    def _on_stop(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if self._game.phase == Phase.IDLE:
            return _answer(response, False, 'no game is under way')
        self._game.stop()
        self._publish()
        return _answer(response, True, 'stopped')

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._finish_goal(PlayGame.Result.CANCELLED, 'the game was reset')
        self._game.reset()
        self._publish()
        return _answer(response, True, 'reset')

    # The action. A goal is executed, in rclpy's sense, when its game is over: until then a
    # callback would block the executor, and a coroutine keeps it busy (rclpy before Kilted polls
    # coroutines that wait).

    def _on_goal(self, goal: PlayGame.Goal) -> GoalResponse:
        if self._goal_taken or self._game.phase in UNDER_WAY:
            self.get_logger().warning('goal rejected: a game is under way; stop it first')
            return GoalResponse.REJECT
        try:
            self._game.start(
                rounds=goal.rounds,
                seconds=goal.seconds,
                targets=goal.targets,
                seed=goal.seed,
                patience=self._game.settings.patience,
            )
        except ValueError as error:
            self.get_logger().warning(f'goal rejected: {error}')
            return GoalResponse.REJECT
        self._goal_taken = True
        return GoalResponse.ACCEPT

    def _on_accepted(self, handle: ServerGoalHandle) -> None:
        self._goal = handle
        self._told = ()
        self._publish()

    def _on_cancel(self, handle: ServerGoalHandle) -> CancelResponse:
        return CancelResponse.ACCEPT

    def _end_if_cancelled(self) -> None:
        if self._goal is not None and self._goal.is_cancel_requested:
            self._game.stop()
            self._publish()

    def _tell(self, state: GameState, message: StateMessage) -> None:
        """Send feedback about every change but that of the bars, and the result at the end."""
        if self._goal is None:
            return
        seconds = None if math.isnan(state.remaining) else math.ceil(state.remaining)
        change = (state.phase, state.round, seconds, state.prompt)
        if change != self._told:
            self._told = change
            self._goal.publish_feedback(PlayGame.Feedback(state=message))
        if state.phase in (Phase.FINAL, Phase.IDLE):
            outcome = {FINISHED: PlayGame.Result.FINISHED, ABANDONED: PlayGame.Result.ABANDONED}
            words = self._game.reason if state.outcome == ABANDONED else state.outcome
            self._finish_goal(outcome.get(state.outcome, PlayGame.Result.CANCELLED), words)

    def _finish_goal(self, outcome: int, words: str) -> None:
        goal, self._goal = self._goal, None
        if goal is None:
            return
        state = self._game.state()
        self._result = PlayGame.Result(
            outcome=outcome,
            message=words,
            winner=state.winner,
            scores=[player.score for player in state.players],
            rounds=[to_result_message(result) for result in state.results],
        )
        goal.execute()

    def _end_goal(self, handle: ServerGoalHandle) -> PlayGame.Result:
        """Give the goal its end; called by the executor after :meth:`_finish_goal`."""
        self._goal_taken = False
        if handle.is_cancel_requested:
            handle.canceled()
        elif self._result.outcome == PlayGame.Result.FINISHED:
            handle.succeed()
        else:
            handle.abort()
        return self._result


def _answer(response: Trigger.Response, success: bool, message: str) -> Trigger.Response:
    response.success, response.message = success, message
    return response


def main(args: Sequence[str] | None = None) -> None:
    """Run the node."""
    ros_main.run(GameNode, args)


if __name__ == '__main__':
    main()
