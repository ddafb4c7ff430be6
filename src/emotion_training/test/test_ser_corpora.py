# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Every corpus in the layout it is distributed in, and splits without a shared speaker."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from emotion_training.common.files import TrainingError
from emotion_training.ser import corpora
from emotion_training.ser.sounds import Sounds
from emotion_training.ser.splits import check_disjoint, held_out, random_split, speaker_folds


def make(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.zeros(800, np.float32), 16000)
    return root


def table(clips: list[corpora.Clip]) -> set[tuple[str, str, str]]:
    return {(clip.path.name, clip.label, clip.speaker) for clip in clips}


def test_ravdess_reads_speech_and_takes_one_of_two_copies(tmp_path):
    make(
        tmp_path,
        'Actor_12/03-01-06-01-02-01-12.wav',
        'Actor_12/03-01-02-01-02-01-12.wav',
        'Actor_03/03-01-07-02-01-01-03.wav',
        'Actor_03/03-02-05-02-01-01-03.wav',
        'audio_speech_actors_01-24/Actor_12/03-01-06-01-02-01-12.wav',
    )
    assert table(corpora.read(f'ravdess={tmp_path}')) == {
        ('03-01-06-01-02-01-12.wav', 'Fear', 'ravdess/A12'),
        ('03-01-02-01-02-01-12.wav', 'Calm', 'ravdess/A12'),
        ('03-01-07-02-01-01-03.wav', 'Disgust', 'ravdess/A03'),
    }


def test_crema_d_reads_actor_and_emotion(tmp_path):
    make(
        tmp_path,
        'AudioWAV/1001_DFA_ANG_XX.wav',
        'AudioWAV/1091_IEO_SAD_HI.wav',
        'AudioWAV/readme_not_a_clip.wav',
    )
    assert table(corpora.read(f'crema_d={tmp_path}')) == {
        ('1001_DFA_ANG_XX.wav', 'Angry', 'crema_d/1001'),
        ('1091_IEO_SAD_HI.wav', 'Sad', 'crema_d/1091'),
    }


@pytest.mark.parametrize(
    ('table', 'head', 'rows'),
    [
        (
            'AudioWAV/../processedResults/summaryTable.csv',
            'FileName,VoiceVote',
            ['1001_DFA_ANG_XX,A', '1091_IEO_SAD_HI,N:S'],
        ),
        (
            'index.csv',
            'path,voice_vote',
            ['AudioWAV/1001_DFA_ANG_XX.wav,anger', 'AudioWAV/1091_IEO_SAD_HI.wav,neutral/sadness'],
        ),
    ],
)
def test_crema_d_knows_what_the_crowd_heard(tmp_path, table, head, rows):
    make(tmp_path, 'AudioWAV/1001_DFA_ANG_XX.wav', 'AudioWAV/1091_IEO_SAD_HI.wav')
    (tmp_path / 'processedResults').mkdir()
    (tmp_path / table).write_text('\n'.join([head, *rows]) + '\n')
    heard = [
        dict(zip(corpora.CLASSES, clip.heard)) for clip in corpora.read(f'crema_d={tmp_path}')
    ]
    assert heard[0]['Angry'] == 1
    assert heard[1]['Neutral'] == heard[1]['Sad'] == 0.5


def test_tess_reads_both_speakers_and_the_misnamed_one(tmp_path):
    make(
        tmp_path,
        'OAF_Fear/OAF_back_fear.wav',
        'YAF_pleasant_surprised/YAF_bar_ps.wav',
        'OAF_disgust/OA_bite_disgust.wav',
    )
    assert table(corpora.read(f'tess={tmp_path}')) == {
        ('OAF_back_fear.wav', 'Fear', 'tess/OAF'),
        ('YAF_bar_ps.wav', 'Surprise', 'tess/YAF'),
        ('OA_bite_disgust.wav', 'Disgust', 'tess/OAF'),
    }


@pytest.mark.parametrize(
    'names',
    [('AudioData/DC/sa01.wav', 'AudioData/JE/n02.wav'), ('ALL/DC_sa01.wav', 'ALL/JE_n02.wav')],
)
def test_savee_reads_both_layouts(tmp_path, names):
    make(tmp_path, *names)
    assert {(clip.label, clip.speaker) for clip in corpora.read(f'savee={tmp_path}')} == {
        ('Sad', 'savee/DC'),
        ('Neutral', 'savee/JE'),
    }


def test_emodb_leaves_boredom_out(tmp_path):
    make(tmp_path, 'wav/03a01Fa.wav', 'wav/16b10Wb.wav', 'wav/08a02La.wav')
    assert table(corpora.read(f'emodb={tmp_path}')) == {
        ('03a01Fa.wav', 'Happy', 'emodb/03'),
        ('16b10Wb.wav', 'Angry', 'emodb/16'),
    }


def test_nemo_reads_speaker_and_emotion(tmp_path):
    make(tmp_path, 'samples/SB0_anger_12.wav', 'samples/MK0_happiness_3.wav')
    assert table(corpora.read(f'nemo={tmp_path}')) == {
        ('SB0_anger_12.wav', 'Angry', 'nemo/SB0'),
        ('MK0_happiness_3.wav', 'Happy', 'nemo/MK0'),
    }


def test_meld_joins_annotation_and_clips_and_survives_missing_ones(tmp_path):
    head = 'Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,Season\n'
    (tmp_path / 'train_sent_emo.csv').write_text(
        head + '1,"Oh, \x92my God",Joey,joy,positive,0,0,8\n2,No,Ross,disgust,negative,0,1,8\n'
        '3,Gone,Ross,anger,negative,0,2,8\n',
        encoding='latin-1',
    )
    (tmp_path / 'test_sent_emo.csv').write_text(head + '1,Well,Joey,surprise,positive,0,0,8\n')
    make(
        tmp_path,
        'train_splits/dia0_utt0.wav',
        'train_splits/dia0_utt1.wav',
        'output_repeated_splits_test/dia0_utt0.wav',
    )
    clips = corpora.read(f'meld={tmp_path}')
    assert [(c.label, c.speaker, c.part, c.path.parent.name) for c in clips] == [
        ('Happy', 'meld/Joey', 'train', 'train_splits'),
        ('Disgust', 'meld/Ross', 'train', 'train_splits'),
        ('Surprise', 'meld/Joey', 'test', 'output_repeated_splits_test'),
    ]


def test_manifest_reads_relative_paths_and_optional_speakers(tmp_path):
    make(tmp_path, 'one.wav', 'two.wav')
    (tmp_path / 'list.csv').write_text('path,label,speaker\none.wav,joy,ann\ntwo.wav,calm,\n')
    clips = corpora.read_manifest(tmp_path / 'list.csv')
    assert [(c.label, c.speaker) for c in clips] == [
        ('Happy', 'manifest/ann'),
        ('Calm', 'manifest/unknown'),
    ]


@pytest.mark.parametrize(
    ('text', 'says'),
    [
        ('path,label\none.wav,joyless\n', "line 2: unknown label 'joyless'"),
        ('path,label\nnone.wav,joy\n', r'line 2: .*none\.wav is not there'),
        ('path,label\none.wav,bored\n', 'line 2: bored is none of the classes'),
        ('file,emotion\none.wav,joy\n', 'line 1: no column path, label; there are file, emotion'),
        ('path,label\n', 'has no rows'),
    ],
)
def test_manifest_errors_name_the_line_and_the_value(tmp_path, text, says):
    make(tmp_path, 'one.wav')
    (tmp_path / 'list.csv').write_text(text)
    with pytest.raises(TrainingError, match=says):
        corpora.read_manifest(tmp_path / 'list.csv')


@pytest.mark.parametrize(
    ('spec', 'says'),
    [
        ('ravdess', 'write CORPUS=PATH'),
        ('iemocap=/tmp', 'write CORPUS=PATH'),
        ('ravdess=/nowhere/at/all', 'there is no'),
        ('meld={empty}', 'train_sent_emo.csv'),
        ('tess={empty}', 'no clip was found'),
    ],
)
def test_wrong_corpus_arguments_say_what_to_write(tmp_path, spec, says):
    with pytest.raises(TrainingError, match=says):
        corpora.read(spec.format(empty=tmp_path))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), min_size=12, max_size=120),
    st.integers(2, 6),
    st.integers(0, 5),
)
def test_no_speaker_stands_on_two_sides_of_any_fold(pairs, folds, seed):
    speakers = np.array([f'corpus{corpus}/{speaker}' for corpus, speaker in pairs])
    names = np.array([f'corpus{corpus}' for corpus, _ in pairs])
    if len(set(speakers)) < 2:
        return
    fold = speaker_folds(speakers, names, folds, seed)
    for value in range(folds):
        check_disjoint(speakers, fold != value, fold == value)
        assert not set(speakers[fold != value]) & set(speakers[fold == value])


def test_folds_share_the_clips_of_a_corpus_evenly():
    speakers = np.repeat([f'a/{n}' for n in range(12)], 10)
    fold = speaker_folds(speakers, np.full(120, 'a'), 3)
    assert np.bincount(fold).tolist() == [40, 40, 40]


def test_one_speaker_only_cannot_be_split_and_says_so():
    with pytest.raises(TrainingError, match='only one speaker'):
        speaker_folds(np.array(['a/x'] * 5), np.array(['a'] * 5), 3)


def test_a_shared_speaker_is_named():
    with pytest.raises(TrainingError, match='both sides of the split: ann'):
        check_disjoint(np.array(['ann', 'bob', 'ann']), np.array([0, 1]), np.array([2]))


def test_random_split_holds_each_clip_once():
    train, test = random_split(50, 0.2, 3)
    assert len(test) == 10
    assert sorted([*train, *test]) == list(range(50))


def some_sounds(speakers: list[str], parts: list[str]) -> Sounds:
    count = len(speakers)
    nothing = np.zeros(count, np.int16)
    names = np.array([f'clip{row}' for row in range(count)])
    return Sounds(
        samples=nothing,
        start=np.arange(count + 1),
        labels=nothing,
        heard=np.zeros((count, 8), np.float32),
        speakers=np.array(speakers),
        corpora=np.array(['own' if not part else 'meld' for part in parts]),
        names=names,
        parts=np.array(parts),
    )


def test_what_judges_a_training_is_of_other_speakers_and_a_divided_corpus_keeps_its_parts():
    speakers = [name for name in 'abcde' for _ in range(4)] + ['joey'] * 4
    data = some_sounds(speakers, [''] * 20 + ['train', 'train', 'dev', 'test'])
    rows = np.delete(np.arange(24), 2)
    train, rest = held_out(data, rows, print)
    own_train, own_rest = (set(data.speakers[part[part < 20]].tolist()) for part in (train, rest))
    assert own_rest and own_train | own_rest == set('abcde') and not own_train & own_rest
    assert train[train >= 20].tolist() == [20, 21] and rest[rest >= 20].tolist() == [22]
    assert sorted([*train, *rest]) == [*rows[:-1]]


def test_few_speakers_are_judged_by_other_clips_of_theirs_and_that_is_said():
    lines: list[str] = []
    train, rest = held_out(some_sounds(['ann'] * 20, [''] * 20), np.arange(20), lines.append)
    assert len(rest) == 3 and sorted([*train, *rest]) == list(range(20))
    assert 'only 1 speaker' in lines[0]
    with pytest.raises(TrainingError, match='do not give both'):
        held_out(some_sounds(['ann'] * 2, ['dev'] * 2), np.arange(2), print)
