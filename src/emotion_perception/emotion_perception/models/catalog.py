# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The catalogue of models: what each file is and how pictures or sound must enter it.

Everything that belongs to a model rather than to the graph (preprocessing, labels, temperature,
where the file comes from) stands in its entry, so that nothing else knows which model runs. The
same schema serves ``weights/catalog.yaml``, a YAML file beside a model (``model.yaml`` beside
``model.onnx``) and the ONNX metadata property ``emotion_model``.
"""

from __future__ import annotations

import difflib
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import urlsplit

import yaml

from emotion_perception.carried import PACKAGE_DATA
from emotion_perception.emotions import EMOTIONS
from emotion_perception.models.errors import ModelError
from emotion_perception.storage import sha256_of

# libyaml is ten times as fast, where PyYAML was built with it; either builds plain values alone.
_Loader: Any = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)

TASKS = ('fer', 'ser', 'detector', 'vad')
BACKENDS = ('onnx', 'litert', 'torch', 'transformers', 'keras-h5', 'skops', 'sklearn-onnx')
COLOURS = ('grey', 'rgb', 'bgr')
LONG_RULES = ('average', 'centre')
OUTPUTS = ('logits', 'probabilities')

TIGHT_WINDOW = (0.1, 0.07, 0.9, 0.87)
"""The tight face box (brows to chin) inside the canonical crop: what most published face models
were trained on, and so the window of a model that names none."""


@dataclass(frozen=True)
class FaceInput:
    """How a canonical face crop becomes the input of a face model.

    :param size: side of the square input in pixels.
    :param window: left, top, right, bottom of the part of the canonical crop that the model
        sees, as fractions of its side.
    :param colour: ``grey``, ``rgb`` or ``bgr``.
    :param mean: subtracted per channel from pixels scaled to 0..1.
    :param std: divides per channel after that.
    """

    size: int
    window: tuple[float, float, float, float] = TIGHT_WINDOW
    colour: str = 'rgb'
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    @property
    def channels(self) -> int:
        """Return 1 for grey, else 3."""
        return 1 if self.colour == 'grey' else 3


@dataclass(frozen=True)
class Mfcc:
    """A fixed vector of MFCC statistics for classifiers that take no waveform.

    The features are those of ``librosa.feature.mfcc`` with its defaults (Slaney mel filters,
    80 dB range, orthonormal DCT), reduced over time.

    :param coefficients: number of cepstral coefficients.
    :param fft: window length in samples.
    :param hop: hop in samples.
    :param mels: number of mel bands.
    :param statistics: any of ``mean``, ``std``, ``min``, ``max``, concatenated in this order.
    """

    coefficients: int = 40
    fft: int = 2048
    hop: int = 512
    mels: int = 128
    statistics: tuple[str, ...] = ('mean',)

    @property
    def width(self) -> int:
        """Return the length of the feature vector."""
        return self.coefficients * len(self.statistics)


@dataclass(frozen=True)
class SpeechInput:
    """How sound becomes the input of a speech model.

    :param rate: sampling rate in Hz.
    :param min_seconds: below this length the recogniser abstains.
    :param max_seconds: longest piece given to the model at once.
    :param long: what happens to longer sound: ``average`` cuts it into evenly spaced windows of
        ``max_seconds`` and averages their probabilities; ``centre`` keeps the middle.
    :param pad_seconds: shorter sound is padded with zeros at its end to this length; 0 for none.
    :param peak_normalise: scale so that the largest sample is 1, instead of by the speech.
    :param standardise: zero mean and unit variance per piece, after peak normalisation.
    :param mfcc: give the model MFCC statistics instead of the waveform.
    """

    rate: int = 16000
    min_seconds: float = 0.5
    max_seconds: float = 10.0
    long: str = 'average'
    pad_seconds: float = 0.0
    peak_normalise: bool = False
    standardise: bool = False
    mfcc: Mfcc | None = None


@dataclass(frozen=True)
class Abstain:
    """When a speech model answers Unknown instead of guessing.

    :param min_confidence: least probability of the best class.
    :param min_peak_db: largest sample below which sound counts as silence, dB of full scale.
    :param max_clipped: largest share of samples at full scale, 0 to 1.
    """

    min_confidence: float = 0.0
    min_peak_db: float = -60.0
    max_clipped: float = 0.1


@dataclass(frozen=True)
class CatalogEntry:
    """One model of the catalogue.

    :param name: name in the catalogue, or the path or hub id that the user gave.
    :param task: ``fer``, ``ser``, ``detector`` or ``vad``.
    :param backend: one of :data:`BACKENDS`; empty for models that others load (detectors).
    :param file: file or directory, relative to the weights directories and inside them; absolute
        only for a file that the user named himself (:func:`with_file`).
    :param sha256: of the file, lower-case hex; empty if not known.
    :param bytes: size of the file; 0 if not known.
    :param url: where the file may be downloaded from; empty if nowhere.
    :param insecure: whether that may be without TLS; of this machine it may anyway.
    :param hub: Hugging Face id of a Transformers model, instead of ``file``.
    :param package: Python package that carries the file, then ``file`` is relative to it.
    :param state_dict: for a Transformers directory, weights kept in a file beside it.
    :param architecture: for ``torch``, the name of the torchvision model.
    :param labels: of each output in order; empty where the file itself names them.
    :param label_map: label -> one of the six, or ``None`` to drop it, beyond the synonyms.
    :param scores: for ``onnx``, the output that holds the class scores, where a file answers in
        several ways; empty for the usual one.
    :param output: whether the model gives ``logits`` or ``probabilities``.
    :param temperature: divides the logits before the softmax (Guo et al., "On Calibration of
        Modern Neural Networks", ICML 2017).
    :param shares: label -> its share of the mixture that the calibrated probabilities answer for
        (see :mod:`emotion_perception.models.balance`); empty if not known.
    :param face: input of a face model, else ``None``.
    :param speech: input of a speech model, else ``None``.
    :param abstain: thresholds of a speech model.
    :param licence: of the weights.
    :param card: file name of the model card.
    :param about: one line.
    """

    name: str
    task: str
    backend: str = ''
    file: str = ''
    sha256: str = ''
    bytes: int = 0
    url: str = ''
    insecure: bool = False
    hub: str = ''
    package: str = ''
    state_dict: str = ''
    architecture: str = ''
    labels: tuple[str, ...] = ()
    label_map: tuple[tuple[str, str | None], ...] = ()
    scores: str = ''
    output: str = 'logits'
    temperature: float = 1.0
    shares: tuple[tuple[str, float], ...] = ()
    face: FaceInput | None = None
    speech: SpeechInput | None = None
    abstain: Abstain = field(default_factory=Abstain)
    licence: str = ''
    card: str = ''
    about: str = ''


class Catalog(Mapping[str, CatalogEntry]):
    """The entries by name.

    :param source: file the entries come from, for messages.
    """

    def __init__(self, entries: Sequence[CatalogEntry], source: str = '') -> None:
        self.source = source
        self._entries = {entry.name: entry for entry in entries}

    def __getitem__(self, name: str) -> CatalogEntry:
        """Return an entry.

        :raises ModelError: naming the nearest entries if there is none of this name.
        """
        if name not in self._entries:
            near = difflib.get_close_matches(name, self._entries, n=3, cutoff=0.5)
            hint = f'; did you mean {" or ".join(near)}?' if near else ''
            raise ModelError(
                f'there is no model {name!r}: neither a file or directory of that name nor an '
                f'entry of {self.source or "the catalogue"}{hint} '
                f'(known: {", ".join(sorted(self._entries))})'
            )
        return self._entries[name]

    def get(self, name: str, default: Any = None, /) -> Any:
        """Return an entry, or the default if there is none of this name."""
        return self._entries.get(name, default)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def weights_directories() -> list[Path]:
    """Return the existing directories that hold the catalogue and embedded models, best first.

    These are ``$EMOTION_WEIGHTS``, the share directory of the package ``emotion_weights`` in
    ``$AMENT_PREFIX_PATH``, the data of a wheel, and ``weights/`` of the repository this file
    stands in.
    """
    places = []
    if os.environ.get('EMOTION_WEIGHTS'):
        places.append(Path(os.environ['EMOTION_WEIGHTS']).expanduser())
    for prefix in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep):
        if prefix:
            places.append(Path(prefix) / 'share' / 'emotion_weights')
    places += [PACKAGE_DATA, Path(__file__).resolve().parents[4] / 'weights']
    return [place for place in dict.fromkeys(places) if place.is_dir()]


def load_catalog(path: str | os.PathLike[str] | None = None) -> Catalog:
    """Read a catalogue.

    :param path: of the YAML file; by default ``catalog.yaml`` of the first weights directory
        that has one.
    :raises ModelError: if the file is absent or not valid, naming entry and key.
    """
    if path is None:
        candidates = [place / 'catalog.yaml' for place in weights_directories()]
        path = next((place for place in candidates if place.is_file()), None)
        if path is None:
            raise ModelError(
                'catalog.yaml of the package emotion_weights was not found; build the workspace '
                'and source it, or set EMOTION_WEIGHTS to the directory that holds it'
            )
    path = Path(path)
    document = _read_yaml(path)
    if not isinstance(document, dict) or not isinstance(document.get('models'), dict):
        raise ModelError(f'{path}: a catalogue needs a mapping `models:` from name to entry')
    return Catalog(
        [
            parse_entry(str(name), mapping, str(path))
            for name, mapping in document['models'].items()
        ],
        str(path),
    )


def load_sidecar(path: Path) -> CatalogEntry:
    """Read the YAML file beside a model: one entry without the name around it.

    :raises ModelError: if it is not valid.
    """
    return parse_entry(path.stem, _read_yaml(path), str(path))


def parse_entry(name: str, mapping: Any, source: str) -> CatalogEntry:
    """Make an entry from what YAML gave.

    :param name: of the entry.
    :param mapping: the keys as in the module's example.
    :param source: the file, for messages.
    :raises ModelError: naming file, entry and key.
    """
    keys = _Keys(mapping, f'{source}: model {name!r}')
    task = keys.choice('task', TASKS)
    backend = keys.choice('backend', BACKENDS, '' if task in ('detector', 'vad') else None)
    entry = CatalogEntry(
        name=name,
        task=task,
        backend=backend,
        file=keys.text('file', ''),
        sha256=keys.text('sha256', '').lower(),
        bytes=int(keys.number('bytes', 0, low=0)),
        url=keys.text('url', ''),
        insecure=keys.flag('insecure', False),
        hub=keys.text('hub', ''),
        package=keys.text('package', ''),
        state_dict=keys.text('state_dict', ''),
        architecture=keys.text('architecture', ''),
        labels=keys.texts('labels', ()),
        label_map=keys.label_map('label_map'),
        scores=keys.text('scores', ''),
        output=keys.choice('output', OUTPUTS, 'logits'),
        temperature=keys.number('temperature', 1.0, above=0),
        shares=keys.shares('shares'),
        face=_face_input(keys.sub('input')) if task == 'fer' and 'input' in keys else None,
        speech=_speech_input(keys.sub('input')) if task == 'ser' and 'input' in keys else None,
        abstain=_abstain(keys.sub('abstain'))
        if task == 'ser' and 'abstain' in keys
        else Abstain(),
        licence=keys.text('licence', ''),
        card=keys.text('card', ''),
        about=keys.text('about', ''),
    )
    keys.done()
    if entry.sha256 and not re.fullmatch('[0-9a-f]{64}', entry.sha256):
        keys.fail('sha256', f'is {entry.sha256!r}, not 64 hexadecimal digits')
    if entry.url and not entry.sha256:
        keys.fail('url', 'needs `sha256` beside it: a download is never used unverified')
    if entry.url and not may_download(entry.url, entry.insecure):
        keys.fail(
            'url',
            f'is {entry.url!r}: it must be https (http only with `insecure: true` beside it)',
        )
    for key in ('file', 'state_dict', 'card'):
        path = PurePath(getattr(entry, key))
        if path.is_absolute() or '..' in path.parts:
            keys.fail(key, f'is {str(path)!r}: it must be a relative path that stays inside')
    if entry.scores and entry.backend != 'onnx':
        keys.fail('scores', 'belongs to models of backend onnx')
    if entry.hub and entry.backend != 'transformers':
        keys.fail('hub', 'belongs to models of backend transformers')
    repeated = {label for label in entry.labels if entry.labels.count(label) > 1}
    if repeated:
        keys.fail('labels', f'names {sorted(repeated)} more than once')
    for key, named in (('label_map', entry.label_map), ('shares', entry.shares)):
        strange = [label for label, _ in named if entry.labels and label not in entry.labels]
        if strange:
            keys.fail(key, f'names {strange}, which `labels` does not name')
    return entry


def may_download(url: str, insecure: bool = False) -> bool:
    """Return whether an address may be asked for a file: by TLS, unless it is this machine's.

    :param insecure: whether the entry says that it may be without.
    """
    found = urlsplit(url)
    if found.scheme == 'https':
        return bool(found.hostname)
    here = found.hostname in ('127.0.0.1', '::1', 'localhost')
    return found.scheme == 'http' and bool(found.hostname) and (insecure or here)


def describe_file(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return ``{'sha256': ..., 'bytes': ...}`` of a file, as an entry states them."""
    return {'sha256': sha256_of(path), 'bytes': os.path.getsize(path)}


def with_file(entry: CatalogEntry, path: Path, name: str) -> CatalogEntry:
    """Return the entry for a file that the user named: his own file, so no sha is expected."""
    return replace(entry, name=name, file=str(path), sha256='', bytes=0, url='', package='')


def _read_yaml(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding='utf-8'), _Loader)
    except OSError as error:
        raise ModelError(f'{path}: cannot be read: {error.strerror}') from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ModelError(f'{path}: is not valid YAML: {error}') from error


def _face_input(keys: _Keys) -> FaceInput:
    colour = keys.choice('colour', COLOURS, 'rgb')
    channels = 1 if colour == 'grey' else 3
    left, top, right, bottom = keys.numbers('window', (4,), TIGHT_WINDOW)
    value = FaceInput(
        size=int(keys.number('size', low=1, high=4096)),
        window=(left, top, right, bottom),
        colour=colour,
        mean=keys.numbers('mean', (1, channels), (0.0,)),
        std=keys.numbers('std', (1, channels), (1.0,)),
    )
    keys.done()
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        keys.fail(
            'window',
            f'is {list(value.window)}; it needs 0 <= left < right <= 1 and 0 <= top < bottom <= 1',
        )
    if min(value.std) <= 0:
        keys.fail('std', 'must be above 0')
    return value


def _speech_input(keys: _Keys) -> SpeechInput:
    default = SpeechInput()
    value = SpeechInput(
        rate=int(keys.number('rate', default.rate, low=1000, high=192000)),
        min_seconds=keys.number('min_seconds', default.min_seconds, low=0),
        max_seconds=keys.number('max_seconds', default.max_seconds, above=0),
        long=keys.choice('long', LONG_RULES, default.long),
        pad_seconds=keys.number('pad_seconds', default.pad_seconds, low=0),
        peak_normalise=keys.flag('peak_normalise', default.peak_normalise),
        standardise=keys.flag('standardise', default.standardise),
        mfcc=_mfcc(keys.sub('mfcc')) if 'mfcc' in keys else None,
    )
    keys.done()
    if value.min_seconds > value.max_seconds:
        keys.fail('min_seconds', f'is {value.min_seconds}, above max_seconds {value.max_seconds}')
    if value.pad_seconds > value.max_seconds:
        keys.fail('pad_seconds', f'is {value.pad_seconds}, above max_seconds {value.max_seconds}')
    return value


def _mfcc(keys: _Keys) -> Mfcc:
    default = Mfcc()
    value = Mfcc(
        coefficients=int(keys.number('coefficients', default.coefficients, low=1)),
        fft=int(keys.number('fft', default.fft, low=16)),
        hop=int(keys.number('hop', default.hop, low=1)),
        mels=int(keys.number('mels', default.mels, low=1)),
        statistics=keys.texts('statistics', default.statistics),
    )
    keys.done()
    strange = set(value.statistics) - {'mean', 'std', 'min', 'max'}
    if strange:
        keys.fail('statistics', f'names {sorted(strange)}; allowed: mean, std, min, max')
    if value.coefficients > value.mels:
        keys.fail('coefficients', f'is {value.coefficients}, above mels {value.mels}')
    return value


def _abstain(keys: _Keys) -> Abstain:
    default = Abstain()
    value = Abstain(
        min_confidence=keys.number('min_confidence', default.min_confidence, low=0, high=1),
        min_peak_db=keys.number('min_peak_db', default.min_peak_db, high=0),
        max_clipped=keys.number('max_clipped', default.max_clipped, low=0, high=1),
    )
    keys.done()
    return value


class _Keys:
    """Takes typed values out of a mapping and names file, entry and key when one is wrong."""

    def __init__(self, mapping: Any, where: str) -> None:
        if not isinstance(mapping, dict):
            raise ModelError(f'{where}: is not a mapping of keys')
        self._mapping = mapping
        self._where = where
        self._known: list[str] = []

    def __contains__(self, key: str) -> bool:
        self._known.append(key)
        return self._mapping.get(key) is not None

    def fail(self, key: str, what: str) -> None:
        raise ModelError(f'{self._where}: `{key}` {what}')

    def done(self) -> None:
        """Refuse keys that nothing asked for: most often a misspelling."""
        unknown = [str(key) for key in self._mapping if key not in self._known]
        if unknown:
            near = difflib.get_close_matches(unknown[0], self._known, n=1)
            self.fail(
                unknown[0], 'is not a known key' + (f'; did you mean `{near[0]}`?' if near else '')
            )

    def text(self, key: str, default: str | None = None) -> str:
        value = self._get(key, default)
        if not isinstance(value, str):
            self.fail(key, f'is {value!r}; it must be text')
        return value

    def choice(self, key: str, allowed: Sequence[str], default: str | None = None) -> str:
        value = self.text(key, default)
        if value not in allowed and value != default:
            self.fail(key, f'is {value!r}; allowed: {", ".join(allowed)}')
        return value

    def flag(self, key: str, default: bool) -> bool:
        value = self._get(key, default)
        if not isinstance(value, bool):
            self.fail(key, f'is {value!r}; it must be true or false')
        return value

    def number(
        self,
        key: str,
        default: float | None = None,
        *,
        low: float | None = None,
        high: float | None = None,
        above: float | None = None,
    ) -> float:
        return self._number(key, self._get(key, default), low, high, above)

    def numbers(
        self, key: str, lengths: Sequence[int], default: tuple[float, ...]
    ) -> tuple[float, ...]:
        value = self._get(key, default)
        if not isinstance(value, (list, tuple)) or len(value) not in lengths:
            wanted = ' or '.join(str(length) for length in dict.fromkeys(lengths))
            self.fail(key, f'is {value!r}; it must be a list of {wanted} numbers')
        return tuple(self._number(key, item, None, None, None) for item in value)

    def texts(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        value = self._get(key, default)
        if not isinstance(value, (list, tuple)) or not all(
            isinstance(item, str) for item in value
        ):
            self.fail(key, f'is {value!r}; it must be a list of names')
        return tuple(value)

    def label_map(self, key: str) -> tuple[tuple[str, str | None], ...]:
        value = self._get(key, {})
        if not isinstance(value, dict):
            self.fail(key, f'is {value!r}; it must map labels to one of the six or null')
        for label, target in value.items():
            if not isinstance(label, str) or (target is not None and target not in EMOTIONS):
                self.fail(
                    key, f'maps {label!r} to {target!r}; allowed: {", ".join(EMOTIONS)} or null'
                )
        return tuple(value.items())

    def shares(self, key: str) -> tuple[tuple[str, float], ...]:
        value = self._get(key, {})
        if not isinstance(value, dict) or not all(isinstance(label, str) for label in value):
            self.fail(key, f'is {value!r}; it must map labels to counts or shares')
        return tuple((label, self.sub(key).number(label, above=0)) for label in value)

    def sub(self, key: str) -> _Keys:
        return _Keys(self._mapping[key], f'{self._where}, `{key}`')

    def _get(self, key: str, default: Any) -> Any:
        self._known.append(key)
        value = self._mapping.get(key)
        if value is None:
            if default is None:
                self.fail(key, 'is missing')
            return default
        return value

    def _number(
        self, key: str, value: Any, low: float | None, high: float | None, above: float | None
    ) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.fail(key, f'is {value!r}; it must be a number')
        # `not (value >= low)` also refuses NaN.
        if (
            (low is not None and not value >= low)
            or (high is not None and not value <= high)
            or (above is not None and not value > above)
            or math.isnan(value)
        ):
            bounds = [
                f'at least {low}' if low is not None else '',
                f'at most {high}' if high is not None else '',
                f'above {above}' if above is not None else '',
            ]
            self.fail(key, f'is {value}; it must be {" and ".join(filter(None, bounds))}')
        return float(value)
