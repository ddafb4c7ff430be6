"""Give feedback on a recorded interview: ``./emotion interview --video FILE --out DIR``.

The same rules as the live interview, without ROS, faster than real time.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time as wall
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from emotion_apps.interview.course import InterviewSettings
from emotion_apps.interview.questions import Question, QuestionError, load_questions
from emotion_apps.interview.report import NOTHING, write_report
from emotion_apps.interview.session import InterviewSession
from emotion_apps.interview.summary import notes, summarise
from emotion_perception.audio.listener import Activity
from emotion_perception.audio.sources import AudioSourceError, decode_file
from emotion_perception.audio.vad import VadError
from emotion_perception.face_emotions import FaceEmotions
from emotion_perception.fusion.live import Fused, LiveFusion, Reading
from emotion_perception.models import ModelError
from emotion_perception.voice_emotions import VoiceEmotions

_BLOCK = 0.1


class VideoError(ValueError):
    """A recording cannot be analysed; the text names the file and what is wrong."""


class Analysis:
    """Run the perception over a recording and feed an interview.

    :param session: takes what is found.
    :param fps: frames analysed a second at most.
    """

    def __init__(self, session: InterviewSession, fps: float, fer: str, ser: str) -> None:
        self._session = session
        self._fps = fps
        self._faces = FaceEmotions(fer)
        self._voices = VoiceEmotions(ser)
        self._fusion = LiveFusion()

    def run(self, video: Path) -> float:
        """Analyse a file; return its length in seconds.

        :raises VideoError: if it has no picture that can be read.
        """
        sound = self._sound(video)
        heard = next(sound, None)
        end = 0.0
        for moment, frame in self._frames(video):
            while heard is not None and heard <= moment:
                heard = next(sound, None)
            self._picture(frame, moment)
            self._session.tick(moment)
            end = moment
        while heard is not None:
            end = max(end, heard)
            heard = next(sound, None)
        self._session.stop(end)
        return end

    def _frames(self, video: Path) -> Iterator[tuple[float, np.ndarray]]:
        capture = cv2.VideoCapture(str(video))
        fps = capture.get(cv2.CAP_PROP_FPS)
        if not capture.isOpened() or not fps > 0:
            raise VideoError(f'{video}: no picture can be read from this file')
        total = max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        due = 0.0
        try:
            with tqdm(total=total or None, unit='frame', desc=video.name) as bar:
                number = 0
                while capture.grab():
                    moment = number / fps
                    number += 1
                    bar.update()
                    if moment + 1e-6 < due:
                        continue
                    due = moment + 0.999 / self._fps
                    ok, frame = capture.retrieve()
                    if ok:
                        yield moment, frame
        finally:
            capture.release()

    def _sound(self, video: Path) -> Iterator[float]:
        """Listen block by block; yield the time after each."""
        moment = 0.0
        try:
            for samples, rate in decode_file(video, _BLOCK):
                self._hear(self._voices.listener.hear(samples, rate, moment))
                moment += len(samples) / rate
                yield moment
        except AudioSourceError as error:
            print(f'no sound: {error}', file=sys.stderr)
        # A second of silence ends what was said last.
        silence = np.zeros((int(16000 * _BLOCK), 1), np.int16)
        for _ in range(15):
            self._hear(self._voices.listener.hear(silence, 16000, moment))
            moment += _BLOCK

    def _hear(self, events: Sequence[object]) -> None:
        for event in events:
            if isinstance(event, Activity):
                self._session.activity(event.time, event.speaking)
                continue
            segment = event.segment
            self._session.utterance(segment.start, segment.end, segment.samples)
            emotion = self._voices.reader.read(segment.samples, 16000, segment.end)
            if not emotion.abstained:
                self._session.emotion(segment.end, 'voice', emotion.probabilities)
                self._fused(
                    self._fusion.add_voice(
                        Reading(
                            segment.end,
                            'voice',
                            emotion.probabilities,
                            span=segment.samples.size / 16000,
                        )
                    )
                )

    def _picture(self, frame: np.ndarray, moment: float) -> None:
        found = self._faces.frame(frame, moment)
        chosen = next((item for item in found if item.primary), None)
        if chosen is None:
            self._session.face(moment, None)
            return
        face, shown = chosen.face, chosen.probabilities
        self._session.face(moment, face.landmarks)
        self._session.emotion(moment, 'face', shown)
        self._fused(self._fusion.add_face(Reading(moment, face.id, shown, face.quality)))

    def _fused(self, fused: Fused | None) -> None:
        if fused is not None and len(fused.sources) == 2:
            self._session.emotion(fused.time, 'fused', fused.probabilities)


def _settings(questions: Sequence[Question]) -> InterviewSettings:
    """Return settings for a recording: a single question lasts as long as the file."""
    settings = InterviewSettings()
    if len(questions) == 1:
        settings = dataclasses.replace(
            settings, answer_silence=60.0, longest_answer=1800.0, no_answer=600.0
        )
    return settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Analyse a recording, print the notes, and write the report if a folder is given."""
    parser = argparse.ArgumentParser(
        prog='./emotion interview', description='Feedback on a recorded interview.'
    )
    parser.add_argument('--video', type=Path, required=True, help='recording with one person')
    parser.add_argument(
        '--out',
        type=Path,
        help='folder for interview.html and interview.json; without it nothing is stored',
    )
    parser.add_argument(
        '--questions',
        type=Path,
        help='YAML file of the questions that were answered, in order; without '
        'it the recording is one answer',
    )
    parser.add_argument(
        '--fps',
        type=float,
        default=10.0,
        help='frames analysed a second at most (default: %(default)s)',
    )
    parser.add_argument('--fer-model', default='fer-default', help='name or path')
    parser.add_argument('--ser-model', default='ser-default', help='name or path')
    options = parser.parse_args(arguments)
    if not options.fps > 0:
        parser.error('--fps must be above 0')
    begin = wall.monotonic()
    try:
        if not options.video.is_file():
            raise VideoError(f'{options.video}: there is no such file')
        questions = (
            load_questions(options.questions)
            if options.questions
            else (Question(f'The recording {options.video.name}'),)
        )
        session = InterviewSession(questions, _settings(questions))
        session.start(0.0)
        seconds = Analysis(session, options.fps, options.fer_model, options.ser_model).run(
            options.video
        )
    except (VideoError, QuestionError, ModelError, VadError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    spent = wall.monotonic() - begin
    print(f'{seconds:.1f} s of video in {spent:.1f} s ({seconds / spent:.1f} times real time)')
    strengths, suggestions = notes([summarise(answer) for answer in session.log.answers])
    for title, items in (('Strengths', strengths), ('Suggestions', suggestions)):
        print(f'{title}:')
        for note in items:
            print(f'  - {note.text} ({note.measurement})')
        if not items:
            print(f'  {NOTHING}')
    if options.out is None:
        print('Nothing was stored; give --out DIR to keep the report.')
        return 0
    try:
        page, data = write_report(session.log, options.out)
    except OSError as error:
        print(f'error: the report could not be written: {error}', file=sys.stderr)
        return 2
    print(f'{page}\n{data}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
