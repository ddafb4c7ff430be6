# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What the face and the voice model say about labelled samples, clean and corrupted, kept on disk.

A pool holds one modality; label-paired evaluation draws a face and a voice of one class from two
pools. Inference is done once: the pools are cached under names made of all they depend on.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from emotion_perception.audio import snr
from emotion_perception.emotions import EMOTIONS, softmax
from emotion_perception.models import FaceEmotionRecognizer, SpeechEmotionRecognizer
from emotion_perception.models.balance import BALANCED, rebalance
from emotion_perception.models.model import Prediction
from emotion_perception.models.speech import prepare
from emotion_perception.storage import sha256_of
from emotion_perception.vision.quality import face_quality
from emotion_training.common.files import TrainingError, write_atomically

FIT, TEST = 'fit', 'test'
FACE_CONDITIONS = ('clean', 'blur', 'dark', 'noise')
VOICE_CONDITIONS = ('clean', 'white', 'babble')
CROP = 128
"""Side of the canonical crops, as the live graph cuts them."""

SNR_DB = (0.0, 10.0)
"""Range that the noise of a corrupted voice is drawn from, dB."""


@dataclass
class Pool:
    """One modality's readings of labelled samples.

    :param truth: int (n,), one of the six classes.
    :param part: str (n,): of faces :data:`FIT` for what parameters are fitted on, and
        :data:`TEST`; of voices the fold of the speaker. A model was trained on none of them.
    :param probabilities: by condition, float32 (n, 6), calibrated as the model's entry says, for
        the mixture of classes that it was trained on.
    :param quality: by condition, float32 (n,), 0 to 1, measured as in the live graph.
    :param embedding: by condition, float32 (n, d); empty where the model gives none.
    :param shares: float32 (n, 6), the class shares that the model of each sample was trained on;
        ``None`` if not known.
    """

    truth: np.ndarray
    part: np.ndarray
    probabilities: dict[str, np.ndarray] = field(default_factory=dict)
    quality: dict[str, np.ndarray] = field(default_factory=dict)
    embedding: dict[str, np.ndarray] = field(default_factory=dict)
    shares: np.ndarray | None = None

    @property
    def parts(self) -> list[str]:
        """Return the names of the parts."""
        return np.unique(self.part).tolist()

    @property
    def width(self) -> int:
        """Return the number of values in an embedding; 0 for a model that gives none."""
        return next((value.shape[1] for value in self.embedding.values()), 0)

    def of(self, *parts: str) -> Pool:
        """Return the samples of some parts.

        :raises TrainingError: if a class has none.
        """
        chosen = np.isin(self.part, parts)
        counts = np.bincount(self.truth[chosen], minlength=len(EMOTIONS))
        if not counts.all():
            lacking = [EMOTIONS[index] for index in np.flatnonzero(counts == 0)]
            raise TrainingError(
                f'the {" and ".join(parts)} part has no sample of {", ".join(lacking)}'
            )
        probabilities, quality, embedding = (
            {name: value[chosen] for name, value in values.items()}
            for values in (self.probabilities, self.quality, self.embedding)
        )
        shares = None if self.shares is None else self.shares[chosen]
        return Pool(
            self.truth[chosen], self.part[chosen], probabilities, quality, embedding, shares
        )

    def balanced(self, temperature: float = 1.0) -> Pool:
        """Return the answers at another temperature and for equally common classes.

        The temperature comes first: it belongs to the model, the mixture to the question.
        """
        return replace(
            self,
            probabilities={
                name: rebalance(
                    softmax(np.log(np.maximum(value, 1e-9)), temperature), self.shares, BALANCED
                )
                for name, value in self.probabilities.items()
            },
        )

    def counts(self) -> dict[str, list[int]]:
        """Return how many samples each class has in each part."""
        return {
            part: np.bincount(self.truth[self.part == part], minlength=len(EMOTIONS)).tolist()
            for part in self.parts
        }


def cached(
    folder: Path, name: str, depends_on: Sequence[object], make: Callable[[], Pool]
) -> Pool:
    """Return the pool made of the same things before, or make and keep it."""
    digest = hashlib.sha256(repr(depends_on).encode()).hexdigest()[:16]
    path = Path(folder) / f'{name}_{digest}.npz'
    if not path.is_file():
        pool = make()
        buffer = io.BytesIO()
        tables: dict[str, Any] = {
            'truth': pool.truth,
            'part': pool.part,
            **{f'p_{key}': value for key, value in pool.probabilities.items()},
            **{f'q_{key}': value for key, value in pool.quality.items()},
            **{f'e_{key}': value.astype(np.float16) for key, value in pool.embedding.items()},
        }
        np.savez(buffer, **tables)
        write_atomically(path, buffer.getvalue())
    with np.load(path, allow_pickle=False) as archive:
        probabilities, quality, embedding = (
            {
                key[2:]: archive[key].astype(np.float32)
                for key in archive.files
                if key.startswith(first)
            }
            for first in ('p_', 'q_', 'e_')
        )
        return Pool(archive['truth'], archive['part'], probabilities, quality, embedding)


def model_digest(recognizer: FaceEmotionRecognizer | SpeechEmotionRecognizer) -> str:
    """Return what tells a model and its calibration from others."""
    from emotion_perception.models import model_file

    entry = recognizer.model.entry
    try:
        content = sha256_of(model_file(entry))
    except OSError:
        content = entry.name  # a directory or a hub model
    return f'{content} {entry.temperature} {entry.face} {entry.speech} {entry.label_map}'


# ---------------------------------------------------------------------------------------- faces


def canonical(picture: np.ndarray, window: tuple[float, float, float, float]) -> np.ndarray:
    """Place a picture that is framed like the training pictures into a canonical crop.

    :param picture: (h, w) or (h, w, 3) uint8.
    :param window: the part of the crop that the model looks at.
    :return: BGR uint8 (128, 128, 3); beyond the window the picture's edge is repeated.
    """
    left, top, right, bottom = (int(round(edge * CROP)) for edge in window)
    if picture.ndim == 2:
        picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
    inside = cv2.resize(picture, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
    return cv2.copyMakeBorder(
        inside,
        max(0, top),
        max(0, CROP - bottom),
        max(0, left),
        max(0, CROP - right),
        cv2.BORDER_REPLICATE,
    )


def corrupt_face(picture: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    """Return a picture as a bad camera gives it; how bad is drawn.

    ``blur``: Gaussian of 3 to 7 % of the width; ``dark``: 5 to 25 % of the light, with a
    sensor's noise of two grey levels; ``noise``: Gaussian of 20 to 60 grey levels.
    """
    if kind == 'clean':
        return picture
    if kind == 'blur':
        return cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.03, 0.07) * picture.shape[1])
    if kind == 'dark':
        changed = picture * rng.uniform(0.05, 0.25) + rng.normal(0, 2, picture.shape)
    elif kind == 'noise':
        changed = picture + rng.normal(0, rng.uniform(20, 60), picture.shape)
    else:
        raise ValueError(f'no corruption {kind!r}')
    return np.clip(np.rint(changed), 0, 255).astype(np.uint8)


def face_pool(
    recognizer: FaceEmotionRecognizer,
    pictures: Sequence[np.ndarray],
    truth: np.ndarray,
    part: np.ndarray,
    conditions: Sequence[str] = FACE_CONDITIONS,
) -> Pool:
    """Ask the face model about pictures, clean and corrupted.

    :param pictures: framed as the training pictures, uint8.
    """
    window = recognizer.input.window
    pool = Pool(np.asarray(truth, np.int64), np.asarray(part))
    for condition in conditions:
        rng = np.random.default_rng(1)
        probabilities, quality, embedding = [], [], []
        with tqdm(total=len(pictures), desc=f'faces, {condition}', unit='face') as bar:
            for begin in range(0, len(pictures), 64):
                group = [
                    corrupt_face(picture, condition, rng)
                    for picture in pictures[begin : begin + 64]
                ]
                crops = [canonical(picture, window) for picture in group]
                found = recognizer.predict(crops)
                probabilities.append(found.probabilities)
                embedding.append(found.embedding)
                quality += [
                    face_quality(crop, np.array([0, 0, *picture.shape[1::-1]], float))
                    for crop, picture in zip(crops, group)
                ]
                bar.update(len(group))
        pool.probabilities[condition] = np.concatenate(probabilities).astype(np.float32)
        pool.quality[condition] = np.array(quality, np.float32)
        pool.embedding[condition] = np.concatenate(embedding)
    return pool


# --------------------------------------------------------------------------------------- voices


@dataclass(frozen=True)
class Voice:
    """A labelled utterance and the model that may judge it.

    :param path: of the sound.
    :param speaker: the model was trained without this person.
    :param translate: brings an embedding of this model to that of another.
    """

    path: Path
    truth: int
    speaker: str
    part: str
    recognizer: SpeechEmotionRecognizer
    translate: Callable[[np.ndarray], np.ndarray] = lambda embedding: embedding


def background(samples: np.ndarray) -> float:
    """Return the mean square of a clip's own background: its quietest tenth in 20 ms frames."""
    frames = samples[: samples.size // 320 * 320].reshape(-1, 320)
    return float(np.quantile((frames**2).mean(axis=1), 0.1)) if len(frames) else math.nan


def voice_pool(voices: Sequence[Voice], conditions: Sequence[str] = VOICE_CONDITIONS) -> Pool:
    """Ask the voice models about utterances, clean and in noise of 0 to 10 dB."""
    from emotion_training.ser.robustness import add_noise
    from emotion_training.ser.sound import read_sound

    pool = Pool(
        np.array([voice.truth for voice in voices], np.int64),
        np.array([voice.part for voice in voices]),
    )
    sounds = [read_sound(voice.path) for voice in tqdm(voices, desc='reading', unit='clip')]
    for condition in conditions:
        rng = np.random.default_rng(2)
        probabilities, quality, embedding = [], [], []
        for index, voice in enumerate(tqdm(voices, desc=f'voices, {condition}', unit='clip')):
            # Quiet enough never to clip; the models normalise the peak.
            samples = 0.1 * sounds[index]
            noise_power = background(samples)
            if condition != 'clean':
                noise = _noise(condition, sounds, voices, index, rng)
                mixed = add_noise(samples, noise, rng.uniform(*SNR_DB))
                # The microphone hears the same noise before somebody speaks.
                noise_power += float(((mixed - samples) ** 2).mean())
                samples = mixed
            answer = listen(voice.recognizer, samples)
            probabilities.append(answer.probabilities.mean(axis=0))
            embedding.append(voice.translate(answer.embedding.mean(axis=0)))
            quality.append(snr.quality(snr.estimate(samples, noise_power)))
        pool.probabilities[condition] = np.array(probabilities, np.float32)
        pool.quality[condition] = np.array(quality, np.float32)
        pool.embedding[condition] = np.array(embedding, np.float32)
    return pool


def listen(recognizer: SpeechEmotionRecognizer, samples: np.ndarray) -> Prediction:
    """Return what the model says of an utterance at 16 kHz, piece by piece; it never abstains."""
    return recognizer.model.predict(prepare(samples, 16000, recognizer.input))


def _noise(
    kind: str,
    sounds: Sequence[np.ndarray],
    voices: Sequence[Voice],
    index: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return white noise, or the babble of other speakers of the same part."""
    from emotion_training.ser.robustness import VOICES, babble

    if kind == 'white':
        return rng.normal(size=sounds[index].size).astype(np.float32)
    others = [
        i
        for i, voice in enumerate(voices)
        if voice.speaker != voices[index].speaker and voice.part == voices[index].part
    ]
    if len(others) < VOICES:
        raise TrainingError(
            f'babble needs {VOICES} clips of other speakers, there are {len(others)}'
        )
    return babble(sounds, others, sounds[index].size, rng)
