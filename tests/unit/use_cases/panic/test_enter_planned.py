"""Planned panic: kept, shown, entered by the minute, left at its end, taken back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from lifeline.contract.instants import format_instant
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.panic.ending import tick
from lifeline.domain.panic.flag import State
from lifeline.domain.panic.planned import PanicPlan, due
from lifeline.domain.panic.records import PlannedPanics
from lifeline.use_cases.panic.enter_planned import EnterPlanned

from tests.support.memory import MemoryControl
from tests.support.operating import ACTOR, World


def plan(world: World, begins: float = 3600, ends: float = 7200) -> str:
    now = world.clock()
    answer = world.enable(at=format_instant(now + begins), until=format_instant(now + ends))
    return str(answer["plan"]["id"])


def minute(world: World) -> list[str]:
    adapters = world.adapters("prober")
    return EnterPlanned(
        control=adapters.control,
        panic=adapters.panic,
        clock=adapters.clock,
        telemetry=adapters.telemetry,
    )()


def test_a_plan_is_shown_and_enters_and_leaves_by_itself() -> None:
    world = World()
    name = plan(world)
    assert world.status()["state"] == "normal"
    assert [item["id"] for item in world.ask("panic.status")["planned"]] == [name]
    assert minute(world) == []
    world.clock.advance(3601)
    assert minute(world) == [name]
    flag = world.control.flag(WHATSAPP)
    assert (flag.state, flag.hold, flag.source, flag.actor) == (State.PANIC, True, "schedule", ACTOR)
    assert world.ask("panic.status")["planned"] == []
    assert minute(world) == []
    world.clock.advance(3600)
    change = tick(world.control.flag(WHATSAPP), now=world.clock(), rules=world.settings.panic)
    assert change is not None
    assert change.flag.state is not State.PANIC


def test_a_plan_taken_back_never_begins() -> None:
    world = World()
    name = plan(world)
    world.ask("panic.cancel_plan", plan=name, reason="called off", actor=ACTOR)
    world.clock.advance(3700)
    assert minute(world) == []
    assert world.status()["state"] == "normal"
    wrong = world.refused("panic.cancel_plan", plan=name, reason="again", actor=ACTOR)
    assert wrong["code"] == "unknown_plan"


def test_plans_that_cannot_be_kept_are_refused() -> None:
    world = World()
    now = world.clock()
    plan(world)
    common = {"scope": WHATSAPP, "reason": "peak", "actor": ACTOR}
    for begins, ends, words in ((3700, 3800, "overlaps"), (-5, 60, "future"), (9000, 8000, "after at")):
        error = world.refused(
            "panic.enable", at=format_instant(now + begins), until=format_instant(now + ends), **common
        )
        assert words in error["message"]
    assert "needs an end" in world.refused("panic.enable", at=format_instant(now + 9), **common)["message"]


def test_what_cannot_be_entered_waits_for_the_next_minute() -> None:
    world = World()
    name = plan(world)
    world.clock.advance(3601)
    world.control.broken = True
    assert minute(world) == []
    world.control.broken = False
    assert minute(world) == [name]


def test_a_crash_after_entering_enters_once() -> None:
    world = World()
    plan(world)
    kept = world.control.values[PlannedPanics.NAME]
    world.clock.advance(3601)
    minute(world)
    incident = world.control.flag(WHATSAPP).incident_id
    world.control.values[PlannedPanics.NAME] = kept
    minute(world)
    assert world.control.flag(WHATSAPP).incident_id == incident
    assert MemoryControl.kinds(world.control, WHATSAPP).count("entered") == 1


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6)), max_size=20), st.floats(0, 1e6))
def test_each_plan_is_entered_kept_or_over(spans: list[tuple[float, float]], now: float) -> None:
    plans = [PanicPlan(str(i), WHATSAPP, "r", "a", at, at + span) for i, (at, span) in enumerate(spans)]
    entering, later = due(plans, now)
    assert all(item.at <= now < item.until for item in entering)
    over = [item for item in plans if item.until <= now and item.at <= now]
    assert len(entering) + len(later) + len(over) == len(plans)
