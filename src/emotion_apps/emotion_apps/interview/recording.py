# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Give feedback on a recorded interview: ``./emotion interview --video FILE --out DIR``.

The same rules as the live interview, without ROS, faster than real time.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import sys
import time as wall
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from emotion_apps.interview.questions import Question, QuestionError, load_questions
from emotion_apps.interview.report import NOTHING, write_report
from emotion_apps.interview.session import InterviewSession
from emotion_apps.interview.settings import LONGEST, InterviewSettings
from emotion_apps.interview.summary import notes, summarise
from emotion_perception.audio.listener import Activity, Heard
from emotion_perception.audio.segment import EndedBy
from emotion_perception.audio.vad import VadError
from emotion_perception.face_emotions import FaceEmotions
from emotion_perception.fusion.live import Fused, LiveFusion, Reading
from emotion_perception.media.container import Contents, probe
from emotion_perception.media.errors import MediaError
from emotion_perception.media.pictures import PictureReader
from emotion_perception.media.sound import SoundReader
from emotion_perception.models import ModelError
from emotion_perception.voice_emotions import VoiceEmotions

_BLOCK = 0.1
_BAR = '{desc}: {percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} s [{elapsed}<{remaining}]'


# The course of the interview is told the time at least so often, seconds: what times out while
# nothing is seen or heard does so then.
_TICK = 0.5


class VideoError(ValueError):
    """A recording cannot be analysed; the text names the file and what is wrong."""


class Analysis:
    """Run the perception over a recording and feed an interview, on the recording's own times.

    :param session: takes what is found; its log, what was left out.
    :param fps: frames analysed a second at most.
    """

    def __init__(self, session: InterviewSession, fps: float, fer: str, ser: str) -> None:
        self._session = session
        self._fps = fps
        self._faces = FaceEmotions(fer)
        self._voices = VoiceEmotions(ser)
        self._fusion = LiveFusion()
        self._now = 0.0
        self.frames = self.present = self.utterances = 0
        """Pictures looked at, those of them with a face, and utterances heard."""

    def run(self, video: Path) -> float:
        """Analyse a file from its beginning to its end; return its length in seconds.

        :raises VideoError: if it cannot be read, or shows no face and says nothing at all.
        """
        try:
            contents = probe(video)
            self._now = contents.begin
            self._session.start(contents.begin)
            pictures = PictureReader(video, self._leave_out) if contents.pictures else None
            sound = self._open_sound(video)
            if pictures is None:
                if sound is None:
                    contents.picture()
                self._leave_out(f'{video} holds no picture: no face was looked for')
            self._run(contents, pictures, sound)
        except MediaError as error:
            raise VideoError(str(error)) from error
        if not self.present and not self.utterances:
            raise VideoError(
                f'{video}: no face in {self.frames} pictures and no speech in '
                f'{self._now - contents.begin:.1f} s: nothing to report'
            )
        return self._now - contents.begin

    def _open_sound(self, video: Path) -> SoundReader | None:
        try:
            return SoundReader(video, _BLOCK, self._leave_out, whole=True)
        except MediaError as error:
            self._leave_out(f'{error}: no speech was listened for')
            self._session.log.heard = False
            return None

    def _run(
        self, contents: Contents, pictures: PictureReader | None, sound: SoundReader | None
    ) -> None:
        heard = self._sound(sound)
        end = contents.begin
        total = None if math.isnan(contents.seconds) else round(contents.seconds, 1)
        name = Path(contents.name).name
        with tqdm(total=total, desc=name, bar_format=_BAR, disable=None) as bar:
            for moment, image in self._frames(pictures):
                while end <= moment:
                    after = next(heard, None)
                    if after is None:
                        break
                    end = after
                bar.update(max(0.0, min(moment, total or moment) - bar.n))
                self._advance(moment)
                self._picture(image, moment)
                self._session.tick(moment)
            for end in heard:
                bar.update(max(0.0, min(end, total or end) - bar.n))
        if pictures is not None and pictures.track.end - self._now < 1.0:
            end = max(end, pictures.track.end)  # The last picture is shown for a while.
        self._advance(end)
        finished = self._session.log.ended
        if not math.isnan(finished) and self._now - finished > 1.0:
            self._leave_out(
                f'what follows {finished:.1f} s ({self._now - finished:.1f} s of the recording): '
                'all questions were answered'
            )
        self._session.stop(self._now)

    def _advance(self, moment: float) -> None:
        """Let the interview's time pass."""
        while self._now < moment:
            self._now = min(moment, self._now + _TICK)
            self._session.tick(self._now)

    def _leave_out(self, text: str) -> None:
        tqdm.write(text, file=sys.stderr)
        self._session.log.left_out.append(text)

    def _frames(self, reader: PictureReader | None) -> Iterator[tuple[float, np.ndarray]]:
        """Yield (time, picture), so many a second at most."""
        if reader is None:
            return
        with reader:
            for picture in reader:
                # The rest of a moment that was looked at need not even be decoded.
                if picture.time < reader.skip_before:
                    continue
                yield picture.time, picture.image()
                reader.skip_before = picture.time + 0.999 / self._fps

    def _sound(self, reader: SoundReader | None) -> Iterator[float]:
        """Listen block by block; yield the time after each."""
        if reader is None:
            return
        with reader:
            for chunk in reader:
                self._hear(self._voices.listener.hear(chunk.samples, chunk.rate, chunk.time))
                yield chunk.end
        self._hear(self._voices.listener.stop(EndedBy.SOURCE))

    def _hear(self, events: Sequence[Activity | Heard]) -> None:
        for event in events:
            if isinstance(event, Activity):
                self._session.activity(event.time, event.speaking)
                continue
            segment = event.segment
            self.utterances += 1
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
                            mixture=emotion.mixture,
                        )
                    )
                )

    def _picture(self, frame: np.ndarray, moment: float) -> None:
        found = self._faces.frame(frame, moment)
        self.frames += 1
        chosen = next((item for item in found if item.primary), None)
        if chosen is None:
            self._session.face(moment, None)
            return
        self.present += 1
        face, shown = chosen.face, chosen.probabilities
        self._session.face(moment, face.landmarks)
        self._session.emotion(moment, 'face', shown)
        self._fused(
            self._fusion.add_face(
                Reading(moment, face.id, shown, face.quality, mixture=chosen.reading.mixture)
            )
        )

    def _fused(self, fused: Fused | None) -> None:
        if fused is not None and len(fused.sources) == 2:
            self._session.emotion(fused.time, 'fused', fused.probabilities)


def _settings(questions: Sequence[Question]) -> InterviewSettings:
    """Return settings for a recording: the answer to a single question lasts to its end."""
    settings = InterviewSettings()
    if len(questions) == 1:
        settings = dataclasses.replace(
            settings, answer_silence=LONGEST, longest_answer=LONGEST, no_answer=LONGEST
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
        questions = (
            load_questions(options.questions)
            if options.questions
            else (Question(f'The recording {options.video.name}'),)
        )
        session = InterviewSession(questions, _settings(questions))
        seconds = Analysis(session, options.fps, options.fer_model, options.ser_model).run(
            options.video
        )
    except (VideoError, QuestionError, ModelError, VadError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    spent = wall.monotonic() - begin
    print(f'{seconds:.1f} s of video in {spent:.1f} s ({seconds / spent:.1f} times real time)')
    strengths, suggestions = notes(
        [summarise(answer) for answer in session.log.answers], session.log.heard
    )
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
