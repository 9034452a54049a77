"""Ways into panic by example, and what must not happen."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from lifeline.domain.failure.causes import Cause
from lifeline.domain.panic.ending import disable, tick
from lifeline.domain.panic.entering import enable, initial_wait, trip
from lifeline.domain.panic.flag import By, Flag, Kind, PanicRefused, State, set_shadow

from tests.support.flags import SCOPE, T0, probed, recovering, tripped


def test_a_trip_opens_an_incident() -> None:
    change = tripped()
    flag, event = change.flag, change.event
    assert flag.state is State.PANIC
    assert flag.blocks_sending
    assert flag.needs_probes
    assert (flag.incident_id, flag.version, flag.since, flag.trips) == ("inc-1", 1, T0, 0)
    assert (event.kind, event.cause, event.source, event.at) == (Kind.ENTERED, "unreachable", "sender", T0)
    assert event.version == flag.version
    assert event.incident_id == flag.incident_id
    assert event.evidence == {"consecutive_unreachable": 5}


@pytest.mark.parametrize(
    ("cause", "wait"),
    [
        (Cause.RATE_LIMIT, 60),
        (Cause.SPAM_LIMIT, 3600),
        (Cause.UNREACHABLE, 0),
        (Cause.AUTH, 0),
        (Cause.ACCOUNT, 0),
    ],
)
def test_each_cause_starts_with_its_earliest_recovery(cause: Cause, wait: float) -> None:
    assert initial_wait(cause) == wait
    assert tripped(cause=cause).flag.earliest_recovery == T0 + wait


def test_a_garbled_regain_time_is_not_believed_for_ever() -> None:
    assert tripped(cause=Cause.RATE_LIMIT, earliest=T0 + 1e9).flag.earliest_recovery == T0 + 86400


def test_an_operator_without_hold_lets_the_probes_end_it() -> None:
    change = enable(Flag.normal(SCOPE), By("op", "operator", "looking", T0), new_incident_id="i")
    assert change is not None
    assert change.event.kind is Kind.ENTERED
    assert change.flag.cause == Cause.OPERATOR
    flag = probed(probed(probed(change.flag, T0 + 15), T0 + 30), T0 + 45)
    assert flag.state is State.RECOVERING


def test_enable_on_a_panic_keeps_incident_and_cause() -> None:
    flag = tripped(cause=Cause.AUTH).flag
    change = enable(
        flag, By("op", "operator", "keep it", T0 + 9), new_incident_id="inc-2", hold=True, until=T0 + 99
    )
    assert change is not None
    assert change.event.kind is Kind.HELD
    held = change.flag
    assert (held.incident_id, held.cause, held.hold, held.until) == ("inc-1", Cause.AUTH, True, T0 + 99)
    assert held.since == T0
    assert held.version == flag.version + 1
    same = enable(
        held, By("op", "operator", "keep it", T0 + 10), new_incident_id="x", hold=True, until=T0 + 99
    )
    assert same is None


def test_an_operators_word_on_a_panic_without_hold_is_no_hold() -> None:
    flag = tripped().flag
    change = enable(
        flag, By("op", "operator", "I look at it", T0 + 9), new_incident_id="inc-2", until=T0 + 99
    )
    assert change is not None
    assert (change.event.kind, change.flag.hold, change.flag.until) == (Kind.CHANGED, False, T0 + 99)


def test_enable_refuses_no_reason_and_a_past_until() -> None:
    with pytest.raises(PanicRefused, match="reason"):
        enable(Flag.normal(SCOPE), By("op", "operator", "  ", T0), new_incident_id="i")
    with pytest.raises(PanicRefused, match="future"):
        enable(Flag.normal(SCOPE), By("op", "operator", "x", T0), new_incident_id="i", until=T0)


def test_enable_while_recovering_goes_back_within_the_incident_without_damping() -> None:
    change = enable(recovering(), By("op", "operator", "again", T0 + 60), new_incident_id="inc-2")
    assert change is not None
    assert change.event.kind is Kind.REENTERED
    assert (change.flag.incident_id, change.flag.trips, change.flag.since) == ("inc-1", 0, T0)
    assert change.flag.earliest_recovery <= T0 + 60


def test_flaps_double_the_earliest_recovery_up_to_fifteen_minutes() -> None:
    flag, now, waits = tripped().flag, T0, []
    for _ in range(7):
        now = flag.earliest_recovery + 100
        flag = disable(flag, By("op", "operator", "try", now)).flag
        change = tripped(flag, now=now + 10, new_incident_id="other")
        assert change.event.kind is Kind.REENTERED
        flag = change.flag
        waits.append(flag.earliest_recovery - (now + 10))
    assert waits == [60, 120, 240, 480, 900, 900, 900]
    assert (flag.trips, flag.incident_id, flag.since) == (7, "inc-1", T0)


def test_a_flap_doubles_a_causes_own_wait_and_never_shortens_it() -> None:
    flag = recovering(T0 + 45)
    assert tripped(flag, cause=Cause.RATE_LIMIT, now=T0 + 50).flag.earliest_recovery == T0 + 50 + 120
    assert tripped(flag, cause=Cause.SPAM_LIMIT, now=T0 + 50).flag.earliest_recovery == T0 + 50 + 3600
    assert tripped(flag, now=T0 + 50, earliest=T0 + 5000).flag.earliest_recovery == T0 + 5000


def test_a_trip_after_settling_opens_a_new_incident() -> None:
    calm = tick(recovering(T0 + 45), now=T0 + 700)
    assert calm is not None
    change = tripped(calm.flag, now=T0 + 800, new_incident_id="inc-2")
    assert (change.event.kind, change.flag.incident_id, change.flag.trips) == (Kind.ENTERED, "inc-2", 0)
    assert change.flag.earliest_recovery == T0 + 800


def test_in_panic_only_a_stronger_cause_changes_the_flag() -> None:
    flag = replace(tripped(cause=Cause.UNREACHABLE).flag, successes=2)
    by = By("w", "webhook", "r", T0 + 20)
    again = partial(trip, by=by, evidence={}, new_incident_id="inc-2")
    for cause in (Cause.UNREACHABLE, Cause.ALARM, Cause.SILENT):
        assert again(flag, cause=cause) is None
    change = again(flag, cause=Cause.AUTH)
    assert change is not None
    assert change.event.kind is Kind.CAUSE_CHANGED
    assert (change.flag.cause, change.flag.incident_id, change.flag.successes) == (Cause.AUTH, "inc-1", 0)
    assert again(change.flag, cause=Cause.UNREACHABLE) is None


def test_in_panic_a_later_regain_time_extends_whatever_the_cause() -> None:
    flag = tripped(cause=Cause.AUTH).flag
    change = tripped(flag, cause=Cause.RATE_LIMIT, earliest=T0 + 300, now=T0 + 10)
    assert change.event.kind is Kind.EXTENDED
    assert change.event.cause == Cause.RATE_LIMIT
    assert (change.flag.cause, change.flag.earliest_recovery) == (Cause.AUTH, T0 + 300)
    with pytest.raises(AssertionError):
        tripped(change.flag, cause=Cause.RATE_LIMIT, earliest=T0 + 200, now=T0 + 11)


def test_shadow_reports_once_a_minute_and_does_not_panic() -> None:
    change = set_shadow(Flag.normal(SCOPE), By("op", "operator", "new thresholds", T0), on=True)
    assert change is not None
    assert change.event.kind is Kind.SHADOW_CHANGED
    first = tripped(change.flag, now=T0 + 1)
    assert (first.event.kind, first.event.cause, first.flag.state) == (
        Kind.WOULD_ENTER,
        "unreachable",
        State.NORMAL,
    )
    assert first.flag.incident_id == ""
    assert first.flag.version == 2
    with pytest.raises(AssertionError):
        tripped(first.flag, now=T0 + 60)
    assert tripped(first.flag, now=T0 + 61).event.kind is Kind.WOULD_ENTER


def test_shadow_does_not_stop_an_operator_nor_end_a_panic() -> None:
    change = set_shadow(tripped().flag, By("op", "operator", "calm down", T0 + 1), on=True)
    assert change is not None
    assert change.flag.state is State.PANIC
    shadowed = set_shadow(Flag.normal(SCOPE), By("op", "operator", "r", T0), on=True)
    assert shadowed is not None
    by_hand = enable(shadowed.flag, By("op", "operator", "now", T0 + 1), new_incident_id="i")
    assert by_hand is not None
    assert by_hand.flag.state is State.PANIC
    assert by_hand.flag.shadow
    ended = disable(by_hand.flag, By("op", "operator", "r", T0 + 2), ramp=False)
    assert ended.flag.shadow
    assert set_shadow(ended.flag, By("op", "operator", "r", T0 + 3), on=True) is None


def test_evidence_from_before_the_end_of_panic_is_about_that_panic() -> None:
    flag = recovering(T0 + 45)
    with pytest.raises(AssertionError):
        tripped(flag, now=T0 + 60, observed=T0 + 44)
    assert tripped(flag, now=T0 + 60, observed=T0 + 46).event.kind is Kind.REENTERED
    calm = tick(flag, now=T0 + 700)
    assert calm is not None
    with pytest.raises(AssertionError):
        tripped(calm.flag, now=T0 + 701, observed=T0 + 44)
    # Seen while recovering, told after it became normal: not lost.
    assert tripped(calm.flag, now=T0 + 701, observed=T0 + 640).event.kind is Kind.ENTERED
