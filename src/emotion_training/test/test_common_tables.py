# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Tables of every kind that people save are read, or refused with file and line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('torch', reason='training needs PyTorch (./emotion setup --training)')

from emotion_perception.emotions import EMOTIONS, OTHERS, Emotion, class_of, emotion_of
from emotion_training.common.leftout import LeftOut, NothingLeftError
from emotion_training.common.tables import TableError, parse_pixels, read_table

PLAIN = 'path,label\na.wav,überrascht\nb c.wav,"sad, very"\n'
EXPECTED = [('a.wav', 'überrascht', 2), ('b c.wav', 'sad, very', 3)]


def table(tmp_path: Path, content: str | bytes, encoding: str = 'utf-8') -> Path:
    path = tmp_path / 'list.csv'
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def rows(path: Path) -> list[tuple[str, str, int]]:
    return [(row['path'], row['label'], row.line) for row in read_table(path, ('path', 'label'))]


@pytest.mark.parametrize(
    'encoding',
    ['utf-8', 'utf-8-sig', 'latin-1', 'cp1252', 'utf-16', 'utf-16-le', 'utf-16-be', 'utf-32'],
)
def test_every_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    assert rows(table(tmp_path, PLAIN, encoding)) == EXPECTED


@pytest.mark.parametrize(
    'content',
    [
        PLAIN.replace('\n', '\r\n'),
        PLAIN.replace('\n', '\r'),
        PLAIN.rstrip('\n'),
        'path;label\na.wav;überrascht\nb c.wav;"sad, very"\n',
        'path\tlabel\na.wav\tüberrascht\nb c.wav\tsad, very\n',
        ' Path , LABEL \n a.wav , überrascht \n b c.wav , "sad, very" \n',
        'speaker,path,label\n1,a.wav,überrascht\n,b c.wav,"sad, very"\n',
        'path,label,note\na.wav,überrascht\nb c.wav,"sad, very",loud\n',
        'path,label\na.wav,überrascht,more\nb c.wav,"sad, very"\n',
    ],
)
def test_every_usual_form_is_read(tmp_path: Path, content: str) -> None:
    assert rows(table(tmp_path, content)) == EXPECTED


def test_blank_rows_are_passed_over_and_lines_still_count(tmp_path: Path) -> None:
    content = '\npath,label\n\na,x\n   \n,\nb,y\n\n'
    assert rows(table(tmp_path, content)) == [('a', 'x', 4), ('b', 'y', 7)]


def test_a_text_of_several_lines_in_another_column_is_read(tmp_path: Path) -> None:
    content = 'path,label,text\na,x,"two\nlines"\nb,y,one\n'
    assert rows(table(tmp_path, content)) == [('a', 'x', 2), ('b', 'y', 4)]


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('path,label\na,x\nb\n', r'list\.csv, line 3: 1 field\(s\), but .* path, label need 2'),
        ('path,label\na,"x\nb,y\nc,z\n', r'list\.csv, line 2: a quote is open'),
        ('path,label\na,x\n"b,y\nc,z\n', r'list\.csv, line 3: a quote is open'),
        ('file,label\na,x\n', r'list\.csv, line 1: no column path; there are file, label'),
        ('path,label\n', r'list\.csv has no rows'),
        ('path,label\n \n', r'list\.csv has no rows'),
        ('', r'list\.csv is empty'),
        ('version https://git-lfs.github.com/spec/v1\noid x\n', r'list\.csv is a Git LFS pointer'),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(TableError, match=message):
        rows(table(tmp_path, content))


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r'none\.csv is not there'):
        read_table(tmp_path / 'none.csv', ())


@pytest.mark.parametrize(
    ('pixels', 'message'),
    [
        ('0 1 2', r'line 2: 3 pixels; a picture has 4'),
        ('0 1 2 256', r'line 2: pixel 4 is 256'),
        ('0 -1 2 3', r'line 2: pixel 2 is -1'),
        ('0 1 2 x', r'line 2: pixels are whole numbers'),
        ('0 1 2 2.5', r'line 2: pixels are whole numbers'),
    ],
)
def test_pixels_that_are_none_are_named(tmp_path: Path, pixels: str, message: str) -> None:
    row = read_table(table(tmp_path, f'emotion, pixels\n0,{pixels}\n'), ('pixels',))[0]
    with pytest.raises(TableError, match=message):
        parse_pixels(row, 'pixels', 4)


def test_pixels_are_read(tmp_path: Path) -> None:
    row = read_table(table(tmp_path, 'emotion, pixels\n0,0 17 254 255\n'), ('pixels',))[0]
    assert parse_pixels(row, 'pixels', 4).tolist() == [0, 17, 254, 255]
    long = ' '.join(['7'] * 200 * 200)
    row = read_table(table(tmp_path, f'emotion,pixels\n0,{long}\n'), ('pixels',))[0]
    assert np.all(parse_pixels(row, 'pixels', 200 * 200) == 7)


# What is left out


def test_what_is_left_out_is_named_and_counted() -> None:
    said: list[str] = []
    out = LeftOut('clips', said.append)
    for number in range(8):
        out.add(f'{number}.wav is broken')
    out.close(12)
    assert said[0] == 'left out: 0.wav is broken'
    assert said[-1] == '8 of 20 clips are left out'
    assert len(said) == 6


def test_if_nothing_is_left_that_is_an_error_of_its_own() -> None:
    out = LeftOut('clips', [].append)
    out.add('a.wav is broken')
    with pytest.raises(NothingLeftError, match=r'none of 1 clips can be used; .* a\.wav') as error:
        out.close(0)
    assert error.value.code == 3


def test_if_nothing_was_left_out_nothing_is_said() -> None:
    said: list[str] = []
    LeftOut('clips', said.append).close(3)
    assert said == []


# Spellings


@pytest.mark.parametrize(
    ('spelling', 'meaning'),
    [
        ('contemptuous', 'Contempt'),
        ('DIS', 'Disgust'),
        ('disgusted', 'Disgust'),
        ('joy', 'Happy'),
        ('JOYFUL', 'Happy'),
        ('surprised', 'Surprise'),
        ('pleasant surprise', 'Surprise'),
        ('Pleasant_Surprised', 'Surprise'),
        ('pleasant-surprise', 'Surprise'),
        ('ps', 'Surprise'),
        (' Anger ', 'Angry'),
        ('calm', 'Calm'),
        ('fearful', 'Fear'),
        ('neu', 'Neutral'),
        ('bored', 'Boredom'),
        ('joyless', None),
        ('', None),
    ],
)
def test_every_spelling_has_one_meaning(spelling: str, meaning: str | None) -> None:
    assert class_of(spelling) == meaning


def test_every_class_is_spelt_as_itself() -> None:
    for name in (*EMOTIONS, *OTHERS):
        assert class_of(name) == name
    assert [emotion_of(name) for name in EMOTIONS] == list(Emotion)
    assert emotion_of('calm') is Emotion.NEUTRAL
    assert emotion_of('disgust') is None


def test_all_commands_know_the_same_spellings() -> None:
    from emotion_training.fer.datasets import place_of
    from emotion_training.ser.corpora import class_name

    for spelling in ('joy', 'pleasant surprise', 'surprised', 'anger', 'fearful', 'sadness'):
        place = place_of(spelling, EMOTIONS)
        assert EMOTIONS[place] == class_name(spelling) == class_of(spelling)
    assert class_name('DIS') == 'Disgust'
    assert place_of('DIS', EMOTIONS) == place_of('contemptuous', EMOTIONS) == -1
    assert place_of('contempt', ('happy', 'contemptuous')) == 1
