# Copyright 2026 The emotion perception team
# SPDX-License-Identifier: Apache-2.0
"""What waits for a page that is slower than the graph."""

from __future__ import annotations

import asyncio

import pytest

from emotion_apps.web.outbox import EVENTS, WINDOW, Outbox, OutboxFullError


async def _drain(box: Outbox) -> list:
    taken = []
    while True:
        try:
            taken.append(await asyncio.wait_for(box.take(), 0.01))
        except asyncio.TimeoutError:
            return taken


def test_of_results_only_the_newest_waits() -> None:
    async def scenario() -> None:
        box = Outbox()
        for number in range(1000):
            box.put_newest('faces', f'faces {number}')
            box.put_newest('state', f'state {number}')
        assert await _drain(box) == ['faces 999', 'state 999']

    asyncio.run(scenario())


def test_answers_are_kept_in_order_and_come_first() -> None:
    async def scenario() -> None:
        box = Outbox()
        box.put_newest('faces', 'faces')
        box.put_event('one')
        box.put_event('two')
        assert await _drain(box) == ['one', 'two', 'faces']

    asyncio.run(scenario())


def test_a_page_that_reads_nothing_is_found_out() -> None:
    async def scenario() -> None:
        box = Outbox()
        for _ in range(EVENTS):
            box.put_event('x')
        with pytest.raises(OutboxFullError):
            box.put_event('x')

    asyncio.run(scenario())


def test_pictures_wait_for_the_page_to_show_the_last_ones() -> None:
    async def scenario() -> None:
        box = Outbox()
        sent = []
        for number in range(1, 11):
            box.put_picture(0, number, b'%d' % number)
            sent += await _drain(box)
        assert sent == [b'%d' % number for number in range(1, WINDOW + 1)]
        assert box.dropped == 10 - WINDOW - 1
        assert not box.ready(0)
        box.seen(0, 1)
        # The newest goes out, not the one that has waited longest.
        assert await _drain(box) == [b'10']
        box.seen(0, 10)
        assert box.ready(0)

    asyncio.run(scenario())


def test_a_lagging_picture_of_one_place_does_not_hold_up_another() -> None:
    async def scenario() -> None:
        box = Outbox()
        for number in range(1, 6):
            box.put_picture(0, number, b'a')
            await _drain(box)
        box.put_picture(1, 6, b'b')
        assert await _drain(box) == [b'b']
        box.forget(0)
        assert box.ready(0)

    asyncio.run(scenario())
