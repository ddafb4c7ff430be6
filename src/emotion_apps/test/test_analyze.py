# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Many recordings to tables."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import os
import pickle
import shutil
import signal
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

pq = pytest.importorskip('pyarrow.parquet', reason='needs pyarrow: ./emotion setup --analyze')

from emotion_apps.analyze.columns import CLASSES, FACES, UTTERANCES
from emotion_apps.analyze.command import SOME_FAILED, main
from emotion_apps.analyze.errors import AnalyzeError
from emotion_apps.analyze.executor import Executor
from emotion_apps.analyze.options import Every, Options
from emotion_apps.analyze.page import render
from emotion_apps.analyze.perception import fingerprint
from emotion_apps.analyze.pool import Pool
from emotion_apps.analyze.progress import Progress
from emotion_apps.analyze.recordings import Recording, find_recordings
from emotion_apps.analyze.run import Run
from emotion_apps.analyze.sampler import Sampler
from emotion_apps.analyze.tasks import Answer, Job, Kind, Piece, Plan, Task
from emotion_perception.emotions import EMOTIONS
from emotion_perception.face_emotions import FaceEmotions
from emotion_perception.fusion.live import LiveFusion, Reading
from emotion_perception.media.index import PictureIndex, index_pictures
from emotion_perception.media.pictures import PictureReader
from emotion_perception.media.sound import read_sound
from emotion_perception.voice_emotions import VoiceEmotions
from support.analysis import (
    RATE,
    Analysis,
    Here,
    analyse,
    damaged_transcriber,
    talking_film,
)
from support.faces import astronaut
from support.films import write_film
from support.fixtures import ROOT
from support.sounds import real_voice

SECONDS = 5.0


@pytest.fixture(scope='module')
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people who walk past each other while a voice is heard twice."""
    return talking_film(tmp_path_factory.mktemp('film') / 'walk.mp4', SECONDS, (0.4, 3.2))


@pytest.fixture(scope='module')
def whole(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    """Return the film analysed in one go, and drawn."""
    return analyse([film], tmp_path_factory.mktemp('whole') / 'out', Options(film=True))


def same(a: list[dict], b: list[dict]) -> None:
    """Compare rows: figures to the rounding of float32, everything else exactly."""
    assert len(a) == len(b)
    for one, other in zip(a, b):
        assert one.keys() == other.keys()
        for name, value in one.items():
            if isinstance(value, float):
                assert other[name] == pytest.approx(value, abs=2e-5, rel=1e-5), (name, one)
            else:
                assert other[name] == value, (name, one)


# -- what is found -------------------------------------------------------------------------------


def test_a_film_gives_what_the_library_gives_picture_by_picture(film: Path, whole) -> None:
    """The library's own objects, fed one picture after the other, give the same faces."""
    faces = FaceEmotions()
    expected = []
    with PictureReader(film) as reader:
        for number, picture in enumerate(reader):
            for found in faces.frame(picture.image(), picture.time):
                expected.append((number, picture.time, found))
    rows = whole.table('faces')
    assert len(rows) == len(expected) > 1.4 * RATE * SECONDS
    assert {row['face'] for row in rows} == {'face_1', 'face_2'}
    for row, (number, time, found) in zip(rows, expected):
        assert (row['frame'], row['face'], row['emotion']) == (number, found.id, found.label)
        assert row['time'] == pytest.approx(time)
        assert row['primary'] == found.primary
        assert [row[name] for name in CLASSES] == pytest.approx(found.probabilities, abs=1e-5)
        assert row['quality'] == pytest.approx(found.face.quality, abs=1e-5)
        assert [row[n] for n in ('x', 'y', 'width', 'height')] == pytest.approx(found.box)


def test_utterances_are_those_of_the_library_and_fused_with_who_was_seen(film, whole) -> None:
    samples, rate = read_sound(film)
    expected = VoiceEmotions().recording(samples, rate)
    rows = whole.table('utterances')
    assert len(rows) == len(expected) == 2
    for row, found in zip(rows, expected):
        assert (row['start'], row['end']) == pytest.approx((found.start, found.end), abs=0.02)
        assert row['emotion'] == found.label
        assert [row[name] for name in CLASSES] == pytest.approx(found.probabilities, abs=0.02)
        fusion = LiveFusion()
        for face in whole.table('faces'):
            if face['primary'] and face['time'] <= row['end'] + 0.3:
                fusion.add_face(
                    Reading(
                        face['time'],
                        face['face'],
                        np.array([face[name] for name in CLASSES], np.float32),
                        face['quality'],
                    )
                )
        assert row['face'] in ('face_1', 'face_2')
        assert sum(row[f'fused_{name}'] for name in CLASSES) == pytest.approx(1, abs=1e-3)
        assert (
            row['fused_emotion']
            == EMOTIONS[int(np.argmax([row[f'fused_{name}'] for name in CLASSES]))]
        )


def test_the_fused_emotion_of_a_face_is_there_from_the_first_utterance_on(whole) -> None:
    first = whole.table('utterances')[0]
    rows = [row for row in whole.table('faces') if row['primary']]
    before = [row for row in rows if row['time'] < first['end']]
    after = [row for row in rows if row['time'] > first['end'] + 0.6]
    assert before and after
    assert all(row['fused_happy'] is None for row in before)
    assert all(row['fused_happy'] is not None for row in after)


def test_the_summary_counts_people_pictures_and_speech(film: Path, whole) -> None:
    found = whole.summary['recordings'][0]
    assert (found['recording'], found['kind']) == (film.name, 'film')
    assert found['seconds'] == pytest.approx(SECONDS, abs=0.1)
    assert found['pictures'] == found['pictures_with_face'] + 1 == RATE * SECONDS
    assert list(found['people']) == ['face_1', 'face_2']
    for person in found['people'].values():
        # The one behind is hidden for a second.
        assert SECONDS - 1.8 < person['seconds'] < SECONDS
        assert sum(person['mean'].values()) == pytest.approx(1, abs=1e-3)
    spoken = sum(row['end'] - row['start'] for row in whole.table('utterances'))
    assert found['voice']['talk_seconds'] == pytest.approx(spoken, abs=0.01)
    line = found['timeline']
    assert len(line['classes']) == len(line['speech']) == 20
    assert line['speech'][3] == 1 and line['speech'][10] == 0
    assert whole.summary['totals']['faces'] == len(whole.table('faces'))
    assert json.loads((whole.out / 'summary.json').read_text()) == json.loads(
        json.dumps(whole.summary)
    )


def test_tables_say_what_they_hold_and_with_which_models_it_was_made(whole) -> None:
    for kind, columns in (('faces', FACES), ('utterances', UTTERANCES)):
        path = whole.out / whole.summary['recordings'][0]['files'][kind]
        schema = pq.read_schema(path)
        assert schema.names == [column.name for column in columns]
        for column in columns:
            told = schema.field(column.name).metadata
            assert told == {b'unit': column.unit.encode(), b'meaning': column.meaning.encode()}
        about = json.loads(schema.metadata[b'emotion'])
        assert about['models']['fer']['name'] == 'fer-default'
        assert len(about['models']['ser']['sha256']) == 64
        assert about['options']['class_balance'] == 0.5


def test_words_are_written_down_where_that_is_asked_for(whole, tmp_path: Path) -> None:
    pytest.importorskip('faster_whisper', reason='needs ./emotion setup --transcript')
    assert {(row['words'], row['text']) for row in whole.table('utterances')} == {(None, None)}
    sound = talking_film(tmp_path / 'said.mkv', 4.0)
    found = analyse([sound], tmp_path / 'out', Options(faces=False, transcript=True))
    heard = ' '.join(row['text'] for row in found.table('utterances')).lower()
    assert 'center' in heard or 'centre' in heard
    assert [row['words'] for row in found.table('utterances')] == [
        len(row['text'].split()) for row in found.table('utterances')
    ]


def test_words_of_a_language_that_the_model_does_not_know_are_refused_at_once(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip('faster_whisper', reason='needs ./emotion setup --transcript')
    out = tmp_path / 'out'
    assert main([str(film), f'--out={out}', '--transcript', '--language=de']) == 2
    assert 'knows English only' in capsys.readouterr().err


def test_the_docs_tell_every_column() -> None:
    text = (ROOT / 'docs' / 'analyze.md').read_text()
    for column in (*FACES, *UTTERANCES):
        line = next(
            (line for line in text.splitlines() if line.startswith(f'| `{column.name}` |')), ''
        )
        assert f'| {column.unit} |' in line, column.name
    for column in FACES:
        assert f'| {column.unit} | {column.meaning} |' in text


def test_the_drawn_film_shows_every_picture_at_its_time_and_is_heard(film: Path, whole) -> None:
    drawn = whole.out / whole.summary['recordings'][0]['files']['film']
    with PictureReader(film) as before, PictureReader(drawn) as after:
        pictures = list(zip(before, after, strict=True))
        assert [a.time for a, _ in pictures] == pytest.approx([b.time for _, b in pictures])
        # Around the first face the picture was drawn on, in a corner it was not.
        row = next(row for row in whole.table('faces') if row['frame'] == 20)
        plain, marked = (item.image() for item in pictures[20])
        marked = cv2.resize(marked, plain.shape[1::-1], interpolation=cv2.INTER_AREA)
        change = np.abs(plain.astype(int) - marked).max(axis=2)
        x, y, w, h = (int(row[name]) for name in ('x', 'y', 'width', 'height'))
        assert change[max(0, y - 2) : y + h + 2, max(0, x - 2) : x + w + 2].max() > 60
        assert change[:20, :20].max() < 40
    heard = VoiceEmotions().recording(*read_sound(drawn))
    assert [item.start for item in heard] == pytest.approx(
        [row['start'] for row in whole.table('utterances')], abs=0.15
    )


def test_what_a_worker_heard_before_changes_nothing(film: Path, whole, tmp_path: Path) -> None:
    other = talking_film(tmp_path / 'another.mp4', 2.0, (0.1,))
    after = analyse([other, film], tmp_path / 'out', Options(faces=False))
    alone = analyse([film], tmp_path / 'alone', Options(faces=False))
    rows = [row for row in after.table('utterances') if row['recording'] == film.name]
    assert rows == alone.table('utterances')


# -- cutting -------------------------------------------------------------------------------------


def test_cutting_a_film_changes_nothing(film: Path, whole, tmp_path: Path) -> None:
    cut = analyse([film], tmp_path / 'out', Options(piece=1.0))
    assert sum(task.kind is Kind.LOOK for task in cut.tasks) >= 4
    same(cut.table('faces'), whole.table('faces'))
    same(cut.table('utterances'), whole.table('utterances'))
    assert cut.summary['recordings'][0]['timeline'] == whole.summary['recordings'][0]['timeline']
    # Longest first; joined as soon as all is there; nothing of the pieces stays.
    assert [task.kind for task in cut.tasks][0 :: len(cut.tasks) - 1] == [Kind.INSPECT, Kind.JOIN]
    assert not list((cut.out / '.pieces').rglob('*.npz'))


@pytest.mark.parametrize(
    ('name', 'codec', 'options'),
    [
        ('open.mpg', 'mpeg2video', {'g': '8', 'bf': '2', 'tick': None}),
        ('vp9.webm', 'libvpx-vp9', {'g': '8', 'cpu-used': '8', 'deadline': 'realtime'}),
        ('plain.avi', 'mjpeg', {}),
    ],
)
def test_pieces_hold_every_picture_once_and_as_it_is(tmp_path, name, codec, options) -> None:
    if 'tick' in options:
        from fractions import Fraction

        options = {**options, 'tick': Fraction(1, 25)}
    film = write_film(
        tmp_path / name, codec=codec, **{'pixels': 'yuvj420p'} if codec == 'mjpeg' else {},
        **options,
    )  # fmt: skip
    index = index_pictures(film)
    with PictureReader(film) as reader:
        expected = [(item.time, item.image()) for item in reader]
    if index.regular:
        assert index.times.tolist() == [time for time, _ in expected]
    pieces = index.pieces(0.5)
    assert len(pieces) > 2 if index.regular else len(pieces) == 1
    found = []
    for begin, end in pieces:
        with PictureReader(film) as reader:
            if math.isfinite(begin):
                reader.start_at(begin)
            for picture in reader:
                if picture.time >= end:
                    break
                found.append((picture.time, picture.image()))
    assert [time for time, _ in found] == [time for time, _ in expected]
    assert all((a == b).all() for (_, a), (_, b) in zip(found, expected))


def test_a_film_is_cut_across_a_pause_and_not_at_all_where_pictures_have_no_times(
    tmp_path,
) -> None:
    paused = write_film(tmp_path / 'pause.mkv', [0.0, 0.04, 50.0, 50.04, 100.0, 100.04], g='1')
    assert index_pictures(paused).pieces(30.0) == [(-math.inf, 50.0), (50.0, math.inf)]
    undated = index_pictures(write_film(tmp_path / 'raw.h264', bf='2'))
    assert not undated.regular
    assert undated.pieces(0.5) == [(-math.inf, math.inf)]


@pytest.mark.parametrize(('every', 'numbers'), [('7', range(0, 50, 7)), ('0.5s', None)])
def test_every_thins_the_same_pictures_out_whether_cut_or_not(
    film: Path, tmp_path: Path, every: str, numbers
) -> None:
    options = Options(Every.parse(every), voice=False)
    plain = analyse([film], tmp_path / 'plain', options)
    cut = analyse([film], tmp_path / 'cut', dataclasses.replace(options, piece=1.0))
    rows = plain.table('faces')
    same(cut.table('faces'), rows)
    seen = sorted({row['frame'] for row in rows})
    if numbers is None:
        numbers = [math.ceil(0.5 * slot * RATE - 1e-6) for slot in range(10)]
    # A new face is reported once it was seen twice.
    assert seen == list(numbers)[1:]
    assert not plain.table('utterances')


def test_a_part_of_a_film_knows_its_pictures_as_the_whole_does() -> None:
    """Pictures at odd times, cut anywhere: each is taken by one part, with the same number."""
    times = np.cumsum(np.random.default_rng(0).uniform(0.01, 0.2, 200))
    index = PictureIndex(times, times[::10], True)
    borders = [-math.inf, *times[[10, 70, 71, 190]], math.inf]
    for every in (Every(), Every(7), Every(seconds=0.5)):
        whole = Sampler(every, index)
        for begin, end in itertools.pairwise(borders):
            part = pickle.loads(pickle.dumps(whole.part(begin, end)))
            inside = times[(times >= begin) & (times < end)]
            assert [part.take(time) for time in inside] == [whole.take(time) for time in inside]
            for time in inside:
                following = min(whole.next_after(time), end)
                assert min(part.next_after(time), end) == pytest.approx(following, abs=1e-3)
    with pytest.raises(ValueError, match='no parts'):
        Sampler(Every(), PictureIndex(times, times, False)).part(0.0, 1.0)


@pytest.mark.parametrize('text', ['0', '-1', '0s', 'x', '1.5', '', '5 frames'])
def test_an_every_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match='--every'):
        Every.parse(text)


# -- going on, failing, dying --------------------------------------------------------------------


def test_what_is_done_is_not_done_again_unless_something_changed(film, tmp_path: Path) -> None:
    copy = tmp_path / 'films' / 'a.mp4'
    copy.parent.mkdir()
    shutil.copy(film, copy)
    out, options = tmp_path / 'out', Options(Every(5), voice=False)
    first = analyse([copy.parent], out, options)
    table = out / first.summary['recordings'][0]['files']['faces']
    made = table.stat().st_mtime_ns

    again = analyse([copy.parent], out, options)
    assert [task.kind for task in again.tasks] == [Kind.INSPECT]
    assert again.outcome.earlier == set(again.outcome.summaries)
    assert again.summary == first.summary and table.stat().st_mtime_ns == made
    # The same content at another time is the same recording.
    os.utime(copy, ns=(1, 1))
    assert len(analyse([copy.parent], out, options).tasks) == 1
    # Other options, other content, a table that is gone: each is a reason.
    assert len(analyse([copy.parent], out, Options(Every(6), voice=False)).tasks) == 2
    assert len(analyse([copy.parent], out, options).tasks) == 2
    table.unlink()
    assert len(analyse([copy.parent], out, options).tasks) == 2
    shutil.copy(talking_film(tmp_path / 'b.mp4', 1.0), copy)
    changed = analyse([copy.parent], out, options)
    assert len(changed.tasks) == 2 and changed.summary['totals']['pictures'] == 2


def test_a_run_that_was_stopped_goes_on_with_the_pieces_it_has(film, whole, tmp_path) -> None:
    out, options = tmp_path / 'out', Options(piece=1.0)
    looked = []

    def stop(task) -> None:
        looked.append(task.kind)
        if looked.count(Kind.LOOK) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        analyse([film], out, options, lambda job: Here(job, stop))
    kept = {path: path.stat().st_mtime_ns for path in (out / '.pieces').rglob('look-*.npz')}
    assert len(kept) == 3
    # As a kill in the middle of writing leaves it.
    (out / 'faces').mkdir()
    half = out / 'faces' / '.0123456789abcdef.part.parquet'
    half.write_bytes(b'PAR1')

    def still_there(task) -> None:
        if task.kind is Kind.JOIN:
            assert {p: p.stat().st_mtime_ns for p in kept} == kept

    done = analyse([film], out, options, lambda job: Here(job, still_there))
    same(done.table('faces'), whole.table('faces'))
    assert not half.exists()


class Scripted(Executor):
    """A worker that does nothing: each recording has the plan that it was given."""

    free = size = 1

    def __init__(self, plans: dict[str, Plan]) -> None:
        self.plans = plans
        self.tasks: list[Task] = []

    def start(self, task: Task) -> None:
        self.tasks.append(task)
        self.free = 0

    def wait(self, seconds: float) -> list[Answer]:
        task = self.tasks[-1]
        self.free = 1
        plan = self.plans[task.recording.name]
        return [Answer(task, plan if task.kind is Kind.INSPECT else {})]

    def close(self) -> None:
        pass


def test_the_longest_recordings_come_first_and_all_of_one_together() -> None:
    sampler = Sampler(Every(), PictureIndex(np.empty(0), np.empty(0), False))
    pieces = tuple(Piece(begin, begin + 60.0, sampler) for begin in (0.0, 60.0, 120.0))
    workers = Scripted(
        {
            'short.wav': Plan(170.0),
            'long.mp4': Plan(200.0, pieces=pieces, listen=True),
            'longer.mp4': Plan(900.0, pieces=pieces),
        }
    )
    recordings = [Recording(name, name, name) for name in workers.plans]
    outcome = Run(recordings, workers, Progress(3)).go()
    assert outcome.summaries.keys() == workers.plans.keys()
    assert [(task.recording.name, task.kind.name) for task in workers.tasks[3:]] == [
        *[('longer.mp4', 'LOOK')] * 3,
        ('longer.mp4', 'JOIN'),
        # Nobody else can help with the sound: it must not be what is left in the end.
        ('long.mp4', 'LISTEN'),
        *[('long.mp4', 'LOOK')] * 3,
        ('long.mp4', 'JOIN'),
        ('short.wav', 'WHOLE'),
    ]


def test_two_analyses_do_not_write_to_one_folder(film: Path, tmp_path: Path) -> None:
    def another(task) -> None:
        with pytest.raises(AnalyzeError, match='another analysis is writing'):
            analyse([film], tmp_path / 'out', Options(Every(30), voice=False))

    analyse(
        [film], tmp_path / 'out', Options(Every(30), voice=False), lambda job: Here(job, another)
    )


def test_the_command_analyses_what_it_can_and_lists_the_rest(film, tmp_path: Path) -> None:
    """As a user calls it, on two workers: a folder with films, a picture, and broken files."""
    folder = tmp_path / 'in'
    (folder / 'deep').mkdir(parents=True)
    shutil.copy(film, folder / 'deep' / 'walk.mp4')
    (folder / 'half.mp4').write_bytes(film.read_bytes()[:20_000])
    (folder / 'empty.wav').touch()
    (folder / 'notes.txt').write_text('no recording')
    cv2.imwrite(str(folder / 'one.jpg'), astronaut())
    command = [
        sys.executable,
        '-m',
        'emotion_apps.analyze.command',
        str(folder),
        str(tmp_path / 'gone.mp4'),
        *('--out', str(folder / 'out'), '--every', '5', '--workers', '2'),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == SOME_FAILED, done.stderr
    summary = json.loads((folder / 'out' / 'summary.json').read_text())
    assert [item['recording'] for item in summary['recordings']] == ['deep/walk.mp4', 'one.jpg']
    reasons = {item['recording']: item['reason'] for item in summary['failures']}
    assert reasons.keys() == {'empty.wav', 'half.mp4', 'gone.mp4'}
    assert reasons['half.mp4'].startswith('cannot be read: its index (moov)')
    assert reasons['gone.mp4'] == 'is not there'
    assert 'empty' in reasons['empty.wav']
    for name, reason in reasons.items():
        assert f'failed: {name}: {reason}' in done.stdout
    picture = pq.read_table(folder / 'out' / summary['recordings'][1]['files']['faces'])
    assert picture.column('face').to_pylist() == ['face1']
    assert picture.column('emotion').to_pylist() == ['Happy']


def test_a_killed_worker_costs_nothing_but_time(film, whole, tmp_path: Path) -> None:
    out = tmp_path / 'out'
    killed = []

    class Killing(Pool):
        def start(self, task) -> None:
            super().start(task)
            if task.kind is not Kind.INSPECT and not killed:
                killed.append(self.pids[0])
                os.kill(killed[0], signal.SIGKILL)

    found = analyse([film], out, Options(), lambda job: Killing(job, 1))
    assert killed and not found.outcome.failures
    same(found.table('faces'), whole.table('faces'))


def test_a_recording_that_kills_its_workers_is_given_up_and_the_rest_finished(
    film, tmp_path: Path
) -> None:
    deadly, harmless = tmp_path / 'deadly.jpg', tmp_path / 'harmless.jpg'
    for path in (deadly, harmless):
        cv2.imwrite(str(path), astronaut())

    class Killing(Pool):
        def start(self, task) -> None:
            super().start(task)
            if task.kind is Kind.WHOLE and task.recording.name == deadly.name:
                os.kill(self.pids[0], signal.SIGKILL)

    found = analyse([deadly, harmless], tmp_path / 'out', executor=lambda job: Killing(job, 1))
    assert [item['recording'] for item in found.summary['recordings']] == [harmless.name]
    assert 'SIGKILL' in found.summary['failures'][0]['reason']


def test_a_transcriber_that_cannot_be_loaded_ends_the_analysis(tmp_path: Path) -> None:
    pytest.importorskip('faster_whisper', reason='needs ./emotion setup --transcript')
    options = damaged_transcriber(tmp_path / 'model')
    with pytest.raises(AnalyzeError, match=r'transcription model .* cannot be loaded'):
        analyse([real_voice()], tmp_path / 'out', options, lambda job: Pool(job, 1))


def test_what_a_worker_fetched_goes_with_it(tmp_path: Path, monkeypatch) -> None:
    place = tmp_path / 'temporary'
    place.mkdir()
    monkeypatch.setenv('TMPDIR', str(place))
    options = Options(faces=False)
    pool = Pool(Job(options, str(tmp_path / 'out'), fingerprint(options)), 1)
    try:
        pool.start(Task(Kind.INSPECT, find_recordings([real_voice().as_uri()])[0]))
        while not (answers := pool.wait(10.0)):
            pass
        assert answers[0].result.seconds > 0.5
        assert [path.name for path in place.rglob('*.wav')] == [real_voice().name]
    finally:
        pool.close()
    assert not list(place.glob('emotion-*'))


# -- recordings ----------------------------------------------------------------------------------


def test_folders_patterns_and_files_give_each_recording_once(tmp_path: Path) -> None:
    for name in ('a.mp4', 'b.WAV', 'x/a.mp4', 'x/.hidden.mp4', 'notes.txt', 'out/films/a.mp4'):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    found = find_recordings([str(tmp_path), str(tmp_path / 'a.mp4')], str(tmp_path / 'out'))
    assert [item.name for item in found] == ['a.mp4', 'b.WAV', 'x/a.mp4']
    by_pattern = find_recordings([str(tmp_path / '**/*.mp4')], str(tmp_path / 'out'))
    assert {'a.mp4', 'x/a.mp4'} <= {item.name for item in by_pattern}
    # Two files of one name, given by themselves, have results of their own.
    twins = find_recordings([str(tmp_path / 'a.mp4'), str(tmp_path / 'x/a.mp4')])
    assert len({item.id for item in twins}) == 2
    # The id does not depend on what else was given.
    assert find_recordings([str(tmp_path)])[0].id == found[0].id


def test_a_stream_is_no_recording() -> None:
    with pytest.raises(AnalyzeError, match='no end'):
        find_recordings(['rtsp://camera/live'])


def test_recordings_and_results_may_be_urls(film: Path, whole, monkeypatch) -> None:
    fsspec = pytest.importorskip('fsspec')
    memory = fsspec.filesystem('memory')
    memory.pipe_file('/films/deep/walk.mp4', film.read_bytes())
    fetched: list[str] = []

    def fetch(source: str, target: str) -> None:
        fetched.append(source)
        Path(target).write_bytes(memory.cat_file(source))

    monkeypatch.setattr(memory, 'get_file', fetch)
    options = Options(piece=1.0)
    done = analyse(['memory://films'], 'memory://results', options)
    assert not done.outcome.failures
    # Once, and not for each piece.
    assert fetched == ['/films/deep/walk.mp4']
    found = json.loads(memory.cat_file('/results/summary.json'))
    assert [item['recording'] for item in found['recordings']] == ['deep/walk.mp4']
    with memory.open(f'/results/{found["recordings"][0]["files"]["faces"]}') as file:
        rows = pq.read_table(file).to_pylist()
    expected = [{**row, 'recording': 'deep/walk.mp4'} for row in whole.table('faces')]
    same(rows, expected)
    again = analyse(['memory://films'], 'memory://results', options)
    assert [task.kind for task in again.tasks] == [Kind.INSPECT]


# -- the page ------------------------------------------------------------------------------------


class _Page(HTMLParser):
    """Collects what a page loads, where it leads, and its tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_needs_nothing_from_elsewhere_and_links_what_is_there(whole) -> None:
    page = _Page((whole.out / 'index.html').read_text())
    assert not [tag for tag, given in page.tags if 'src' in given or tag in ('link', 'iframe')]
    links = [given['href'] for tag, given in page.tags if tag == 'a']
    assert len(links) == 3 and all((whole.out / link).is_file() for link in links)


def test_the_page_escapes_whatever_comes_from_outside(whole) -> None:
    evil = '"><script>alert(1)</script>\'&.mp4'
    found = {**whole.summary['recordings'][0], 'recording': evil, 'left_out': [evil]}
    summary = {
        **whole.summary,
        'recordings': [{**found, 'files': {evil: f'faces/{evil}'}}],
        'failures': [{'recording': evil, 'reason': evil}],
        'models': {'fer': {'name': evil, 'sha256': evil}},
    }
    text = render(summary)
    assert '<script>alert' not in text and 'alert(1)' in text
    page = _Page(text)
    assert sum(tag == 'script' for tag, _ in page.tags) == 1
    assert {given['data-name'] for _, given in page.tags if 'data-name' in given} == {evil.lower()}
