"""The drain's plan around panic: one made before is void, and no worker that remembers panic is met."""

from __future__ import annotations

import json

import pytest
from lifeline.adapters.queues import Incoming
from lifeline.contract import BACKLOG_QUEUE, WHATSAPP, WHATSAPP_QUEUE
from lifeline.domain.panic import disable
from lifeline.errors import UnavailableError
from lifeline.use_cases.drain import LEAD, SPAN, Drain
from lifeline.use_cases.panic_mode import FLAG_CACHE_SECONDS

from tests.support import operating
from tests.support.operating import World, url


class Control(operating.Control):
    def advance(self, name: str, upto: float, seen: float | None) -> bool:
        if self.marks.get(name) != seen:
            return False
        self.marks[name] = upto
        return True


class Backlog(World):
    """Some parked messages and a drainer."""

    def __init__(self, parked: int = 3) -> None:
        super().__init__()
        self.control = Control()
        for number in range(parked):
            body = {"id": f"m{number}", "to": "+4915112345678", "type": "text", "text": "x"}
            self.queues.put(url(BACKLOG_QUEUE), Incoming(f"s{number}", json.dumps(body), f"r{number}", None))
        self.drain = Drain(
            settings=self.settings,
            control=self.control,  # type: ignore[arg-type]
            ledger=self.ledger,  # type: ignore[arg-type]
            queues=self.queues,  # type: ignore[arg-type]
            clock=self.clock,
            telemetry=self.log,  # type: ignore[arg-type]
        )

    def leave_panic(self, ramp: bool) -> None:
        flag = self.control.flag(WHATSAPP)
        change = disable(flag, reason="over", actor="ada", now=self.clock(), ramp=ramp)
        self.control.write(change, flag.version)

    def released(self) -> int:
        return sum(self.drain(lambda: 60.0)["released"].values())


@pytest.mark.parametrize("ramp", [True, False])
def test_a_plan_made_before_panic_was_left_holds_nobody_up(ramp: bool) -> None:
    world = Backlog()
    world.trip()
    world.control.marks["drain"] = world.clock() - 10 + SPAN + LEAD
    world.clock.advance(5)
    world.leave_panic(ramp)
    assert world.released() == 3


def test_a_plan_made_after_it_stands() -> None:
    world = Backlog()
    world.trip()
    world.leave_panic(ramp=True)
    world.clock.advance(3)
    world.control.marks["drain"] = world.clock() + SPAN + LEAD
    assert world.released() == 0


def test_the_first_message_leaves_when_no_worker_remembers_panic() -> None:
    world = Backlog()
    world.trip()
    world.leave_panic(ramp=False)
    assert world.released() == 3
    assert min(carrier.delay for carrier in world.queues.carriers(WHATSAPP_QUEUE)) >= FLAG_CACHE_SECONDS


def test_a_drain_that_recovery_starts_does_not_remember_panic_itself() -> None:
    world = Backlog()
    world.trip()
    assert world.released() == 0
    world.clock.advance(0.2)
    world.leave_panic(ramp=True)
    assert world.released() == 3


def test_without_the_control_table_nothing_moves() -> None:
    world = Backlog()
    world.control.broken = True
    with pytest.raises(UnavailableError):
        world.released()
