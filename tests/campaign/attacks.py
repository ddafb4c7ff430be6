# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Single messages that once cost gigabytes or minutes: what each costs its node now.

::

    ./emotion exec python tests/campaign/attacks.py
"""

from __future__ import annotations

import argparse
import array
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from audio_common_msgs.msg import AudioData, AudioDataStamped, AudioInfo
from diagnostic_msgs.msg import DiagnosticArray

from campaign.strange import Stranger
from campaign.usage import most_of, usage_of
from emotion_msgs.msg import EmotionPrediction, EmotionPredictionArray, FaceArray, Utterance
from emotion_perception.ros.convert import to_seconds, to_stamp
from support.client import LATCHED, RELIABLE, Client, Watch
from support.domain import claim_domain
from support.processes import ProcessGroup

_PATIENCE = 300.0
# So many MB may an attack leave.
_LEFT = 30


@dataclass(frozen=True)
class Attack:
    """What is sent to one node.

    :param make: the messages, from who makes usual ones.
    :param usual: a message that is answered on ``answer``.
    :param alone: seconds for which nothing else is sent: a newer frame takes its place.
    """

    node: str
    topic: str
    make: Callable[[Stranger], list[Any]]
    usual: Callable[[Stranger], Any]
    answer: tuple[str, type]
    alone: float = 0.0


def _utterance(seconds: float, rate: int = 16000, samples: int = 0) -> Callable[..., list[Any]]:
    def make(stranger: Stranger) -> list[Any]:
        count = samples or round(seconds * rate)
        noise = np.random.default_rng(1).normal(0, 3000, 16000).astype('<i2').tobytes()
        data = (noise * (count // 16000 + 1))[: 2 * count]
        message = stranger.spoken(time.time())
        message.sample_rate, message.samples = rate, array.array('h', data)
        return [message]

    return make


def _crops(count: int) -> Callable[[Stranger], list[Any]]:
    def make(stranger: Stranger) -> list[Any]:
        now = time.time()
        face = stranger.face(now, 128)
        return [FaceArray(header=stranger.header(now), faces=[face] * count)]

    return make


def _block(stranger: Stranger) -> list[Any]:
    data = array.array('B', bytes(100 << 20))
    return [AudioDataStamped(header=stranger.header(time.time()), audio=AudioData(data=data))]


def _spoken(stranger: Stranger) -> Utterance:
    return stranger.spoken(time.time())


def _faces(stranger: Stranger) -> FaceArray:
    return _crops(1)(stranger)[0]


_VOICE = ('emotion/voice', EmotionPrediction)
_FACES = ('emotion/faces', EmotionPredictionArray)
_SER = ('ser_node', 'emotion/utterance')

ATTACKS = {
    '60 kB of an utterance at a claimed 10 Hz': Attack(
        *_SER, _utterance(0, rate=10, samples=30000), _spoken, _VOICE
    ),
    'an utterance of three hours (346 MB)': Attack(*_SER, _utterance(10800), _spoken, _VOICE),
    'an utterance of an hour (115 MB)': Attack(*_SER, _utterance(3600), _spoken, _VOICE),
    '100 utterances at once': Attack(
        *_SER,
        lambda stranger: [_spoken(stranger) for _ in range(100)],
        _spoken,
        _VOICE,
    ),
    '10,000 crops in a frame (492 MB)': Attack(
        'fer_node', 'emotion/detections', _crops(10_000), _faces, _FACES, 60.0
    ),
    'a block of sound of 100 MB': Attack(
        'vad_node', 'audio/audio_stamped', _block, lambda s: s.sound(time.time()), ('', object)
    ),
}
"""By what is sent."""


def attack(name: str, folder: Path) -> dict[str, Any]:
    """Send it; return what it cost: seconds until the node was at work again, memory, answers.

    :raises AssertionError: if the node dies, does not work any more, or keeps the memory.
    """
    wanted = ATTACKS[name]
    domain, holder = claim_domain()
    group = ProcessGroup(folder, domain)
    client = Client(domain, group.check, 'attacker')
    stranger = Stranger(1)
    try:
        node = group.node(wanted.node)
        kind = type(wanted.usual(stranger))
        spoken = client.watch('/diagnostics', DiagnosticArray, RELIABLE)
        spoken.wait(timeout=_PATIENCE)
        topic, answer = wanted.answer
        if not topic:
            from emotion_msgs.msg import VoiceActivity

            topic, answer = 'emotion/voice_activity', VoiceActivity
            client.publisher('audio/audio_info', AudioInfo, LATCHED).publish(stranger.info(0.0))
        answers = client.watch(topic, answer, RELIABLE)
        publisher = client.publisher(wanted.topic, kind, RELIABLE, timeout=_PATIENCE)

        def work() -> None:
            """Wait until something usual, of later than what came before, is answered."""
            since, begin = time.time(), time.monotonic()
            while _newest(answers) < since - 0.5:
                message = wanted.usual(stranger)
                # No jitter: the stamp says which message was answered.
                message.header.stamp = to_stamp(time.time())
                publisher.publish(message)
                # Not sooner: more would be an attack of its own.
                with contextlib.suppress(AssertionError):
                    client.until(lambda: _newest(answers) > since - 0.5, 2.0)
                group.check()
                assert time.monotonic() < begin + _PATIENCE, f'{wanted.node} does not answer'

        work()
        time.sleep(2.0)
        answers.clear()
        before = usage_of(node.pid).memory
        messages = wanted.make(stranger)
        for message in messages:
            # Long ago, for whom the next usual one is told from.
            message.header.stamp = to_stamp(time.time() - 2.0)
        begin = time.monotonic()
        for message in messages:
            publisher.publish(message)
        if len(messages) > 1:
            answers.wait_count(len(messages), timeout=_PATIENCE)
        else:
            if wanted.alone:
                with contextlib.suppress(AssertionError):
                    answers.wait(timeout=wanted.alone)
            work()
        again = time.monotonic() - begin
        answered = sum(_stamp(item) < time.time() - 1.5 - again for item in answers.messages)
        if len(messages) > 1:
            answered = len(answers.messages)
        most = most_of(node.pid)
        client.until(
            lambda: usage_of(node.pid).memory < before + _LEFT,
            _PATIENCE,
            f'memory to be given back ({most:.0f} MB of {before:.0f})',
        )
        return {
            'attack': name,
            'node': wanted.node,
            'seconds': round(again, 1),
            'before_mb': round(before),
            'most_mb': round(most),
            'after_mb': round(usage_of(node.pid).memory),
            'answers': answered,
            'said': _warning(node.output()),
        }
    finally:
        group.stop()
        client.close()
        if holder is not None:
            holder.close()


def _stamp(message: Any) -> float:
    return to_seconds(message.header.stamp)


def _newest(answers: Watch) -> float:
    return max((_stamp(item) for item in answers.messages[-50:]), default=0.0)


def _warning(output: str) -> str:
    lines = [line for line in output.splitlines() if '[WARN]' in line or '[ERROR]' in line]
    return lines[-1].split(']: ', 1)[-1][:200] if lines else ''


def main() -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--only', default='', help='those with this in their name')
    parser.add_argument('--json', type=Path, help='where the report goes, too')
    options = parser.parse_args()
    rows, failed = [], False
    with tempfile.TemporaryDirectory() as folder:
        for number, name in enumerate(name for name in ATTACKS if options.only in name):
            try:
                rows.append(attack(name, Path(folder, str(number))))
            except AssertionError as error:
                rows.append({'attack': name, 'failed': str(error)[:2000]})
                failed = True
            print(json.dumps(rows[-1], ensure_ascii=False), flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
