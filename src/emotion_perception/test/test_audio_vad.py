# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""The speech detectors on real speech, synthetic speech, noise and silence."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from emotion_perception.audio import silero
from emotion_perception.audio.rms import RmsVad
from emotion_perception.audio.vad import Vad, VadError, VadSettings
from emotion_perception.audio.vads import make_vad
from support.sounds import read_16k, real_voice, spoken, with_silence

KINDS = ('silero', 'webrtc', 'rms')


def probabilities(vad: Vad, samples: np.ndarray) -> np.ndarray:
    size = vad.frame_samples
    return np.array(
        [vad.probability(samples[i : i + size]) for i in range(0, samples.size - size + 1, size)]
    )


@pytest.mark.parametrize('kind', KINDS)
def test_a_real_voice_stands_out_from_a_quiet_room(kind: str) -> None:
    vad = make_vad(VadSettings(vad=kind))
    voice = read_16k(real_voice())
    found = probabilities(vad, with_silence(voice, 1.0, 1.0))
    assert ((found >= 0.0) & (found <= 1.0)).all()
    times = (np.arange(found.size) + 0.5) * vad.frame_samples / 16000
    spoken_part = (times > 1.1) & (times < 1.0 + voice.size / 16000 - 0.15)
    assert found[spoken_part].mean() > 0.6
    assert found[times < 0.9].mean() < 0.15


@pytest.mark.parametrize('kind', KINDS)
def test_synthetic_speech_is_heard(kind: str, tmp_path: Path) -> None:
    vad = make_vad(VadSettings(vad=kind))
    voice = read_16k(spoken('I am so happy to see you again after all these years', tmp_path))
    found = probabilities(vad, with_silence(voice, 0.5, 0.5))
    assert found.max() > 0.9
    assert (found > 0.5).mean() > 0.4


@pytest.mark.parametrize('kind', KINDS)
def test_digital_silence_is_no_speech(kind: str) -> None:
    vad = make_vad(VadSettings(vad=kind))
    assert probabilities(vad, np.zeros(32000, np.int16)).max() < 0.5


@pytest.mark.parametrize('kind', ['silero', 'rms'])
def test_steady_noise_is_no_speech(kind: str) -> None:
    vad = make_vad(VadSettings(vad=kind))
    noise = np.random.default_rng(0).normal(0, 1000, 16000 * 10).astype(np.int16)
    assert probabilities(vad, noise)[-60:].max() < 0.5


@pytest.mark.parametrize('kind', KINDS)
def test_a_reset_detector_answers_as_a_new_one(kind: str) -> None:
    used, fresh = (make_vad(VadSettings(vad=kind)) for _ in range(2))
    voice = read_16k(real_voice())
    probabilities(used, voice)
    used.reset()
    assert np.array_equal(probabilities(used, voice), probabilities(fresh, voice))


def test_silero_runs_without_torch_being_imported() -> None:
    import subprocess
    import sys

    code = (
        'import sys\n'
        'from emotion_perception.audio.vad import VadSettings\n'
        'from emotion_perception.audio.vads import make_vad\n'
        'make_vad(VadSettings())\n'
        'assert "torch" not in sys.modules and "silero_vad" not in sys.modules'
    )
    subprocess.run([sys.executable, '-c', code], check=True, timeout=60)


def test_a_missing_silero_package_is_named_with_the_way_to_get_it(monkeypatch) -> None:
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(VadError, match='pip install --no-deps silero-vad'):
        silero.find_model()


def test_a_missing_damaged_or_foreign_model_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / 'vad.onnx'
    with pytest.raises(VadError, match=r'vad\.onnx is missing'):
        make_vad(VadSettings(silero_model=str(path)))
    path.write_bytes(silero.find_model().read_bytes()[:1000])
    with pytest.raises(VadError, match=r'vad\.onnx \(1000 bytes\) cannot be read'):
        make_vad(VadSettings(silero_model=str(path)))


def test_a_missing_webrtc_package_is_named(monkeypatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, 'webrtcvad', None)
    with pytest.raises(VadError, match='pip install webrtcvad-wheels'):
        make_vad(VadSettings(vad='webrtc'))


def test_an_unknown_detector_is_refused() -> None:
    with pytest.raises(ValueError, match=r"vad is 'loud'; allowed: \['silero'"):
        VadSettings(vad='loud')


def test_the_noise_floor_follows_a_room_that_grows_loud_but_not_a_sentence() -> None:
    vad = RmsVad(rise=3.0)
    rng = np.random.default_rng(0)
    probabilities(vad, rng.normal(0, 30, 16000).astype(np.int16))
    quiet = vad.floor
    assert quiet == pytest.approx(-61, abs=2)
    probabilities(vad, rng.normal(0, 3000, 16000 * 2).astype(np.int16))
    assert vad.floor - quiet == pytest.approx(6.0, abs=1.0)
    probabilities(vad, rng.normal(0, 300, 16000 * 30).astype(np.int16))
    assert vad.floor == pytest.approx(-41, abs=2)


def test_whispers_below_the_minimum_level_are_never_speech_for_rms() -> None:
    vad = RmsVad(minimum=-40.0)
    noise = np.random.default_rng(0).normal(0, 200, 16000).astype(np.int16)
    assert probabilities(vad, noise).max() == 0.0
