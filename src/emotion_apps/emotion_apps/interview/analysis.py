# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Run the perception over a recorded interview, faster than real time, without ROS."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from emotion_apps.interview.session import InterviewSession
from emotion_perception.audio.listener import Activity, Heard
from emotion_perception.audio.segment import EndedBy
from emotion_perception.face_emotions import FaceEmotions
from emotion_perception.fusion.live import Fused, LiveFusion, Reading
from emotion_perception.media.container import Contents, probe
from emotion_perception.media.errors import MediaError
from emotion_perception.media.pictures import PictureReader
from emotion_perception.media.sound import SoundReader
from emotion_perception.voice_emotions import VoiceEmotions

_BLOCK = 0.1
# Seconds within which the words of a recording are written down at the latest.
_DAY = 86400.0
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
    :param questions_at: when each question is asked, seconds from the recording's beginning;
        without, the first is asked there and the others when the one before is answered.
    """

    def __init__(
        self,
        session: InterviewSession,
        fps: float,
        fer: str,
        ser: str,
        questions_at: Sequence[float] = (),
    ) -> None:
        self._session = session
        self._fps = fps
        self._questions_at = list(questions_at) or [0.0]
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
            self._questions_at = [contents.begin + at for at in self._questions_at]
            self._ask()
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
                    self._advance(min(end, moment))
                bar.update(max(0.0, min(moment, total or moment) - bar.n))
                self._advance(moment)
                self._picture(image, moment)
                self._session.tick(moment)
            for end in heard:
                self._advance(end)
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
        for at in self._questions_at:
            self._leave_out(f'the question at {at:.1f} s: the recording ends at {self._now:.1f} s')
        self._session.finish(_DAY)

    def _advance(self, moment: float) -> None:
        """Let the interview's time pass, and ask what is due."""
        while self._now < moment:
            self._now = min(moment, self._now + _TICK, *self._questions_at[:1])
            self._session.tick(self._now)
            self._ask()

    def _ask(self) -> None:
        """Ask the question that is due, if one is."""
        while self._questions_at and self._now >= self._questions_at[0]:
            del self._questions_at[0]
            if self._session.interview.number:
                self._session.next(self._now)
            else:
                self._session.start(self._now)

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
            goes_on = segment.ended_by is EndedBy.MAXIMUM
            self._session.utterance(segment.start, segment.end, segment.samples, goes_on)
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
