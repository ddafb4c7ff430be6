# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""From blocks of any format to utterances, on a real voice."""

from __future__ import annotations

import importlib.util
import math
from itertools import pairwise

import numpy as np
import pytest
import soxr

from emotion_perception.audio.denoise import Denoiser
from emotion_perception.audio.listener import Activity, Heard, Listener, joined
from emotion_perception.audio.pcm import AudioFormatError
from emotion_perception.audio.segment import EndedBy, SegmentSettings
from emotion_perception.audio.vad import VadSettings
from emotion_perception.audio.vads import make_vad
from support.sounds import read_16k, real_voice, with_silence


@pytest.fixture
def sound() -> np.ndarray:
    """Return a second of quiet room, the voice (1.43 s), and a second of room: int16, 16 kHz."""
    return with_silence(read_16k(real_voice()))


def listener(kind: str = 'silero', denoiser: Denoiser | None = None, **settings) -> Listener:
    return Listener(make_vad(VadSettings(vad=kind)), SegmentSettings(**settings), denoiser)


def play(
    listener: Listener,
    sound: np.ndarray,
    rate: int = 16000,
    start: float = 100.0,
    block: float = 0.02,
) -> list[Activity | Heard]:
    """Feed (n,) or (n, channels) samples in blocks."""
    sound = sound.reshape(len(sound), -1)
    size = round(block * rate)
    events: list[Activity | Heard] = []
    for i in range(0, len(sound), size):
        events += listener.hear(sound[i : i + size], rate, start + i / rate)
    return events


def utterances(events: list[Activity | Heard]) -> list[Heard]:
    return [event for event in events if isinstance(event, Heard)]


def activities(events: list[Activity | Heard]) -> list[Activity]:
    return [event for event in events if isinstance(event, Activity)]


@pytest.mark.parametrize('kind', ['silero', 'webrtc', 'rms'])
def test_a_real_voice_becomes_one_utterance_at_its_time(sound: np.ndarray, kind: str) -> None:
    (heard,) = utterances(play(listener(kind), sound))
    assert heard.segment.ended_by is EndedBy.SILENCE
    # The voice is from 101.0 to 102.43 s; 0.3 s of pre-roll, 0.2 s of post-roll.
    assert heard.segment.start == pytest.approx(100.75, abs=0.15)
    assert heard.segment.end == pytest.approx(102.55, abs=0.15)
    assert 1.0 < heard.segment.speech_seconds < 1.6
    assert heard.snr > 30


@pytest.mark.parametrize(('rate', 'channels'), [(48000, 1), (44100, 2), (8000, 1), (22050, 6)])
def test_other_rates_and_channels_give_the_same_utterance(
    sound: np.ndarray, rate: int, channels: int
) -> None:
    other = soxr.resample(sound, 16000, rate)
    events = play(listener(), np.repeat(other[:, None], channels, axis=1), rate)
    (heard,) = utterances(events)
    (reference,) = utterances(play(listener(), sound))
    assert heard.segment.start == pytest.approx(reference.segment.start, abs=0.07)
    assert heard.segment.end == pytest.approx(reference.segment.end, abs=0.1)


def test_the_samples_of_an_utterance_are_those_that_were_played_at_its_time(
    sound: np.ndarray,
) -> None:
    (heard,) = utterances(play(listener(), sound))
    first = round((heard.segment.start - 100.0) * 16000)
    expected = sound[first : first + heard.segment.samples.size]
    assert np.array_equal(heard.segment.samples, expected)


def test_a_resampled_utterance_is_stamped_to_a_millisecond(sound: np.ndarray) -> None:
    wide = soxr.resample(sound, 16000, 48000)
    (heard,) = utterances(play(listener(), wide, 48000))
    first = round((heard.segment.start - 100.0) * 16000)
    best = max(
        range(-160, 161),
        key=lambda shift: float(
            np.dot(
                heard.segment.samples.astype(float),
                sound[first + shift : first + shift + heard.segment.samples.size],
            )
        ),
    )
    assert abs(best) <= 16


def test_activity_says_speaking_while_the_utterance_is_under_way(sound: np.ndarray) -> None:
    events = activities(play(listener(), sound))
    assert len(events) == sound.size // 512
    assert all(event.duration == 0.032 for event in events)
    assert np.allclose(np.diff([event.time for event in events]), 0.032, atol=1e-6)
    speaking = [event.time for event in events if event.speaking]
    assert 101.0 < speaking[0] < 101.4
    assert speaking[-1] == pytest.approx(102.35 + 0.6, abs=0.15)
    assert not events[-1].speaking
    loud = [event.level for event in events if event.speaking]
    assert max(loud) > -25
    assert events[0].level == pytest.approx(-64, abs=2)


def test_frames_between_which_nothing_begins_or_ends_are_joined(sound: np.ndarray) -> None:
    events = play(listener(), sound)
    plain = activities(events)
    rows = list(joined(events, 0.064))
    assert [event for event in rows if isinstance(event, Heard)] == utterances(events)
    both = activities(rows)
    assert len(both) < 0.55 * len(plain)
    assert max(event.duration for event in both) == pytest.approx(0.064)
    assert sum(event.duration for event in both) == pytest.approx(len(plain) * 0.032)

    def turns(row: list[Activity]) -> list[float]:
        return [after.time for before, after in pairwise(row) if before.speaking != after.speaking]

    # Each is stamped by its last sample: a beginning is at most one frame later.
    assert np.allclose(turns(both), turns(plain), atol=0.033)
    assert both[0].level == pytest.approx(plain[0].level, abs=2)
    assert min(event.probability for event in both) >= 0
    assert list(joined(events, 0.0)) == events


@pytest.mark.parametrize('block', [0.005, 0.01, 0.1, 1.0])
def test_the_size_of_the_blocks_makes_no_difference(sound: np.ndarray, block: float) -> None:
    (heard,) = utterances(play(listener(), sound, block=block))
    (reference,) = utterances(play(listener(), sound))
    assert np.array_equal(heard.segment.samples, reference.segment.samples)
    assert heard.segment.end == pytest.approx(reference.segment.end)


def test_a_rate_that_changes_ends_the_utterance_and_the_next_is_heard(sound: np.ndarray) -> None:
    ears = listener()
    half = sound[: round(1.9 * 16000)]
    events = play(ears, half)
    assert ears.speaking
    events = play(ears, soxr.resample(sound, 16000, 48000), 48000, start=101.9)
    first, second = utterances(events)
    assert first.segment.ended_by is EndedBy.SOURCE
    assert first.segment.end == pytest.approx(101.9, abs=0.04)
    assert second.segment.ended_by is EndedBy.SILENCE
    assert not activities(events)[0].speaking


def test_a_gap_or_a_clock_set_back_ends_the_utterance(sound: np.ndarray) -> None:
    for start in (110.0, 50.0):
        ears = listener()
        play(ears, sound[: round(1.9 * 16000)])
        first, _ = utterances(play(ears, sound, start=start))
        assert first.segment.ended_by is EndedBy.SOURCE


def test_jittering_stamps_and_a_lost_block_do_not_cut(sound: np.ndarray) -> None:
    ears = listener()
    rng = np.random.default_rng(0)
    events: list[Activity | Heard] = []
    for index, i in enumerate(range(0, sound.size, 320)):
        if index == 80:
            continue
        events += ears.hear(
            sound[i : i + 320, None], 16000, 100 + i / 16000 + rng.uniform(-0.05, 0.05)
        )
    assert len(utterances(events)) == 1


@pytest.mark.parametrize('why', [EndedBy.SOURCE, EndedBy.REQUEST])
def test_a_stop_gives_the_utterance_under_way_and_a_last_word(
    sound: np.ndarray, why: EndedBy
) -> None:
    ears = listener()
    play(ears, sound[: round(1.9 * 16000)])
    events = ears.stop(why)
    assert utterances(events)[0].segment.ended_by is why
    last = activities(events)[-1]
    assert not last.speaking
    assert last.duration == 0.0
    assert ears.stop(why) == []


def test_noise_lowers_the_ratio_that_is_reported() -> None:
    voice = read_16k(real_voice())
    found = [
        utterances(play(listener(), with_silence(voice, noise=noise)))[0].snr
        for noise in (10.0, 100.0, 400.0)
    ]
    assert found[0] > found[1] > found[2]
    assert found[2] == pytest.approx(
        10 * math.log10(np.mean(voice.astype(float) ** 2) / 400**2), abs=4
    )


def test_speech_without_anything_before_it_has_an_unknown_ratio() -> None:
    ears = listener('rms')
    (heard,) = utterances(
        play(ears, np.concatenate([read_16k(real_voice())[1600:], np.zeros(16000, np.int16)]))
    )
    assert math.isnan(heard.snr)


def test_noise_suppression_lets_the_detector_hear_through_noise() -> None:
    if importlib.util.find_spec('pyrnnoise') is None:
        pytest.skip('needs the package pyrnnoise (optional): pip install --no-deps pyrnnoise')
    loud = with_silence(read_16k(real_voice()), noise=1500.0)
    deaf = activities(play(listener('rms'), loud))
    (heard,) = utterances(play(listener('rms', Denoiser()), loud))
    assert heard.segment.start == pytest.approx(100.8, abs=0.3)
    # What goes out is what was recorded, noise and all.
    first = round((heard.segment.start - 100.0) * 16000)
    assert np.array_equal(heard.segment.samples, loud[first : first + heard.segment.samples.size])
    assert max(event.probability for event in deaf if event.time < 100.9) > 0.5


def test_an_impossible_rate_is_refused_and_the_stream_goes_on(sound: np.ndarray) -> None:
    ears = listener()
    play(ears, sound[:16000])
    with pytest.raises(AudioFormatError, match='0 Hz'):
        ears.hear(sound[:320, None], 0, 101.0)
    assert len(utterances(play(ears, sound, start=101.0))) == 1
