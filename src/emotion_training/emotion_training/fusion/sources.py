"""Which faces and voices are honest to use: nobody whom a model was trained on."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from emotion_perception.emotions import EMOTIONS
from emotion_perception.models import (
    FaceEmotionRecognizer,
    ModelSettings,
    SpeechEmotionRecognizer,
    load_model,
)
from emotion_training.common.files import TrainingError, load_torch, sha256_of
from emotion_training.fusion.pools import (
    FIT,
    TEST,
    Pool,
    Voice,
    cached,
    face_pool,
    model_digest,
    voice_pool,
)
from emotion_training.ser.corpora import Clip, read
from emotion_training.ser.splits import speaker_folds

SPLITS = {'valid': FIT, 'test': TEST}
"""FER2013's parts: the validation pictures fit the fusion, the test pictures judge it."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Listener:
    """A voice model and whom it must not be asked about.

    :param knows: whether a speaker was heard in its training.
    """

    recognizer: SpeechEmotionRecognizer
    knows: Callable[[str], bool]
    digest: str


def load_faces(folder: Path, model: str, cache: Path, most: int, say: Say,
               threads: int = 1) -> Pool:
    """Return the pool of FER+ faces: validation pictures to fit on, test pictures to judge by.

    :param folder: with ``ferplus.csv`` and the mosaics.
    :param most: pictures of a class in each part; those kept are drawn at random.
    :raises TrainingError: if the folder cannot be used.
    :raises ModelError: if the model cannot be loaded.
    """
    from emotion_training.fer.datasets import read_mosaics

    recognizer = FaceEmotionRecognizer(load_model(model, 'fer', ModelSettings(threads=threads)))
    faces = read_mosaics(Path(folder))
    rng = np.random.default_rng(0)
    pictures, truth, part = [], [], []
    for split, name in SPLITS.items():
        rows = np.flatnonzero(faces.split == split)
        for value in range(len(EMOTIONS)):
            chosen = rng.permutation(rows[faces.truths[0][rows] == value])[:most]
            pictures += [faces.pictures[row] for row in chosen]
            truth += [value] * len(chosen)
            part += [name] * len(chosen)
    pool = cached(cache, 'faces', ('faces', 1, faces.digest, most, model_digest(recognizer)),
                  lambda: face_pool(recognizer, pictures, np.array(truth), np.array(part)))
    say(f'{recognizer.model.name}: {len(pool.truth)} faces of {faces.name}')
    return pool


def load_listener(path: str, cache: Path, threads: int = 1) -> Listener:
    """Load a voice model with what is known of its speakers.

    :param path: a checkpoint of ``./emotion train ser`` (``p3_fold0.pt``), which names its
        speakers; or a model of the runtime (a catalogue name or an ONNX file) whose ``.json``
        beside it lists under ``speakers`` those held out.
    :raises TrainingError: if nothing is known of its speakers.
    """
    settings = ModelSettings(threads=threads)
    if not path.endswith('.pt'):
        recognizer = SpeechEmotionRecognizer(load_model(path, 'ser', settings))
        held = _held_out(recognizer)
        return Listener(recognizer, lambda speaker: speaker not in held,
                        model_digest(recognizer))
    from emotion_training.ser import fit
    from emotion_training.ser.export import entry_of, export

    digest = sha256_of(Path(path)) if Path(path).is_file() else ''
    checkpoint = load_torch(Path(path))
    try:
        heard = frozenset(checkpoint['made_of']['speakers'])
        start = checkpoint['made_of']['start']
        while start is not None:
            heard, start = heard | frozenset(start['speakers']), start['start']
    except (KeyError, TypeError) as error:
        raise TrainingError(f'{path} does not say which speakers it was trained on; take a '
                            'checkpoint that `./emotion train ser` wrote') from error
    file = Path(cache) / f'{Path(path).stem}_{digest[:12]}.onnx'
    if not file.is_file():
        export(fit.restore(checkpoint), file,
               entry_of(file.name, 1.0, 0.0, f'exported from {Path(path).name}'))
    recognizer = SpeechEmotionRecognizer(load_model(str(file), 'ser', settings))
    return Listener(recognizer, lambda speaker: speaker in heard, digest)


def _held_out(recognizer: SpeechEmotionRecognizer) -> frozenset[str]:
    from emotion_perception.models import model_file

    record = model_file(recognizer.model.entry).with_suffix('.json')
    try:
        return frozenset(json.loads(record.read_text())['speakers'])
    except (OSError, ValueError, KeyError, TypeError):
        raise TrainingError(
            f'{recognizer.model.name}: nothing says which speakers it was not trained on '
            f'(expected a list "speakers" in {record}); give checkpoints of `./emotion train '
            'ser` instead') from None


def choose_voices(clips: Sequence[Clip], listeners: Sequence[Listener], most: int, say: Say
                  ) -> list[Voice]:
    """Give each clip the first model that never heard its speaker; split by speakers.

    A third of the speakers of each corpus fits the fusion, the others judge it.

    :param most: clips of a class from each corpus in each part.
    :raises TrainingError: if no clip is left.
    """
    able = []
    for clip in clips:
        label = 'Neutral' if clip.label == 'Calm' else clip.label
        listener = next((item for item in listeners if not item.knows(clip.speaker)), None)
        if label in EMOTIONS and clip.index < 0 and listener is not None:
            able.append((clip, EMOTIONS.index(label), listener))
    if not able:
        raise TrainingError('every speaker of these corpora was heard in the training of every '
                            'voice model given; give models that leave some out')
    speakers = np.array([clip.speaker for clip, _, _ in able])
    corpora = np.array([clip.corpus for clip, _, _ in able])
    fold = speaker_folds(speakers, corpora, min(3, len(np.unique(speakers))), seed=1)
    voices, kept = [], {}
    for place in np.random.default_rng(0).permutation(len(able)):
        clip, truth, listener = able[place]
        part = FIT if fold[place] == 0 else TEST
        key = (clip.corpus, truth, part)
        kept[key] = kept.get(key, 0) + 1
        if kept[key] <= most:
            voices.append(Voice(clip.path, truth, clip.speaker, part, listener.recognizer))
    for corpus in np.unique(corpora):
        for part in (FIT, TEST):
            names = {voice.speaker for voice in voices if voice.part == part
                     and voice.speaker.startswith(f'{corpus}/')}
            say(f'{corpus}, {part}: {len(names)} speakers, '
                f'{sum(voice.speaker in names for voice in voices if voice.part == part)} clips')
    return voices


def load_voices(corpora: Sequence[str], models: Sequence[str], cache: Path, most: int, say: Say,
                threads: int = 1) -> Pool:
    """Return the pool of voices, each judged by a model that was not trained on its speaker.

    :param corpora: ``CORPUS=PATH`` each, as ``./emotion train ser`` takes them.
    :param models: see :func:`load_listener`.
    """
    listeners = [load_listener(model, cache, threads) for model in models]
    clips = [clip for spec in corpora for clip in read(spec)]
    voices = choose_voices(clips, listeners, most, say)
    names = [(voice.path.name, voice.part) for voice in voices]
    return cached(cache, 'voices', ('voices', 1, names, [item.digest for item in listeners]),
                  lambda: voice_pool(voices))


def calibrated(pool: Pool, temperature: float) -> Pool:
    """Return the pool with its probabilities at another temperature."""
    from emotion_perception.emotions import softmax

    return replace(pool, probabilities={
        name: softmax(np.log(np.maximum(value, 1e-9)), temperature)
        for name, value in pool.probabilities.items()})
