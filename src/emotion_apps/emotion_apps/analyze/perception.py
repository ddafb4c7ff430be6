# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The models, loaded once, and what they see and hear in a recording."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from emotion_apps.analyze.options import Every, Options
from emotion_apps.analyze.sampler import Sampler
from emotion_apps.analyze.sights import Sights, SightsBuilder
from emotion_apps.analyze.voice import Utterance, Voice
from emotion_perception.audio.silero import find_model
from emotion_perception.media.images import read_image
from emotion_perception.media.pictures import PictureReader
from emotion_perception.media.sound import SoundReader
from emotion_perception.models import FaceEmotionRecognizer, ModelSettings, load_model
from emotion_perception.models.balance import Mixture
from emotion_perception.models.fetch import model_file
from emotion_perception.models.model import resolve
from emotion_perception.storage import sha256_of
from emotion_perception.vision import blazeface
from emotion_perception.vision.finder import FaceFinder
from emotion_perception.voice_emotions import VoiceEmotion, VoiceEmotions
from emotion_perception.words.language import language
from emotion_perception.words.transcriber import Transcriber, TranscriptError
from emotion_perception.words.whisper import CARRIED, Whisper, missing, model_folder

Say = Callable[[str], None]

# Pictures that are handed on together: what is held in memory stays small.
_TOGETHER = 512
# Seconds of sound that are heard at once, as the microphone node gives them.
_BLOCK = 0.1
# One worker keeps one core busy.
_ONE_THREAD = ModelSettings(threads=1)


class Perception:
    """Looks at pictures and listens to sound; models are loaded when they are first needed.

    :raises ModelError: (when first needed) if a model cannot be used; so is VadError and
        DetectorError.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self._finder: FaceFinder | None = None
        self._recognizer: FaceEmotionRecognizer | None = None
        self._voices: VoiceEmotions | None = None
        self._transcriber: Transcriber | None = None

    def look(
        self,
        path: Path,
        sampler: Sampler,
        say: Say,
        begin: float = -math.inf,
        end: float = math.inf,
    ) -> Iterator[Sights]:
        """Yield what the pictures of a film show, some hundred at a time.

        :param sampler: of the film, or of the part of it that is looked at.
        :param say: told of what was lost.
        :param begin: time of a key picture to begin with; minus infinity for the first picture.
        :param end: time of the first picture that is left to others.
        :raises MediaError: if it cannot be read.
        """
        thinned = self.options.every != Every()
        builder = self._builder()
        with PictureReader(path, say) as reader:
            if math.isfinite(begin):
                reader.start_at(begin)
            for picture in reader:
                if picture.time >= end:
                    break
                number = sampler.take(picture.time)
                if thinned:
                    reader.skip_before = min(sampler.next_after(picture.time), end)
                if number is None:
                    continue
                self._see(builder, picture.image(), number, picture.time)
                if len(builder) >= _TOGETHER:
                    yield builder.build()
                    builder = self._builder()
        yield builder.build()

    def look_at_picture(self, path: Path) -> Sights:
        """Return what a single picture shows.

        :raises MediaError: if it cannot be read.
        """
        builder = self._builder()
        self._see(builder, read_image(path), 0, 0.0)
        return builder.build()

    def listen(self, path: Path, say: Say) -> Voice:
        """Return the utterances of a recording.

        It is heard from beginning to end by one worker: the model gets to know the voice on the
        way, so no part can be judged before what leads to it.

        :param say: told of what was lost.
        :raises MediaError: if it cannot be read, or has no sound that can be decoded.
        """
        if self._voices is None:
            self._voices = VoiceEmotions(
                self.options.ser, models=_ONE_THREAD, class_balance=self.options.class_balance
            )
        if self.options.transcript and self._transcriber is None:
            options = self.options
            self._transcriber = Whisper(
                options.transcript_model, language(options.language), _ONE_THREAD.threads
            )
        voices = self._voices
        voices.reset()
        found: list[Utterance] = []
        end = 0.0
        with SoundReader(path, _BLOCK, say, whole=True) as reader:
            begin = reader.contents.begin
            for chunk in reader:
                end = chunk.end
                found += [
                    Utterance.of(item, end, self._words(item))
                    for item in voices.hear(chunk.samples, chunk.rate, chunk.time)
                ]
        found += [Utterance.of(item, end, self._words(item)) for item in voices.stop()]
        mixture = Mixture(voices.reader.recognizer.model.shares, self.options.class_balance)
        return Voice(tuple(found), end - begin, mixture)

    def _words(self, item: VoiceEmotion) -> tuple[str, ...] | None:
        if self._transcriber is None:
            return None
        return tuple(word.text for word in self._transcriber.words(item.samples, item.start))

    def _builder(self) -> SightsBuilder:
        if self._recognizer is None:
            self._finder = FaceFinder()
            self._recognizer = FaceEmotionRecognizer(
                load_model(self.options.fer, 'fer', _ONE_THREAD), self.options.class_balance
            )
        return SightsBuilder(self._recognizer)

    def _see(self, builder: SightsBuilder, picture: np.ndarray, number: int, time: float) -> None:
        assert self._finder is not None
        size = picture.shape[1], picture.shape[0]
        builder.add(number, time, size, self._finder.see(picture))


def fingerprint(options: Options) -> dict[str, dict[str, str]]:
    """Return name and sha256 of each model that is used, without loading it.

    :raises ModelError: if one is not there; so are DetectorError, VadError and
            TranscriptError.
    """
    found: dict[str, dict[str, str]] = {}
    if options.faces:
        files = [blazeface.model_path(kind) for kind in ('full', 'short')]
        found['detector'] = {'name': 'blazeface', 'sha256': sha256_of(*files)}
        found['fer'] = _model(options.fer, 'fer')
    if options.voice:
        found['vad'] = {'name': 'silero', 'sha256': sha256_of(find_model())}
        found['ser'] = _model(options.ser, 'ser')
    if options.transcript:
        if reason := missing(options.transcript_model, language(options.language)):
            raise TranscriptError(reason)
        folder = model_folder(options.transcript_model)
        found['transcript'] = {
            'name': options.transcript_model or CARRIED,
            'sha256': sha256_of(*_files(folder)) if folder is not None else '',
        }
    return found


def _model(spec: str, task: str) -> dict[str, str]:
    entry = resolve(spec, task)
    if entry.hub:
        return {'name': entry.name, 'sha256': ''}
    path = model_file(entry)
    files = _files(path)
    if entry.state_dict:
        files.append(path.with_name(entry.state_dict))
    return {'name': entry.name, 'sha256': sha256_of(*files)}


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(f for f in path.rglob('*') if f.is_file())
