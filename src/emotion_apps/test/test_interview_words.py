# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The words in the mock interview: questions, the thread that writes, report, cut, comparison."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest

from emotion_apps.interview.compare import CompareError, compare, load_report
from emotion_apps.interview.content import as_json
from emotion_apps.interview.cut import cut
from emotion_apps.interview.markdown import render_markdown
from emotion_apps.interview.page import render
from emotion_apps.interview.questions import (
    Question,
    QuestionError,
    QuestionList,
    load_questions,
)
from emotion_apps.interview.report import write_report
from emotion_apps.interview.scribe import Joiner, Scribe, Turn
from emotion_apps.interview.session import InterviewSession
from emotion_apps.interview.settings import InterviewSettings
from emotion_perception.words.language import language
from emotion_perception.words.transcriber import TranscriptError, Word
from support.speech import said

ENGLISH = language('en')
SECOND = np.ones(16000, np.int16)
LONG = 60.0


class Dictation:
    """A transcriber whose words are known: one for each stretch of speech."""

    name = 'dictation'

    def __init__(self, *texts: str) -> None:
        self._texts = list(texts)
        self.go_on = threading.Event()
        self.go_on.set()

    def words(self, samples: np.ndarray, start: float) -> tuple[Word, ...]:
        self.go_on.wait(LONG)
        text = self._texts.pop(0)
        if text == 'broken':
            raise ValueError('no such sound')
        return tuple(said(text, start))


def scribe(*texts: str) -> Scribe:
    """Return a scribe to whom these texts are said."""
    return Scribe(lambda: Dictation(*texts), ENGLISH)


# Questions.


def test_a_question_file_may_name_language_fillers_key_words_and_times(tmp_path: Path) -> None:
    path = tmp_path / 'q.yaml'
    path.write_text(
        'language: de\n'
        'fillers: {en: [um], de: [äh, halt]}\n'
        'questions:\n'
        '  - {text: Wer, key_words: [Team, machine  learning], at: 0:05}\n'
        '  - {text: Wie, at: 2:05}\n'
        '  - {text: Wann, at: 1:00:00.5}\n'
    )
    given = load_questions(path)
    assert given.language.code == 'de'
    assert given.language.fillers == ('äh',)
    assert given.language.ordinary == ('halt',)
    assert given.questions[0].key_words == ('Team', 'machine learning')
    assert [question.at for question in given.questions] == [5.0, 125.0, 3600.5]
    assert given.timed
    path.write_text('questions: [Who]')
    assert load_questions(path).language == ENGLISH
    assert not load_questions(path).timed


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('{questions: [a], languages: en}', "unknown key 'languages'"),
        ('{questions: [a], language: English}', "language is 'English'; it must be a code"),
        ('{questions: [a], language: 7}', 'language is 7'),
        ('{questions: [a], fillers: [um]}', 'fillers must be a list of words for each language'),
        ('{questions: [a], fillers: {en: um}}', 'fillers: en must be a list of words'),
        ('{questions: [a], fillers: {en: ["..."]}}', "fillers: en: '...' is no word"),
        ('questions: [{text: a, key_words: team}]', 'question 1: key_words must be a list'),
        ('questions: [{text: a, key_words: [1]}]', 'question 1: key_words must be a list'),
        (r'questions: [{text: a, key_words: ["a\x07b"]}]', r'control character U\+0007'),
        (r'questions: [{text: a, key_words: ["\ud83d"]}]', 'is no word|half of a character'),
        (f'questions: [{{text: a, key_words: [{"a" * 101}]}}]', 'longer than 100 characters'),
        (f'questions: [{{text: a, key_words: [{"a, " * 101}]}}]', '101 words; at most 100'),
        ('questions: [{text: a, at: soon}]', "question 1: at is 'soon'"),
        ('questions: [{text: a, at: -1}]', 'at is -1'),
        ('questions: [{text: a, at: .nan}]', 'at is nan'),
        ('questions: [{text: a, at: 1e9}]', 'up to 24 hours'),
        ('questions: [{text: a, at: 3}, b]', 'question 2 has no time'),
        ('questions: [{text: a, at: 3}, {text: b, at: 3}]', 'must be after the question before'),
    ],
)
def test_what_is_wrong_with_the_words_of_a_question_file_is_named(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / 'q.yaml'
    path.write_text(text)
    with pytest.raises(QuestionError, match=message) as error:
        load_questions(path)
    assert str(path) in str(error.value)


# The thread that writes down.


def test_what_was_cut_for_its_length_is_put_together_and_what_lies_apart_is_not() -> None:
    joiner = Joiner()
    assert joiner.push(1.0, SECOND, True) == []
    (whole,) = joiner.push(2.0, SECOND, False)
    assert (whole.start, whole.end) == (1.0, 3.0)
    assert joiner.push(5.0, SECOND, True) == []
    first, second = joiner.push(9.0, SECOND, False)
    assert (first.start, first.end, second.start) == (5.0, 6.0, 9.0)
    assert joiner.flush() == []
    ends = [speech.end for at in range(60) for speech in joiner.push(at, SECOND, True)]
    assert ends[0] == 28.0, 'half a minute is understood as one at most'


def test_words_are_written_down_oldest_first_beside_what_goes_on() -> None:
    one = scribe('first words', 'second words')
    one.hear(1.0, SECOND, False)
    one.hear(3.0, SECOND, False)
    assert one.wait(LONG)
    assert one.pending == 0
    assert [' '.join(word.text for word in turn.words) for turn in one.turns()] == [
        'first words',
        'second words',
    ]
    assert one.turns() == []
    assert one.name == 'dictation'
    one.stop()


def test_a_model_that_cannot_be_loaded_and_a_sound_that_it_cannot_take_leave_words_out() -> None:
    def load() -> Dictation:
        raise TranscriptError('there is no such folder')

    one = Scribe(load, ENGLISH)
    one.hear(1.0, SECOND, False)
    assert one.wait(LONG)
    assert (one.left_out, one.reason) == (1, 'there is no such folder')
    one.stop()
    two = scribe('broken', 'words')
    two.hear(1.0, SECOND, False)
    two.hear(3.0, SECOND, False)
    assert two.wait(LONG)
    assert (two.left_out, two.reason) == (1, 'ValueError: no such sound')
    assert len(two.turns()) == 1
    two.stop()


def test_what_was_said_in_an_interview_that_was_forgotten_is_forgotten() -> None:
    dictation = Dictation('old words', 'new words')
    dictation.go_on.clear()
    one = Scribe(lambda: dictation, ENGLISH)
    one.hear(1.0, SECOND, False)
    one.clear()
    one.hear(9.0, SECOND, False)
    dictation.go_on.set()
    assert one.wait(LONG)
    starts = [turn.start for turn in one.turns()]
    assert starts == [9.0]
    one.stop()


def test_who_waits_for_nothing_is_told_what_is_missing() -> None:
    dictation = Dictation('words')
    dictation.go_on.clear()
    session = InterviewSession((Question('Why?'),), scribe=Scribe(lambda: dictation, ENGLISH))
    session.start(0.0)
    session.utterance(1.0, 2.0, SECOND)
    session.stop(3.0)
    session.finish(0.05)
    assert session.log.left_out == ['the words of 1 stretch of speech: there was no time for them']
    dictation.go_on.set()


# An interview with words.


FIRST = (
    'Um, I led a team of four people and we, uh, we built a system <b>for</b> small shops and '
    'for their customers in many towns of the country and beyond. It took us less than a year, '
    'and most of them still use it every day.'
)
LAST = 'Um, then, um, the plan was, um, changed and it was hard because'


def held(*more: str) -> InterviewSession:
    """Hold an interview of two questions, with words in both answers."""
    session = InterviewSession(
        (Question('Who are you?', key_words=('team', 'budget')), Question('Why?')),
        InterviewSettings(),
        scribe=scribe(FIRST, LAST, *more),
    )
    vector = np.array([0.1, 0.1, 0.5, 0.1, 0.1, 0.1], np.float32)
    session.start(100.0)
    for begin in (102.0, 130.0):
        session.activity(begin, True)
        session.emotion(begin + 1.0, 'face', vector)
        session.utterance(begin, begin + 6.0, np.ones(6 * 16000, np.int16))
        session.activity(begin + 6.0, False)
        session.emotion(begin + 6.0, 'voice', vector)
        session.next(begin + 15.0)
    session.finish(LONG)
    return session


@pytest.fixture(scope='module')
def interview() -> InterviewSession:
    return held()


def test_the_report_shows_the_transcript_with_marks_emotions_figures_and_sources(
    interview: InterviewSession, tmp_path: Path
) -> None:
    report = write_report(interview.log, tmp_path)
    page, text = report.page.read_text(), report.markdown.read_text()
    assert '<mark class="filler" title="filler">Um,</mark>' in page
    assert '<mark class="open-end" title="open end">because</mark>' in page
    assert '&lt;b&gt;for&lt;/b&gt;' in page and '<b>for' not in page
    assert '*Um,* I led' in text and '~~we,~~' in text and '**because**' in text
    for content in (page, text):
        assert 'Happy 50%' in content
        assert 'Words a minute' in content
        assert 'Tauroza' in content and 'Bortfeld' in content
        assert 'Key words' in content and '1 of 2' in content
        assert 'not all are right' in content
    for foreign in ('http://', 'https://', 'src=', '<script'):
        assert foreign not in page
    data = json.loads(report.data.read_text())
    assert data['transcript'] == {'model': 'dictation', 'language': 'en'}
    first = data['answers'][0]
    assert first['words'][0] == {'start': 2.0, 'end': 2.3, 'text': 'Um,', 'probability': 0.9}
    assert first['verbal']['key_words'] == {'team': True, 'budget': False}
    assert first['verbal']['fillers'] == {'um': 1, 'uh': 1}
    assert {'kind': 'repetition', 'first': 9, 'last': 9, 'text': 'we,'} in first['verbal'][
        'falters'
    ]
    assert data['answers'][1]['verbal']['open_ends'] == 1


def test_suggestions_quote_the_place(interview: InterviewSession) -> None:
    suggestions = as_json(interview.log)['suggestions']
    measured = ' '.join(note['measurement'] for note in suggestions)
    assert '“and it was hard because” (answer 2, ' in measured
    assert '“Um, I” (answer 1, 0:02)' in measured
    assert 'answer 1: 1 of 2 key words; not: budget' in measured


def test_without_a_transcript_the_report_says_nothing_of_words() -> None:
    session = InterviewSession((Question('Why?'),))
    session.start(0.0)
    session.utterance(1.0, 2.0, SECOND)
    session.stop(3.0)
    for content in (render(session.log), render_markdown(session.log)):
        assert 'The words' not in content
        assert 'Tauroza' not in content
    data = as_json(session.log)
    assert data['transcript'] is None
    assert data['answers'][0]['verbal'] is None


def test_the_figures_of_the_answer_under_way_follow_what_is_written_down() -> None:
    session = InterviewSession((Question('Why?'),), scribe=(one := scribe(FIRST)))
    session.start(0.0)
    assert session.verbal().words == 0
    session.utterance(1.0, 2.0, SECOND)
    assert one.wait(LONG)
    assert session.collect()
    assert not session.collect()
    assert session.verbal().words_per_minute > 100
    session.stop(9.0)
    assert session.verbal() is None
    one.stop()


def test_a_sentence_that_was_cut_for_its_length_is_written_down_as_one() -> None:
    session = InterviewSession((Question('Why?'),), scribe=scribe(FIRST))
    session.start(0.0)
    session.activity(1.0, True)
    session.utterance(1.0, 2.0, SECOND, goes_on=True)
    # That nobody speaks any more is known before what was said last.
    session.activity(3.5, False)
    session.utterance(2.0, 3.0, SECOND)
    session.stop(5.0)
    session.finish(LONG)
    (turn,) = session.log.answers[0].turns
    assert (turn.start, turn.end) == (1.0, 3.0)


def test_what_is_said_outside_the_interview_is_not_written_down() -> None:
    session = InterviewSession((Question('Why?'),), scribe=(one := scribe('Because.')))
    session.utterance(0.0, 1.0, SECOND)
    session.start(10.0)
    session.utterance(11.0, 12.0, SECOND)
    session.stop(20.0)
    session.utterance(25.0, 26.0, SECOND)
    session.finish(LONG)
    (turn,) = session.log.answers[0].turns
    assert turn.start == 11.0
    # The transcriber had words for one stretch of speech, and was asked for no more.
    assert one.left_out == 0
    one.stop()


def test_what_is_known_late_belongs_to_the_answer_that_it_was_said_in() -> None:
    session = InterviewSession((Question('One?'), Question('Two?')))
    session.start(0.0)
    session.next(10.0)
    session.emotion(9.5, 'voice', np.full(6, 1 / 6))
    session.log.turn(Turn(3.0, 5.0, tuple(said('late words', 3.0))))
    first, second = session.log.answers
    assert len(first.emotions) == len(first.turns) == 1
    assert not second.emotions and not second.turns


# A recording that is cut.


def given(*questions: Question) -> QuestionList:
    return QuestionList(questions, ENGLISH)


def test_a_recording_is_one_answer_unless_times_or_a_silence_cut_it() -> None:
    whole = cut(None, None, 'The film')
    assert [question.text for question in whole.questions] == ['The film']
    assert whole.settings.answer_silence > 3600
    parts = cut(None, 6.0, 'The film')
    assert parts.open_ended
    assert parts.questions[1].text == 'Part 2'
    assert parts.settings.answer_silence == 6.0
    asked = cut(given(Question('a'), Question('b')), None, '')
    assert asked.settings.answer_silence == InterviewSettings().answer_silence
    assert cut(given(Question('a'), Question('b')), 9.0, '').settings.answer_silence == 9.0
    timed = cut(given(Question('a', 20.0, at=1.0), Question('b', at=30.0)), None, '')
    assert timed.times == (1.0, 30.0)
    assert timed.questions[0].seconds == 0.0, 'nothing but its time ends an answer'


# Two runs.


def test_two_reports_are_set_side_by_side(interview: InterviewSession, tmp_path: Path) -> None:
    one = write_report(interview.log, tmp_path / 'one').data
    data = json.loads(one.read_text())
    data['answers'][0]['verbal']['words_per_minute'] = 100.0
    data['answers'][0]['engagement'] = None
    two = tmp_path / 'two.json'
    two.write_text(json.dumps(data))
    text = compare(load_report(one), load_report(two))
    assert '| Measure | A | B | Change |' in text
    own = as_json(interview.log)['answers'][0]['verbal']['words_per_minute']
    assert f'| Words a minute | {own:.0f} | 100 | −{own - 100:.0f} |' in text
    assert '## Who are you?' in text


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('', 'not JSON'),
        ('[' * 100_000, 'not JSON'),
        ('[]', 'no report of an interview'),
        ('{"answers": []}', 'no report of an interview'),
        ('{"kind": "mock interview", "answers": [3]}', 'answer 1 is none'),
    ],
)
def test_a_file_that_is_no_report_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / 'a.json'
    path.write_text(text)
    with pytest.raises(CompareError, match=message) as error:
        load_report(path)
    assert str(path) in str(error.value)
    with pytest.raises(CompareError, match='No such file'):
        load_report(tmp_path / 'none.json')
