"""Panic mode by example: each way in, each way out, and what must not happen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from lifeline.domain.failure.causes import Cause
from lifeline.domain.panic.ending import disable, probe, resolve, tick
from lifeline.domain.panic.entering import STRENGTH, enable, initial_wait, rearm, trip
from lifeline.domain.panic.flag import Change, Flag, Kind, PanicRefused, Rules, State, note, set_shadow

T0 = 1_800_000_000.0
SCOPE = "whatsapp"


def tripped(flag: Flag | None = None, **changes: Any) -> Change:
    values: dict[str, Any] = {
        "cause": Cause.UNREACHABLE,
        "reason": "5 sends in a row did not reach the service",
        "source": "sender",
        "actor": "SenderFunction",
        "evidence": {"consecutive_unreachable": 5},
        "now": T0,
        "new_incident_id": "inc-1",
    }
    change = trip(flag or Flag.normal(SCOPE), **{**values, **changes})
    assert change is not None
    return change


def probed(flag: Flag, at: float, ok: bool = True, **more: Any) -> Flag:
    change = probe(flag, incident_id=flag.incident_id, ok=ok, now=at, **more)
    assert change is not None
    return change.flag


def recovering(at: float = T0 + 45) -> Flag:
    return disable(tripped().flag, reason="seen to work", actor="op", now=at).flag


def test_a_normal_scope_has_nothing_stored() -> None:
    flag = Flag.normal(SCOPE)
    assert (flag.state, flag.version, flag.incident_id, flag.blocks_sending) == (State.NORMAL, 0, "", False)


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


def test_three_successes_in_a_row_end_panic_and_two_do_not() -> None:
    flag = tripped().flag
    flag = probed(flag, T0 + 15)
    flag = probed(flag, T0 + 30)
    assert flag.state is State.PANIC
    assert flag.successes == 2
    change = probe(flag, incident_id="inc-1", ok=True, now=T0 + 45)
    assert change is not None
    assert change.flag.state is State.RECOVERING
    assert not change.flag.blocks_sending
    assert change.event.kind is Kind.RECOVERING
    assert change.event.evidence["successes"] == 3
    assert change.flag.settle_until == T0 + 45 + 600
    assert change.flag.successes == 0


def test_a_failed_probe_resets_the_count() -> None:
    flag = probed(probed(tripped().flag, T0 + 15), T0 + 30)
    flag = probed(flag, T0 + 45, ok=False)
    assert flag.successes == 0
    flag = probed(probed(flag, T0 + 60), T0 + 75)
    assert flag.state is State.PANIC
    assert probed(flag, T0 + 90).state is State.RECOVERING


def test_a_late_probe_of_an_earlier_incident_changes_nothing() -> None:
    flag = replace(tripped().flag, incident_id="inc-2", successes=2)
    assert probe(flag, incident_id="inc-1", ok=True, now=T0 + 15) is None
    assert probe(flag, incident_id="inc-1", ok=False, now=T0 + 15) is None


@pytest.mark.parametrize("flag", [Flag.normal(SCOPE), recovering()])
def test_a_probe_outside_panic_changes_nothing(flag: Flag) -> None:
    assert probe(flag, incident_id=flag.incident_id, ok=True, now=T0 + 60) is None
    assert probe(flag, incident_id=flag.incident_id, ok=False, now=T0 + 60) is None


def test_an_alarm_still_on_is_noted_and_does_not_block_recovery() -> None:
    flag = replace(tripped().flag, successes=2)
    change = probe(flag, incident_id="inc-1", ok=True, now=T0 + 45, alarm_on=True)
    assert change is not None
    assert change.flag.state is State.RECOVERING
    assert change.event.evidence["alarm_on"] is True


def test_successes_before_the_earliest_recovery_count_and_do_not_end() -> None:
    flag = tripped(cause=Cause.RATE_LIMIT, earliest=T0 + 120).flag
    for at in (15, 30, 45, 60):
        flag = probed(flag, T0 + at)
    assert flag.state is State.PANIC
    assert flag.successes == 4
    assert probed(flag, T0 + 119.9).state is State.PANIC
    assert probed(flag, T0 + 120).state is State.RECOVERING


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


def test_a_hold_ends_by_no_probe_and_at_its_until() -> None:
    change = enable(
        Flag.normal(SCOPE),
        reason="Black Friday",
        actor="op",
        now=T0,
        new_incident_id="i",
        hold=True,
        until=T0 + 7200,
    )
    assert change is not None
    flag = change.flag
    for at in (15, 30, 45, 60, 7199):
        flag = probed(flag, T0 + at)
    assert flag.state is State.PANIC
    assert tick(flag, now=T0 + 7199) is None
    ended = tick(flag, now=T0 + 7200)
    assert ended is not None
    assert (ended.flag.state, ended.event.source) == (State.RECOVERING, "schedule")
    assert (ended.flag.hold, ended.flag.until) == (False, None)


def test_a_hold_without_until_ends_by_an_operator_only() -> None:
    change = enable(
        Flag.normal(SCOPE), reason="planned work", actor="op", now=T0, new_incident_id="i", hold=True
    )
    assert change is not None
    flag = change.flag
    for at in range(15, 600, 15):
        flag = probed(flag, T0 + at)
        assert tick(flag, now=T0 + at) is None
    assert flag.state is State.PANIC
    assert disable(flag, reason="done", actor="op", now=T0 + 600).flag.state is State.RECOVERING


def test_until_does_not_end_panic_before_the_stated_regain_time() -> None:
    change = enable(Flag.normal(SCOPE), reason="peak", actor="op", now=T0, new_incident_id="i", until=T0 + 60)
    assert change is not None
    flag = tripped(change.flag, cause=Cause.RATE_LIMIT, earliest=T0 + 100, now=T0 + 5).flag
    assert tick(flag, now=T0 + 60) is None
    ended = tick(flag, now=T0 + 100)
    assert ended is not None
    assert ended.flag.state is State.RECOVERING


def test_an_operator_without_hold_lets_the_probes_end_it() -> None:
    change = enable(Flag.normal(SCOPE), reason="looking", actor="op", now=T0, new_incident_id="i")
    assert change is not None
    assert change.event.kind is Kind.ENTERED
    assert change.flag.cause == Cause.OPERATOR
    flag = probed(probed(probed(change.flag, T0 + 15), T0 + 30), T0 + 45)
    assert flag.state is State.RECOVERING


def test_enable_on_a_panic_keeps_incident_and_cause() -> None:
    flag = tripped(cause=Cause.AUTH).flag
    change = enable(
        flag, reason="keep it", actor="op", now=T0 + 9, new_incident_id="inc-2", hold=True, until=T0 + 99
    )
    assert change is not None
    assert change.event.kind is Kind.HELD
    held = change.flag
    assert (held.incident_id, held.cause, held.hold, held.until) == ("inc-1", Cause.AUTH, True, T0 + 99)
    assert held.since == T0
    assert held.version == flag.version + 1
    same = enable(
        held, reason="keep it", actor="op", now=T0 + 10, new_incident_id="x", hold=True, until=T0 + 99
    )
    assert same is None


def test_enable_without_hold_does_not_weaken_a_hold() -> None:
    first = enable(
        Flag.normal(SCOPE), reason="a", actor="op", now=T0, new_incident_id="i", hold=True, until=T0 + 99
    )
    assert first is not None
    second = enable(first.flag, reason="b", actor="other", now=T0 + 1, new_incident_id="j")
    assert second is not None
    assert (second.flag.hold, second.flag.until, second.flag.reason) == (True, T0 + 99, "b")
    endless = enable(second.flag, reason="c", actor="op", now=T0 + 2, new_incident_id="j", hold=True)
    assert endless is not None
    assert endless.flag.until is None


def test_enable_refuses_no_reason_and_a_past_until() -> None:
    with pytest.raises(PanicRefused, match="reason"):
        enable(Flag.normal(SCOPE), reason="  ", actor="op", now=T0, new_incident_id="i")
    with pytest.raises(PanicRefused, match="future"):
        enable(Flag.normal(SCOPE), reason="x", actor="op", now=T0, new_incident_id="i", until=T0)


def test_enable_while_recovering_goes_back_within_the_incident_without_damping() -> None:
    change = enable(recovering(), reason="again", actor="op", now=T0 + 60, new_incident_id="inc-2")
    assert change is not None
    assert change.event.kind is Kind.REENTERED
    assert (change.flag.incident_id, change.flag.trips, change.flag.since) == ("inc-1", 0, T0)
    assert change.flag.earliest_recovery <= T0 + 60


def test_disable_ramps_or_ends_at_once() -> None:
    panic = tripped().flag
    ramped = disable(panic, reason="ok", actor="op", now=T0 + 5)
    assert (ramped.flag.state, ramped.event.kind, ramped.event.actor) == (
        State.RECOVERING,
        Kind.RECOVERING,
        "op",
    )
    ended = disable(panic, reason="ok", actor="op", now=T0 + 5, ramp=False)
    assert (ended.flag.state, ended.event.kind, ended.event.cause) == (
        State.NORMAL,
        Kind.ENDED,
        "unreachable",
    )
    assert (ended.flag.cause, ended.flag.incident_id, ended.flag.left_panic_at) == ("", "inc-1", T0 + 5)
    assert disable(ramped.flag, reason="ok", actor="op", now=T0 + 9, ramp=False).flag.state is State.NORMAL


def test_disable_refuses_what_makes_no_sense() -> None:
    with pytest.raises(PanicRefused, match="not in panic"):
        disable(Flag.normal(SCOPE), reason="x", actor="op", now=T0)
    with pytest.raises(PanicRefused, match="recovering already"):
        disable(recovering(), reason="x", actor="op", now=T0 + 60)
    with pytest.raises(PanicRefused, match="reason"):
        disable(tripped().flag, reason="", actor="op", now=T0)


def test_recovering_becomes_normal_after_the_settle_time() -> None:
    flag = recovering(T0 + 45)
    assert tick(flag, now=T0 + 644.9) is None
    change = tick(flag, now=T0 + 645)
    assert change is not None
    assert (change.flag.state, change.event.kind) == (State.NORMAL, Kind.ENDED)
    assert change.flag.left_panic_at == T0 + 45
    assert change.flag.since == T0 + 645
    assert tick(change.flag, now=T0 + 9999) is None


def test_flaps_double_the_earliest_recovery_up_to_fifteen_minutes() -> None:
    flag, now, waits = tripped().flag, T0, []
    for _ in range(7):
        now = flag.earliest_recovery + 100
        flag = disable(flag, reason="try", actor="op", now=now).flag
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
    again = {
        "reason": "r",
        "source": "webhook",
        "actor": "w",
        "evidence": {},
        "now": T0 + 20,
        "new_incident_id": "inc-2",
    }
    for cause in (Cause.UNREACHABLE, Cause.ALARM, Cause.SILENT):
        assert trip(flag, cause=cause, **again) is None  # type: ignore[arg-type]
    change = trip(flag, cause=Cause.AUTH, **again)  # type: ignore[arg-type]
    assert change is not None
    assert change.event.kind is Kind.CAUSE_CHANGED
    assert (change.flag.cause, change.flag.incident_id, change.flag.successes) == (Cause.AUTH, "inc-1", 0)
    assert trip(change.flag, cause=Cause.UNREACHABLE, **again) is None  # type: ignore[arg-type]


def test_in_panic_a_later_regain_time_extends_whatever_the_cause() -> None:
    flag = tripped(cause=Cause.AUTH).flag
    change = tripped(flag, cause=Cause.RATE_LIMIT, earliest=T0 + 300, now=T0 + 10)
    assert change.event.kind is Kind.EXTENDED
    assert change.event.cause == Cause.RATE_LIMIT
    assert (change.flag.cause, change.flag.earliest_recovery) == (Cause.AUTH, T0 + 300)
    with pytest.raises(AssertionError):
        tripped(change.flag, cause=Cause.RATE_LIMIT, earliest=T0 + 200, now=T0 + 11)


def test_every_channel_cause_has_a_strength() -> None:
    channel = {Cause.RATE_LIMIT, Cause.SPAM_LIMIT, Cause.AUTH, Cause.ACCOUNT, Cause.UNREACHABLE, Cause.SILENT}
    assert channel <= set(STRENGTH)
    assert STRENGTH[Cause.ACCOUNT] > STRENGTH[Cause.AUTH] > STRENGTH[Cause.UNREACHABLE]


def test_shadow_reports_once_a_minute_and_does_not_panic() -> None:
    change = set_shadow(Flag.normal(SCOPE), on=True, reason="new thresholds", actor="op", now=T0)
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
    change = set_shadow(tripped().flag, on=True, reason="calm down", actor="op", now=T0 + 1)
    assert change is not None
    assert change.flag.state is State.PANIC
    shadowed = set_shadow(Flag.normal(SCOPE), on=True, reason="r", actor="op", now=T0)
    assert shadowed is not None
    by_hand = enable(shadowed.flag, reason="now", actor="op", now=T0 + 1, new_incident_id="i")
    assert by_hand is not None
    assert by_hand.flag.state is State.PANIC
    assert by_hand.flag.shadow
    ended = disable(by_hand.flag, reason="r", actor="op", now=T0 + 2, ramp=False)
    assert ended.flag.shadow
    assert set_shadow(ended.flag, on=True, reason="r", actor="op", now=T0 + 3) is None


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


def test_the_prober_rearms_from_an_alarm_that_outlives_an_operators_disable() -> None:
    flag = recovering(T0)
    rearmed = {"alarm_on": True, "new_incident_id": "inc-2"}
    assert rearm(flag, now=T0 + 299, **rearmed) is None  # type: ignore[arg-type]
    assert rearm(flag, now=T0 + 300, alarm_on=False, new_incident_id="inc-2") is None
    change = rearm(flag, now=T0 + 300, **rearmed)  # type: ignore[arg-type]
    assert change is not None
    assert (change.event.kind, change.flag.cause, change.flag.incident_id) == (
        Kind.REENTERED,
        Cause.ALARM,
        "inc-1",
    )
    calm = disable(tripped().flag, reason="r", actor="op", now=T0, ramp=False).flag
    again = rearm(calm, now=T0 + 300, **rearmed)  # type: ignore[arg-type]
    assert again is not None
    assert (again.event.kind, again.flag.incident_id) == (Kind.ENTERED, "inc-2")


def test_nothing_rearms_where_the_probes_ended_panic_or_none_was() -> None:
    by_probes = probed(replace(tripped().flag, successes=2), T0 + 45)
    for flag in (by_probes, Flag.normal(SCOPE), tripped().flag):
        assert rearm(flag, alarm_on=True, now=T0 + 400, new_incident_id="x") is None


def rejected_template(**changes: Any) -> Flag:
    scope = "whatsapp/template/reminder"
    evidence = {"language": "en_US", "observed": T0 - 1}
    return tripped(Flag.normal(scope), cause=Cause.TEMPLATE_REJECTED, evidence=evidence, **changes).flag


def approved(flag: Flag, observed: float | None = T0 + 10, language: str = "en_US") -> Change | None:
    return resolve(flag, reason="approved", actor="w", now=T0 + 11, observed=observed, language=language)


def test_metas_approval_ends_a_templates_panic_at_once() -> None:
    for change in (
        approved(rejected_template()),
        approved(rejected_template(), None),
        approved(rejected_template(), T0, ""),
    ):
        assert change is not None
        assert (change.flag.state, change.event.source) == (State.RECOVERING, "webhook")


def test_an_approval_ends_nothing_else() -> None:
    flag = rejected_template()
    assert approved(flag, observed=T0 - 2) is None, "from before the rejection"
    assert approved(flag, language="de") is None, "another language was approved"
    assert approved(replace(flag, hold=True)) is None
    assert approved(replace(flag, hold=True, until=T0 + 99)) is None
    assert approved(replace(flag, cause=Cause.OPERATOR)) is None
    assert approved(Flag.normal(flag.scope)) is None
    assert approved(tripped().flag) is None


def test_a_note_changes_no_flag() -> None:
    flag = tripped().flag
    change = note(flag, reason="quality fell", actor="w", source="webhook", at=T0 + 1, evidence={})
    assert change.flag == flag
    assert (change.event.kind, change.event.incident_id) == (Kind.NOTED, "inc-1")


@pytest.mark.parametrize(
    "wrong",
    [
        {"successes_to_end": 0},
        {"settle_seconds": -1},
        {"flap_base_seconds": 1000.0},
        {"flap_max_seconds": 1e9},
        {"rearm_seconds": -1},
        {"max_regain_seconds": float("nan")},
    ],
)
def test_rules_out_of_bounds_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Rules(**wrong)
