# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Recording one's own voice: prompts, takes, complaints, the manifest, a virtual microphone."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from emotion_perception.media.sound import AudioChunk
from emotion_perception.storage import SaveError
from emotion_training.ser import record, take
from emotion_training.ser.corpora import read_manifest
from support.sounds import pulse_server, real_voice

RATE = 16000


def speech(seconds: float = 1.0, gain: float = 0.3) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    return (gain * np.sin(2 * np.pi * 200 * time) * 32767).astype(np.int16)


class Sound:
    """A source that gives what it is made of in blocks of 20 ms."""

    name = 'made'

    def __init__(self, samples: np.ndarray) -> None:
        self._samples, self._at = samples, 0

    def read(self) -> AudioChunk | None:
        block = self._samples[self._at : self._at + 320]
        self._at += 320
        if not len(block):
            return None
        return AudioChunk(block.reshape(len(block), -1), RATE, self._at / RATE)

    def close(self) -> None:
        self._samples = self._samples[:0]


class Typed:
    """A user who types each line when he is asked, and nothing while he speaks."""

    def __init__(self, text: str) -> None:
        self._lines = iter(text.splitlines())

    def ask(self) -> str | None:
        return next(self._lines, None)

    def pressed(self) -> bool:
        return False


def session(folder: Path, typed: str, said: list[str]) -> record.Session:
    return record.Session(folder, 'ann', Typed(typed), said.append, said.append)


def test_lines_come_in_order_and_end():
    lines = record.Lines(io.StringIO('one\n two \n'))
    assert [lines.ask() for _ in range(4)] == ['one', 'two', None, None]
    assert not lines.pressed()


def recorded(samples: np.ndarray, longest: float = 8.0) -> take.Take:
    return take.record_take(Sound(samples), longest, lambda: False, lambda _: None)


def test_a_pause_after_speech_ends_the_take():
    quiet = np.zeros(5 * RATE, np.int16)
    found = recorded(np.concatenate((quiet[:RATE], speech(), quiet)))
    assert 2.0 + take.PAUSE <= found.seconds < 2.2 + take.PAUSE


def test_channels_that_cancel_each_other_are_not_averaged_to_silence():
    voice = speech()
    found = recorded(np.stack((voice, -voice), axis=1))
    assert np.abs(found.samples).max() == pytest.approx(0.3, abs=0.01)


def test_silence_before_speech_does_not_end_the_take():
    assert recorded(np.zeros(6 * RATE, np.int16), longest=5.0).seconds == pytest.approx(
        5, abs=0.03
    )


def test_the_user_ends_the_take():
    asked = iter([False] * 49 + [True])
    found = take.record_take(Sound(speech(5)), 8.0, lambda: next(asked), lambda _: None)
    assert found.seconds == pytest.approx(1.0)


@pytest.mark.parametrize(
    ('samples', 'says'),
    [
        (speech(0.2), 'long'),
        (speech(1, 0.001), 'too quiet'),
        (np.clip(speech(1).astype(int) * 9, -32768, 32767).astype(np.int16), 'too loud'),
        (speech(1), ''),
    ],
)
def test_a_take_that_cannot_serve_is_named(samples, says):
    assert says in take.complaint(recorded(samples))
    assert bool(says) == bool(take.complaint(recorded(samples)))


def test_the_bar_grows_with_the_level():
    assert [take.bar(value).count('#') for value in (-90, -60, -30, 0)] == [0, 0, 15, 30]


def test_kept_takes_stand_in_a_manifest_that_training_reads(tmp_path):
    said: list[str] = []
    # Keep; redo, then keep; skip.
    kept = session(tmp_path, '\nk\n\nr\n\nk\ns\n', said).run(
        lambda: Sound(speech()), ('Angry', 'Fear', 'Happy'), ('One.',), 8.0
    )
    clips = read_manifest(tmp_path / 'manifest.csv')
    assert kept == 2
    assert [(clip.label, clip.speaker) for clip in clips] == [
        ('Angry', 'manifest/ann'),
        ('Fear', 'manifest/ann'),
    ]
    info = soundfile.info(clips[0].path)
    assert (info.samplerate, info.channels, info.subtype) == (RATE, 1, 'PCM_16')
    assert any('say it FEAR' in line for line in said)
    assert any(line.strip().startswith('[#') for line in said)


def test_enter_redoes_a_bad_take_and_keeps_a_good_one(tmp_path):
    sounds = iter((speech(1, 0.001), speech()))
    kept = session(tmp_path, '\n\n\n\n', []).run(
        lambda: Sound(next(sounds)), ('Sad',), ('One.',), 8.0
    )
    assert kept == 1
    samples, _ = soundfile.read(next(tmp_path.glob('*.wav')))
    assert np.abs(samples).max() > 0.1


def test_a_second_session_asks_only_for_what_is_missing(tmp_path):
    session(tmp_path, '\nk\nq\n', []).run(
        lambda: Sound(speech()), ('Angry', 'Sad'), ('One.',), 8.0
    )
    said: list[str] = []
    session(tmp_path, 'q\n', said).run(lambda: Sound(speech()), ('Angry', 'Sad'), ('One.',), 8.0)
    assert '1 of 2 takes' in said[0]
    assert any('SAD' in line for line in said)


def test_listening_without_a_loudspeaker_is_no_failure(tmp_path, monkeypatch):
    monkeypatch.setattr(record, 'play', lambda _: 'cannot play here: no device')
    said: list[str] = []
    kept = session(tmp_path, '\nl\nk\n', said).run(
        lambda: Sound(speech()), ('Angry',), ('One.',), 8.0
    )
    assert kept == 1
    assert 'cannot play here: no device' in said


def test_the_end_of_input_keeps_what_was_saved(tmp_path):
    assert (
        session(tmp_path, '\nk\n', []).run(
            lambda: Sound(speech()), ('Angry', 'Sad'), ('One.',), 8.0
        )
        == 1
    )


class MakesRoom(Typed):
    """A user who does something about the disk before he answers the question about it."""

    def __init__(self, text: str, act: Callable[[], None]) -> None:
        super().__init__(text)
        self._act = act
        self.said: list[str] = []

    def ask(self) -> str | None:
        if self.said and 'throw it away' in self.said[-1]:
            self._act()
        return super().ask()


@contextlib.contextmanager
def little_room(number: int) -> Iterator[None]:
    """Let no file grow above so many bytes: a full disk, for this process alone."""
    heed = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (number, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, heed)


def test_a_full_disk_loses_no_take_and_the_session_goes_on(tmp_path):
    with contextlib.ExitStack() as full:
        full.enter_context(little_room(8192))
        user = MakesRoom('\nk\n\n\nk\n', full.close)
        found = record.Session(tmp_path, 'ann', user, user.said.append, lambda _: None).run(
            lambda: Sound(speech()), ('Angry', 'Sad'), ('One.',), 8.0
        )
    assert found == 2
    assert any('.wav: File too large' in line for line in user.said)
    assert [clip.label for clip in read_manifest(tmp_path / 'manifest.csv')] == ['Angry', 'Sad']
    assert sorted(path.suffix for path in tmp_path.iterdir()) == ['.csv', '.wav', '.wav']


def test_a_row_that_has_no_room_takes_its_sound_along(tmp_path):
    first = session(tmp_path, '\nk\n', [])
    first.run(lambda: Sound(speech()), ('Angry',), ('One.',), 8.0)
    before = sorted(tmp_path.iterdir())
    # The table is larger than the sound, so that the limit stands between them.
    rows = (tmp_path / 'manifest.csv').read_bytes()
    table = rows + b'\r\n'.join([rows.splitlines()[1]] * 2000) + b'\r\n'
    (tmp_path / 'manifest.csv').write_bytes(table)
    with (
        little_room(len(table)),
        pytest.raises(SaveError, match=r'manifest\.csv'),
    ):
        session(tmp_path, '\nk\n', []).run(lambda: Sound(speech()), ('Sad',), ('One.',), 8.0)
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / 'manifest.csv').read_bytes() == table


def test_a_folder_that_cannot_be_made_is_said_before_anybody_speaks(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, 'stdin', io.StringIO())
    (tmp_path / 'file').write_text('')
    assert record.main([f'--out={tmp_path / "file" / "takes"}']) == 2
    assert 'cannot be made: Not a directory' in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() == 0, reason='root may write to every folder')
def test_a_folder_that_may_not_be_written_is_said_before_anybody_speaks(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(sys, 'stdin', io.StringIO())
    (tmp_path / 'locked').mkdir(mode=0o500)
    assert record.main([f'--out={tmp_path / "locked"}']) == 2
    assert 'cannot be written: name another folder (--out)' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('arguments', 'says'),
    [
        (['--emotions=joy,hunger'], "unknown emotion 'hunger'"),
        (['--speaker=../me'], 'letters, digits'),
        (['--sentences=/nowhere/list.txt'], 'cannot be read'),
    ],
)
def test_wrong_arguments_are_named(capsys, tmp_path, arguments, says):
    assert record.main([*arguments, f'--out={tmp_path}']) == 2
    assert says in capsys.readouterr().err


def test_a_user_records_real_speech_from_a_virtual_microphone(tmp_path):
    voice = real_voice()
    with pulse_server() as server:
        process = subprocess.Popen(
            [
                sys.executable,
                '-m',
                'emotion_training.ser.record',
                f'--out={tmp_path}',
                '--emotions=happy',
                '--speaker=ann',
                '--seconds=6',
                '--device=pulse',
            ],
            env={**os.environ, **server.env, 'PYTHONUNBUFFERED': '1'},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        lines: list[str] = []
        playing: threading.Thread | None = None
        # What the user does: Enter, speak when the level moves, listen to the take, keep, quit.
        process.stdin.write('\n')
        process.stdin.flush()
        for line in process.stdout:
            lines.append(line)
            if line.startswith('  [') and playing is None:
                playing = threading.Thread(target=server.play, args=(voice,))
                playing.start()
            elif line.startswith('k: keep') and not any('keep' in x for x in lines[:-1]):
                process.stdin.write('l\nk\nq\n')
                process.stdin.flush()
        assert process.wait(timeout=60) == 0, ''.join(lines)
        if playing is not None:
            playing.join(timeout=30)
    with open(tmp_path / 'manifest.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert [(row['label'], row['speaker']) for row in rows] == [('Happy', 'ann')], ''.join(lines)
    samples, rate = soundfile.read(tmp_path / rows[0]['path'])
    assert rate == RATE
    assert 1.4 < len(samples) / rate < 6.1
    assert np.abs(samples).max() > 0.05
