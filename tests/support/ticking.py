"""The real tick over services in memory, and a worker that does what it is woken for."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from lifeline.contract.scopes import WHATSAPP, template_scope
from lifeline.domain.failure.causes import Cause
from lifeline.domain.message.row import BACKLOG, Change, Fate, Lane, Phase, Row, off_agenda, waiting
from lifeline.domain.message.status import Status
from lifeline.domain.message.step import backlog_lane
from lifeline.domain.pace.quiet import QuietHours
from lifeline.domain.pace.records import DrainState
from lifeline.domain.panic.ending import disable
from lifeline.domain.panic.flag import By, Flag, State
from lifeline.settings import Drain, Limiter, Settings
from lifeline.wiring import drainer

from tests.support.memory import Fault, Faults, NoFaults
from tests.support.services import Services

WAKE = "queue/wake"
BULK = "queue/bulk"


class Switch:
    """Faults that can be switched, and are counted."""

    def __init__(self) -> None:
        self.of: Faults = NoFaults()

    def at(self, point: str) -> Fault | None:
        return self.of.at(point)


class OnceAt:
    """``fault`` at the ``number``-th of the points named ``points`` (all of them where none is named)."""

    def __init__(self, fault: Fault, number: int, *points: str) -> None:
        self.fault, self.number, self.points = fault, number, points

    def at(self, point: str) -> Fault | None:
        if self.points and point not in self.points:
            return None
        self.number -= 1
        return self.fault if self.number == 0 else None


class World(Services):
    """A tick and everything around it. The drain's rate is 10/s and the limiter's wide unless told."""

    def __init__(
        self,
        rate: float = 10.0,
        limiter: Limiter | None = None,
        quiet: QuietHours | None = None,
        page: int = 100,
    ) -> None:
        self.faults = Switch()
        settings = Settings(
            wake_queue_url=WAKE,
            bulk_queue_url=BULK,
            drain=Drain(rate=rate),
            limiter=limiter or Limiter(rate=1000, burst=1000),
            quiet=quiet or QuietHours(),
        )
        super().__init__(settings, faults=self.faults, page=page)
        self.queues.retention[WAKE] = 900.0
        self.sent: list[tuple[str, float]] = []
        self.tick = drainer.build(self.adapters("drainer")).tick

    # -- what there is -------------------------------------------------------------------------------

    def park(self, name: str, priority: str = "normal", age: float = 0.0, **more: Any) -> Row:
        """A parked message, ``age`` seconds old."""
        lane = more.pop("lane", backlog_lane(priority))
        more.setdefault("created_at", self.clock() - age)
        row = Row(name, Status.PARKED, priority=priority, lane=lane, due=self.clock() - age, **more)
        return self.ledger.put(row)

    def park_many(self, count: int, priority: str = "normal", prefix: str = "m", **more: Any) -> None:
        for number in range(count):
            self.park(f"{prefix}{number}", priority, age=float(count - number), **more)

    def timer(self, name: str, wait: float, **more: Any) -> Row:
        """A message on the timer lane, due in ``wait`` seconds."""
        return self.ledger.put(waiting(Row(name, **more), self.clock() + wait))

    def blocked(self, scope: str = WHATSAPP) -> None:
        """Panic on a scope."""
        before = self.control.flag(scope)
        self.control.stored[scope] = replace(
            before, state=State.PANIC, cause=Cause.UNREACHABLE, since=self.clock(), incident_id="i"
        )

    def freed(self, scope: str = WHATSAPP, ramp: bool = True) -> None:
        """Panic on a scope ends."""
        flag = self.control.flag(scope)
        change = disable(flag, By("ada", "operator", "over", self.clock()), ramp=ramp)
        self.control.write(change, flag.version)

    def template_flag(self, name: str) -> None:
        """A template that was in panic once."""
        self.control.stored[template_scope(name)] = Flag.normal(template_scope(name))

    # -- what happens --------------------------------------------------------------------------------

    def run(self, remaining: float = 60.0) -> dict[str, Any]:
        return self.tick(lambda: remaining)

    def released(self) -> int:
        return sum(self.run()["released"].values())

    def work(self) -> None:
        """A worker takes every wake-up that is visible and sends what its row says is due."""
        faults, self.faults.of = self.faults.of, NoFaults()
        while found := self.queues.receive(WAKE, 10, 60):
            for name in {item.body for item in found}:
                row = self.ledger.rows[name]
                if row.phase != Phase.WAITING or row.lane != Lane.TIMER or (row.due or 0) > self.clock():
                    continue
                done = replace(off_agenda(row, Status.SENT), act=row.act + 1)
                if self.ledger.write([Change(row, done)], self.clock())[0].fate is Fate.DONE:
                    self.sent.append((name, self.clock()))
            self.queues.delete(WAKE, [item.receipt for item in found])
        self.faults.of = faults

    def pass_time(self, seconds: int = 60) -> None:
        """Time passes; a worker works each second."""
        for _ in range(seconds):
            self.work()
            self.clock.advance(1)

    # -- what came of it -----------------------------------------------------------------------------

    @property
    def woken(self) -> dict[str, list[int]]:
        """Delays of the wake-ups by message."""
        found: dict[str, list[int]] = {}
        for item in self.queues.sent[WAKE]:
            found.setdefault(item.body, []).append(item.delay)
        return found

    @property
    def delays(self) -> list[int]:
        return sorted(item.delay for item in self.queues.sent[WAKE])

    def dues(self) -> list[float]:
        """When released messages are due, in seconds from now."""
        return sorted(
            (row.due or 0.0) - self.clock()
            for row in self.ledger.rows.values()
            if row.lane == Lane.TIMER and row.drained
        )

    @property
    def waiting(self) -> set[str]:
        """What is in a backlog."""
        return {row.id for row in self.ledger.rows.values() if row.lane in BACKLOG}

    @property
    def rate(self) -> float:
        return self.control.kept(DrainState).value.rate

    def statuses(self) -> Counter[Status]:
        return Counter(row.status for row in self.ledger.rows.values())
