# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Ask questions, follow the answers, and write a report: a mock interview."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from rclpy.node import Node
from std_msgs.msg import Header
from std_srvs.srv import Trigger

from emotion_apps.interview.delivery import Delivery
from emotion_apps.interview.feed import InterviewFeed
from emotion_apps.interview.messages import to_state_message
from emotion_apps.interview.questions import (
    QuestionError,
    default_questions,
    load_questions,
)
from emotion_apps.interview.report import texts_of
from emotion_apps.interview.scribe import Scribe
from emotion_apps.interview.session import InterviewSession
from emotion_apps.interview.settings import InterviewNodeSettings
from emotion_apps.interview.speaker import Speaker
from emotion_apps.interview.states import Phase
from emotion_msgs.msg import InterviewState
from emotion_msgs.srv import GetReport
from emotion_perception.ros import qos
from emotion_perception.ros.diagnostics import Diagnostics
from emotion_perception.ros.main import run
from emotion_perception.ros.parameters import ConfigurationError, Parameters
from emotion_perception.ros.stamps import now
from emotion_perception.ros.timer import steady_timer
from emotion_perception.words.language import Language
from emotion_perception.words.whisper import Whisper, missing

# States a second while the interview runs.
STATE_RATE = 10.0
# Seconds for which a program that ends waits for the words that were said last.
_LAST_WORDS = 10.0


class InterviewNode(Node):
    """Subscribe faces, voice and emotions; publish ``emotion/interview/state``.

    Services: ``~/start``, ``~/next``, ``~/stop``, ``~/reset``, ``~/report``.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__('interview_node', **arguments)
        self._options = Parameters(self, InterviewNodeSettings)
        settings = self._options.value
        try:
            given = (
                load_questions(settings.questions) if settings.questions else default_questions()
            )
        except QuestionError as error:
            raise ConfigurationError(f'interview_node: parameter questions: {error}') from error
        self._scribe = self._make_scribe(settings, given.language)
        self._speaker = Speaker()
        if settings.speak and not self._speaker.program:
            self.get_logger().warning(
                'speak is on, but there is no synthesiser: install '
                'espeak-ng; the questions are shown only'
            )
        self._diagnostics = Diagnostics(self)
        self._publisher = self.create_publisher(
            InterviewState, 'emotion/interview/state', qos.LATCHED
        )
        self._session = InterviewSession(
            given.questions,
            settings,
            self._on_change,
            clock=lambda: now(self),
            scribe=self._scribe,
        )
        self._delivery = Delivery(
            self._session, self._scribe, lambda: self._options.value.out, self.get_logger()
        )
        self._options.on_change(lambda value: setattr(self._session.interview, 'settings', value))
        self._feed = InterviewFeed(self, self._session, self._speaker, self._diagnostics)
        for name, command in (
            ('start', self._session.start),
            ('next', self._session.next),
            ('stop', self._session.stop),
            ('reset', self._session.reset),
        ):
            self.create_service(Trigger, f'~/{name}', self._service(command))
        self.create_service(GetReport, '~/report', self._on_report)
        steady_timer(self, 1.0 / STATE_RATE, self._on_tick)
        self._publish()

    def destroy_node(self) -> None:
        """Keep the report of an interview that was under way, and be silent."""
        if self._session.interview.running:
            self._session.stop(now(self))
        self._speaker.stop()
        self._delivery.finish(_LAST_WORDS)
        if self._scribe is not None:
            self._scribe.stop()
        super().destroy_node()

    def _on_tick(self) -> None:
        self._session.tick(now(self))
        self._session.collect()
        settled = self._delivery.settle()
        if settled or self._session.interview.running or self._delivery.transcribing:
            self._publish()

    @staticmethod
    def _make_scribe(settings: InterviewNodeSettings, language: Language) -> Scribe | None:
        """Return what writes down the words, if wanted; its model is loaded when needed."""
        if not settings.transcript:
            return None
        model = settings.transcript_model
        if reason := missing(model, language):
            raise ConfigurationError(f'interview_node: parameter transcript: {reason}')
        return Scribe(lambda: Whisper(model, language), language)

    def _service(self, command: Callable[[float], None]) -> Callable[..., Trigger.Response]:
        """Return the callback of a service that hands a command on."""

        def serve(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            # What comes now must not take the place of an interview that was not kept.
            self._delivery.finish()
            command(now(self))
            interview = self._session.interview
            response.success = True
            response.message = f'{interview.phase.name}, question {interview.number}'
            return response

        return serve

    def _on_report(
        self, request: GetReport.Request, response: GetReport.Response
    ) -> GetReport.Response:
        """Hand out the report of an interview that is over, whether it is stored or not."""
        if reason := self._delivery.missing():
            response.message = reason
            return response
        texts = texts_of(self._session.log)
        response.html, response.markdown, response.json = texts.page, texts.markdown, texts.data
        response.success = True
        return response

    def _on_change(self) -> None:
        interview = self._session.interview
        if interview.phase is Phase.QUESTION and self._options.value.speak:
            self._speaker.say(interview.text)
        self._delivery.changed()
        self._publish()

    def _publish(self) -> None:
        snapshot = self._session.snapshot()
        if snapshot.phase is Phase.FINISHED:
            snapshot = replace(snapshot, report=self._delivery.path)
        message = to_state_message(snapshot, Header(stamp=self.get_clock().now().to_msg()))
        newest = self._feed.newest
        if newest is not None and not math.isnan(newest.confidence):
            message.has_prediction, message.prediction = True, newest
        self._publisher.publish(message)


def main(args: list[str] | None = None) -> None:
    """Run the node."""
    run(InterviewNode, args)


if __name__ == '__main__':
    main()
