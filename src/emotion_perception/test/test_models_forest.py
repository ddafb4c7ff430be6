# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""MFCC features and the random forest on them, saved by skops and by skl2onnx."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest

from emotion_perception.models import (
    ModelError,
    ModelSettings,
    SpeechEmotionRecognizer,
    load_catalog,
    load_model,
)
from emotion_perception.models.catalog import Mfcc
from emotion_perception.models.mfcc import mfcc_of, mfcc_statistics

CPU = ModelSettings(device='cpu', threads=1)
CATALOG = load_catalog(Path(__file__).parents[3] / 'weights' / 'catalog.yaml')
SIDECAR = 'task: ser\nbackend: {}\ninput: {{rate: 16000, mfcc: {{coefficients: 40}}}}\n'
NAMES = np.array(['angry', 'calm', 'fearful', 'happy', 'sad'])


def sound(seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return np.cumsum(generator.normal(size=16000)).astype(np.float32) * 1e-3


@pytest.fixture(scope='module')
def forest():
    ensemble = pytest.importorskip('sklearn.ensemble', reason='setup --training installs it')
    generator = np.random.default_rng(0)
    features = generator.normal(size=(200, 40)).astype(np.float32)
    return ensemble.RandomForestClassifier(20, random_state=0).fit(
        features, NAMES[(features[:, 0] > 0) + 2 * (features[:, 1] > 0)]
    )


@pytest.mark.parametrize('rate', [16000, 22050])
@pytest.mark.parametrize('mfcc', [Mfcc(), Mfcc(13, 512, 160, 64)])
def test_mfcc_equal_librosa(rate, mfcc):
    librosa = pytest.importorskip('librosa', reason='the reference; setup --training installs it')
    expected = librosa.feature.mfcc(
        y=sound(),
        sr=rate,
        n_mfcc=mfcc.coefficients,
        n_fft=mfcc.fft,
        hop_length=mfcc.hop,
        n_mels=mfcc.mels,
    )
    assert mfcc_of(sound(), rate, mfcc) == pytest.approx(expected, abs=2e-2)


def test_statistics_are_concatenated_in_their_order():
    mfcc = Mfcc(13, statistics=('mean', 'std'))
    coefficients = mfcc_of(sound(), 16000, mfcc)
    vector = mfcc_statistics(sound(), 16000, mfcc)
    assert vector.shape == (mfcc.width,) == (26,)
    assert vector == pytest.approx(
        np.concatenate([coefficients.mean(axis=1), coefficients.std(axis=1)]), rel=1e-4
    )


def test_sound_shorter_than_a_window_still_gives_features():
    assert np.isfinite(mfcc_statistics(sound()[:100], 16000, Mfcc())).all()


def check(path: Path, forest) -> None:
    model = load_model(str(path), 'ser', CPU, CATALOG)
    features = mfcc_statistics(sound(), 16000, Mfcc())[None]
    assert model.raw(sound()[None]) == pytest.approx(forest.predict_proba(features), abs=1e-5)
    result = SpeechEmotionRecognizer(model).predict(sound(), 16000)
    assert not result.abstained and result.probabilities.sum() == pytest.approx(1)


def test_skops_forest_gives_what_scikit_learn_gives(forest, tmp_path):
    skops = pytest.importorskip('skops.io', reason='setup --training installs it')
    path = tmp_path / 'mfcc_random_forest.skops'
    skops.dump(forest, path)
    check(path, forest)
    model = load_model(str(path), 'ser', CPU, CATALOG)
    assert model.entry.labels == tuple(forest.classes_)


def test_skops_file_with_foreign_objects_is_refused(tmp_path):
    skops = pytest.importorskip('skops.io', reason='setup --training installs it')
    path = tmp_path / 'mfcc_random_forest.skops'
    skops.dump({'model': Path('/tmp')}, path)
    with pytest.raises(ModelError, match='not plain scikit-learn'):
        load_model(str(path), 'ser', CPU, CATALOG)


def test_forged_tree_is_refused(forest, tmp_path):
    skops = pytest.importorskip('skops.io', reason='setup --training installs it')
    forged = copy.deepcopy(forest)
    tree = forged.estimators_[3].tree_
    state = tree.__getstate__()
    state['nodes']['left_child'][0] = 100_000
    tree.__setstate__(state)
    path = tmp_path / 'mfcc_random_forest.skops'
    skops.dump(forged, path)
    with pytest.raises(ModelError, match='leads outside itself'):
        load_model(str(path), 'ser', CPU, CATALOG)


def test_damaged_skops_file_is_named(forest, tmp_path):
    skops = pytest.importorskip('skops.io', reason='setup --training installs it')
    path = tmp_path / 'mfcc_random_forest.skops'
    skops.dump(forest, path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ModelError, match=rf'{path} \(2000 bytes\)'):
        load_model(str(path), 'ser', CPU, CATALOG)


@pytest.mark.parametrize('zipmap', [True, False])
def test_onnx_forest_gives_what_scikit_learn_gives(forest, tmp_path, zipmap):
    skl2onnx = pytest.importorskip('skl2onnx', reason='setup --training installs it')
    types = pytest.importorskip('skl2onnx.common.data_types')
    converted = skl2onnx.convert_sklearn(
        forest,
        initial_types=[('features', types.FloatTensorType([None, 40]))],
        options={'zipmap': zipmap},
        target_opset={'': 15, 'ai.onnx.ml': 3},
    )
    path = tmp_path / 'forest.onnx'
    path.write_bytes(converted.SerializeToString())
    sidecar = SIDECAR.format('sklearn-onnx')
    if not zipmap:
        sidecar += f'labels: [{", ".join(forest.classes_)}]\n'
    path.with_suffix('.yaml').write_text(sidecar)
    check(path, forest)


def test_labels_in_another_order_than_the_file_are_refused(forest, tmp_path):
    skops = pytest.importorskip('skops.io', reason='setup --training installs it')
    path = tmp_path / 'own.skops'
    skops.dump(forest, path)
    path.with_suffix('.yaml').write_text(
        SIDECAR.format('skops') + f'labels: [{", ".join(reversed(forest.classes_))}]\n'
    )
    with pytest.raises(ModelError, match='in the order'):
        load_model(str(path), 'ser', CPU, CATALOG)


def test_entry_without_features_is_refused(forest, tmp_path):
    skops = pytest.importorskip('skops.io', reason='setup --training installs it')
    path = tmp_path / 'own.skops'
    skops.dump(forest, path)
    path.with_suffix('.yaml').write_text('task: ser\nbackend: skops\ninput: {rate: 16000}\n')
    with pytest.raises(ModelError, match='mfcc'):
        load_model(str(path), 'ser', CPU, CATALOG)


def test_pickles_are_refused(tmp_path):
    path = tmp_path / 'forest.joblib'
    path.write_bytes(b'\x80\x04N.')
    with pytest.raises(ModelError, match=r'pickle.*skops\.io\.dump'):
        load_model(str(path), 'ser', CPU, CATALOG)
