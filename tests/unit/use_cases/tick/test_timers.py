"""Timers: every one that falls due before the next tick is woken for, at its second, from the beginning."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifeline.adapters.queues import Depth
from lifeline.domain.message.row import Lane, Row
from lifeline.domain.message.status import Status
from lifeline.domain.pace.pace import LEAD, SPAN
from lifeline.settings import Limiter
from lifeline.use_cases.tick.tick import UNTAKEN

from tests.support.memory import Fault
from tests.support.services import instead
from tests.support.ticking import WAKE, OnceAt, World


def test_each_timer_has_its_second_and_what_is_overdue_is_woken_at_once() -> None:
    world = World()
    for name, wait in {"past": -9999.0, "now": 0.0, "soon": 10.2, "last": SPAN + LEAD, "later": 75.5}.items():
        world.timer(name, wait)
    assert world.run() == {
        "released": {}, "woken": 4, "overdue": 1, "held": {}, "campaigns": {}, "contents": 0,
        "why": "nothing waits",
    }  # fmt: skip
    assert world.woken == {"past": [0], "now": [0], "soon": [11], "last": [75]}
    assert world.log.metrics["Overdue", "whatsapp"] == 1


@pytest.mark.parametrize("page", [1, 2, 7])
def test_rows_that_nobody_can_act_on_hide_none_behind_them(page: int) -> None:
    world = World(page=page)
    for number in range(40):
        row = Row(f"x{number}", Status.CLAIMED, phase="of a later version", lane=Lane.TIMER)
        world.ledger.put(
            Row(row.id, row.status, phase=row.phase, lane=row.lane, due=world.clock() - 1e6 + number)
        )
    world.timer("mine", 1.0)
    assert world.run()["woken"] == 41
    assert world.woken["mine"] == [1]


def test_in_panic_timers_go_on() -> None:
    world = World()
    world.blocked()
    world.timer("a", 5.0)
    world.park("p")
    assert world.run()["woken"] == 1
    assert set(world.woken) == {"a"}


def test_a_lost_wake_up_is_repeated_until_somebody_acts() -> None:
    world = World()
    world.timer("a", 5.0)
    world.queues.broken.add(WAKE)
    assert world.run()["woken"] == 0
    world.queues.broken.clear()
    world.clock.advance(60)
    assert world.run()["woken"] == 1
    world.work()
    world.clock.advance(60)
    assert world.run()["woken"] == 0
    assert [name for name, _ in world.sent] == ["a"]


def test_what_the_index_shows_late_is_found_however_late() -> None:
    world = World()
    world.timer("a", -1.0)
    world.faults.of = OnceAt(Fault.LAG, 1, "agenda.propagate")
    next(iter(world.agenda.due(Lane.TIMER, world.clock())), None)
    world.clock.advance(7200)
    assert world.run()["woken"] == 1


def test_at_a_high_rate_more_may_wait_before_nobody_is_said_to_take_them() -> None:
    world = World(limiter=Limiter(rate=1000.0))
    world.timer("a", 5.0)
    instead(world.queues, depth=lambda url: Depth(UNTAKEN + 1, 0, 0))
    assert world.run()["woken"] == 1, "five seconds' worth"
    instead(world.queues, depth=lambda url: Depth(30_001, 0, 0))
    assert world.run()["woken"] == 0


def test_a_queue_that_nobody_empties_gets_none() -> None:
    world = World(limiter=Limiter(rate=65.0))
    for number in range(UNTAKEN + 1):
        world.timer(f"m{number}", -300.0)
    world.park("p", age=10)
    assert world.run()["woken"] == UNTAKEN + 1
    sent = len(world.queues.sent[WAKE])
    world.clock.advance(60)
    answer = world.run()
    assert (answer["woken"], answer["overdue"]) == (0, UNTAKEN + 1)
    assert answer["why"] == "no worker receives wake-ups"
    assert world.ledger.rows["m0"].lane == Lane.TIMER
    assert len(world.queues.sent[WAKE]) == sent
    # The queue forgets after its retention, and the tick begins again.
    world.clock.advance(900)
    assert world.run()["woken"] > UNTAKEN


def test_where_the_depth_cannot_be_read_timers_are_woken_for() -> None:
    world = World()
    world.timer("a", 5.0)
    world.faults.of = OnceAt(Fault.FAIL, 1, "queues.depth")
    assert world.run()["woken"] == 1


@pytest.mark.slow
def test_60_000_at_once_are_woken_for() -> None:
    world = World(page=100_000)
    for number in range(60_000):
        world.timer(f"m{number}", number / 1000)
    assert world.run()["woken"] == 60_000
    assert len(world.woken) == 60_000


def test_it_ends_in_time_and_says_so() -> None:
    world = World(page=10_000)
    for number in range(3000):
        world.timer(f"m{number}", 1.0)
    assert world.run(remaining=1.0)["woken"] == 1000
    assert any("left for the next minute" in event for _, event, _ in world.log.lines)


@given(st.lists(st.floats(-1e6, 200), max_size=30), st.integers(1, 4))
@settings(max_examples=50, deadline=None)
def test_no_timer_is_missed_over_minutes(waits: list[float], page: int) -> None:
    world = World(page=page)
    for number, wait in enumerate(waits):
        world.timer(f"m{number}", wait)
    due = {name: row.due or 0.0 for name, row in world.ledger.rows.items()}
    for _ in range(5):
        world.run()
        world.pass_time()
    assert {name for name, _ in world.sent} == set(due)
    begin = world.clock() - 300
    assert all(at - max(due[name], begin) < 2 for name, at in world.sent), "on its second"
