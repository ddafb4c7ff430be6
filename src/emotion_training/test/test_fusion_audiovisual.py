# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Audio-visual corpora are read in their own layouts, and their films looked at as live."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('torch', reason='training needs PyTorch (./emotion setup --training)')

import cv2
import soundfile

from emotion_perception.emotions import Emotion
from emotion_perception.models import FaceEmotionRecognizer, SpeechEmotionRecognizer, load_model
from emotion_training.common.files import TrainingError
from emotion_training.fusion import aligned, evaluate
from emotion_training.fusion import train as train_fusion
from emotion_training.fusion.audiovisual import FilmClip, look, read
from support.faces import astronaut, write_video
from support.models import face_model, voice_model
from support.sounds import read_16k, real_voice

FFMPEG = shutil.which('ffmpeg')


@pytest.fixture(scope='module')
def film(tmp_path_factory) -> Path:
    """Return a film of a real face (as MP4, H.264 or MPEG-4, and AAC) with a real voice."""
    if FFMPEG is None:
        pytest.skip('needs ffmpeg to make a film')
    folder = tmp_path_factory.mktemp('film')
    picture = cv2.resize(astronaut()[:400, 60:460], (240, 240))
    silent = write_video(folder / 'silent.avi', [picture] * 8, 8.0)
    voice = read_16k(real_voice())
    soundfile.write(folder / 'voice.wav', voice, 16000)
    done = subprocess.run(
        [
            FFMPEG,
            '-v',
            'error',
            '-y',
            '-i',
            str(silent),
            '-i',
            str(folder / 'voice.wav'),
            '-c:v',
            'mpeg4',
            '-q:v',
            '2',
            '-c:a',
            'aac',
            str(folder / 'film.mp4'),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / 'film.mp4'


@pytest.fixture(scope='module')
def recognizers(tmp_path_factory) -> tuple[FaceEmotionRecognizer, SpeechEmotionRecognizer]:
    folder = tmp_path_factory.mktemp('models')
    return (
        FaceEmotionRecognizer(load_model(str(face_model(folder)), 'fer')),
        SpeechEmotionRecognizer(load_model(str(voice_model(folder)), 'ser')),
    )


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b'')


def test_ravdess_videos_are_read_by_their_names(tmp_path: Path) -> None:
    folder = 'Video_Speech_Actor_01/Actor_01'
    touch(
        tmp_path,
        f'{folder}/01-01-05-01-01-01-01.mp4',  # angry, picture and sound
        f'{folder}/02-01-05-01-01-01-01.mp4',  # the same without sound
        'Audio_Speech_Actors_01-24/Actor_01/03-01-05-01-01-01-01.wav',
        f'{folder}/01-01-02-01-01-01-01.mp4',  # calm
        f'{folder}/01-01-07-01-01-01-01.mp4',  # disgust
        f'{folder}/01-02-05-01-01-01-01.mp4',  # song
        f'{folder}/02-01-08-01-01-01-01.mp4',  # silent picture with its sound
        'Audio_Speech_Actors_01-24/Actor_01/03-01-08-01-01-01-01.wav',
        f'{folder}/02-01-04-01-01-01-01.mp4',
    )  # silent picture alone
    clips = read(f'ravdess={tmp_path}')
    assert sorted((clip.video.name, clip.label) for clip in clips) == [
        ('01-01-02-01-01-01-01.mp4', 'Neutral'),
        ('01-01-05-01-01-01-01.mp4', 'Angry'),
        ('02-01-08-01-01-01-01.mp4', 'Surprise'),
    ]
    joined = next(clip for clip in clips if clip.label == 'Surprise')
    assert joined.sound.name == '03-01-08-01-01-01-01.wav'
    assert {clip.speaker for clip in clips} == {'ravdess/A01'}


def test_crema_d_films_are_joined_with_their_sounds(tmp_path: Path) -> None:
    touch(
        tmp_path,
        'VideoFlash/1001_DFA_ANG_XX.flv',
        'AudioWAV/1001_DFA_ANG_XX.wav',
        'VideoFlash/1002_IEO_SAD_HI.flv',
        'VideoFlash/1001_DFA_DIS_XX.flv',
        'VideoFlash/readme.txt',
    )
    angry, sad = read(f'crema_d={tmp_path}')
    assert (angry.label, angry.speaker, angry.sound.suffix) == ('Angry', 'crema_d/1001', '.wav')
    assert (sad.label, sad.speaker, sad.sound.suffix) == ('Sad', 'crema_d/1002', '.flv')


def test_meld_is_read_by_its_tables_with_its_own_parts(tmp_path: Path) -> None:
    header = 'Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID\n'
    (tmp_path / 'train_sent_emo.csv').write_text(
        header + '1,Hi,Joey,joy,positive,0,0\n2,Oh,Ross,disgust,negative,0,1\n'
        '3,No,Ross,anger,negative,0,2\n'
    )
    (tmp_path / 'test_sent_emo.csv').write_text(header + '1,Hm,Joey,sadness,negative,4,1\n')
    touch(
        tmp_path,
        'train_splits/dia0_utt0.mp4',
        'train_splits/dia0_utt1.mp4',
        'output_repeated_splits_test/dia4_utt1.mp4',
    )
    clips = read(f'meld={tmp_path}')
    assert [(clip.label, clip.part) for clip in clips] == [('Happy', 'train'), ('Sad', 'test')]
    assert aligned.split(clips).tolist() == ['fit', 'test']


@pytest.mark.parametrize(
    ('spec', 'message'),
    [
        ('ravdess', 'write CORPUS=PATH'),
        ('friends=/tmp', 'one of ravdess, crema_d, meld'),
        ('ravdess=/nowhere/at/all', 'no folder'),
        ('crema_d={folder}', 'no film was found'),
        ('meld={folder}', 'no train_sent_emo.csv'),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, spec: str, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        read(spec.format(folder=tmp_path))


def test_speakers_are_split_so_that_none_fits_and_judges(tmp_path: Path) -> None:
    clips = [
        FilmClip('ravdess', tmp_path, tmp_path, 'Sad', f'ravdess/A{index % 6:02}')
        for index in range(24)
    ]
    part = aligned.split(clips)
    speakers = np.array([clip.speaker for clip in clips])
    assert set(speakers[part == 'fit']).isdisjoint(speakers[part == 'test'])
    assert (part == 'test').sum() > (part == 'fit').sum() > 0


def test_a_film_is_seen_and_heard(film: Path, recognizers) -> None:
    found = look(FilmClip('ravdess', film, film, 'Happy', 'ravdess/A01'), *recognizers)
    assert found.face.argmax() == Emotion.HAPPY
    assert found.voice.argmax() == Emotion.SAD
    assert (found.weights > 0.1).all()


def test_a_modality_that_a_film_lacks_has_no_weight(film: Path, recognizers) -> None:
    silent = film.with_name('silent.avi')
    deaf = look(FilmClip('ravdess', silent, silent, 'Happy', 'ravdess/A01'), *recognizers)
    assert deaf.weights[1] == 0 < deaf.weights[0]
    voice = film.with_name('voice.wav')
    blind = look(FilmClip('ravdess', voice, voice, 'Happy', 'ravdess/A01'), *recognizers)
    assert blind.weights[0] == 0 < blind.weights[1]
    with pytest.raises(TrainingError):
        look(
            FilmClip(
                'ravdess',
                film.with_name('none.mp4'),
                film.with_name('none.mp4'),
                'Happy',
                'ravdess/A01',
            ),
            *recognizers,
        )


def test_aligned_films_are_fitted_and_judged_and_looked_at_once(
    film: Path, tmp_path: Path, capsys
) -> None:
    root = tmp_path / 'RAVDESS'
    root.mkdir()
    for actor in (1, 2, 3):
        for emotion in ('03', '04'):
            (root / f'01-01-{emotion}-01-01-01-{actor:02}.mp4').symlink_to(film)
    (root / '01-01-05-01-01-01-03.mp4').write_bytes(b'damaged')
    arguments = [
        '--audiovisual',
        f'ravdess={root}',
        '--out',
        str(tmp_path / 'out'),
        '--fer-model',
        str(face_model(tmp_path)),
        '--ser-model',
        str(voice_model(tmp_path)),
    ]
    assert train_fusion.main(arguments) == 0
    assert (tmp_path / 'out' / 'fusion_network.onnx').is_file()
    capsys.readouterr()
    figures = tmp_path / 'figures.json'
    assert evaluate.main([*arguments, '--json', str(figures)]) == 0
    result = json.loads(figures.read_text())
    assert result['kind'] == 'aligned'
    assert result['n'] + result['n_fit'] == 6
    assert set(result['table']) >= {'face', 'voice', 'product as shipped'}
    assert result['table']['face']['accuracy'] == pytest.approx(0.5)
    assert 'aligned clips' in capsys.readouterr().out
    # What was seen is kept: without the films the figures are the same.
    before = sorted((tmp_path / 'out' / 'cache').glob('aligned_*.npz'))
    assert evaluate.main([*arguments, '--json', str(figures)]) == 0
    assert sorted((tmp_path / 'out' / 'cache').glob('aligned_*.npz')) == before
