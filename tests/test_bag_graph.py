# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A whole graph by the time of a bag: live, recorded, and replayed in a loop."""

from __future__ import annotations

import array
import sys
from itertools import pairwise

import numpy as np
import pytest
from audio_common_msgs.msg import AudioData, AudioDataStamped, AudioInfo
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from emotion_msgs.msg import EmotionPrediction, EmotionPredictionArray, Utterance
from emotion_perception.audio.pcm import RATE, to_s16le
from emotion_perception.ros.convert import array_to_image, to_seconds, to_stamp
from emotion_perception.ros.timer import steady_timer
from support.client import LATCHED, RELIABLE
from support.faces import astronaut
from support.sounds import read_16k, real_voice, with_silence

BAG = (sys.executable, '-m', 'emotion_bringup.bag')
START, WAIT = 90.0, 120.0
# Seconds of a block of sound; a picture comes with every third one. All of it begins in the past.
BLOCK, EACH = 0.1, 3
BEGIN = 1_700_000_000.0


def blocks(samples: np.ndarray) -> list[AudioDataStamped]:
    """Return a recording (int16, 16 kHz) as ``audio_capture`` would publish it."""
    size = round(RATE * BLOCK)
    return [
        AudioDataStamped(
            header=Header(stamp=to_stamp(BEGIN + number * BLOCK), frame_id='microphone'),
            audio=AudioData(data=array.array('B', to_s16le(samples[at : at + size]))),
        )
        for number, at in enumerate(range(0, len(samples), size))
    ]


def pictures(count: int) -> list[Image]:
    """Return a face that moves a little."""
    whole = astronaut()
    return [
        array_to_image(
            np.ascontiguousarray(whole[:360, number : number + 480]),
            Header(stamp=to_stamp(BEGIN + EACH * number * BLOCK), frame_id='camera'),
        )
        for number in range(count)
    ]


def passes(messages: list[EmotionPrediction]) -> list[list[EmotionPrediction]]:
    """Cut what came where the time goes back."""
    found = [messages[:1]]
    for before, message in pairwise(messages):
        if to_seconds(message.header.stamp) < to_seconds(before.header.stamp):
            found.append([])
        found[-1].append(message)
    return found


def answers(messages: list[EmotionPrediction]) -> dict[float, np.ndarray]:
    return {to_seconds(item.header.stamp): np.array(item.probabilities) for item in messages}


@pytest.mark.timeout(400)
def test_a_replay_in_a_loop_gives_the_answers_of_live(processes, client, tmp_path) -> None:
    sound = blocks(with_silence(read_16k(real_voice())))
    film = pictures(len(sound) // EACH)
    processes.start(
        sys.executable, '-m', 'emotion_bringup.runner', 'perception',
        'camera_topic:=/camera/image_raw', 'audio_topic:=/audio/audio_stamped', 'window:=off',
        'use_sim_time:=true', 'voice_memory:=0', name='graph',
    )  # fmt: skip
    bag = tmp_path / 'bag'
    recorder = processes.start(
        *BAG, 'record', '-o', bag, '-e', '^/(camera|audio)/', '--use-sim-time', name='record'
    )
    faces = client.watch('/emotion/face', EmotionPrediction, RELIABLE)
    answered = client.watch('/emotion/faces', EmotionPredictionArray, RELIABLE)
    voices = client.watch('/emotion/voice', EmotionPrediction, RELIABLE)
    fused = client.watch('/emotion/fused', EmotionPrediction, RELIABLE)
    heard = client.watch('/emotion/utterance', Utterance, RELIABLE)
    time = [BEGIN]
    clock = client.node.create_publisher(Clock, '/clock', 1)
    ticks = steady_timer(client.node, 0.05, lambda: clock.publish(Clock(clock=to_stamp(time[0]))))
    infos = client.publisher('/audio/audio_info', AudioInfo, LATCHED, 2, START)
    infos.publish(AudioInfo(channels=1, sample_rate=RATE, sample_format='S16LE'))
    camera = client.publisher('/camera/image_raw', Image, RELIABLE, 2, START)
    microphone = client.publisher('/audio/audio_stamped', AudioDataStamped, RELIABLE, 2, START)

    # Live: no picture comes before the last one was answered, so that none is left out.
    for number, block in enumerate(sound):
        time[0] = to_seconds(block.header.stamp) + BLOCK
        clock.publish(Clock(clock=to_stamp(time[0])))
        microphone.publish(block)
        if number % EACH == 0 and number // EACH < len(film):
            picture = film[number // EACH]
            camera.publish(picture)
            stamp = picture.header.stamp
            answered.wait(lambda item, stamp=stamp: item.header.stamp == stamp, WAIT)
    live_voice = voices.wait(timeout=WAIT)
    stamp = live_voice.header.stamp
    live_fused = fused.wait(lambda item: list(item.sources) == ['face', 'voice'], WAIT)
    assert live_fused.header.stamp == stamp
    live = answers(faces.messages)
    # A face is believed in its second picture or so.
    assert len(live) >= len(film) - 3
    [live_heard] = heard.messages
    recorder.signal(2)
    assert recorder.wait(30.0) == 0, recorder.output()
    client.node.destroy_timer(ticks)
    client.node.destroy_publisher(clock)

    for watch in (faces, voices, fused, heard):
        watch.clear()
    player = processes.start(*BAG, 'play', bag, '--clock', '--loop', name='play')

    def same_answers() -> bool:
        # A machine that is busy may have had no time for a picture: not in every pass.
        whole = [answers(part) for part in passes(faces.messages)[:-1]]
        whole = [part for part in whole if part.keys() == live.keys()]
        for part in whole:
            np.testing.assert_allclose([*part.values()], [*live.values()], atol=2e-3)
        return bool(whole)

    client.until(same_answers, WAIT, 'a pass in which each picture was answered')
    # The first pass may have begun before all had found the player.
    again = heard.wait(lambda item: item.start == live_heard.start, WAIT, 'the utterance')
    assert again.samples == live_heard.samples
    voice = voices.wait(lambda item: item.header.stamp == stamp, WAIT, 'the voice')
    np.testing.assert_allclose(voice.probabilities, live_voice.probabilities, atol=2e-3)

    # Both go on as one, whichever time the recording has come round. (An utterance is answered
    # when it has ended, with its own stamp: after faces that are later.)
    def rounds() -> list[list[EmotionPrediction]]:
        return passes([item for item in fused.messages if item.header.stamp != stamp])

    def voiced() -> list[EmotionPrediction]:
        return [item for item in fused.messages if item.header.stamp == stamp]

    client.until(lambda: len(rounds()) > 3 and len(voiced()) > 2, WAIT, 'three passes')
    end = BEGIN + len(sound) * BLOCK
    for part in rounds()[1:3]:
        assert len(part) >= 3
        assert all(BEGIN <= to_seconds(item.header.stamp) <= end for item in part)
    # What was said last is answered after the first faces of the next pass, but with those that
    # were seen while it was said. (Of those of the first pass some may not have been heard.)
    answered_again = voiced()[1:]
    assert all(list(item.sources) == ['face', 'voice'] for item in answered_again)
    off = [
        np.abs(np.subtract(item.probabilities, live_fused.probabilities)).max()
        for item in answered_again
    ]
    assert min(off) < 2e-3, off
    player.signal(2)
    assert player.wait(30.0) == 0, player.output()
