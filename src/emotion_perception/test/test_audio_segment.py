# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Where utterances begin and end."""

from __future__ import annotations

import numpy as np
import pytest

from emotion_perception.audio.segment import (
    POST_ROLL,
    EndedBy,
    Segment,
    Segmenter,
    SegmentSettings,
)

FRAME = 512
STEP = FRAME / 16000


class Feed:
    """Feeds frames whose samples are their number, and keeps the utterances."""

    def __init__(self, **settings: float) -> None:
        self.segmenter = Segmenter(SegmentSettings(**settings))
        self.count = 0
        self.found: list[Segment] = []

    def push(self, probability: float, seconds: float) -> Feed:
        for _ in range(round(seconds / STEP)):
            self.count += 1
            segment = self.segmenter.push(
                np.full(FRAME, self.count, np.int16), probability, self.count * STEP
            )
            if segment is not None:
                self.found.append(segment)
        return self


def test_speech_between_silences_is_one_utterance_with_pre_roll_and_post_roll() -> None:
    feed = Feed(pre_roll=0.32, hangover=0.64)
    feed.push(0.0, 1.6).push(0.9, 1.28).push(0.0, 1.6)
    (segment,) = feed.found
    assert segment.ended_by is EndedBy.SILENCE
    assert segment.start == pytest.approx(1.6 - 0.32)
    assert segment.end == pytest.approx(1.6 + 1.28 + POST_ROLL)
    assert segment.speech_seconds == pytest.approx(1.28)
    assert segment.samples.size == round((segment.end - segment.start) * 16000)
    assert not feed.segmenter.speaking


def test_the_samples_are_those_of_the_stream_in_order() -> None:
    feed = Feed().push(0.0, 1.6).push(0.9, 1.28).push(0.0, 1.6)
    numbers = feed.found[0].samples.reshape(-1)[::FRAME]
    assert (np.diff(numbers) == 1).all()
    # A sample of frame n was acquired in the n-th step.
    assert numbers[0] == round(feed.found[0].start / STEP) + 1


def test_an_utterance_ends_a_hangover_after_the_speech() -> None:
    feed = Feed(hangover=0.64).push(0.0, 0.64).push(0.9, 0.96)
    feed.push(0.0, 0.64 - STEP)
    assert not feed.found
    assert feed.segmenter.speaking
    feed.push(0.0, STEP)
    assert len(feed.found) == 1


def test_a_pause_shorter_than_the_hangover_does_not_cut() -> None:
    feed = Feed(hangover=0.64)
    feed.push(0.0, 0.64).push(0.9, 0.64).push(0.0, 0.48).push(0.9, 0.64).push(0.0, 1.28)
    assert len(feed.found) == 1
    assert feed.found[0].speech_seconds == pytest.approx(0.64 + 0.48 + 0.64)


def test_a_click_begins_nothing() -> None:
    feed = Feed()
    for _ in range(10):
        feed.push(0.99, 2 * STEP).push(0.0, 0.5)
    assert not feed.found
    assert feed.segmenter.dropped == 0


def test_speech_shorter_than_the_minimum_is_dropped_and_counted() -> None:
    feed = Feed(minimum=0.5).push(0.0, 0.64).push(0.9, 0.32).push(0.0, 1.28)
    assert not feed.found
    assert feed.segmenter.dropped == 1
    feed.push(0.9, 0.64).push(0.0, 1.28)
    assert len(feed.found) == 1


def test_long_speech_is_cut_at_the_maximum_without_losing_a_sample() -> None:
    feed = Feed(maximum=2.0).push(0.0, 0.64).push(0.9, 5.12).push(0.0, 1.28)
    assert [segment.ended_by for segment in feed.found] == [
        EndedBy.MAXIMUM,
        EndedBy.MAXIMUM,
        EndedBy.SILENCE,
    ]
    assert all(segment.samples.size <= 2.0 * 16000 + FRAME for segment in feed.found)
    for one, two in zip(feed.found, feed.found[1:]):
        assert two.start == pytest.approx(one.end)
        assert two.samples[0] == one.samples[-1] + 1


def test_silence_after_a_cut_makes_no_utterance_and_is_not_counted_as_dropped() -> None:
    feed = Feed(maximum=1.28, pre_roll=0.0).push(0.9, 1.28).push(0.0, 2.0)
    assert [segment.ended_by for segment in feed.found] == [EndedBy.MAXIMUM]
    assert feed.segmenter.dropped == 0
    assert not feed.segmenter.speaking


def test_a_weak_frame_keeps_speech_alive_but_does_not_begin_it() -> None:
    feed = Feed(threshold=0.6)
    feed.push(0.45, 1.28)
    assert not feed.segmenter.speaking
    feed.push(0.9, 0.64).push(0.45, 3.2)
    assert feed.segmenter.speaking
    feed.push(0.2, 1.28)
    assert feed.found[0].speech_seconds == pytest.approx(0.64 + 3.2)


@pytest.mark.parametrize('why', [EndedBy.SOURCE, EndedBy.REQUEST])
def test_a_flush_ends_what_is_under_way_with_its_reason(why: EndedBy) -> None:
    feed = Feed().push(0.0, 0.64).push(0.9, 0.64)
    segment = feed.segmenter.flush(why)
    assert segment is not None
    assert segment.ended_by is why
    assert segment.end == pytest.approx(1.28)
    assert feed.segmenter.flush(why) is None


def test_a_flush_right_after_a_cut_or_in_silence_gives_nothing() -> None:
    feed = Feed(maximum=1.28, pre_roll=0.0).push(0.9, 1.28)
    assert len(feed.found) == 1
    assert feed.segmenter.flush(EndedBy.SOURCE) is None
    feed.push(0.0, 0.64)
    assert feed.segmenter.flush(EndedBy.SOURCE) is None


def test_nothing_from_before_a_flush_reaches_the_next_utterance() -> None:
    feed = Feed(pre_roll=1.0).push(0.0, 0.64)
    feed.segmenter.flush(EndedBy.SOURCE)
    before = feed.count
    feed.push(0.9, 0.64).push(0.0, 1.28)
    assert feed.found[0].samples[0] == before + 1


def test_speech_at_the_very_beginning_of_a_stream_is_heard() -> None:
    feed = Feed().push(0.9, 0.64).push(0.0, 1.28)
    assert feed.found[0].start == pytest.approx(0.0)


def test_new_settings_hold_at_once() -> None:
    feed = Feed(hangover=2.0).push(0.9, 0.64).push(0.0, 0.64)
    assert not feed.found
    feed.segmenter.settings = SegmentSettings(hangover=0.5)
    feed.push(0.0, STEP)
    assert len(feed.found) == 1


@pytest.mark.parametrize(
    ('settings', 'says'),
    [
        ({'maximum': 1.0, 'minimum': 0.9}, 'maximum is 1.0'),
        ({'hangover': 0.0}, 'hangover is 0.0'),
        ({'pre_roll': float('nan')}, 'pre_roll is nan'),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        SegmentSettings(**settings)
