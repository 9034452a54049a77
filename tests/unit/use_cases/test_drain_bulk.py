"""Bulk leaves its lane no faster than its share of the limiter lets it through the sender."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

from lifeline.adapters.queues import Incoming
from lifeline.contract import BACKLOG_QUEUE, BULK_QUEUE, WHATSAPP_QUEUE
from lifeline.settings import Limiter
from lifeline.use_cases.drain import STATE_SETTING

from tests.support.operating import url
from tests.unit.use_cases.test_drain_after_panic import Backlog


class Lanes(Backlog):
    """Some normal and much bulk, at the operator's 10/s; the limiter gives bulk 3/s."""

    def __init__(self, normal: int) -> None:
        super().__init__(parked=normal)
        self.drain._settings = replace(self.settings, limiter=Limiter(rate=30, bulk_share=0.1))
        for number in range(900):
            body = {"id": f"b{number}", "to": "+4915112345678", "type": "text", "text": "x"}
            self.queues.put(url(BULK_QUEUE), Incoming(f"b{number}", json.dumps(body), f"b{number}", None))
        self.control.put_setting(
            STATE_SETTING, {"rate": 10.0, "stepped_at": self.clock()}, actor="test", reason="", now=0.0
        )

    @property
    def delays(self) -> list[int]:
        return sorted(carrier.delay for carrier in self.queues.carriers(WHATSAPP_QUEUE))


def test_bulk_alone_leaves_at_its_share() -> None:
    world = Lanes(normal=0)
    found = world.drain(lambda: 60.0)
    seconds = max(world.delays) + 1
    assert found["released"] == {BULK_QUEUE: 3 * seconds}
    assert max(Counter(world.delays).values()) <= 3


def test_bulk_has_the_time_that_others_leave() -> None:
    world = Lanes(normal=300)
    found = world.drain(lambda: 60.0)
    assert found["released"][BACKLOG_QUEUE] == 300
    assert world.delays[:300] == [second for second in range(30) for _ in range(10)]
    rest = world.delays[300:]
    assert min(rest) == 30
    assert len(rest) == 3 * (max(rest) - 29)
