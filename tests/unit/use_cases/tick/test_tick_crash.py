"""The tick dies at any point, or its services fail as they like: nothing is lost, nothing is sent twice.

The real tick works on the ledger, the agenda and the queues in memory; a worker does what it is woken for.
"""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st
from lifeline.domain.campaign.campaign import Campaign, CampaignState
from lifeline.domain.message.row import CAMPAIGN_LANE, TEMPLATE_LANE, Lane
from lifeline.domain.message.status import Status
from lifeline.domain.pace.pace import LEAD, SPAN
from lifeline.errors import UnavailableError

from tests.support.memory import Died, Fault, NoFaults
from tests.support.ticking import OnceAt, World

POINTS: dict[str, tuple[Fault, ...]] = {
    "ledger.write.before": (Fault.FAIL, Fault.LOSE, Fault.LATE, Fault.DIE),
    "ledger.write.after": (Fault.LOSE, Fault.DIE),
    "ledger.write.statement": (Fault.FAIL, Fault.LOSE),
    "ledger.straggler": (Fault.LATE,),
    "ledger.read": (Fault.FAIL, Fault.DIE),
    "agenda.query": (Fault.FAIL, Fault.DIE),
    "agenda.order": (Fault.SWAP,),
    "agenda.propagate": (Fault.LAG,),
    "queues.send.before": (Fault.FAIL, Fault.LOSE, Fault.DIE),
    "queues.send.entry": (Fault.FAIL, Fault.REPEAT),
    "queues.send.after": (Fault.LOSE, Fault.DIE),
    "queues.depth": (Fault.FAIL, Fault.DIE),
}
FATAL = ("ledger.write.before", "ledger.write.after", "ledger.read", "agenda.query", "queues.send.before",
         "queues.send.after", "queues.depth")  # fmt: skip


class Trouble:
    """Each point fails with a chance of its own, drawn from the seed as well."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._chances = {point: self._random.choice((0.0, 0.02, 0.2)) for point in POINTS}
        # A worker that dies at each other call gets nowhere, and tells nothing.
        self._dies = self._random.choice((0.0, 0.02))

    def at(self, point: str) -> Fault | None:
        if point not in POINTS or self._random.random() >= self._chances[point]:
            return None
        fault = self._random.choice(POINTS[point])
        return None if fault is Fault.DIE and self._random.random() > self._dies else fault


class Backlog(World):
    """Messages of all priorities, one in five expired, some held, some on the timer lane."""

    def __init__(self, count: int, page: int = 2) -> None:
        super().__init__(rate=50.0, page=page)
        self.template_flag("reminder")
        self.campaigns.create(Campaign("off", CampaignState.CANCELLED, "promo", 100, 1e12, 60.0))
        self.late: set[str] = set()
        self.off: set[str] = set()
        for number in range(count):
            name, priority = f"m{number}", ("bulk", "normal", "critical")[number % 3]
            age = float(count - number)
            if number % 5 == 4:
                self.late.add(name)
                self.park(name, priority, age, expires_at=self.clock() - 1)
            elif number % 7 == 5:
                self.park(name, priority, age, lane=f"{TEMPLATE_LANE}reminder", template="reminder")
            elif number % 7 == 6:
                self.off.add(name)
                self.park(name, priority, age, lane=f"{CAMPAIGN_LANE}off", campaign="off")
            elif number % 11 == 10:
                self.timer(name, -age)
            else:
                self.park(name, priority, age)

    def minute(self) -> None:
        with suppress(Died, UnavailableError):
            self.run()
        self.pass_time(int(SPAN + LEAD) + 1)

    def check(self, count: int) -> None:
        """Everything has come to its end, once."""
        found = {name: row.status for name, row in self.ledger.rows.items()}
        sent = Counter(name for name, _ in self.sent)
        assert set(sent.values()) <= {1}
        assert set(sent) == {f"m{number}" for number in range(count)} - self.late - self.off
        assert {name for name, status in found.items() if status is Status.EXPIRED} == self.late
        assert {name for name, status in found.items() if status is Status.CANCELLED} == self.off
        for before, now in ((Status.PARKED, Status.EXPIRED), (Status.PARKED, Status.CANCELLED)):
            moves = Counter(name for name, *move in self.ledger.moves if move == [before, now])
            assert set(moves.values()) <= {1}


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 120), st.integers(1, 40), st.integers(1, 3))
def test_it_dies_at_any_point_and_the_next_minute_goes_on(at: int, count: int, page: int) -> None:
    world = Backlog(count, page)
    world.faults.of = OnceAt(Fault.DIE, at, *FATAL)
    world.minute()
    world.faults.of = NoFaults()
    for _ in range(4):
        world.minute()
    world.check(count)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 3))
def test_services_fail_as_they_like_and_when_they_stop_all_comes_to_its_end(
    seed: int, count: int, page: int
) -> None:
    world = Backlog(count, page)
    world.faults.of = Trouble(seed)
    for _ in range(6):
        world.minute()
        for row in world.ledger.rows.values():
            assert row.accounted, f"{row.id} is nowhere"
    world.faults.of = NoFaults()
    for _ in range(5):
        world.minute()
    world.check(count)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 60), st.integers(1, 4))
def test_two_ticks_at_once_release_each_message_and_each_second_once(at: int, page: int) -> None:
    """The second one runs whole within any call of the first one."""
    world = Backlog(40, page)
    counter = OnceAt(Fault.DIE, at)

    class Within:
        def at(self, point: str) -> Fault | None:
            if counter.at(point) is not None:
                world.run()
            return None

    world.faults.of = Within()
    world.run()
    world.faults.of = NoFaults()
    released = [row.due for row in world.ledger.rows.values() if row.drained]
    assert len(released) == len(set(released))
    for _ in range(4):
        world.pass_time(76)
        world.run()
    world.pass_time(76)
    world.check(40)


def test_a_tick_that_died_after_the_write_leaves_timers() -> None:
    world = World()
    world.park_many(20)
    world.faults.of = OnceAt(Fault.DIE, 1, "queues.send.before")
    with suppress(Died):
        world.run()
    assert world.waiting == set()
    assert world.agenda.count(Lane.TIMER) == 20
    assert world.woken == {}
    world.faults.of = NoFaults()
    world.clock.advance(60)
    assert world.run()["woken"] == 20
