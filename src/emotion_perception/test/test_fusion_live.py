# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Fusion of face and voice in time, and the combination itself."""

from __future__ import annotations

import math

import numpy as np
import pytest

from emotion_perception.emotions import Emotion
from emotion_perception.fusion.combine import CombineSettings, combine
from emotion_perception.fusion.live import HISTORY, FusionSettings, LiveFusion, Reading
from emotion_perception.models import ModelError
from emotion_perception.models.balance import BalanceSettings, Mixture
from support.models import write_network


def vector(emotion: Emotion, confidence: float = 0.6) -> np.ndarray:
    """Return probabilities with one class above the rest."""
    result = np.full(6, (1 - confidence) / 5, np.float32)
    result[emotion] = confidence
    return result


def face(
    time: float,
    emotion: Emotion,
    subject: str = 'face_1',
    quality: float = 1.0,
    confidence: float = 0.6,
) -> Reading:
    return Reading(time, subject, vector(emotion, confidence), quality)


def voice(time: float, emotion: Emotion, span: float = 2.0, quality: float = 1.0) -> Reading:
    return Reading(time, 'voice', vector(emotion), quality, span)


def test_agreeing_modalities_are_surer_than_either() -> None:
    both = combine([vector(Emotion.SAD), vector(Emotion.SAD)], [1, 1], [1, 1], CombineSettings())
    assert both.argmax() == Emotion.SAD
    assert both[Emotion.SAD] > 0.8
    assert both.sum() == pytest.approx(1, abs=1e-5)


def test_a_certain_model_has_no_veto() -> None:
    sure = np.array([1, 0, 0, 0, 0, 0], np.float32)
    result = combine([sure, vector(Emotion.HAPPY)], [0.2, 1], [1, 1], CombineSettings())
    assert np.isfinite(result).all()
    assert result[Emotion.HAPPY] > result[Emotion.FEAR]


@pytest.mark.parametrize('method', ['product', 'mean'])
def test_a_weight_of_zero_leaves_a_modality_out(method: str) -> None:
    settings = CombineSettings(method=method, floor=0.0001)
    result = combine([vector(Emotion.ANGRY), vector(Emotion.HAPPY)], [0, 1], [1, 1], settings)
    np.testing.assert_allclose(result, vector(Emotion.HAPPY), atol=2e-3)


@pytest.mark.parametrize('method', ['product', 'mean'])
def test_nothing_reliable_gives_equal_chances(method: str) -> None:
    settings = CombineSettings(method=method)
    result = combine([vector(Emotion.ANGRY)], [0], [1], settings)
    np.testing.assert_allclose(result, np.full(6, 1 / 6), atol=1e-5)


def test_two_that_agree_are_surer_by_agreement_and_one_alone_is_not() -> None:
    plain, more = (CombineSettings(agreement=value) for value in (0.0, 0.5))
    both = [combine([vector(Emotion.SAD)] * 2, [1, 1], [1, 1], item) for item in (plain, more)]
    assert both[1][Emotion.SAD] > both[0][Emotion.SAD]
    alone = [combine([vector(Emotion.SAD)], [1], [1], item) for item in (plain, more)]
    np.testing.assert_array_equal(*alone)


def test_a_batch_is_combined_row_by_row() -> None:
    faces = np.stack([vector(Emotion.SAD), vector(Emotion.HAPPY)])
    voices = np.stack([vector(Emotion.SAD), vector(Emotion.FEAR)])
    batch = combine([faces, voices], [1, 0.5], [1.5, 1], CombineSettings())
    for row in range(2):
        single = combine([faces[row], voices[row]], [1, 0.5], [1.5, 1], CombineSettings())
        np.testing.assert_allclose(batch[row], single, atol=1e-6)


def test_an_utterance_is_fused_with_the_faces_over_its_span_not_the_last_frame() -> None:
    fusion = LiveFusion()
    for i in range(60):
        fusion.add_face(face(10 + i / 30, Emotion.SAD))
    fusion.add_face(face(12.0, Emotion.HAPPY, confidence=0.9))
    fused = fusion.add_voice(voice(12.0, Emotion.SAD))
    assert fused.sources == ('face', 'voice')
    assert fused.probabilities.argmax() == Emotion.SAD
    assert fused.time == 12.0
    assert fused.subject == 'face_1'


def test_two_people_are_never_mixed() -> None:
    # A poor voice counts little here, so that the face alone decides.
    fusion = LiveFusion(FusionSettings(voice_trust=1.0))
    for i in range(60):
        subject, emotion = (('face_1', Emotion.ANGRY), ('face_2', Emotion.HAPPY))[i % 3 == 0]
        fusion.add_face(face(10 + i / 30, emotion, subject))
    fused = fusion.add_voice(voice(12.0, Emotion.NEUTRAL, quality=0.1))
    assert fused.subject == 'face_1'
    assert fused.probabilities[Emotion.ANGRY] > 0.5
    assert fused.probabilities[Emotion.HAPPY] < 0.12


def test_a_voice_alone_says_so() -> None:
    fused = LiveFusion().add_voice(voice(5.0, Emotion.FEAR))
    assert fused.sources == ('voice',)
    assert fused.subject == 'voice'
    assert fused.probabilities.argmax() == Emotion.FEAR


def test_a_face_alone_says_so() -> None:
    fused = LiveFusion().add_face(face(5.0, Emotion.FEAR))
    assert fused is not None
    assert fused.sources == ('face',)
    np.testing.assert_allclose(fused.probabilities[Emotion.FEAR], 0.6, atol=0.05)


def test_a_face_that_left_long_before_the_utterance_is_left_out() -> None:
    fusion = LiveFusion(FusionSettings(face_half_life=0.5))
    fusion.add_face(face(1.0, Emotion.HAPPY))
    assert fusion.add_voice(voice(12.0, Emotion.SAD)).sources == ('voice',)


def test_an_old_utterance_counts_less_and_less() -> None:
    fusion = LiveFusion()
    fusion.add_voice(voice(10.0, Emotion.SAD))
    sad = []
    for time in (10.1, 14.0, 20.0, 39.0):
        fused = fusion.add_face(face(time, Emotion.HAPPY))
        assert fused is not None
        sad.append(float(fused.probabilities[Emotion.SAD]))
    assert sad == sorted(sad, reverse=True)
    assert fused.sources == ('face',)


def test_a_poor_face_counts_less_than_a_good_one() -> None:
    results = []
    for quality in (0.1, 1.0):
        fusion = LiveFusion()
        fusion.add_face(face(10.0, Emotion.HAPPY, quality=quality))
        results.append(fusion.add_voice(voice(10.5, Emotion.SAD)).probabilities[Emotion.HAPPY])
    assert results[0] < results[1]


def test_frames_out_of_order_are_sorted_in_and_give_no_result_of_their_own() -> None:
    fusion = LiveFusion()
    assert fusion.add_face(face(10.2, Emotion.SAD)) is not None
    assert fusion.add_face(face(10.1, Emotion.SAD)) is None
    assert fusion.add_face(face(10.3, Emotion.SAD)) is not None


def test_a_clock_that_is_set_back_starts_anew() -> None:
    fusion = LiveFusion()
    fusion.add_face(face(1000.0, Emotion.SAD))
    fusion.add_voice(voice(1000.0, Emotion.SAD))
    fused = fusion.add_face(face(5.0, Emotion.HAPPY))
    assert fused is not None
    assert fused.sources == ('face',)
    assert fusion.add_voice(voice(5.1, Emotion.SAD)).sources == ('face', 'voice')


def test_an_utterance_that_was_under_way_when_a_recording_began_again_has_its_own_faces() -> None:
    fusion, straight = LiveFusion(), LiveFusion()
    for time in np.arange(10.0, 14.0, 0.1):
        for one in (fusion, straight):
            one.add_face(face(time, Emotion.HAPPY))
    again = [fusion.add_face(face(time, Emotion.ANGRY)) for time in (10.0, 10.1)]
    assert all(item is not None for item in again)
    spoken = voice(13.5, Emotion.SAD, span=2.0)
    late, at_once = fusion.add_voice(spoken), straight.add_voice(spoken)
    assert late.sources == ('face', 'voice')
    np.testing.assert_allclose(late.probabilities, at_once.probabilities)
    # It says nothing of what comes now, and is no utterance from the future.
    now = fusion.add_face(face(10.2, Emotion.ANGRY))
    assert now is not None and now.sources == ('face',)


def test_an_utterance_of_now_never_has_the_faces_of_before_the_source_began_anew() -> None:
    fusion = LiveFusion()
    for time in np.arange(10.0, 30.0, 0.1):
        fusion.add_face(face(time, Emotion.HAPPY))
    for time in np.arange(10.0, 18.0, 0.1):
        fusion.add_face(face(time, Emotion.ANGRY, 'face_2'))
    # While the last face of now has been gone for two seconds.
    assert fusion.add_voice(voice(20.5, Emotion.SAD, span=1.0)).subject == 'face_2'
    assert fusion.add_voice(voice(17.0, Emotion.SAD)).subject == 'face_2'


def test_an_utterance_from_the_future_has_no_age() -> None:
    fusion = LiveFusion()
    fusion.add_voice(voice(99.0, Emotion.SAD))
    fused = fusion.add_face(face(10.0, Emotion.HAPPY))
    assert fused is not None
    assert max(fused.weights) <= 1.0


@pytest.mark.parametrize(
    'bad',
    [
        np.full(6, np.nan),
        np.array([math.inf, 0, 0, 0, 0, 0]),
        np.zeros(5),
        np.zeros((1, 6)),
        np.zeros(6),
        np.array([1.2, -0.2, 0, 0, 0, 0]),
    ],
)
def test_bad_probabilities_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"'face_1'.*probabilities"):
        LiveFusion().add_face(Reading(1.0, 'face_1', bad))


def test_a_time_or_a_span_without_end_is_refused() -> None:
    with pytest.raises(ValueError, match='finite time'):
        LiveFusion().add_voice(Reading(math.inf, 'voice', vector(Emotion.SAD)))
    with pytest.raises(ValueError, match='span'):
        LiveFusion().add_voice(Reading(1.0, 'voice', vector(Emotion.SAD), span=math.inf))


def test_memory_is_bounded() -> None:
    fusion = LiveFusion()
    for i in range(2000):
        fusion.add_face(face(i / 30, Emotion.SAD))
    assert len(fusion._faces) <= 30 * HISTORY + 2


def test_trust_zero_ignores_the_quality() -> None:
    results = []
    for quality in (0.2, 1.0):
        fusion = LiveFusion(FusionSettings(face_trust=0.0))
        fusion.add_face(face(10.0, Emotion.HAPPY, quality=quality))
        results.append(fusion.add_voice(voice(10.5, Emotion.SAD)).probabilities)
    np.testing.assert_allclose(*results, atol=1e-6)


@pytest.mark.parametrize('method', ['product', 'mean', 'stacker'])
def test_every_method_fuses_what_agrees_and_takes_what_is_there(method: str) -> None:
    fusion = LiveFusion(FusionSettings(method=method))
    alone = fusion.add_face(face(10.0, Emotion.HAPPY))
    assert alone.probabilities.argmax() == Emotion.HAPPY
    both = fusion.add_voice(voice(10.5, Emotion.HAPPY))
    assert both.sources == ('face', 'voice')
    assert both.probabilities.argmax() == Emotion.HAPPY
    assert both.probabilities.sum() == pytest.approx(1, abs=1e-5)
    heard = LiveFusion(FusionSettings(method=method)).add_voice(voice(10.5, Emotion.HAPPY))
    assert heard.sources == ('voice',)
    assert heard.probabilities.argmax() == Emotion.HAPPY


def test_a_method_whose_file_is_missing_leaves_the_old_one(tmp_path, monkeypatch) -> None:
    fusion = LiveFusion()
    monkeypatch.setattr('emotion_perception.fusion.learnt.weights_directories', lambda: [tmp_path])
    with pytest.raises(ModelError, match='emotion train fusion'):
        fusion.settings = FusionSettings(method='stacker')
    assert fusion.settings.method == 'product'
    assert fusion.add_face(face(1.0, Emotion.SAD)) is not None


# The mixture of classes

FACES = np.array([0.09, 0.03, 0.28, 0.34, 0.14, 0.12], np.float32)
VOICES = np.array([0.19, 0.18, 0.19, 0.18, 0.19, 0.07], np.float32)


def seen(likelihood: np.ndarray, shares: np.ndarray, balance: float) -> dict:
    """Return what a perfect model of some shares and balance says of an input."""
    mixture = Mixture(shares, balance)
    posterior = likelihood * mixture.prior
    return {'probabilities': posterior / posterior.sum(), 'mixture': mixture}


@pytest.mark.parametrize('method', ['product', 'mean', 'stacker'])
@pytest.mark.parametrize('balance', [0.0, 0.4, 1.0])
def test_the_fused_answer_does_not_depend_on_the_mixture_that_the_readings_answer_for(
    method: str, balance: float
) -> None:
    face_says, voice_says = vector(Emotion.FEAR, 0.4), vector(Emotion.FEAR, 0.3)
    results = []
    for shares, given in ((FACES, 0.0), (FACES, 0.7), (np.full(6, 1 / 6, np.float32), 0.0)):
        fusion = LiveFusion(FusionSettings(method=method, balance=BalanceSettings(1.0)))
        fusion.add_face(Reading(10.0, 'face_1', **seen(face_says, shares, given), quality=0.8))
        results.append(
            fusion.add_voice(
                Reading(10.5, 'voice', **seen(voice_says, VOICES, balance), quality=0.8)
            ).probabilities
        )
    np.testing.assert_allclose(results[1:], results[:1] * 2, atol=1e-5)


@pytest.mark.parametrize('method', ['product', 'mean'])
def test_two_that_know_nothing_but_how_common_classes_are_know_no_more_together(
    method: str,
) -> None:
    nothing = np.full(6, 1 / 6, np.float32)
    for balance in (0.0, 0.5, 1.0):
        fusion = LiveFusion(FusionSettings(method=method, balance=BalanceSettings(balance)))
        fusion.add_face(Reading(10.0, 'face_1', **seen(nothing, FACES, 0.3)))
        fused = fusion.add_voice(Reading(10.2, 'voice', **seen(nothing, FACES, 0.0)))
        np.testing.assert_allclose(fused.probabilities, Mixture(FACES, balance).prior, atol=1e-4)
        np.testing.assert_allclose(fused.mixture.shares, FACES, atol=1e-6)
        assert fused.mixture.balance == balance


def test_the_mixture_of_two_lies_between_theirs_by_their_weights() -> None:
    fusion = LiveFusion(FusionSettings(face_trust=1.0, voice_trust=1.0))
    nothing = np.full(6, 1 / 6, np.float32)
    fusion.add_face(Reading(10.0, 'face_1', **seen(nothing, FACES, 0.0), quality=1.0))
    fused = fusion.add_voice(Reading(10.0, 'voice', **seen(nothing, VOICES, 0.0), quality=0.5))
    np.testing.assert_allclose(fused.mixture.shares, (2 * FACES + VOICES) / 3, atol=1e-6)


def test_a_reading_of_unknown_shares_is_taken_as_it_is_and_the_result_says_so() -> None:
    fusion = LiveFusion(FusionSettings(balance=BalanceSettings(1.0)))
    fusion.add_face(face(10.0, Emotion.HAPPY))
    fused = fusion.add_voice(Reading(10.2, 'voice', **seen(vector(Emotion.HAPPY), VOICES, 0.0)))
    assert fused.mixture.shares is None
    same = LiveFusion(FusionSettings(balance=BalanceSettings(0.0)))
    same.add_face(face(10.0, Emotion.HAPPY))
    again = same.add_voice(Reading(10.2, 'voice', **seen(vector(Emotion.HAPPY), VOICES, 0.0)))
    np.testing.assert_allclose(fused.probabilities, again.probabilities, atol=1e-6)


# A network on embeddings


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """Point the fusion at a folder with a network on embeddings of two and three values."""
    write_network(
        tmp_path / 'fusion_network.onnx',
        {
            'face': {'model': 'my-face', 'sha256': 'aa', 'size': 2},
            'voice': {'model': 'my-voice', 'sha256': 'bb', 'size': 3},
        },
    )
    monkeypatch.setattr('emotion_perception.fusion.learnt.weights_directories', lambda: [tmp_path])
    return tmp_path


def seen_face(time: float, *values: float, model: str = 'my-face') -> Reading:
    return Reading(
        time,
        'face_1',
        vector(Emotion.HAPPY),
        1.0,
        model=model,
        embedding=np.array(values, np.float32),
    )


def heard_voice(time: float, *values: float, model: str = 'my-voice') -> Reading:
    return Reading(
        time,
        'voice',
        vector(Emotion.HAPPY),
        1.0,
        2.0,
        model=model,
        embedding=np.array(values, np.float32),
    )


def test_the_network_sees_the_mean_embedding_of_the_span_and_that_of_the_voice(weights) -> None:
    fusion = LiveFusion(FusionSettings(method='network'))
    # Out of order, and one before the utterance began.
    for time, value in ((7.0, 90.0), (8.5, 1.0), (9.5, 3.0), (9.0, 2.0)):
        fusion.add_face(seen_face(time, value, 0.0))
    fused = fusion.add_voice(heard_voice(10.0, 0.5, 0.0, 0.0))
    assert (fused.method, fused.problem) == ('network', '')
    # The network's logit of Angry is the sum of all values of both embeddings.
    assert np.log(fused.probabilities[0] / fused.probabilities[1]) == pytest.approx(2.5, abs=1e-4)


def test_the_network_judges_one_modality_alone(weights) -> None:
    fused = LiveFusion(FusionSettings(method='network')).add_voice(
        heard_voice(10.0, 1.0, 1.0, 1.0)
    )
    assert fused.method == 'network'
    assert np.log(fused.probabilities[0] / fused.probabilities[1]) == pytest.approx(3.0, abs=1e-4)


@pytest.mark.parametrize(
    ('reading', 'reason'),
    [
        (seen_face(1.0), 'set parameter embedding of fer_node to true'),
        (
            seen_face(1.0, 1.0, 2.0, model='other'),
            'trained on embeddings of my-face, but the face is read by other',
        ),
        (seen_face(1.0, 1.0, 2.0, 3.0), '3 values instead of 2'),
    ],
)
def test_readings_that_the_network_cannot_judge_are_the_products(
    weights, reading: Reading, reason: str
) -> None:
    fused = LiveFusion(FusionSettings(method='network')).add_face(reading)
    expected = LiveFusion(FusionSettings(method='product')).add_face(reading)
    assert fused.method == 'product'
    assert reason in fused.problem
    np.testing.assert_array_equal(fused.probabilities, expected.probabilities)


def test_a_network_of_an_earlier_model_of_that_name_says_so(tmp_path, monkeypatch) -> None:
    write_network(
        tmp_path / 'fusion_network.onnx',
        {
            'face': {'model': 'fer-default', 'sha256': '0' * 64, 'size': 2},
            'voice': {'model': 'ser-default', 'sha256': '', 'size': 3},
        },
    )
    monkeypatch.setattr('emotion_perception.fusion.learnt.weights_directories', lambda: [tmp_path])
    fusion = LiveFusion(FusionSettings(method='network'))
    fused = fusion.add_face(seen_face(1.0, 1.0, 2.0, model='fer-default'))
    assert 'another fer-default' in fused.problem and 'train it anew' in fused.problem
    assert fusion.add_voice(heard_voice(1.0, 1.0, 1.0, 1.0, model='ser-default')).sources


def test_an_embedding_that_is_not_finite_is_refused(weights) -> None:
    with pytest.raises(ValueError, match='embedding'):
        LiveFusion().add_face(seen_face(1.0, np.nan, 0.0))


def test_a_network_that_does_not_say_whose_embeddings_it_takes_is_refused(weights) -> None:
    write_network(weights / 'fusion_network.onnx', None)
    with pytest.raises(ModelError, match='does not say of which models'):
        LiveFusion(FusionSettings(method='network'))
