# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A real capture stream: PortAudio on a virtual microphone of a sound server of the test's own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from support.sounds import PulseServer, pulse_server, real_voice

# A process of its own: PortAudio reads the environment once.
_RECORD = """
import json, sys, threading, time
import numpy as np
from emotion_perception.audio.microphone import Microphone
from emotion_perception.audio.source import SourceSettings
microphone = Microphone(SourceSettings(**json.loads(sys.argv[1])))
print(microphone.name, flush=True)
chunks, ages = [], []
end = time.monotonic() + 30
while time.monotonic() < end:
    chunk = microphone.read()
    ages.append(time.time() - chunk.end)
    chunks.append(chunk)
    loud = [c for c in chunks if np.abs(c.samples).max() > 3000]
    if len(loud) > 6 and len(chunks) >= 12:
        break
# A node that ends closes from its main thread while the reader closes too.
closers = [threading.Thread(target=microphone.close) for _ in range(3)]
for closer in closers:
    closer.start()
for closer in closers:
    closer.join()
print(json.dumps({
    'rate': chunk.rate, 'shape': chunk.samples.shape, 'loud': len(loud), 'ages': ages[-12:],
    'steps': [b.time - a.time for a, b in zip(chunks[-12:], chunks[-11:])],
    'end': microphone.read()}))
"""


@pytest.fixture
def server():
    pytest.importorskip('sounddevice', reason='needs sounddevice and PortAudio', exc_type=OSError)
    with pulse_server() as server:
        yield server


def record(server: PulseServer, **settings) -> tuple[str, dict]:
    """Record with these settings while a voice is played; return device name and findings."""
    import os

    with subprocess.Popen(
        [sys.executable, '-c', _RECORD, json.dumps(settings)],
        env={**os.environ, **server.env},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        name = process.stdout.readline().strip()
        assert name, 'the microphone did not open'
        server.play(real_voice())
        return name, json.loads(process.communicate(timeout=60)[0].splitlines()[-1])


@pytest.mark.parametrize(
    ('settings', 'rate', 'shape'),
    [
        ({}, 44100, [2822, 1]),
        ({'device': 'pulse', 'rate': 16000, 'channels': 2}, 16000, [1024, 2]),
    ],
)
def test_a_voice_played_in_the_room_is_recorded(
    server: PulseServer, settings: dict, rate: int, shape: list[int]
) -> None:
    name, found = record(server, **settings)
    assert name == settings.get('device', 'default')
    assert (found['rate'], found['shape']) == (rate, shape)
    assert found['loud'] > 6
    # Stamps lie in the past, not far, and follow one another.
    assert min(found['ages']) > -0.005
    # A busy machine may deliver late: the order and the pace of the stamps are what counts.
    assert max(found['ages']) < 30
    assert min(found['steps']) > 0
    assert sum(found['steps']) == pytest.approx(11 * shape[0] / rate, rel=0.5)
    assert found['end'] is None
