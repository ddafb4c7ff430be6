# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A film through the live graph and through the analysis of recordings: the same answers."""

from __future__ import annotations

import array
import itertools
from pathlib import Path
from time import sleep

import numpy as np
import pytest

pytest.importorskip('rclpy', reason='needs rclpy: run through ./emotion test')
pytest.importorskip('pyarrow', reason='needs pyarrow: ./emotion setup --analyze')

from audio_common_msgs.msg import AudioData, AudioDataStamped, AudioInfo
from rclpy.publisher import Publisher
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from emotion_apps.analyze.columns import CLASSES
from emotion_msgs.msg import EmotionPrediction, EmotionPredictionArray, Utterance
from emotion_perception.media.pictures import PictureReader
from emotion_perception.media.sound import SoundReader
from emotion_perception.ros import qos
from emotion_perception.ros.convert import array_to_image, to_seconds, to_stamp
from support.analysis import analyse, talking_film
from support.client import Client, Watch

# What is live has a time of its own: the film begins at this one, seconds.
BEGIN = 1000.0
# Live a box is whole pixels inside the picture; it moves nothing but which face is the larger.
PIXEL = 1.01


@pytest.fixture(scope='module')
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people who walk past each other while somebody speaks."""
    return talking_film(tmp_path_factory.mktemp('film') / 'walk.mp4', 4.0, (0.5,))


def of_the_film(message: EmotionPredictionArray) -> bool:
    return to_seconds(message.header.stamp) >= BEGIN


def meet(client: Client, camera: Publisher, faces: Watch, fused: Watch, film: Path) -> None:
    """Show a picture, of a time before the film, until all nodes of the faces have met.

    An empty one at the end: who was seen in the last picture is known in the next.
    """
    with PictureReader(film) as pictures:
        image = next(iter(pictures)).image()
    numbers = itertools.count()

    def answered() -> bool:
        stamp = to_stamp(BEGIN - 100 + next(numbers) * 0.02)
        camera.publish(array_to_image(image, Header(stamp=stamp)))
        sleep(0.1)
        return bool(fused.messages)

    client.until(answered, 120, 'an answer to a picture')
    last = to_stamp(BEGIN - 10)
    camera.publish(array_to_image(np.zeros_like(image), Header(stamp=last)))
    faces.wait(lambda message: message.header.stamp == last, timeout=60)


def test_a_film_gives_the_same_live_and_in_the_tables(film, processes, client, tmp_path) -> None:
    for node in ('face_detector_node', 'fer_node', 'vad_node', 'ser_node', 'fusion_node'):
        processes.node(node)
    faces = client.watch('emotion/faces', EmotionPredictionArray)
    utterances = client.watch('emotion/utterance', Utterance)
    voices = client.watch('emotion/voice', EmotionPrediction)
    fused = client.watch('emotion/fused', EmotionPrediction)
    camera = client.publisher('camera/image_raw', Image)
    microphone = client.publisher('audio/audio_stamped', AudioDataStamped)
    info = client.node.create_publisher(AudioInfo, 'audio/audio_info', qos.LATCHED)
    for node in ('face_detector_node', 'fer_node', 'vad_node', 'ser_node', 'fusion_node'):
        client.wait_for_state(node, 'active', timeout=120)
    meet(client, camera, faces, fused, film)

    with PictureReader(film) as pictures, SoundReader(film, whole=True) as sound:
        blocks = iter(sound)
        block = next(blocks)
        info.publish(
            AudioInfo(
                channels=1, sample_rate=block.rate, sample_format='S16LE', coding_format='wave'
            )
        )
        for number, picture in enumerate(pictures, 1):
            while block is not None and block.end <= picture.time:
                data = array.array('B')
                data.frombytes(block.samples.astype('<i2').tobytes())
                microphone.publish(
                    AudioDataStamped(
                        header=Header(stamp=to_stamp(BEGIN + block.time)),
                        audio=AudioData(data=data),
                    )
                )
                block = next(blocks, None)
            # The next picture when this one is answered: none is skipped, however slow it goes.
            camera.publish(
                array_to_image(picture.image(), Header(stamp=to_stamp(BEGIN + picture.time)))
            )
            faces.wait_count(number, of_the_film, timeout=60)
    heard = voices.wait(timeout=60)
    spoken = utterances.wait()
    both = fused.wait(lambda message: message.header.stamp == heard.header.stamp, timeout=60)

    found = analyse([film], tmp_path / 'out')
    rows = found.table('faces')
    live = [
        (to_seconds(message.header.stamp) - BEGIN, item, message.primary_id)
        for message in faces.messages
        if of_the_film(message)
        for item in message.predictions
    ]
    assert len(rows) == len(live) > 60
    # Live, whoever was shown before the film has had the first names.
    names = {item.subject_id: row['face'] for row, (_, item, _) in zip(rows, live)}
    assert len(set(names.values())) == len(names) == 2
    for row, (time, item, primary) in zip(rows, live):
        assert row['time'] == pytest.approx(time, abs=1e-6)
        assert (row['face'], row['emotion']) == (names[item.subject_id], item.label)
        assert (row['primary'], row['stable']) == (item.subject_id == primary, item.stable)
        assert [row[name] for name in CLASSES] == pytest.approx(item.probabilities, abs=1e-4)
        assert row['quality'] == pytest.approx(item.quality, abs=1e-4)
        assert row['x'] == pytest.approx(item.region.x_offset, abs=PIXEL)
        assert row['width'] == pytest.approx(item.region.width, abs=PIXEL)

    (row,) = found.table('utterances')
    assert row['start'] == pytest.approx(to_seconds(spoken.start) - BEGIN, abs=1e-4)
    assert row['end'] == pytest.approx(to_seconds(spoken.end) - BEGIN, abs=1e-4)
    assert row['snr'] == pytest.approx(spoken.snr, abs=0.01)
    assert row['emotion'] == heard.label
    assert [row[name] for name in CLASSES] == pytest.approx(heard.probabilities, abs=1e-4)
    assert row['face'] == names[both.subject_id]
    fusion = [row[f'fused_{name}'] for name in CLASSES]
    assert fusion == pytest.approx(np.asarray(both.probabilities), abs=1e-3)
