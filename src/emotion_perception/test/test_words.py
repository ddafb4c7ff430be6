# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Words with their times: who writes them down, and what they tell of how somebody speaks."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from emotion_perception.words import whisper
from emotion_perception.words.fluency import Kind, falters
from emotion_perception.words.language import Language, language, plain
from emotion_perception.words.transcriber import TranscriptError
from emotion_perception.words.verbal import measure
from support.sounds import read_16k, real_voice, spoken, with_silence
from support.speech import needs_whisper, said

ENGLISH = language('en')


def found(text: str, kind: Kind, known: Language = ENGLISH) -> list[str]:
    """Return where speech falters in one way."""
    return [item.text for item in falters(said(text), known) if item.kind is kind]


@pytest.mark.parametrize(
    ('text', 'fillers'),
    [
        ('Um, I led a team, and, uh, we won.', ['um', 'uh']),
        ('Ummm I led uhh a team', ['um', 'uh']),
        ('It was, like, hard.', ['like']),
        ('It was [0.3] like [0.3] hard.', ['like']),
        ('I like it, and it looks like rain.', []),
        ('I would like, if I may, to go on.', []),
        ('You know, it was hard.', ['you know']),
        ('Do you know what I mean', []),
        ('It was hard, I mean, very hard.', ['I mean']),
        ('', []),
        ('...', []),
    ],
)
def test_a_filler_counts_and_a_word_that_may_be_one_only_where_it_is_set_off(
    text: str, fillers: list[str]
) -> None:
    assert found(text, Kind.FILLER) == fillers


@pytest.mark.parametrize(
    ('text', 'twice'),
    [
        ('because the the deadline was short', ['the']),
        ('I I I think so', ['I', 'I']),
        ('we were um we were late', ['we were']),
        ('I think I was, I think I was wrong', ['I think I was,']),
        ('it was very very hard', []),
        ('we had had enough', []),
        ('the number was 4 4 2', []),
        ('I saw it. It was blue', []),
    ],
)
def test_what_is_said_again_at_once_is_a_repetition(text: str, twice: list[str]) -> None:
    assert found(text, Kind.REPETITION) == twice


@pytest.mark.parametrize(
    ('text', 'anew'),
    [
        ('I was, um, I went home', ['I was,']),
        ('we wanted to- we built it', ['we wanted to-']),
        ('it was a repre- representation', ['repre-']),
        ('I was [0.5] I went home', ['I was']),
        ('I came, I saw, I won', []),
        ('I slept. [0.5] I went home', []),
        ('it was red, no wait, it was blue', ['no wait,']),
        ('I felt sorry for him', []),
    ],
)
def test_a_beginning_that_is_broken_off_is_a_restart(text: str, anew: list[str]) -> None:
    assert found(text, Kind.RESTART) == anew


@pytest.mark.parametrize(
    ('text', 'ends'),
    [
        ('I went to the manager because', ['went to the manager because']),
        ('I went there and... [1.5] The next day was fine.', ['I went there and...']),
        ('it was the [1.2] Then we met.', ['it was the']),
        ('I changed the plan because.', ['I changed the plan because.']),
        ('and then we [1.5] Well.', ['and then we']),
        ('and so did we.', []),
        ('it was the [0.5] deadline.', []),
        ('it was the um [1.5] deadline.', []),
        ('That is who I am.', []),
    ],
)
def test_a_sentence_that_no_word_ends_is_left_open(text: str, ends: list[str]) -> None:
    assert found(text, Kind.OPEN_END) == ends


def test_a_language_without_lists_still_has_repetitions() -> None:
    polish = language('pl')
    assert found('to był był dom', Kind.REPETITION, polish) == ['był']
    assert found('um yyy dom', Kind.FILLER, polish) == []
    assert found('um yyy dom', Kind.FILLER, polish.with_fillers(('yyy',))) == ['yyy']


def test_a_list_of_fillers_takes_the_place_of_the_usual_one() -> None:
    own = ENGLISH.with_fillers(('like', 'right'))
    assert found('Um, it was, like, hard right and I like it', Kind.FILLER, own) == [
        'like',
        'right',
    ]


def test_words_are_compared_without_case_and_punctuation() -> None:
    assert plain('“Don’t,”') == "don't"
    assert plain('Well-known!') == 'well-known'
    assert plain('—') == ''


def test_a_rate_counts_pauses_and_no_fillers() -> None:
    words = said('Um I have led a small team [2.0] for three whole years now')
    verbal = measure(words, ENGLISH)
    assert verbal.words == 11
    assert verbal.words_per_minute == pytest.approx(60 * 11 / (12 * 0.3 + 2.0))
    assert verbal.longest_pause == pytest.approx(2.0)
    assert words[verbal.longest_pause_at].text == 'team'
    assert verbal.fillers == {'um': 1}
    assert verbal.per_hundred(Kind.FILLER) == pytest.approx(100 / 11)
    assert verbal.confidence == pytest.approx(0.9)


@pytest.mark.parametrize('text', ['', 'Yes.', 'one two three four', 'um um ' * 9])
def test_too_few_words_have_no_rate(text: str) -> None:
    verbal = measure(said(text), ENGLISH)
    assert math.isnan(verbal.words_per_minute)
    assert verbal.longest_pause == 0.0


def test_key_words_come_up_as_phrases_and_as_beginnings_of_words() -> None:
    keys = ('manage', 'machine learning', 'art', 'budget')
    verbal = measure(said('We managed it with Machine Learning, and started.'), ENGLISH, keys)
    assert verbal.key_words == {
        'manage': True, 'machine learning': True, 'art': False, 'budget': False,
    }  # fmt: skip


# The transcriber, on real sound.


@pytest.fixture(scope='module')
def english() -> whisper.Whisper:
    """Return the model that the package carries."""
    needs_whisper()
    return whisper.Whisper('', ENGLISH)


def test_a_real_voice_is_written_down_with_its_times(english: whisper.Whisper) -> None:
    voice = read_16k(real_voice())
    words = english.words(with_silence(voice, before=1.0, after=2.0), 100.0)
    assert [plain(word.text) for word in words] == ['front', 'center']
    assert 100.9 < words[0].start < words[0].end <= words[1].start < words[1].end
    assert words[1].end < 101.1 + voice.size / 16000
    assert all(0.0 < word.probability <= 1.0 for word in words)


def test_fillers_and_a_pause_in_a_sentence_are_heard(
    english: whisper.Whisper, tmp_path: Path
) -> None:
    first = read_16k(spoken('I moved to another city.', tmp_path))
    second = read_16k(spoken('And we, uh, we built a new payment system.', tmp_path))
    silence = np.zeros(16000, np.int16)
    words = english.words(np.concatenate([first, silence, second]), 0.0)
    verbal = measure(words, ENGLISH)
    # It may be spelt "er".
    assert sum(verbal.fillers.values()) == verbal.count(Kind.FILLER) == 1
    assert verbal.count(Kind.REPETITION) == 1
    # espeak-ng leaves some silence of its own at the end of a sentence.
    assert 1.0 < verbal.longest_pause < 2.2
    assert plain(words[verbal.longest_pause_at].text) == 'city'


@pytest.mark.parametrize(
    'samples',
    [
        np.zeros(0, np.int16),
        np.zeros(5, np.int16),
        np.zeros(32000, np.int16),
        np.random.default_rng(0).normal(0, 3000, 32000).astype(np.int16),
    ],
    ids=['nothing', 'five samples', 'silence', 'noise'],
)
def test_what_is_no_speech_has_no_words(english: whisper.Whisper, samples: np.ndarray) -> None:
    assert english.words(samples, 0.0) == ()


def test_a_model_that_cannot_be_had_is_named_with_what_to_do(tmp_path: Path, monkeypatch) -> None:
    needs_whisper()
    with pytest.raises(TranscriptError, match=f'{tmp_path}/none: there is no such folder'):
        whisper.Whisper(f'{tmp_path}/none', ENGLISH)
    (tmp_path / 'model.bin').write_bytes(b'nothing')
    with pytest.raises(TranscriptError, match='cannot be loaded'):
        whisper.Whisper(str(tmp_path), ENGLISH)
    with pytest.raises(TranscriptError, match="English only, and the language is 'de'"):
        whisper.Whisper('', language('de'))
    monkeypatch.setattr(whisper.importlib.util, 'find_spec', lambda name: None)
    assert './emotion setup --transcript' in whisper.missing('', ENGLISH)
