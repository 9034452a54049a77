"""The sender asks about a first failure: panic within two seconds at any volume, none from one bad answer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.failure.causes import Fault
from lifeline.domain.failure.classify import Failure, classify_fault
from lifeline.domain.message.status import Status
from lifeline.domain.panic.flag import State

from tests.support.sending import World, answer, lost_answer, refused_connection
from tests.support.services import instead

DOWN = {
    "unreachable": refused_connection(),
    "5xx": answer(131000, 500),
    "no answer": lost_answer(),
    "rate limit": answer(130429),
}


def outage(world: World, failure: Failure) -> None:
    """From now on each call fails so."""
    world.meta.script = [failure] * 100
    world.meta.reached = [failure] * 100


def traffic(world: World, per_second: int, seconds: float) -> float | None:
    """Messages that come one by one; seconds from the first failure to panic."""
    began = None
    end = world.clock() + seconds
    while world.clock() < end:
        due = world.clock() + 1 / per_second
        before = len(world.meta.sent)
        world.put(f"m{world.clock():.3f}")
        if world.meta.script and began is None and len(world.meta.sent) > before:
            began = world.meta.sent[before].at
        if world.control.flag(WHATSAPP).state is State.PANIC:
            assert began is not None
            return world.control.flag(WHATSAPP).since - began
        world.clock.now = max(world.clock.now, due)
    return None


@pytest.mark.parametrize("failure", DOWN.values(), ids=DOWN)
@pytest.mark.parametrize("per_second", [1, 50])
def test_panic_within_two_seconds_of_the_first_failure(failure: Failure, per_second: int) -> None:
    world = World()
    assert traffic(world, per_second, 10) is None
    outage(world, failure)
    took = traffic(world, per_second, 10)
    assert took is not None
    assert took < 2.0
    flag = world.control.flag(WHATSAPP)
    assert flag.cause == failure.cause
    assert flag.evidence["rule"] == "confirmed"
    assert len(world.meta.sent) - len(world.meta.accepted) + world.meta.reach_asked == 5


@pytest.mark.parametrize("failure", DOWN.values(), ids=DOWN)
def test_one_bad_answer_is_no_reason(failure: Failure) -> None:
    world = World()
    world.meta.script = [failure]
    assert traffic(world, 1, 10) is None
    assert world.control.flag(WHATSAPP).state is State.NORMAL


def test_a_send_that_a_limit_refused_goes_out_in_the_same_act_once_it_is_over() -> None:
    world = World()
    world.meta.script = [answer(130429)] * 3
    world.put("m")
    assert world.status("m") is Status.SENT
    assert [(item.id, item.act) for item in world.meta.sent] == [("m", 1)] * 4
    assert (world.meta.sent[-1].at, world.meta.reach_asked) == (world.meta.sent[0].at + 0.8, 0)


def test_a_send_again_whose_answer_is_lost_is_in_doubt_and_not_sent_a_third_time() -> None:
    world = World()
    world.meta.script = [answer(130429), lost_answer()]
    world.put("m")
    assert world.status("m") is Status.IN_DOUBT
    assert len(world.meta.sent) == 2


def test_nothing_is_sent_again_after_its_deadline() -> None:
    world = World()
    world.meta.script = [answer(130429)] * 9
    world.put("m", expires_at="2026-09-21T14:13:21.500Z")
    assert [item.at - world.meta.sent[0].at for item in world.meta.sent] == [0.0, 0.0, pytest.approx(0.4)]
    assert world.control.flag(WHATSAPP).state is State.NORMAL


def test_of_many_workers_one_asks_in_each_second() -> None:
    world = World()
    failure = refused_connection()
    world.meta.script, world.meta.reached = [failure] * 9, []
    other = world.worker()
    world.put("a")
    world.batch(world.record("b"), by=other)
    assert world.meta.reach_asked == 1
    world.clock.advance(1)
    world.batch(world.record("c"), by=other)
    assert world.meta.reach_asked == 2


def test_shadow_reports_once_and_is_not_asked_about_again() -> None:
    world = World()
    world.control.stored[WHATSAPP] = replace(world.control.flag(WHATSAPP), shadow=True)
    outage(world, refused_connection())
    assert traffic(world, 1, 20) is None
    assert world.control.flag(WHATSAPP).would_enter_at is not None
    assert world.meta.reach_asked == 4


def test_a_relapse_during_recovery_doubles_the_wait_as_any_other() -> None:
    world = World()
    world.control.stored[WHATSAPP] = replace(
        world.control.flag(WHATSAPP),
        state=State.RECOVERING,
        incident_id="i-1",
        recovering_since=world.clock(),
        settle_until=world.clock() + 300,
    )
    outage(world, refused_connection())
    world.put("m")
    flag = world.control.flag(WHATSAPP)
    assert (flag.state, flag.incident_id, flag.trips) == (State.PANIC, "i-1", 1)
    assert flag.earliest_recovery > world.clock()


def test_nobody_is_asked_without_time_or_where_the_mark_cannot_be_set() -> None:
    world = World()
    outage(world, refused_connection())
    world.batch(world.record("a"), remaining=23.0)
    assert world.meta.reach_asked == 4, "there is time enough"
    world = World()
    outage(world, classify_fault(Fault.REFUSED, ""))
    left = iter([60.0] * 1)
    world.deliver([world.record("a")], lambda: next(left, 5.0))
    assert world.meta.reach_asked == 0
    world = World()
    outage(world, refused_connection())

    def broken(scope: str, slot: int) -> bool:
        world.control.broken = True
        world.control._check()
        raise AssertionError("it raises before")

    instead(world.control, claim_slot=broken)
    world.put("a")
    assert world.meta.reach_asked == 0
