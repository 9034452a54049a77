"""The limiter under the real sender: one write per batch, live and critical first, put back once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest
from lifeline.adapters.queues import Outgoing
from lifeline.domain.pace import headroom, split
from lifeline.domain.quiet import QuietHours
from lifeline.domain.status import Status
from lifeline.settings import Limiter, Settings
from lifeline.use_cases.deliver import Record

from tests.support.memory import Clock, MemoryControl, MemoryLedger, MemoryQueues, Recorder
from tests.support.sending import sender

LIVE, BULK = "queue/live", "queue/bulk"


class Sender:
    """The real sender; ``sent`` holds id and instant of each send, which a pause moves ahead."""

    def __init__(self, limiter: Limiter, quiet: QuietHours | None = None) -> None:
        self.clock, self.control, self.ledger = Clock(), MemoryControl(), MemoryLedger()
        self.queues, self.log = MemoryQueues(), Recorder()
        self.sent: list[tuple[str, float]] = []
        self.deliver = sender(
            Settings(
                whatsapp_queue_url=LIVE,
                backlog_queue_url="queue/backlog",
                bulk_queue_url=BULK,
                limiter=limiter,
                quiet=quiet or QuietHours(),
            ),
            clock=self.clock,
            control=self.control,
            queues=self.queues,
            ledger=self.ledger,
            log=self.log,
            sent=lambda name, at: self.sent.append((name, at)),
        )

    def batch(self, *names: str, priority: str = "normal", drained: bool = False, **more: Any) -> None:
        self.records([self.record(name, priority, drained, **more) for name in names])

    def records(self, records: list[Record]) -> None:
        assert self.deliver(records, lambda: 40.0) == []

    @staticmethod
    def record(name: str, priority: str = "normal", drained: bool = False, **more: Any) -> Record:
        body = {"id": name, "to": "+4915112345678", "type": "text", "text": "x", "priority": priority, **more}
        note = {"claim": f"s-{name}", "turn": 0, "rounds": 0, "drained": True} if drained else None
        return Record(f"s-{name}", json.dumps(body), note, 1)

    def back(self) -> list[Outgoing]:
        found, self.queues.sent[LIVE] = self.queues.sent[LIVE], []
        return found

    def ids(self) -> list[str]:
        return [name for name, _ in sorted(self.sent, key=lambda pair: pair[1])]


def note_of(carrier: Outgoing) -> Mapping[str, Any]:
    assert carrier.note is not None
    return carrier.note


def test_a_batch_takes_all_its_tokens_in_one_write() -> None:
    world = Sender(Limiter())
    world.batch("warm")
    world.control.writes.clear()
    world.batch(*(f"m{n}" for n in range(100)))
    assert world.control.writes == {"whatsapp": 1}
    assert len(world.sent) == 101


@pytest.mark.parametrize(("rate", "batch"), [(80, 8), (80, 100), (1000, 10), (1000, 100)])
def test_the_item_stays_far_below_a_thousand_writes_a_second(rate: int, batch: int) -> None:
    """10 seconds at full load, in full batches and in those of one poll of SQS (10 messages at most)."""
    world = Sender(Limiter(rate=min(1000, rate * 1.2), burst=rate // 4))
    number = 0
    for _ in range(10 * rate // batch):
        world.batch(*(f"m{number + n}" for n in range(batch)))
        number += batch
        world.clock.advance(batch / rate)
    assert sum(world.control.writes.values()) / 10 <= 2 * rate / batch <= 200


def test_what_cannot_be_sent_now_comes_back_once_at_its_slot() -> None:
    world = Sender(Limiter(rate=2, burst=1, critical_share=0))
    world.batch(*(f"m{n}" for n in range(12)))
    first = len(world.sent)
    assert 4 <= first <= 6
    back = world.back()
    assert len(back) == 12 - first
    writes = world.control.writes["whatsapp"]
    start = world.clock()
    for carrier in sorted(back, key=lambda carrier: note_of(carrier)["slot"]):
        world.clock.now = start + carrier.delay
        world.records([Record(f"b{carrier.delay}", carrier.body, carrier.note, 1)])
    assert len(world.sent) == 12
    assert world.back() == []
    assert world.control.writes["whatsapp"] == writes, "its token is paid"
    times = sorted(at for _, at in world.sent)
    assert all(b - a >= 0.49 for a, b in pairwise(times)), "no bunches"


def test_critical_before_live_before_drained_before_bulk() -> None:
    world = Sender(Limiter(rate=4, burst=1, critical_share=0))
    world.records(
        [
            world.record("bulk", "bulk"),
            world.record("drained", drained=True),
            world.record("live"),
            world.record("critical-drained", "critical", drained=True),
            world.record("critical", "critical"),
        ]
    )
    assert world.ids() == ["critical", "critical-drained", "live", "drained", "bulk"]


def test_a_critical_message_does_not_stand_behind_a_booked_hour() -> None:
    world = Sender(Limiter(rate=10, burst=10, critical_share=0.1))
    for number in range(10):
        world.batch(*(f"m{number}-{n}" for n in range(50)))
    world.sent.clear()
    world.back()
    world.batch("urgent", priority="critical")
    assert world.ids() == ["urgent"]
    world.batch("normal")
    assert [note_of(carrier)["turn"] for carrier in world.back()] == [1]


@pytest.mark.parametrize("share", [0.0, 0.05, 0.1, 0.5])
@pytest.mark.parametrize("burst", [1, 2, 10, 100])
def test_the_parts_of_the_limiter_allow_what_it_allows(share: float, burst: int) -> None:
    (kept, kept_burst), (rest, rest_burst) = split(80.0, burst, share)
    assert kept + rest == pytest.approx(80.0)
    assert kept_burst + rest_burst == burst
    assert rest_burst >= 1


def test_live_traffic_leaves_the_rest_to_the_lanes() -> None:
    assert headroom(65, 20, 0, 75) == pytest.approx(45)
    assert headroom(65, 20, 37.5, 75) == pytest.approx(12.5)
    assert headroom(65, 80, 0, 75) == 0.2


def test_a_campaign_keeps_quiet_hours_and_others_do_not() -> None:
    world = Sender(Limiter(), QuietHours(0, 23.99))
    world.batch("ad", priority="bulk", recipient={"time_zone": "UTC"})
    world.batch("urgent", priority="critical", recipient={"time_zone": "UTC"})
    world.batch("answer", recipient={"time_zone": "UTC"})
    assert world.ids() == ["urgent", "answer"]
    assert world.ledger.rows["ad"].status is Status.PARKED
    assert [note_of(carrier)["claim"] for carrier in world.queues.sent[BULK]] == ["s-ad"]
    # Its old carrier, brought again after a crash, repeats the step and sends nothing.
    again = world.record("ad", "bulk")
    world.records([Record(again.id, again.body, None, 2)])
    assert "ad" not in world.ids()
