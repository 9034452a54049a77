"""The drain dies between any two of its steps: nothing is lost, and nothing is sent twice.

The real drain and the real sender work on one ledger and on queues that behave as SQS: what was received and
not deleted shows again. The drain's worker ends before or after its n-th call of a queue or of a table.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifeline.adapters.ledger import Row
from lifeline.adapters.queues import Depth, Incoming, Outgoing
from lifeline.contract import BACKLOG_CRITICAL_QUEUE, BACKLOG_QUEUE, BULK_QUEUE, format_instant
from lifeline.domain.quiet import QuietHours
from lifeline.domain.status import Status
from lifeline.settings import Drain as DrainSettings
from lifeline.settings import Limiter, Settings
from lifeline.use_cases import drain as drain_module
from lifeline.use_cases.deliver import Record
from lifeline.use_cases.drain import Drain

from tests.unit.use_cases.test_drain_after_panic import Control
from tests.unit.use_cases.test_limiter import LIVE, Sender

LANES = {"critical": BACKLOG_CRITICAL_QUEUE, "normal": BACKLOG_QUEUE, "bulk": BULK_QUEUE}


class Died(BaseException):
    """The worker ended; nothing of it catches this."""


class Queues:
    """Lanes and the live queue; ``dies_at``: the number of the call at which the worker ends."""

    def __init__(self) -> None:
        self.lanes: dict[str, list[Incoming]] = {url: [] for url in (LIVE, *LANES.values())}
        self.hidden: dict[str, tuple[str, Incoming]] = {}
        self.calls = 0
        self.dies_at: tuple[int, bool] | None = None
        self.number = 0
        self.aside: list[tuple[str, Incoming]] = []
        self.order: list[str] = []

    def _call(self, after: bool) -> None:
        if not after:
            self.calls += 1
        if self.dies_at == (self.calls, after):
            raise Died

    def put(self, url: str, body: str, note: Any) -> None:
        self.number += 1
        self.lanes[url].append(Incoming(f"s{self.number}", body, f"r{self.number}", note))

    def send(self, url: str, messages: list[Outgoing]) -> list[bool]:
        self._call(False)
        for message in messages:
            self.put(url, message.body, message.note)
            if url != LIVE and message.delay:
                # Laid aside: it shows again only after its delay.
                self.aside.append((url, self.lanes[url].pop()))
                continue
            self.order.append(json.loads(message.body)["id"])
        self._call(True)
        return [True] * len(messages)

    def receive(self, url: str, at_most: int, visibility: int) -> list[Incoming]:
        self._call(False)
        taken, self.lanes[url] = self.lanes[url][:at_most], self.lanes[url][at_most:]
        self.hidden.update({message.receipt: (url, message) for message in taken})
        self._call(True)
        return taken

    def delete(self, url: str, receipts: list[str]) -> list[bool]:
        self._call(False)
        done = [self.hidden.pop(receipt, None) is not None for receipt in receipts]
        self._call(True)
        return done

    def depth(self, url: str) -> Depth:
        return Depth(len(self.lanes[url]), 0, 0)

    def show_again(self) -> None:
        """The visibility timeout is over."""
        for url, message in (*self.hidden.values(), *self.aside):
            self.lanes[url].append(message)
        self.aside.clear()
        self.hidden.clear()


class World(Sender):
    """A backlog of all priorities, some of it expired, and everything that empties it."""

    def __init__(self, count: int, rate: float = 50.0, quiet: QuietHours | None = None) -> None:
        super().__init__(Limiter(rate=1000, burst=1000))
        self.shared = Queues()
        self.deliver._queues = self.shared  # type: ignore[assignment]
        self.control = Control()
        self.deliver._control = self.control  # type: ignore[assignment]
        self.drain = Drain(
            settings=Settings(
                whatsapp_queue_url=LIVE,
                backlog_critical_queue_url=BACKLOG_CRITICAL_QUEUE,
                backlog_queue_url=BACKLOG_QUEUE,
                bulk_queue_url=BULK_QUEUE,
                drain=DrainSettings(rate=rate),
                limiter=Limiter(rate=1000, burst=1000),
                quiet=quiet or QuietHours(),
            ),
            control=self.control,  # type: ignore[arg-type]
            ledger=self.ledger,  # type: ignore[arg-type]
            queues=self.shared,  # type: ignore[arg-type]
            clock=self.clock,
            telemetry=self.log,  # type: ignore[arg-type]
        )
        self.late = {f"m{n}" for n in range(count) if n % 5 == 4}
        for n in range(count):
            priority = ("bulk", "normal", "critical")[n % 3]
            more = {"expires_at": format_instant(self.clock() - 1)} if f"m{n}" in self.late else {}
            body = json.dumps(
                {"id": f"m{n}", "to": "+4915112345678", "type": "text", "text": "x", "priority": priority}
                | more
            )
            self.ledger.put(
                Row(f"m{n}", Status.PARKED, f"c{n}", rev=1, turn=1, body=body, priority=priority, type="text")
            )
            self.shared.put(LANES[priority], body, {"claim": f"c{n}", "turn": 1, "rounds": 0})

    def minute(self) -> None:
        """One run of the drain, with its end if it is to die, and what the sender makes of it."""
        try:
            self.drain(lambda: 60.0)
        except Died:
            self.shared.dies_at = None
        self.shared.show_again()
        for _ in range(5):
            found, self.shared.lanes[LIVE] = self.shared.lanes[LIVE], []
            if found:
                self.records([Record(item.id, item.body, item.note, 1) for item in found])
        self.clock.advance(76)


@pytest.fixture(autouse=True)
def _one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drain_module, "WORKERS", 1)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.booleans(), st.integers(1, 40))
def test_nothing_is_lost_and_nothing_is_sent_twice(at: int, after: bool, count: int) -> None:
    drain_module.WORKERS = 1  # type: ignore[misc]
    world = World(count)
    world.shared.dies_at = (at, after)
    for _ in range(8):
        world.minute()
    sent = Counter(name for name, _ in world.sent)
    assert set(sent) == {f"m{n}" for n in range(count)} - world.late
    assert set(sent.values()) <= {1}
    statuses = {name: row.status for name, row in world.ledger.rows.items()}
    assert {name for name, status in statuses.items() if status is Status.EXPIRED} == world.late
    assert {status for name, status in statuses.items() if name not in world.late} <= {Status.SENT}


def test_critical_leaves_before_normal_before_bulk() -> None:
    world = World(60, rate=0.5)
    for _ in range(4):
        world.minute()
    found = [world.ledger.rows[name].priority for name in world.shared.order]
    assert found == sorted(found, key=["critical", "normal", "bulk"].index)
    assert len(set(found)) == 3


def test_rate_0_holds_and_a_new_ceiling_counts_within_a_minute() -> None:
    world = World(40, rate=0)
    world.minute()
    assert world.sent == []
    world.control.put_setting("drain_rate", 500.0, actor="ada", reason="go", now=world.clock())
    world.minute()
    assert world.sent


def test_the_drain_keeps_quiet_hours_and_critical_messages_do_not() -> None:
    world = World(30, quiet=QuietHours(0, 23.99))
    for _ in range(3):
        world.minute()
    assert world.sent
    assert {world.ledger.rows[name].priority for name, _ in world.sent} == {"critical"}
    left = [m for lane in (BACKLOG_QUEUE, BULK_QUEUE) for m in world.shared.lanes[lane]]
    assert Counter(json.loads(message.body)["id"] for message in left) == Counter(
        name for name, row in world.ledger.rows.items() if row.status is Status.PARKED
    )
