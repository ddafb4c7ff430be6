# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""Work on the newest frame: what the nodes that follow a camera share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from std_msgs.msg import Header

from emotion_perception.ros.convert import to_seconds
from emotion_perception.ros.lifecycle import ModelNode, Work
from emotion_perception.ros.sources import AnySubscription, Way
from emotion_perception.ros.stamps import StampedLine, Stamps, now
from emotion_perception.ros.worker import LatestWorker
from emotion_perception.timing import Order

MessageT = TypeVar('MessageT')


class FrameWork(Work, Generic[MessageT]):
    """Answers the newest message of a stamped topic, in order, in a thread of its own.

    Subclasses create their publishers before this constructor, which subscribes last.

    :param node: it belongs to; no message is taken while that is switched off.
    :param ways: in which the messages may come; all of their types have a header.
    :param what: the messages in words, for the diagnostics.
    """

    def __init__(self, node: ModelNode[Any, Any], ways: Sequence[Way], what: str) -> None:
        self.node = node
        self.input = node.diagnostics.watch_any(ways, what)
        self._stamps = Stamps(node, ways[0].topic)
        self._line = StampedLine(node, ways[0].topic)
        self._worker: LatestWorker[tuple[MessageT, Header]] = LatestWorker(
            self._work, self._on_failure, node.get_name()
        )
        self._subscription = AnySubscription(
            node, ways, self._on_message, rest=lambda: self.rest(now(node))
        )

    @abstractmethod
    def begin_anew(self) -> None:
        """Forget the frames so far: the source starts over, or its clock was set."""

    @abstractmethod
    def answer(self, message: MessageT, header: Header, time: float) -> None:
        """Work on a message and publish what comes of it.

        :param header: its header, with a stamp that can be used.
        :param time: that stamp, seconds.
        """

    def rest(self, time: float) -> float:
        """Return for how long from a time, seconds, no message is to be answered; by default 0."""
        return 0.0

    @abstractmethod
    def leave_out(self, error: Exception) -> None:
        """Say that a message could not be answered."""

    def stop(self) -> None:
        """Take no more messages."""
        self._subscription.destroy()
        self._worker.stop()
        self.node.diagnostics.leave(self.input)

    def facts(self) -> dict[str, object]:
        """Return what was left out."""
        return {'dropped': self._worker.dropped, 'out_of_order': self._line.late}

    def _on_message(self, message: Any) -> None:
        if self.node.enabled:
            self.input.came()
            self._worker.put((message, self._stamps.header(message.header)))

    def _work(self, item: tuple[MessageT, Header]) -> None:
        message, header = item
        time = to_seconds(header.stamp)
        order = self._line.take(time)
        if order is Order.LATE:
            return
        if order is Order.ANEW:
            self.begin_anew()
        if self.rest(time) > 0.0:
            return
        self.answer(message, header, time)
        self.node.diagnostics.tick(now(self.node) - time)

    def _on_failure(self, error: Exception) -> None:
        if not self.node.context.ok():
            # Ctrl-C: nothing can be published any more.
            return
        self.input.refused(str(error))
        self.leave_out(error)
