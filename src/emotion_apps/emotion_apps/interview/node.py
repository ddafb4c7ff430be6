# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Ask questions, follow the answers, and write a report: a mock interview."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rclpy.node import Node
from std_msgs.msg import Header
from std_srvs.srv import Trigger

from emotion_apps.interview.content import as_json
from emotion_apps.interview.markdown import render_markdown
from emotion_apps.interview.messages import to_state_message
from emotion_apps.interview.page import render
from emotion_apps.interview.questions import (
    QuestionError,
    default_questions,
    load_questions,
)
from emotion_apps.interview.report import write_report
from emotion_apps.interview.scribe import Scribe
from emotion_apps.interview.session import InterviewSession
from emotion_apps.interview.settings import InterviewNodeSettings
from emotion_apps.interview.speaker import Overheard, Speaker
from emotion_apps.interview.states import Phase, Snapshot
from emotion_msgs.msg import (
    EmotionPrediction,
    FaceArray,
    InterviewState,
    Utterance,
    VoiceActivity,
)
from emotion_msgs.srv import GetReport
from emotion_perception.audio.pcm import RATE
from emotion_perception.emotions import UNKNOWN
from emotion_perception.ros import qos
from emotion_perception.ros.bus import BusSubscription
from emotion_perception.ros.diagnostics import Diagnostics
from emotion_perception.ros.inputs import Input
from emotion_perception.ros.limits import (
    MessageError,
    checked,
    first,
    samples_of,
)
from emotion_perception.ros.main import run
from emotion_perception.ros.parameters import ConfigurationError, Parameters
from emotion_perception.ros.report import Reporter
from emotion_perception.ros.stamps import Stamps, now
from emotion_perception.ros.timer import steady_timer
from emotion_perception.timing import AHEAD
from emotion_perception.words.fluency import Kind
from emotion_perception.words.language import Language
from emotion_perception.words.whisper import Whisper, missing

# States a second while the interview runs.
STATE_RATE = 10.0
# Seconds for which a program that ends waits for the words that were said last.
_LAST_WORDS = 10.0
# Seconds after which a report that could not be saved is tried again.
_RETRY = 5.0
# Seconds: a stamp that lies further behind is another clock's. What models say may come late.
_BEHIND = 5.0
_LATE = 55.0


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
        self._report_path = ''
        self._report_due = False
        self._unsaved = False
        self._next_try = 0.0
        self._subject = ''
        self._newest: EmotionPrediction | None = None
        self._speaker = Speaker()
        self._overheard = Overheard()
        if settings.speak and not self._speaker.program:
            self.get_logger().warning(
                'speak is on, but there is no synthesiser: install '
                'espeak-ng; the questions are shown only'
            )
        self._report = Reporter(self)
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
        self._stamps: dict[str, Stamps] = {}
        self._inputs: dict[str, Input] = {}
        for kind, topic, what in (
            (FaceArray, 'detections', 'frames'),
            (EmotionPrediction, 'face', ''),
            (EmotionPrediction, 'voice', ''),
            (EmotionPrediction, 'fused', ''),
            (VoiceActivity, 'voice_activity', 'blocks of sound'),
            (Utterance, 'utterance', ''),
        ):
            self._inputs[topic] = self._diagnostics.watch(kind, f'emotion/{topic}', what)
            self._stamps[topic] = Stamps(self, f'emotion/{topic}', ahead=AHEAD, behind=_BEHIND)
        self._options.on_change(lambda value: setattr(self._session.interview, 'settings', value))
        self._detections = BusSubscription(self, FaceArray, 'emotion/detections', self._on_faces)
        for source in ('face', 'voice', 'fused'):
            self.create_subscription(
                EmotionPrediction,
                f'emotion/{source}',
                partial(self._on_emotion, source=source),
                qos.RESULT,
            )
        self.create_subscription(
            VoiceActivity, 'emotion/voice_activity', self._on_activity, qos.RESULT
        )
        self.create_subscription(Utterance, 'emotion/utterance', self._on_utterance, qos.UTTERANCE)
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
        if self._report_due:
            self._finish(_LAST_WORDS)
        elif self._unsaved:
            self._write()
        if self._scribe is not None:
            self._scribe.stop()
        super().destroy_node()

    def _on_faces(self, message: FaceArray) -> None:
        self._inputs['detections'].came()
        faces = {face.id: face for face in first(message.faces)}
        # Others in the picture are not the candidate.
        face = faces.get(self._subject) or (message.faces[0] if message.faces else None)
        landmarks = None if face is None else np.asarray(face.landmarks).reshape(4, 2)
        time = self._stamps['detections'].time(message.header.stamp)
        self._session.face(time, landmarks)
        self._diagnostics.tick(now(self) - time)

    def _on_emotion(self, message: EmotionPrediction, source: str) -> None:
        if message.emotion == UNKNOWN:
            return
        try:
            message = checked(message)
        except MessageError as error:
            self._inputs[source].refused(str(error))
            self._report.warn('reading', f'{error}; it is left out')
            return
        self._inputs[source].taken()
        if source == 'face':
            self._subject = message.subject_id
        self._newest = message
        self._session.emotion(
            self._stamps[source].time(message.header.stamp, late=_LATE),
            source,
            message.probabilities,
        )

    def _on_activity(self, message: VoiceActivity) -> None:
        self._inputs['voice_activity'].came()
        # The synthesiser's own voice is no answer.
        synthesised = self._speaker.speaking
        self._overheard.note(now(self), synthesised)
        speaking = message.speaking and not synthesised
        time = self._stamps['voice_activity'].time(message.header.stamp)
        self._session.activity(time, speaking)

    def _on_utterance(self, message: Utterance) -> None:
        try:
            samples = samples_of(message)
        except MessageError as error:
            self._inputs['utterance'].refused(str(error))
            self._report.warn('utterance', f'{error}; it is left out')
            return
        self._inputs['utterance'].taken()
        end = self._stamps['utterance'].time(message.end, late=_LATE)
        goes_on = message.ended_by == Utterance.END_MAXIMUM
        samples = self._overheard.rest(end - samples.size / RATE, samples)
        if samples.size:
            self._session.utterance(end - samples.size / RATE, end, samples, goes_on)

    def _on_tick(self) -> None:
        self._session.tick(now(self))
        self._session.collect()
        if self._report_due and not self._transcribing:
            self._finish(0.0)
        if self._unsaved and time.monotonic() > self._next_try:
            self._write()
            self._publish()
        if self._session.interview.running or self._transcribing:
            self._publish()

    @property
    def _transcribing(self) -> int:
        return 0 if self._scribe is None else self._scribe.pending

    @staticmethod
    def _make_scribe(settings: InterviewNodeSettings, language: Language) -> Scribe | None:
        """Return what writes down the words, if wanted; its model is loaded when needed."""
        if not settings.transcript:
            return None
        model = settings.transcript_model
        if reason := missing(model, language):
            raise ConfigurationError(f'interview_node: parameter transcript: {reason}')
        return Scribe(lambda: Whisper(model, language), language)

    def _finish(self, seconds: float) -> None:
        """Write the report, with the words that are known after so many seconds."""
        self._report_due = False
        self._session.finish(seconds)
        if self._scribe is not None and self._scribe.left_out:
            self.get_logger().error(f'words are missing: {self._scribe.reason}')
        self._write()
        self._publish()

    def _service(self, command: Callable[[float], None]) -> Callable[..., Trigger.Response]:
        """Return the callback of a service that hands a command on."""

        def serve(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            if self._report_due:
                # What comes now must not take the place of an interview that was not kept.
                self._finish(0.0)
            elif self._unsaved:
                self._write()
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
        if self._session.interview.phase is not Phase.FINISHED:
            response.message = 'there is no report: no interview is over'
            return response
        if self._report_due:
            response.message = 'there is no report yet: the last words are being written down'
            return response
        response.html = render(self._session.log)
        response.markdown = render_markdown(self._session.log)
        response.json = json.dumps(as_json(self._session.log), allow_nan=False)
        response.success = True
        return response

    def _on_change(self) -> None:
        interview = self._session.interview
        if interview.phase is Phase.QUESTION and self._options.value.speak:
            self._speaker.say(interview.text)
        # What was said last is still being written down: the report waits for it.
        self._report_due = interview.phase is Phase.FINISHED
        self._unsaved = False
        if self._report_due and not self._transcribing:
            self._finish(0.0)
        self._publish()

    def _write(self) -> None:
        out = self._options.value.out
        if not out:
            self.get_logger().info('the interview is over; give out:=FOLDER to keep a report')
            return
        try:
            report = write_report(self._session.log, _unused(Path(out).expanduser()))
        except OSError as error:
            if not self._unsaved:
                self.get_logger().error(
                    f'the report is not saved: {error}; it is tried again every {_RETRY:g} s, '
                    'and ~/report gives it meanwhile'
                )
            self._unsaved, self._next_try = True, time.monotonic() + _RETRY
            return
        self._unsaved = False
        self._report_path = str(report.page)
        self.get_logger().info(f'report: {report.page}')

    def _publish(self) -> None:
        snapshot = self._with_words(self._session.interview.snapshot())
        if snapshot.phase is Phase.FINISHED:
            snapshot = replace(snapshot, report=self._report_path)
        message = to_state_message(snapshot, Header(stamp=self.get_clock().now().to_msg()))
        if self._newest is not None and not math.isnan(self._newest.confidence):
            message.has_prediction, message.prediction = True, self._newest
        self._publisher.publish(message)

    def _with_words(self, snapshot: Snapshot) -> Snapshot:
        """Add what the words of this answer tell so far."""
        if self._scribe is None:
            return snapshot
        verbal = self._session.verbal()
        snapshot = replace(snapshot, transcript=True, transcribing=self._scribe.pending)
        if verbal is None:
            return snapshot
        return replace(
            snapshot,
            words_per_minute=verbal.words_per_minute,
            fillers=verbal.count(Kind.FILLER),
        )


def _unused(folder: Path) -> Path:
    """Return the folder, or one with a number if it holds a report already."""
    number = 1
    candidate = folder
    while (candidate / 'interview.html').exists():
        number += 1
        candidate = folder.with_name(f'{folder.name}-{number}')
    return candidate


def main(args: list[str] | None = None) -> None:
    """Run the node."""
    run(InterviewNode, args)


if __name__ == '__main__':
    main()
