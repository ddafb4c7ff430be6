# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Send strange messages to every node of a graph and look at all that it says.

::

    ./emotion exec python tests/campaign/fuzz.py --graph multimodal --messages 1000000 --seed 7

Each node runs as a process whose inputs bear another name (``/in/...``), so that all that is
published under the usual names was made by a node, and each node meets the strange messages
itself. The run fails if a node dies or is silent for long, if something published is no number,
no probability or has no stamp, or if memory has grown when it is over. Memory is told before
(after a fifth of the messages), at its most, and after.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from audio_common_msgs.msg import AudioDataStamped, AudioInfo
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CompressedImage, Image
from std_srvs.srv import Trigger

from campaign.strange import STATES, Stranger
from campaign.usage import most_of, usage_of
from campaign.verdict import faults
from emotion_bringup.graphs import GRAPHS
from emotion_msgs.msg import (
    EmotionPrediction,
    EmotionPredictionArray,
    FaceArray,
    GameState,
    InterviewState,
    MultimodalState,
    Utterance,
    VoiceActivity,
)
from support.client import ANY, Client
from support.domain import claim_domain
from support.processes import ProcessGroup

# Devices take nothing from topics; the page and the outward formats have tests of their own.
LEFT_OUT = {'camera_node', 'microphone_node', 'web_node', 'interop_node'}

INPUTS: dict[str, type] = {
    'camera/image_raw': Image,
    'audio/audio_stamped': AudioDataStamped,
    'audio/audio_info': AudioInfo,
    'emotion/detections': FaceArray,
    'emotion/face': EmotionPrediction,
    'emotion/faces': EmotionPredictionArray,
    'emotion/voice_activity': VoiceActivity,
    'emotion/utterance': Utterance,
    'emotion/voice': EmotionPrediction,
    'emotion/fused': EmotionPrediction,
    'emotion/multimodal/state': MultimodalState,
    'emotion/game/state': GameState,
    'emotion/interview/state': InterviewState,
}
"""Every topic that a node subscribes to."""

TAKES = {
    'face_detector_node': ('camera/image_raw',),
    'fer_node': ('emotion/detections',),
    'vad_node': ('audio/audio_stamped', 'audio/audio_info'),
    'ser_node': ('emotion/utterance',),
    'fusion_node': ('emotion/face', 'emotion/voice'),
    'orchestrator_node': tuple(
        f'emotion/{name}'
        for name in ('face', 'faces', 'voice_activity', 'utterance', 'voice', 'fused')
    ),
    'game_node': ('emotion/faces',),
    'interview_node': tuple(
        f'emotion/{name}'
        for name in ('detections', 'face', 'voice', 'fused', 'voice_activity', 'utterance')
    ),
    'view_node': tuple(
        name for name in INPUTS if name not in ('emotion/utterance', 'emotion/face')
    ),
}
"""What each node subscribes to; the run checks that there is nothing else."""

STANDARD = {'/parameter_events', '/clock', '/rosout'}
LATCHED_IN = (AudioInfo, *STATES)
# Seconds without a word on /diagnostics after which a node hangs.
SILENT = 60.0
# Messages until the memory that a node needs at work is there.
WARM = 0.2
# So often it waits until all that was sent has arrived, in messages.
PAUSE = 200
# Seconds after which freed memory has been given back, and MB by which all may have grown then.
REST = 15.0
MOST_GROWTH = 30.0
# So often the services that begin and end things are called, in messages.
COMMANDS = 500


class Campaign:
    """One run: the graph's nodes, who sends, and who judges.

    :param graph: its name.
    :param folder: for the nodes' logs.
    """

    def __init__(self, graph: str, seed: int, folder: Path, attack: int) -> None:
        domain, self._holder = claim_domain()
        self.group = ProcessGroup(folder, domain)
        self.client = Client(domain, self.group.check, 'campaign')
        self.stranger = Stranger(seed, attack)
        self.findings: Counter[str] = Counter()
        self.heard: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self._last: dict[str, float] = {}
        names = [entry.name for entry in GRAPHS[graph].nodes if entry.name not in LEFT_OUT]
        self.nodes = {
            name: self.group.node(name, remap={topic: f'/in/{topic}' for topic in TAKES[name]})
            for name in names
        }
        for topic, kind in {**INPUTS, 'emotion/view/compressed': CompressedImage}.items():
            self.client.node.create_subscription(
                kind, f'/{topic}', partial(self._judge, topic), ANY
            )
        self.client.node.create_subscription(DiagnosticArray, '/diagnostics', self._alive, 100)
        self.client.until(lambda: set(self._last) >= set(names), 120, 'the diagnostics of all')
        # The screen takes what its graph has; the others take all of it, once they are active.
        wanted = {topic for name in names if name != 'view_node' for topic in TAKES[name]}
        self.client.until(lambda: self._check_inputs() >= wanted, 120, 'who takes what is sent')
        taken = self._check_inputs()
        self.publishers = {
            topic: self.client.node.create_publisher(
                kind,
                f'/in/{topic}',
                QoSProfile(
                    depth=20,
                    durability=DurabilityPolicy.TRANSIENT_LOCAL
                    if kind in LATCHED_IN
                    else DurabilityPolicy.VOLATILE,
                ),
            )
            for topic, kind in INPUTS.items()
            if topic in taken
        }
        self._commands = [
            self.client.node.create_client(Trigger, f'/{node}/{command}')
            for node, commands in (
                ('orchestrator_node', ('start', 'stop', 'reset', 'cancel')),
                ('game_node', ('start', 'stop', 'reset')),
                ('interview_node', ('start', 'next', 'stop', 'reset')),
                ('ser_node', ('forget',)),
            )
            if node in names
            for command in commands
        ]
        for publisher in self.publishers.values():
            self.client.until(
                lambda publisher=publisher: publisher.get_subscription_count() > 0, 60
            )

    def run(self, messages: int, seconds: float = float('inf')) -> None:
        """Send so many messages, or until the time is over, as fast as they are taken."""
        topics = list(self.publishers)
        end = time.monotonic() + seconds
        for number in range(messages):
            topic = self.stranger.random.choice(topics)
            message = self.stranger.make(INPUTS[topic], time.time())
            try:
                self.publishers[topic].publish(message)
            except UnicodeEncodeError:
                continue  # no node would ever get it
            self.sent[topic] += 1
            if number % COMMANDS == COMMANDS - 1 and self._commands:
                command = self.stranger.random.choice(self._commands)
                if command.service_is_ready():
                    command.call_async(Trigger.Request())
            if number % PAUSE == PAUSE - 1:
                for publisher in self.publishers.values():
                    publisher.wait_for_all_acked()
                self.check()
                if time.monotonic() > end:
                    return

    def check(self) -> None:
        """Check that every node lives and speaks.

        :raises AssertionError: if one does not.
        """
        self.group.check()
        for name, when in self._last.items():
            silent = time.monotonic() - when
            assert silent < SILENT, f'{name} is silent for {silent:.0f} s: it hangs'

    def usage(self) -> dict[str, Any]:
        """Return what each node takes now."""
        return {name: usage_of(process.pid) for name, process in self.nodes.items()}

    def settle(self) -> None:
        """Wait until every node has worked off what waits: it says so on the diagnostics."""
        begin = time.monotonic()
        self.client.until(
            lambda: all(when > begin + 3 for when in self._last.values()), 120, 'quiet nodes'
        )

    def rest(self) -> None:
        """Wait until the memory that large messages took has been given back."""
        end = time.monotonic() + REST
        self.client.until(lambda: time.monotonic() > end, 2 * REST)

    def close(self) -> None:
        """End everything."""
        stubborn = self.group.stop()
        for name in stubborn:
            self.findings[f'{name}: does not heed Ctrl-C'] += 1
        self.client.close()
        if self._holder is not None:
            self._holder.close()

    def _judge(self, topic: str, message: Any) -> None:
        self.heard[topic] += 1
        for fault in faults(message):
            self.findings[f'/{topic}: {fault}'[:200]] += 1

    def _alive(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self._last[status.name] = time.monotonic()

    def _check_inputs(self) -> set[str]:
        """Return what the nodes subscribe to; check that there is nothing that is not sent."""
        found = set()
        for name in self.nodes:
            topics = self.client.node.get_subscriber_names_and_types_by_node(name, '/')
            for topic, _ in topics:
                known = topic in STANDARD or topic.removeprefix('/in/') in TAKES[name]
                assert known, f'{name} subscribes to {topic}, which the campaign does not send'
                found.add(topic.removeprefix('/in/'))
        return found


def fuzz(
    graph: str,
    messages: int,
    seed: int,
    folder: Path,
    seconds: float = float('inf'),
    attack: int = 2000,
    most_growth: float = math.inf,
) -> dict[str, Any]:
    """Run a campaign and return its report; ``findings`` is empty if nothing was found.

    :param most_growth: MB by which all nodes together may have grown, some seconds after the end.
    """
    begin = time.monotonic()
    campaign = Campaign(graph, seed, folder, attack)
    try:
        warm = round(WARM * messages)
        campaign.run(warm, WARM * seconds)
        campaign.settle()
        if math.isfinite(most_growth):
            campaign.rest()
        before = campaign.usage()
        campaign.run(messages - warm, (1 - WARM) * seconds)
        campaign.settle()
        most = {name: most_of(process.pid) for name, process in campaign.nodes.items()}
        if math.isfinite(most_growth):
            campaign.rest()
        after = campaign.usage()
        growth = sum(after[name].memory - before[name].memory for name in after)
        if growth > most_growth:
            campaign.findings[f'memory has grown by {growth:.0f} MB'] += 1
    except AssertionError as error:
        campaign.findings[str(error)[:2000]] += 1
        before, after, most, growth = {}, {}, {}, math.nan
    finally:
        campaign.close()
    return {
        'graph': graph,
        'seed': seed,
        'messages': sum(campaign.sent.values()),
        'sent': dict(campaign.sent),
        'heard': dict(campaign.heard),
        'seconds': round(time.monotonic() - begin, 1),
        'memory_mb': {
            name: [round(value, 1) for value in (before[name].memory, most[name], item.memory)]
            for name, item in after.items()
        },
        'growth_mb': round(growth, 1),
        'threads': {name: [before[name].threads, after[name].threads] for name in after},
        'files': {name: [before[name].files, after[name].files] for name in after},
        'findings': dict(campaign.findings.most_common(50)),
    }


def main() -> int:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
    parser.add_argument('--graph', default='web', choices=sorted(GRAPHS))
    parser.add_argument('--messages', type=int, default=100_000)
    parser.add_argument('--seconds', type=float, default=float('inf'))
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--attack', type=int, default=2000, help='one of so many is huge')
    parser.add_argument('--json', type=Path, help='where the report goes, too')
    parser.add_argument('--logs', type=Path, help='folder for the logs of the nodes')
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = options.logs or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        report = fuzz(
            options.graph,
            options.messages,
            options.seed,
            folder,
            options.seconds,
            options.attack,
            MOST_GROWTH,
        )
    text = json.dumps(report, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text)
    return 1 if report['findings'] else 0


if __name__ == '__main__':
    sys.exit(main())
