# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from emotion_perception.emotions import EMOTIONS, LabelMap
from emotion_perception.models import ModelError, load_catalog
from emotion_perception.models.catalog import (
    FaceInput,
    SpeechInput,
    describe_file,
    load_sidecar,
    parse_entry,
    weights_directories,
)

FER = {
    'task': 'fer',
    'backend': 'onnx',
    'file': 'a.onnx',
    'labels': ['happy', 'sad'],
    'input': {'size': 64, 'colour': 'grey'},
}
SER = {
    'task': 'ser',
    'backend': 'onnx',
    'file': 'a.onnx',
    'labels': ['happy', 'sad'],
    'input': {'rate': 16000},
}


def parse(base: dict, **changes: object):
    return parse_entry('mine', {**base, **changes}, 'file.yaml')


def test_committed_catalogue_is_valid_and_its_labels_reach_the_six_classes():
    catalog = load_catalog(Path(__file__).parents[3] / 'weights' / 'catalog.yaml')
    assert {
        'fer-default',
        'ser-default',
        'yunet',
        'rafdb',
        'affectnet',
        'wavlm',
        'pkg:fer',
    } <= set(catalog)
    for entry in catalog.values():
        if entry.labels:
            assert LabelMap(entry.labels, entry.label_map).covered.sum() >= 5, entry.name
        assert entry.about and entry.licence, entry.name


def test_embedded_files_are_what_the_catalogue_says():
    weights = Path(__file__).parents[3] / 'weights'
    for entry in load_catalog(weights / 'catalog.yaml').values():
        path = weights / entry.file
        if entry.card and path.is_file():
            assert describe_file(path)['sha256'] == entry.sha256, entry.name


def test_seed_checkpoints_have_the_label_order_of_their_data_sets():
    catalog = load_catalog(Path(__file__).parents[3] / 'weights' / 'catalog.yaml')
    assert catalog['rafdb'].labels == ('Surprise', 'Fear', 'Happy', 'Sad', 'Angry', 'Neutral')
    assert catalog['affectnet'].labels[-2:] == ('Anger', 'Contempt')


def test_defaults_of_a_minimal_entry():
    entry = parse(FER)
    assert entry.face == FaceInput(64, colour='grey')
    assert (entry.temperature, entry.output, entry.sha256) == (1.0, 'logits', '')
    assert parse(SER).speech == SpeechInput(16000)


@pytest.mark.parametrize(
    ('base', 'changes', 'words'),
    [
        (FER, {'task': 'dance'}, ['`task`', "'dance'", 'fer, ser']),
        (FER, {'backend': None}, ['`backend`', 'missing']),
        (FER, {'temprature': 2.0}, ['`temprature`', 'did you mean `temperature`']),
        (FER, {'temperature': 0}, ['`temperature`', 'above 0']),
        (FER, {'temperature': 'warm'}, ['`temperature`', 'number']),
        (FER, {'labels': 'happy'}, ['`labels`', 'list']),
        (FER, {'labels': ['sad', 'sad']}, ['`labels`', 'more than once']),
        (FER, {'sha256': '12ab'}, ['`sha256`', '64']),
        (FER, {'url': 'https://example.org/a'}, ['`url`', 'sha256']),
        (FER, {'url': 'file:///etc/passwd', 'sha256': '0a' * 32}, ['`url`', 'http']),
        (FER, {'hub': 'org/name'}, ['`hub`', 'transformers']),
        (FER, {'label_map': {'happy': 'Glee'}}, ['`label_map`', "'Glee'", 'Happy']),
        (FER, {'label_map': {'bored': None}}, ['`label_map`', 'bored']),
        (FER, {'shares': [0.5, 0.5]}, ['`shares`', 'map labels']),
        (FER, {'shares': {'happy': 0, 'sad': 1}}, ['`shares`', '`happy`', 'above 0']),
        (FER, {'shares': {'happy': 'many', 'sad': 1}}, ['`shares`', '`happy`', 'number']),
        (FER, {'shares': {'happy': 3, 'bored': 1}}, ['`shares`', 'bored']),
        (FER, {'input': {'size': 64, 'window': [0.9, 0, 0.1, 1]}}, ['`input`', '`window`']),
        (FER, {'input': {'size': 64, 'mean': [1, 2]}}, ['`mean`', '1 or 3']),
        (FER, {'input': {'size': 64, 'std': [0]}}, ['`std`', 'above 0']),
        (FER, {'input': {'colour': 'grey'}}, ['`size`', 'missing']),
        (FER, {'input': 64}, ['`input`', 'mapping']),
        (SER, {'input': {'rate': 10}}, ['`rate`', 'at least 1000']),
        (SER, {'input': {'min_seconds': 20}}, ['`min_seconds`', 'max_seconds']),
        (SER, {'input': {'long': 'forget'}}, ['`long`', 'average, centre']),
        (SER, {'input': {'peak_normalise': 'yes'}}, ['`peak_normalise`', 'true or false']),
        (SER, {'input': {'mfcc': {'statistics': ['median']}}}, ['`statistics`', 'median']),
        (SER, {'abstain': {'min_confidence': float('nan')}}, ['`min_confidence`', 'at least 0']),
    ],
)
def test_wrong_entry_names_file_entry_and_key(base, changes, words):
    with pytest.raises(ModelError) as caught:
        parse(base, **changes)
    for word in ["file.yaml: model 'mine'", *words]:
        assert word in str(caught.value)


def test_shares_are_counts_or_shares_by_label():
    assert parse(FER, shares={'happy': 3, 'sad': 1}).shares == (('happy', 3.0), ('sad', 1.0))
    assert parse(FER).shares == ()


def test_unknown_name_suggests_the_nearest(tmp_path):
    (tmp_path / 'catalog.yaml').write_text(yaml.safe_dump({'models': {'happy-net': FER}}))
    with pytest.raises(ModelError, match=r"no model 'hapy-net'.*did you mean happy-net\?"):
        load_catalog(tmp_path / 'catalog.yaml')['hapy-net']
    assert load_catalog(tmp_path / 'catalog.yaml').get('hapy-net') is None


@pytest.mark.parametrize('text', ['', 'models: [1]', 'models: {a: ', 'just text'])
def test_broken_catalogue_is_refused_with_its_path(tmp_path, text):
    path = tmp_path / 'catalog.yaml'
    path.write_text(text)
    with pytest.raises(ModelError, match=str(path)):
        load_catalog(path)


def test_sidecar_takes_the_name_of_its_file(tmp_path):
    path = tmp_path / 'mine.yaml'
    path.write_text(yaml.safe_dump(FER))
    assert load_sidecar(path).name == 'mine'


def test_weights_are_looked_for_in_the_environment_then_ament_then_the_repository(
    tmp_path, monkeypatch
):
    own, share = tmp_path / 'own', tmp_path / 'prefix' / 'share' / 'emotion_weights'
    own.mkdir()
    share.mkdir(parents=True)
    monkeypatch.setenv('EMOTION_WEIGHTS', str(own))
    monkeypatch.setenv('AMENT_PREFIX_PATH', f'{tmp_path / "absent"}:{tmp_path / "prefix"}')
    assert weights_directories()[:2] == [own, share]
    monkeypatch.setenv('EMOTION_WEIGHTS', str(tmp_path / 'absent'))
    assert weights_directories()[0] == share


def test_label_map_brings_other_names_into_the_six():
    entry = parse(
        FER,
        labels=['smile', 'frown', 'yawn'],
        label_map={'smile': 'Happy', 'frown': 'Sad', 'yawn': None},
    )
    mapped = LabelMap(entry.labels, entry.label_map).apply([[0.3, 0.3, 0.4]])
    assert mapped[0, EMOTIONS.index('Happy')] == pytest.approx(0.5)
