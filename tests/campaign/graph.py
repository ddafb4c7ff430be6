# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""A graph under attack: its nodes, who sends to them, and who judges what they say.

Each node runs as a process whose inputs bear another name (``/in/...``), so that all that is
published under the usual names was made by a node, and each node meets the strange messages
itself.

Messages are sent as fast as the nodes take them, and none takes another's place in a queue: the
nodes' processes count what they have worked on (:mod:`campaign.counted`), and a message waits
until there is room for it (:mod:`campaign.flow`). Now and then every node is asked something. What
is far too large is sent by a process of its own (:mod:`campaign.giants`): it is under way for
seconds, and all else would wait for it.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import NodeNameNonExistentError
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CompressedImage
from std_srvs.srv import Trigger

from campaign import counted
from campaign.counted import Counts
from campaign.flow import Flow
from campaign.giants import Giants
from campaign.listener import Listener
from campaign.rounds import SILENT, Rounds
from campaign.strange import GIANTS, Stranger
from campaign.topics import INPUTS, LATCHED_IN, LEFT_OUT, SHARES, STANDARD, takes
from campaign.usage import usage_of
from campaign.verdict import faults
from emotion_bringup.graphs import GRAPHS
from support.client import Client
from support.domain import claim_domain
from support.processes import ProcessGroup

# So often every node is asked something, in messages, and so many of these rounds may be open.
ROUND = 240
OPEN = 2
# So often the time is looked at, in messages.
CLOCK = 24
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
    :param attack: of so many messages one is far too large; 0 for none.
    :param parameters: of nodes, by their names.
    """

    def __init__(
        self,
        graph: str,
        seed: int,
        folder: Path,
        attack: int,
        parameters: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
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
        self._last: dict[str, float] = {}
        names = [entry.name for entry in GRAPHS[graph].nodes if entry.name not in LEFT_OUT]
        counts = {name: Counts(folder / f'{name}.counts') for name in names}
        self.flow = Flow(counts, takes, lambda name: self._last[name])
        """What was sent, and what each node has worked on."""
        self.nodes = {
            name: self.group.node(
                name,
                through=(sys.executable, counted.__file__, folder / f'{name}.counts'),
                remap={topic: f'/in/{topic}' for topic in sorted(takes(name))},
                parameters=(parameters or {}).get(name),
            )
            for name in names
        }
        self.client.node.create_subscription(DiagnosticArray, '/diagnostics', self._alive, 100)
        # Nobody spins it: the listener takes what comes.
        self._ear = rclpy.create_node('campaign_ear', context=self.client.context)
        self._listener = Listener(
            self._ear, {**INPUTS, 'emotion/view/compressed': CompressedImage}, self._judge
        )
        self.client.until(lambda: set(self._last) >= set(names), 120, 'the diagnostics of all')
        # The screen takes what its graph has; the others take all of it, once they are active.
        wanted = {topic for name in names if name != 'view_node' for topic in takes(name)}
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
        self._giant_topics = [topic for topic in self.publishers if topic in GIANTS]
        if attack:
            self.giants = Giants(self.group, self.client, seed)
        for publisher in self.publishers.values():
            self.client.until(
                lambda publisher=publisher: publisher.get_subscription_count() > 0, 60
            )

    def run(self, messages: int, seconds: float = float('inf')) -> None:
        """Send so many messages, or until the time is over, as fast as they are taken."""
        topics = list(self.publishers)
        shares = [SHARES[topic] for topic in topics]
        look = tell = time.monotonic()
        end = look + seconds
        for number in range(messages):
            (topic,) = self.stranger.random.choices(topics, shares)
            if self.giants and self.stranger.random.randrange(self._attack) == 0:
                self.giants.ask(self.stranger.random.choice(self._giant_topics))
            message = self.stranger.make(INPUTS[topic], time.time())
            self.flow.wait(topic, self.check)
            try:
                self.publishers[topic].publish(message)
            except UnicodeEncodeError:
                continue  # no node would ever get it
            self.flow.sent[topic] += 1
            if number % COMMANDS == COMMANDS - 1 and self._commands:
                command = self.stranger.random.choice(self._commands)
                if command.service_is_ready():
                    command.call_async(Trigger.Request())
            if number % ROUND == ROUND - 1:
                self._rounds.ask()
                self._rounds.wait(OPEN, self.check)
                self.check()
            if number % CLOCK == CLOCK - 1:
                now = time.monotonic()
                if now > look:
                    look = now + LOOK
                    self._look(now)
                if now > tell:
                    tell = now + TELL
                    self._tell(now)
                if now > end:
                    return

    def run_giants(self) -> None:
        """Have one message of each type sent that is far too large."""
        if self.giants:
            for topic in self._giant_topics:
                self.giants.ask(topic)
            self.giants.finish(self.check)

    def check(self) -> None:
        """Check that every node lives and speaks.

        :raises AssertionError: if one does not.
        """
        self.group.check()
        assert self._listener.error is None, f'the listener: {self._listener.error!r}'
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
        self.flow.finish(self.check)
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
        self._listener.close()
        stubborn = self.group.stop()
        for name in stubborn:
            self.findings[f'{name}: does not heed Ctrl-C'] += 1
        self._ear.destroy_node()
        self.client.close()
        if self._holder is not None:
            self._holder.close()

    def _look(self, now: float) -> None:
        self.rows.append(
            {
                'time': now - self._begun,
                'messages': self.flow.sent.total(),
                **{name: vars(usage) for name, usage in self.usage().items()},
            }
        )

    def _tell(self, now: float) -> None:
        sent, seconds = self.flow.sent.total(), now - self._begun
        total = sum(self.rows[-1][name]['memory'] for name in self.nodes)
        print(f'{seconds:.0f} s: {sent} messages, {total:.0f} MB', file=sys.stderr, flush=True)

    def _judge(self, topic: str, message: Any, arrived: float) -> None:
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
                known = topic in STANDARD or topic.removeprefix('/in/') in takes(name)
                assert known, f'{name} subscribes to {topic}, which the campaign does not send'
                found.add(topic.removeprefix('/in/'))
        return found
