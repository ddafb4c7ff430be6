# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A graph under attack: its nodes, who sends to them, and who judges what they say.

Each node runs as a process whose inputs bear another name (``/in/...``), so that all that is
published under the usual names was made by a node, and each node meets the strange messages
itself.

Messages are sent as fast as the nodes take them: after each few every node is asked something, and
only so many questions may be open. What is far too large is sent by a process of its own
(:mod:`campaign.giants`): it is under way for seconds, and all else would wait for it.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import NodeNameNonExistentError
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CompressedImage
from std_srvs.srv import Trigger

from campaign.giants import Giants
from campaign.rounds import SILENT, Rounds
from campaign.strange import Stranger
from campaign.topics import INPUTS, LATCHED_IN, LEFT_OUT, STANDARD, TAKES
from campaign.usage import usage_of
from campaign.verdict import faults
from emotion_bringup.graphs import GRAPHS
from support.client import ANY, Client
from support.domain import claim_domain
from support.processes import ProcessGroup

# So often every node is asked something, in messages, and so many of these rounds may be open: no
# queue of ten holds more than what came meanwhile.
ROUND = 12
OPEN = 6
# Seconds between two looks at what the nodes take, and between two lines of progress.
LOOK = 5.0
TELL = 60.0
# Seconds after which freed memory has been given back.
REST = 15.0
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
        self.stranger = Stranger(seed)
        self.giants: Giants | None = None
        """Who sends what is too large, if anybody does."""
        self.rows: list[dict[str, Any]] = []
        """What each node took, and how much had been sent, every few seconds."""
        self._attack = attack
        self._begun = time.monotonic()
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
        self._rounds = Rounds(self.client, names)
        if attack:
            self.giants = Giants(self.group, self.client, seed)
        for publisher in self.publishers.values():
            self.client.until(
                lambda publisher=publisher: publisher.get_subscription_count() > 0, 60
            )

    def run(self, messages: int, seconds: float = float('inf')) -> None:
        """Send so many messages, or until the time is over, as fast as they are taken."""
        topics = list(self.publishers)
        end = time.monotonic() + seconds
        look = tell = time.monotonic()
        for number in range(messages):
            topic = self.stranger.random.choice(topics)
            if self.giants and self.stranger.random.randrange(self._attack) == 0:
                self.giants.ask(topic)
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
            if number % ROUND == ROUND - 1:
                self._rounds.ask()
                self._rounds.wait(OPEN, self.check)
                self.check()
                now = time.monotonic()
                if now > look:
                    look = now + LOOK
                    self._look(now)
                if now > tell:
                    tell = now + TELL
                    self._tell(now)
                if now > end:
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
        if self.giants:
            self.giants.finish(self.check)
        self._rounds.wait(0, self.check)
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

    def _look(self, now: float) -> None:
        self.rows.append(
            {
                'time': now - self._begun,
                'messages': sum(self.sent.values()),
                **{name: vars(usage) for name, usage in self.usage().items()},
            }
        )

    def _tell(self, now: float) -> None:
        sent, seconds = sum(self.sent.values()), now - self._begun
        total = sum(self.rows[-1][name]['memory'] for name in self.nodes)
        print(f'{seconds:.0f} s: {sent} messages, {total:.0f} MB', file=sys.stderr, flush=True)

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
            try:
                topics = self.client.node.get_subscriber_names_and_types_by_node(name, '/')
            except NodeNameNonExistentError:
                continue  # Its topics were found before itself.
            for topic, _ in topics:
                known = topic in STANDARD or topic.removeprefix('/in/') in TAKES[name]
                assert known, f'{name} subscribes to {topic}, which the campaign does not send'
                found.add(topic.removeprefix('/in/'))
        return found
