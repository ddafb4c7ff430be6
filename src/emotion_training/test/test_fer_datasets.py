# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Every format of face data is read as it lies on disk, and what is wrong with it is named."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip('torch', reason='training needs PyTorch (./emotion setup --training)')

from emotion_perception.emotions import EMOTIONS
from emotion_training.common.files import TrainingError
from emotion_training.common.leftout import NothingLeftError
from emotion_training.common.tables import TableError
from emotion_training.fer.datasets import (
    EIGHT,
    RAF,
    SEVEN,
    VOTED,
    crowd_labels,
    read_faces,
    read_mosaics,
)
from emotion_training.fer.faceset import DatasetError

SHARED = Path(os.environ.get('EMOTION_SHARED', Path(__file__).parents[4] / 'shared'))


def picture(path: Path, value: int = 90, size: int = 24) -> Path:
    """Write a small picture whose noise differs with the value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(value).integers(0, 60, (size, size, 3))
    assert cv2.imwrite(str(path), (noise + value).clip(0, 255).astype(np.uint8))
    return path


def rafdb(root: Path, each: int = 12) -> Path:
    """Write RAF-DB's layout with ``each`` training and two test pictures of its 7 classes."""
    lines = []
    for part, count in (('train', each), ('test', 2)):
        for number in range(count * 7):
            name = f'{part}_{number:05d}'
            picture(root / 'Image' / 'aligned' / f'{name}_aligned.jpg', 20 * (number % 7) + 30)
            lines.append(f'{name}.jpg {number % 7 + 1}')
    (root / 'EmoLabel').mkdir()
    (root / 'EmoLabel' / 'list_patition_label.txt').write_text('\n'.join(lines) + '\n')
    return root


def folders(root: Path, names: tuple[str, ...] = EMOTIONS, each: int = 12) -> Path:
    """Write a folder per class."""
    for place, name in enumerate(names):
        for number in range(each):
            picture(root / name / f'{number}.png', 25 * place + 40)
    return root


def affectnet_annotations(root: Path, each: int = 12) -> Path:
    """Write AffectNet's images and .npy annotations, with one picture of no face."""
    for part, count in (('train_set', each), ('val_set', 2)):
        (root / part / 'annotations').mkdir(parents=True)
        for number in range(count * 8):
            picture(root / part / 'images' / f'{number}.jpg', 20 * (number % 8) + 20)
            np.save(root / part / 'annotations' / f'{number}_exp.npy', str(number % 8))
        np.save(root / part / 'annotations' / '9999_exp.npy', '10')
    return root


def fer2013(root: Path) -> Path:
    """Write ``fer2013.csv`` with its seven numbers in three usages."""
    root.mkdir(parents=True, exist_ok=True)
    pixels = ' '.join(['7'] * 2304)
    with open(root / 'fer2013.csv', 'w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(['emotion', 'pixels', 'Usage'])
        for usage in ('Training', 'PublicTest', 'PrivateTest'):
            writer.writerows([emotion, pixels, usage] for emotion in range(7))
    return root


def test_rafdb_is_read_with_its_own_numbers(tmp_path):
    faces = read_faces(rafdb(tmp_path))
    assert faces.labels == EMOTIONS
    assert len(faces) == 6 * 14  # disgust is left out
    assert faces.counts()['train'] == [11] * 6
    first = faces.pictures.index(tmp_path / 'Image' / 'aligned' / 'train_00000_aligned.jpg')
    assert EMOTIONS[faces.truths[0][first]] == RAF[0] == 'Surprise'
    assert read_faces(tmp_path, classes='own').labels == RAF


def test_rafdb_names_the_line_that_is_wrong(tmp_path):
    rafdb(tmp_path)
    listed = tmp_path / 'EmoLabel' / 'list_patition_label.txt'
    listed.write_text(listed.read_text() + 'train_99999.jpg 8\n')
    with pytest.raises(DatasetError, match=r'line 99.*1 to 7'):
        read_faces(tmp_path)


def test_affectnet_is_read_from_annotations_with_eight_classes(tmp_path):
    faces = read_faces(affectnet_annotations(tmp_path), classes='own')
    assert faces.labels == EIGHT
    assert faces.counts() == {'train': [11] * 8, 'valid': [1] * 8, 'test': [2] * 8}
    assert EMOTIONS[read_faces(tmp_path).truths[0][0]] == 'Neutral'


@pytest.mark.parametrize(
    'names',
    [
        tuple('01234567'),
        tuple(f'class00{n}' for n in range(1, 9)),
        tuple(name.lower() for name in EIGHT),
    ],
)
def test_affectnet_is_read_from_numbered_and_named_folders(tmp_path, names):
    top = 'train_class' if names[0].startswith('class') else 'train'
    folders(tmp_path / top, names, each=10)
    folders(tmp_path / top.replace('train', 'val'), names, each=1)
    faces = read_faces(tmp_path, 'affectnet', 'own')
    assert faces.counts() == {'train': [9] * 8, 'valid': [1] * 8, 'test': [1] * 8}


def test_fer2013_csv_keeps_its_three_usages_apart(tmp_path):
    faces = read_faces(fer2013(tmp_path))
    assert faces.counts() == {'train': [1] * 6, 'valid': [1] * 6, 'test': [1] * 6}
    assert faces.picture(0).shape == (48, 48)
    assert len(read_faces(tmp_path, classes='own').labels) == 7


def test_fer2013_csv_with_a_short_picture_names_the_line(tmp_path):
    table = fer2013(tmp_path) / 'fer2013.csv'
    table.write_text(table.read_text() + '3,1 2 3,Training\n')
    with pytest.raises(TableError, match='line 23: 3 pixels'):
        read_faces(tmp_path)


def test_fer2013_folders_are_read(tmp_path):
    folders(
        tmp_path / 'train', ('angry', 'disgust', 'fear', 'happy', 'neutral', 'sad', 'surprise'), 10
    )
    folders(tmp_path / 'test', ('angry', 'happy'), 1)
    counts = read_faces(tmp_path, 'fer2013').counts()
    assert counts['valid'] == [1] * 6 and counts['test'] == [1, 0, 1, 0, 0, 0]


def test_ferplus_votes_become_distributions_beside_the_older_labels(tmp_path):
    fer2013(tmp_path)
    header = ['Usage', 'Image name', *VOTED, 'unknown', 'NF']
    with open(tmp_path / 'fer2013new.csv', 'w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerow(['Training', 'a.png', 1, 6, 3, 0, 0, 0, 0, 0, 0, 0])
        writer.writerow(['Training', '', 0, 0, 0, 0, 0, 0, 0, 0, 0, 10])
        writer.writerows([['Training', 'b.png', 0, 0, 0, 0, 0, 5, 5, 0, 0, 0]] * 19)
    faces = read_faces(tmp_path)
    assert len(faces) == 20 and faces.heads == ('FER+ majority', 'FER2013 label')
    np.testing.assert_allclose(faces.targets[0, 0], [0, 0, 6 / 9, 0, 0, 3 / 9], atol=1e-6)
    assert EMOTIONS[faces.truths[0][0]] == 'Happy' and EMOTIONS[faces.truths[1][0]] == 'Angry'
    assert faces.truths[0][1] == -1  # a tie
    assert faces.targets[1, 0].sum() == pytest.approx(0.5)  # half the votes are disgust


def test_a_majority_outside_the_six_is_not_judged():
    votes = np.zeros((2, 10), np.float32)
    votes[0, 7], votes[0, 0] = 6, 4  # contempt
    votes[1, 8], votes[1, 1] = 6, 4  # unknown
    targets, majority = crowd_labels(votes)
    assert majority.tolist() == [-1, -1]
    np.testing.assert_allclose(targets.sum(axis=1), 0.4)


def test_a_folder_per_class_is_split_the_same_way_each_time(tmp_path):
    faces = read_faces(folders(tmp_path))
    again = read_faces(tmp_path)
    assert faces.counts() == {'train': [10] * 6, 'valid': [1] * 6, 'test': [1] * 6}
    assert (faces.split == again.split).all() and faces.digest == again.digest
    assert 'Happy' in faces.table() and 'train' in faces.table()


def test_a_manifest_is_read_relative_to_itself(tmp_path):
    picture(tmp_path / 'a' / '1.png')
    picture(tmp_path / 'a' / '2.png')
    (tmp_path / 'list.csv').write_text(
        'path,label,split\na/1.png,happiness,train\na/2.png,disgust,train\n'
    )
    faces = read_faces(tmp_path / 'list.csv')
    assert len(faces) == 1 and EMOTIONS[faces.truths[0][0]] == 'Happy'


def test_unknown_labels_are_named(tmp_path):
    folders(tmp_path, ('Happy', 'Hapy'), 2)
    with pytest.raises(DatasetError, match=r"unknown labels \['Hapy'\]"):
        read_faces(tmp_path)


def test_unreadable_pictures_are_left_out_and_named(tmp_path, caplog):
    folders(tmp_path)
    (tmp_path / 'Happy' / '0.png').write_bytes(b'not a picture')
    (tmp_path / 'Happy' / '1.png').write_bytes(b'')
    faces = read_faces(tmp_path)
    assert len(faces) == 70 and '2 of 72' in caplog.text and '0.png' in caplog.text


def test_a_data_set_of_unreadable_pictures_is_refused(tmp_path):
    rafdb(tmp_path)
    for path in (tmp_path / 'Image' / 'aligned').iterdir():
        path.unlink()
    with pytest.raises(NothingLeftError, match='none of 84 pictures of RAF-DB can be used'):
        read_faces(tmp_path)


@pytest.mark.parametrize('form', ['rafdb', 'affectnet', 'ferplus', 'folders', 'mosaics'])
def test_an_empty_folder_is_refused_by_every_reader(tmp_path, form):
    with pytest.raises(TrainingError):
        read_faces(tmp_path, form)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DatasetError, match='nowhere'):
        read_faces(tmp_path / 'nowhere')


def test_mosaics_and_their_table_are_read():
    root = SHARED / 'data' / 'faces'
    if not root.is_dir():
        pytest.skip(f'waits for the shared face data in {root} (set EMOTION_SHARED)')
    faces = read_mosaics(root)
    assert faces.pictures.shape[1:] == (48, 48) and len(faces.targets) == len(faces)
    assert faces.counts()['test'] == [316, 92, 909, 1166, 424, 421]
    assert (faces.split == 'train').sum() < 28561 - 691  # repeated pictures are left out


def test_numbered_folders_are_not_guessed_but_asked_for(tmp_path):
    for base in ('a', 'a/train', 'b/train', 'b/test'):
        for number in range(7):
            folder = tmp_path / base / str(number)
            folder.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / 'x.png'), np.full((48, 48), number * 30, np.uint8))
    with pytest.raises(DatasetError, match=r'numbers \(0, 1, .*--format fer2013 \(0 to 6: Angry'):
        read_faces(tmp_path / 'b')
    with pytest.raises(DatasetError, match='--format affectnet'):
        read_faces(tmp_path / 'a')

    def meaning(form):
        faces = read_faces(tmp_path / 'b', form, 'own')
        return {
            int(path.parent.name): faces.labels[place]
            for path, place in zip(faces.pictures, faces.truths[0])
        }

    assert meaning('fer2013') == dict(enumerate(SEVEN))
    assert meaning('affectnet') == dict(enumerate(EIGHT[:7]))
    (tmp_path / 'b' / 'train' / '0').rename(tmp_path / 'b' / 'train' / '7')
    (tmp_path / 'b' / 'test' / '0').rename(tmp_path / 'b' / 'test' / '7')
    assert meaning('rafdb') == dict(enumerate(RAF, 1))
    with pytest.raises(DatasetError, match='the classes are numbered 0 to 6'):
        meaning('fer2013')
