# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import yaml

from emotion_perception.models import (
    ModelError,
    ModelSettings,
    SpeechEmotionRecognizer,
    VoiceMemory,
    load_model,
)
from emotion_perception.models.catalog import SpeechInput
from emotion_perception.models.speech import prepare

LABELS = ['Angry', 'Fear', 'Happy', 'Neutral', 'Sad', 'Surprise']
RATE = 16000


@pytest.fixture
def make(tmp_path, write_onnx):
    def build(bias=(3, 0, 0, 0, 0, 0), **changes):
        path = write_onnx(
            tmp_path / 'voice.onnx',
            ['n', 't'],
            bias,
            weight=[0, 10, 0, 0, 0, 0],
            reduce='ReduceMax',
        )
        path.with_suffix('.yaml').write_text(
            yaml.safe_dump(
                {
                    'task': 'ser',
                    'backend': 'onnx',
                    'labels': LABELS,
                    'input': {'rate': RATE},
                    **changes,
                }
            )
        )
        model = load_model(str(path), 'ser', ModelSettings(device='cpu', threads=1))
        return SpeechEmotionRecognizer(model)

    return build


def tone(seconds: float = 1.0, rate: int = RATE, level: float = 0.3) -> np.ndarray:
    return (level * np.sin(2 * np.pi * 220 * np.arange(round(seconds * rate)) / rate)).astype('f')


def burst(sound: np.ndarray) -> np.ndarray:
    """Return sound with a stretch of 20 ms that is five times as loud in its middle."""
    sound = sound.copy()
    start = sound.size // 2
    sound[start : start + 320] *= 5
    return sound


def test_speech_gives_six_probabilities(make):
    result = make().predict(tone(), RATE)
    assert not result.abstained and result.reason == ''
    assert result.probabilities.shape == (6,) and result.probabilities.dtype == np.float32
    assert result.probabilities.sum() == pytest.approx(1)
    assert result.probabilities.argmax() == 0
    assert math.isnan(result.valence) and math.isnan(result.arousal)


def test_int16_and_float_give_the_same(make):
    recognizer = make()
    samples = (tone() * 32768).astype(np.int16)
    assert recognizer.predict(samples, RATE).probabilities == pytest.approx(
        recognizer.predict(tone(), RATE).probabilities, abs=1e-4
    )


@pytest.mark.parametrize(
    ('samples', 'words'),
    [
        (np.empty(0, np.float32), 'empty'),
        (np.full(RATE, np.nan, np.float32), 'finite'),
        (np.append(tone(), np.float32(np.inf)), 'finite'),
        (np.zeros(RATE, np.int16), 'silent'),
        (tone(level=1e-4), 'silent'),
        (tone(0.2), '0.20 s of sound are too short, 0.50 s'),
        (np.sign(tone()), 'clipped'),
        ((np.sign(tone()) * 32767).astype(np.int16), 'clipped'),
    ],
)
def test_unusable_sound_abstains_with_a_reason(make, samples, words):
    result = make().predict(samples, RATE)
    assert result.abstained and words in result.reason
    assert result.probabilities == pytest.approx(np.full(6, 1 / 6))


@pytest.mark.parametrize(
    'samples',
    [np.zeros((2, RATE), np.float32), np.zeros(RATE, np.int32), np.zeros(RATE, np.uint8)],
)
def test_wrong_type_or_shape_is_a_value_error(make, samples):
    with pytest.raises(ValueError, match='speech must be'):
        make().predict(samples, RATE)


@pytest.mark.parametrize('rate', [0, -1, math.nan])
def test_impossible_rate_is_a_value_error(make, rate):
    with pytest.raises(ValueError, match='rate'):
        make().predict(tone(), rate)


def test_an_unsure_model_abstains(make):
    result = make(abstain={'min_confidence': 0.9}).predict(tone(), RATE)
    assert result.abstained and 'unsure: Angry at' in result.reason
    assert not make(abstain={'min_confidence': 0.5}).predict(tone(), RATE).abstained


def test_any_rate_is_brought_to_the_models():
    speech = SpeechInput(RATE)
    for rate in (8000, 22050, 44100, 48000):
        pieces = prepare(tone(1.0, rate), rate, speech)
        assert pieces.shape[1] == pytest.approx(RATE, abs=2)
        # The tone is the same one.
        middle = pieces[0, 2000:-2000]
        assert np.corrcoef(middle, tone()[2000 : 2000 + middle.size])[0, 1] > 0.999


def test_the_speech_sets_the_level_not_the_loudest_sample():
    loud, quiet = (prepare(tone(level=level), RATE, SpeechInput(RATE)) for level in (0.8, 0.02))
    assert loud == pytest.approx(quiet, abs=1e-5)
    clicked = prepare(burst(tone()), RATE, SpeechInput(RATE))
    assert clicked[0, :4000] == pytest.approx(loud[0, :4000], abs=2e-3)
    peak = prepare(burst(tone()), RATE, SpeechInput(RATE, peak_normalise=True))
    assert np.abs(peak).max() == pytest.approx(1)


@pytest.mark.parametrize('hertz', [50, 60])
def test_offset_and_mains_hum_do_not_reach_a_model(hertz):
    time = np.arange(2 * RATE) / RATE
    hum = 0.05 * np.sin(2 * np.pi * hertz * time).astype('f') + np.float32(0.1)
    clean, dirty = (prepare(sound, RATE, SpeechInput(RATE)) for sound in (tone(2), tone(2) + hum))
    middle = slice(2000, -2000)
    assert np.abs(clean - dirty)[0, middle].max() < 0.02 * np.abs(clean).max()


def test_nothing_but_hum_and_offset_is_silence(make):
    time = np.arange(2 * RATE) / RATE
    hum = 0.4 * np.sin(2 * np.pi * 50 * time).astype('f') + np.float32(0.3)
    answer = make().predict(hum, RATE)
    assert answer.abstained
    assert 'hum' in answer.reason


def test_long_sound_becomes_even_windows_that_cover_all():
    sound = tone(25)
    pieces = prepare(sound, RATE, SpeechInput(RATE, max_seconds=10))
    whole = prepare(sound, RATE, SpeechInput(RATE, max_seconds=30))[0]
    assert pieces.shape == (3, 10 * RATE)
    assert np.array_equal(pieces[0], whole[: 10 * RATE])
    assert np.array_equal(pieces[1], whole[round(7.5 * RATE) : round(17.5 * RATE)])
    assert np.array_equal(pieces[2], whole[15 * RATE :])


def test_probabilities_of_the_windows_are_averaged(make):
    # The model leans to Fear with the peak of what it hears: high in one window only.
    recognizer = make(input={'rate': RATE, 'max_seconds': 1.0})
    samples = np.concatenate([tone(), burst(tone())])
    halves = [
        recognizer.model.predict(piece[None]).probabilities[0]
        for piece in prepare(samples, RATE, recognizer.model.entry.speech)
    ]
    assert recognizer.predict(samples, RATE).probabilities == pytest.approx(
        np.mean(halves, axis=0), abs=1e-6
    )
    assert halves[0].argmax() != halves[1].argmax()


def test_central_cut_keeps_the_middle():
    sound = tone(20)
    pieces = prepare(sound, RATE, SpeechInput(RATE, max_seconds=10, long='centre'))
    whole = prepare(sound, RATE, SpeechInput(RATE, max_seconds=30))[0]
    assert pieces.shape == (1, 10 * RATE)
    assert np.array_equal(pieces[0], whole[5 * RATE : 15 * RATE])


def test_short_sound_is_padded_where_the_model_wants_a_fixed_length():
    pieces = prepare(tone(1.0), RATE, SpeechInput(RATE, max_seconds=3, pad_seconds=3))
    assert pieces.shape == (1, 3 * RATE) and not pieces[0, RATE:].any()


def test_standardised_pieces_have_zero_mean_and_unit_variance():
    pieces = prepare(tone(25) + np.float32(0.2), RATE, SpeechInput(RATE, standardise=True))
    assert pieces.mean(axis=1) == pytest.approx(0, abs=1e-4)
    assert pieces.std(axis=1) == pytest.approx(1, abs=1e-3)


@pytest.fixture
def adapting(tmp_path, write_onnx):
    """Return a model that says Fear to a peak above the voice's usual one, else Angry."""
    path = write_onnx(
        tmp_path / 'known.onnx',
        ['n', 't'],
        (3, 0, 0, 0, 0, 0),
        weight=[0, 50, 0, 0, 0, 0],
        adapts=True,
        reduce='ReduceMax',
    )
    path.with_suffix('.yaml').write_text(
        yaml.safe_dump(
            {'task': 'ser', 'backend': 'onnx', 'labels': LABELS, 'input': {'rate': RATE}}
        )
    )
    return load_model(str(path), 'ser', ModelSettings(device='cpu', threads=1))


def label(recognizer, samples) -> str:
    return LABELS[int(recognizer.predict(samples, RATE).probabilities.argmax())]


def test_a_model_with_memory_judges_against_the_voice_it_knows(adapting):
    usual, louder = tone(), burst(tone(level=0.1))
    alone = SpeechEmotionRecognizer(adapting)
    assert [label(alone, usual) for _ in range(3)] == ['Fear'] * 3
    session = SpeechEmotionRecognizer(adapting, VoiceMemory(4))
    assert [label(session, usual) for _ in range(3)] == ['Fear', 'Angry', 'Angry']
    assert label(session, louder) == 'Fear'
    assert len(session.memory) == 4


def test_an_abstention_leaves_the_memory_as_it_is(adapting):
    session = SpeechEmotionRecognizer(adapting, VoiceMemory(4))
    session.predict(tone(), RATE)
    for samples in (np.zeros(RATE, np.float32), tone(0.1), np.empty(0, np.float32)):
        assert session.predict(samples, RATE).abstained
    assert len(session.memory) == 1


def test_a_model_that_takes_no_profile_cannot_have_a_memory(make):
    with pytest.raises(ModelError, match='cannot adapt to a voice'):
        SpeechEmotionRecognizer(make().model, VoiceMemory(4))


def test_memory_holds_the_last_utterances_and_gives_their_mean_and_deviation():
    memory = VoiceMemory(2)
    assert memory.profile() is None
    for value in (9.0, 1.0, 3.0):
        memory.add(np.full(2, value, np.float32))
    assert memory.profile().tolist() == [[2.0, 2.0, 2.0, 1.0, 1.0]]
    with pytest.raises(ValueError, match='remembers nothing'):
        VoiceMemory(0)


@pytest.mark.parametrize(
    ('times', 'left'),
    [
        ((0.0, 60.0, 119.0), 1),
        ((0.0, 121.0), 0),
        ((100.0, 5.0, 50.0), 1),
        ((100.0, 5.0, 150.0), 0),
    ],
)
def test_a_voice_is_forgotten_after_long_silence_but_not_when_the_clock_is_set_back(times, left):
    memory = VoiceMemory(3, seconds=120.0)
    memory.hear(times[0])
    memory.add(np.zeros(1, np.float32))
    for time in times[1:]:
        memory.hear(time)
    assert len(memory) == left


def test_sound_of_any_length_is_judged_by_pieces_that_are_bounded(make):
    recognizer = make()
    longest: list[int] = []
    run = recognizer.model.predict

    def watched(batch, profile=None):
        longest.append(batch.size)
        return run(batch, profile)

    recognizer.model.predict = watched
    # Half an hour, silent but for its end.
    sound = np.zeros(1800 * RATE, np.int16)
    sound[-130 * RATE :] = tone(130, level=0.3) * 32767
    result = recognizer.predict(sound, RATE)
    assert not result.abstained and result.probabilities.sum() == pytest.approx(1)
    assert len(longest) == 1 and max(longest) <= 121 * RATE
    assert recognizer.predict(sound[: 1600 * RATE], RATE).reason == 'the sound is silent'


def test_a_model_runs_on_a_bounded_part_of_a_batch(make, monkeypatch):
    monkeypatch.setattr('emotion_perception.models.model._MOST_VALUES', 2 * RATE)
    model = make().model
    batch = np.linspace(0, 1, 7 * RATE, dtype=np.float32).reshape(7, RATE)
    sizes = []
    run = model.backend.run
    monkeypatch.setattr(model.backend, 'run', lambda rows: sizes.append(len(rows)) or run(rows))
    parts = model.predict(batch)
    assert sizes == [2, 2, 2, 1]
    monkeypatch.undo()
    np.testing.assert_allclose(parts.probabilities, model.predict(batch).probabilities, atol=1e-6)
    assert parts.valence.shape == (7,) and parts.embedding.shape == (7, 0)


_MANY_LENGTHS = """
import ctypes, os
import numpy as np
from emotion_perception.models import ModelSettings, SpeechEmotionRecognizer, load_model

recognizer = SpeechEmotionRecognizer(
    load_model('ser-default', 'ser', ModelSettings(device='cpu', threads=1)))
sound = np.random.default_rng(0).normal(0, 0.1, 20000).astype(np.float32)

def used():
    ctypes.CDLL(None).malloc_trim(0)
    with open('/proc/self/statm') as file:
        return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 1024

for length in range(8000, 8400, 8):
    recognizer.predict(sound[:length], 16000)
before = used()
for length in range(8400, 12400, 8):
    recognizer.predict(sound[:length], 16000)
print(used() - before)
"""


def test_a_length_that_was_never_heard_before_leaves_nothing_behind() -> None:
    done = subprocess.run(
        [sys.executable, '-c', _MANY_LENGTHS], capture_output=True, text=True, check=True
    )
    # Kilobytes, for 500 utterances.
    assert float(done.stdout) < 2000
