# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""``orchestrator_node``: the multimodal cycle on real topics."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from rclpy.node import Node
from std_msgs.msg import Header
from std_srvs.srv import Trigger

from emotion_apps.goal import SingleGoal
from emotion_apps.machine import Ended, Entered, Notice, Reset, Stop, Tick
from emotion_apps.multimodal.cycle import Multimodal
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
from emotion_apps.multimodal.messages import to_result, to_state_message
from emotion_apps.multimodal.settings import OrchestratorSettings
from emotion_apps.multimodal.states import Outcome
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
from emotion_perception.ros.diagnostics import Diagnostics
from emotion_perception.ros.inputs import Input
from emotion_perception.ros.limits import first, header_of
from emotion_perception.ros.parameters import Parameters
from emotion_perception.ros.report import Reporter
from emotion_perception.ros.stamps import Stamps, now
from emotion_perception.ros.timer import steady_timer
from emotion_perception.timing import AHEAD

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
        self._frame_id = ''
        self._stamps: dict[str, Stamps] = {}
        self._publisher = self.create_publisher(
            MultimodalState, 'emotion/multimodal/state', qos.LATCHED
        )
        self._inputs: dict[str, Input] = {}
        for kind, topic, callback, what in (
            (EmotionPrediction, 'face', self._on_face, ''),
            (EmotionPredictionArray, 'faces', self._on_faces, 'frames'),
            (VoiceActivity, 'voice_activity', self._on_voice_activity, 'blocks of sound'),
            (Utterance, 'utterance', self._on_utterance, ''),
            (EmotionPrediction, 'voice', self._on_voice, ''),
            (EmotionPrediction, 'fused', self._on_fused, ''),
        ):
            self._inputs[topic] = self._diagnostics.watch(kind, f'emotion/{topic}', what)
            self._stamps[topic] = Stamps(self, f'emotion/{topic}', ahead=AHEAD)
            self.create_subscription(
                kind,
                f'emotion/{topic}',
                callback,
                qos.UTTERANCE if kind is Utterance else qos.RESULT,
            )
        for name, event in (
            ('start', Start()),
            ('stop', Stop()),
            ('reset', Reset()),
            ('cancel', Cancel()),
        ):
            self.create_service(Trigger, f'~/{name}', self._service(event))
        self._goal = SingleGoal(
            self, DetectEmotion, 'emotion/detect', self._on_request, self._publish
        )
        self._timer = steady_timer(self, TICK, self._on_tick)
        self._publish()

    def destroy_node(self) -> None:
        """End the action server with the node."""
        self._goal.destroy()
        super().destroy_node()

    # What is seen and heard.

    def _on_face(self, message: EmotionPrediction) -> None:
        self._frame_id = header_of(message.header).frame_id
        reading = self._reading(message, 'face')
        if reading is not None:
            self._take(FaceRead(reading))
            self._diagnostics.tick(now(self) - reading.time)

    def _on_faces(self, message: EmotionPredictionArray) -> None:
        self._inputs['faces'].came()
        subjects = {prediction.subject_id for prediction in first(message.predictions)}
        self._take(FacesSeen(subjects, self._stamps['faces'].time(message.header.stamp)))

    def _on_voice_activity(self, message: VoiceActivity) -> None:
        self._inputs['voice_activity'].came()
        time = self._stamps['voice_activity'].time(message.header.stamp)
        self._take(SoundHeard(message.speaking, time))

    def _on_utterance(self, message: Utterance) -> None:
        self._take(UtteranceEnded(self._stamps['utterance'].time(message.start)))

    def _on_voice(self, message: EmotionPrediction) -> None:
        reading = self._reading(message, 'voice')
        if reading is not None:
            self._take(VoiceRead(reading))

    def _on_fused(self, message: EmotionPrediction) -> None:
        reading = self._reading(message, 'fused')
        if reading is not None:
            self._take(BothRead(reading))

    def _reading(self, message: EmotionPrediction, topic: str) -> Reading | None:
        try:
            reading = to_reading(message, self._stamps[topic].time(message.header.stamp))
        except ValueError as error:
            self._inputs[topic].refused(str(error))
            self._report.warn('reading', f'{error}; it is left out')
            return None
        self._inputs[topic].taken()
        return reading

    # What follows.

    def _on_tick(self) -> None:
        self._take(Cancel() if self._goal.cancelled else Tick())
        self._publish()

    def _take(self, event: Event) -> list[Notice]:
        """Hand an event to the machine, and tell the world what it answers."""
        notices = self._machine.handle(event, now(self))
        for notice in notices:
            if isinstance(notice, Ended):
                self.get_logger().info(f'{notice.outcome.value}: {notice.words}')
                self._goal.finish(
                    to_result(self._machine.snapshot(), Outcome(notice.outcome), notice.words),
                    success=notice.outcome is Outcome.SUCCESS,
                )
            elif isinstance(notice, Entered):
                self.get_logger().info(notice.phase.name)
        if notices:
            self._publish()
        return notices

    def _publish(self) -> None:
        header = Header(stamp=self.get_clock().now().to_msg(), frame_id=self._frame_id)
        message = to_state_message(self._machine.snapshot(), header)
        self._publisher.publish(message)
        self._goal.tell(message, _change(message))
        # Ticks only while they can change something: an idle node sleeps.
        if self._machine.timed or self._goal.under_way:
            if self._timer.is_canceled():
                self._timer.reset()
        else:
            self._timer.cancel()

    def _facts(self) -> dict[str, object]:
        machine = self._machine
        return {
            'phase': machine.phase.name,
            'outcome': machine.outcome.value,
            'late_voices': machine.late,
        }

    def _on_settings(self, settings: OrchestratorSettings) -> None:
        self._machine.settings = settings

    def _service(self, event: Event) -> Callable[..., Trigger.Response]:
        """Return the callback of a service that hands a command on."""
        nothing = 'cycles run already' if isinstance(event, Start) else 'no cycle runs'

        def serve(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            response.success = bool(self._take(event))
            response.message = 'done' if response.success else nothing
            return response

        return serve

    def _on_request(self, goal: DetectEmotion.Goal) -> None:
        timeouts = (goal.face_timeout, goal.speech_timeout)
        if not all(math.isfinite(value) and value >= 0 for value in timeouts):
            raise ValueError(
                f"time-outs are {timeouts}; they must be seconds, 0 for the node's own"
            )
        self._take(Request(*timeouts))


def _change(message: MultimodalState) -> tuple[object, ...]:
    """Return what of a state is worth a feedback: all but bars and parts of a second."""
    return (
        message.phase,
        message.prompt,
        message.speaking,
        message.has_voice,
        message.face.label if message.has_face else '',
        None if math.isnan(message.remaining) else math.ceil(message.remaining),
    )


def main(args: Sequence[str] | None = None) -> None:
    """Run the node."""
    ros_main.run(OrchestratorNode, args)


if __name__ == '__main__':
    main()
