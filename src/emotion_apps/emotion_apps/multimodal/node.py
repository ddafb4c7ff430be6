"""``orchestrator_node``: the multimodal cycle on real topics."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from std_msgs.msg import Header
from std_srvs.srv import Trigger

from emotion_apps.multimodal.cycle import (
    Event,
    Multimodal,
    Outcome,
)
from emotion_apps.multimodal.messages import to_result, to_state_message
from emotion_apps.multimodal.settings import OrchestratorSettings
from emotion_apps.reading import Reading
from emotion_apps.readings import to_reading
from emotion_msgs.action import DetectEmotion
from emotion_msgs.msg import (
    EmotionPrediction,
    EmotionPredictionArray,
    MultimodalState,
    Utterance,
    VoiceActivity,
)
from emotion_perception.ros import main as ros_main
from emotion_perception.ros import qos
from emotion_perception.ros.convert import to_seconds
from emotion_perception.ros.diagnostics import Diagnostics
from emotion_perception.ros.parameters import Parameters
from emotion_perception.ros.report import Reporter

# Seconds between two looks at the clock while something can time out.
TICK = 0.1


class OrchestratorNode(Node):
    """Move faces, speech and voices into the cycle, and its state out."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__('orchestrator_node', **arguments)
        parameters = Parameters(self, OrchestratorSettings)
        parameters.on_change(self._on_settings)
        self._machine = Multimodal(parameters.value, running=parameters.value.autostart)
        self._report = Reporter(self)
        self._diagnostics = Diagnostics(self, self._facts)
        self._goal: ServerGoalHandle | None = None
        self._goal_taken = False
        self._result = DetectEmotion.Result()
        self._told: tuple[object, ...] = ()
        self._frame_id = ''
        self._publisher = self.create_publisher(
            MultimodalState, 'emotion/multimodal/state', qos.LATCHED
        )
        for kind, topic, callback in (
            (EmotionPrediction, 'emotion/face', self._on_face),
            (EmotionPredictionArray, 'emotion/faces', self._on_faces),
            (VoiceActivity, 'emotion/voice_activity', self._on_voice_activity),
            (Utterance, 'emotion/utterance', self._on_utterance),
            (EmotionPrediction, 'emotion/voice', self._on_voice),
            (EmotionPrediction, 'emotion/fused', self._on_fused),
        ):
            self.create_subscription(kind, topic, callback, qos.RESULT)
        for name in ('start', 'stop', 'reset', 'cancel'):
            self.create_service(Trigger, f'~/{name}', self._service(name))
        self._server = ActionServer(
            self,
            DetectEmotion,
            'emotion/detect',
            self._end_goal,
            goal_callback=self._on_goal,
            handle_accepted_callback=self._on_accepted,
            cancel_callback=self._on_cancel,
        )
        # Steady: a clock that is set back must not keep the ticks away.
        self._timer = self.create_timer(
            TICK, self._on_tick, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )
        self._publish()

    def destroy_node(self) -> None:
        """End the action server with the node."""
        self._server.destroy()
        super().destroy_node()

    # What is seen and heard.

    def _on_face(self, message: EmotionPrediction) -> None:
        self._frame_id = message.header.frame_id
        reading = self._reading(message)
        if reading is not None:
            self._act(self._machine.on_face(reading, self._now()))
            self._diagnostics.tick(self._now() - reading.stamp)

    def _on_faces(self, message: EmotionPredictionArray) -> None:
        subjects = {prediction.subject_id for prediction in message.predictions}
        self._act(self._machine.on_faces(subjects, to_seconds(message.header.stamp), self._now()))

    def _on_voice_activity(self, message: VoiceActivity) -> None:
        self._act(
            self._machine.on_voice_activity(
                message.speaking, to_seconds(message.header.stamp), self._now()
            )
        )

    def _on_utterance(self, message: Utterance) -> None:
        self._act(self._machine.on_utterance(to_seconds(message.start), self._now()))

    def _on_voice(self, message: EmotionPrediction) -> None:
        reading = self._reading(message)
        if reading is not None:
            self._act(self._machine.on_voice(reading, self._now()))

    def _on_fused(self, message: EmotionPrediction) -> None:
        reading = self._reading(message)
        if reading is not None:
            self._act(self._machine.on_fused(reading, self._now()))

    def _reading(self, message: EmotionPrediction) -> Reading | None:
        try:
            return to_reading(message)
        except ValueError as error:
            self._report.warn('reading', f'{error}; it is left out')
            return None

    # What follows.

    def _on_tick(self) -> None:
        if self._goal is not None and self._goal.is_cancel_requested:
            self._act(self._machine.cancel(self._now()))
        self._act(self._machine.tick(self._now()))
        self._publish()

    def _act(self, events: list[Event]) -> None:
        """Tell the world what happened."""
        for event in events:
            if event.kind == 'finished':
                self.get_logger().info(f'{event.outcome.value}: {event.message}')
                self._finish_goal(event.outcome, event.message)
            elif event.kind == 'phase':
                self.get_logger().info(self._machine.phase.name)
        if events:
            self._publish()

    def _publish(self) -> None:
        header = Header(stamp=self.get_clock().now().to_msg(), frame_id=self._frame_id)
        message = to_state_message(self._machine.snapshot(), header)
        self._publisher.publish(message)
        self._tell(message)
        # Ticks only while they can change something: an idle node sleeps.
        if self._machine.timed or self._goal is not None:
            if self._timer.is_canceled():
                self._timer.reset()
        else:
            self._timer.cancel()

    def _tell(self, message: MultimodalState) -> None:
        """Send feedback about every change but that of bars and parts of a second."""
        if self._goal is None:
            return
        seconds = None if math.isnan(message.remaining) else math.ceil(message.remaining)
        change = (
            message.phase,
            message.prompt,
            message.speaking,
            message.has_voice,
            message.face.label if message.has_face else '',
            seconds,
        )
        if change != self._told:
            self._told = change
            self._goal.publish_feedback(DetectEmotion.Feedback(state=message))

    def _now(self) -> float:
        return self.get_clock().now().nanoseconds * 1e-9

    def _facts(self) -> dict[str, object]:
        machine = self._machine
        return {
            'phase': machine.phase.name,
            'outcome': machine.outcome.value,
            'late_voices': machine.late,
        }

    def _on_settings(self, settings: OrchestratorSettings) -> None:
        self._machine.settings = settings

    def _service(self, name: str) -> Callable[..., Trigger.Response]:
        """Return the callback of ``~/start``, ``~/stop``, ``~/reset`` or ``~/cancel``."""

        def serve(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            events = getattr(self._machine, name)(self._now())
            self._act(events)
            response.success = bool(events)
            response.message = (
                'done' if events else 'cycles run already' if name == 'start' else 'no cycle runs'
            )
            return response

        return serve

    # The action. A goal is executed, in rclpy's sense, when its cycle is over: until then a
    # callback would block the executor.

    def _on_goal(self, goal: DetectEmotion.Goal) -> GoalResponse:
        timeouts = (goal.face_timeout, goal.speech_timeout)
        if not all(math.isfinite(value) and value >= 0 for value in timeouts):
            self.get_logger().warning(
                f'goal rejected: time-outs are {timeouts}; they must be '
                "seconds, 0 for the node's own"
            )
            return GoalResponse.REJECT
        if self._goal_taken:
            self.get_logger().warning('goal rejected: another one is under way; cancel it first')
            return GoalResponse.REJECT
        self._goal_taken = True
        return GoalResponse.ACCEPT

    def _on_accepted(self, handle: ServerGoalHandle) -> None:
        events = self._machine.request(
            self._now(),
            face_timeout=handle.request.face_timeout,
            speech_timeout=handle.request.speech_timeout,
        )
        self._goal = handle
        self._told = ()
        # A continuous cycle that was broken off for the goal is not the goal's own outcome.
        self._act([event for event in events if event.kind != 'finished'])

    def _on_cancel(self, handle: ServerGoalHandle) -> CancelResponse:
        return CancelResponse.ACCEPT

    def _finish_goal(self, outcome: Outcome, words: str) -> None:
        goal, self._goal = self._goal, None
        if goal is not None:
            self._result = to_result(self._machine.snapshot(), outcome, words)
            goal.execute()

    def _end_goal(self, handle: ServerGoalHandle) -> DetectEmotion.Result:
        """Give the goal its end; called by the executor after :meth:`_finish_goal`."""
        self._goal_taken = False
        if handle.is_cancel_requested:
            handle.canceled()
        elif self._result.outcome == DetectEmotion.Result.SUCCESS:
            handle.succeed()
        else:
            handle.abort()
        return self._result


def main(args: Sequence[str] | None = None) -> None:
    """Run the node."""
    ros_main.run(OrchestratorNode, args)


if __name__ == '__main__':
    main()
