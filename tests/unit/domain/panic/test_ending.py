"""Ways out of panic by example: probes, holds, operators, Meta's approval."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from lifeline.domain.failure.causes import Cause
from lifeline.domain.panic.ending import disable, probe, resolve, tick
from lifeline.domain.panic.entering import enable, rearm
from lifeline.domain.panic.flag import By, Flag, Kind, PanicChange, PanicRefused, State

from tests.support.flags import SCOPE, T0, probed, recovering, tripped


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


def test_a_hold_ends_by_no_probe_and_at_its_until() -> None:
    change = enable(
        Flag.normal(SCOPE),
        By("op", "operator", "Black Friday", T0),
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
        Flag.normal(SCOPE), By("op", "operator", "planned work", T0), new_incident_id="i", hold=True
    )
    assert change is not None
    flag = change.flag
    for at in range(15, 600, 15):
        flag = probed(flag, T0 + at)
        assert tick(flag, now=T0 + at) is None
    assert flag.state is State.PANIC
    assert disable(flag, By("op", "operator", "done", T0 + 600)).flag.state is State.RECOVERING


def test_until_does_not_end_panic_before_the_stated_regain_time() -> None:
    change = enable(Flag.normal(SCOPE), By("op", "operator", "peak", T0), new_incident_id="i", until=T0 + 60)
    assert change is not None
    flag = tripped(change.flag, cause=Cause.RATE_LIMIT, earliest=T0 + 100, now=T0 + 5).flag
    assert tick(flag, now=T0 + 60) is None
    ended = tick(flag, now=T0 + 100)
    assert ended is not None
    assert ended.flag.state is State.RECOVERING


def test_enable_without_hold_does_not_weaken_a_hold() -> None:
    first = enable(
        Flag.normal(SCOPE), By("op", "operator", "a", T0), new_incident_id="i", hold=True, until=T0 + 99
    )
    assert first is not None
    second = enable(first.flag, By("other", "operator", "b", T0 + 1), new_incident_id="j")
    assert second is not None
    assert (second.flag.hold, second.flag.until, second.flag.reason) == (True, T0 + 99, "b")
    endless = enable(second.flag, By("op", "operator", "c", T0 + 2), new_incident_id="j", hold=True)
    assert endless is not None
    assert endless.flag.until is None


def test_disable_ramps_or_ends_at_once() -> None:
    panic = tripped().flag
    ramped = disable(panic, By("op", "operator", "ok", T0 + 5))
    assert (ramped.flag.state, ramped.event.kind, ramped.event.actor) == (
        State.RECOVERING,
        Kind.RECOVERING,
        "op",
    )
    ended = disable(panic, By("op", "operator", "ok", T0 + 5), ramp=False)
    assert (ended.flag.state, ended.event.kind, ended.event.cause) == (
        State.NORMAL,
        Kind.ENDED,
        "unreachable",
    )
    assert (ended.flag.cause, ended.flag.incident_id, ended.flag.left_panic_at) == ("", "inc-1", T0 + 5)
    assert disable(ramped.flag, By("op", "operator", "ok", T0 + 9), ramp=False).flag.state is State.NORMAL


def test_disable_refuses_what_makes_no_sense() -> None:
    with pytest.raises(PanicRefused, match="not in panic"):
        disable(Flag.normal(SCOPE), By("op", "operator", "x", T0))
    with pytest.raises(PanicRefused, match="already recovering"):
        disable(recovering(), By("op", "operator", "x", T0 + 60))
    with pytest.raises(PanicRefused, match="reason"):
        disable(tripped().flag, By("op", "operator", "", T0))


def test_recovering_becomes_normal_after_the_settle_time() -> None:
    flag = recovering(T0 + 45)
    assert tick(flag, now=T0 + 644.9) is None
    change = tick(flag, now=T0 + 645)
    assert change is not None
    assert (change.flag.state, change.event.kind) == (State.NORMAL, Kind.ENDED)
    assert change.flag.left_panic_at == T0 + 45
    assert change.flag.since == T0 + 645
    assert tick(change.flag, now=T0 + 9999) is None


def test_the_prober_rearms_from_an_alarm_that_outlives_an_operators_disable() -> None:
    flag = recovering(T0)
    rearmed: dict[str, Any] = {"alarm_on": True, "new_incident_id": "inc-2"}
    assert rearm(flag, now=T0 + 299, **rearmed) is None
    assert rearm(flag, now=T0 + 300, alarm_on=False, new_incident_id="inc-2") is None
    change = rearm(flag, now=T0 + 300, **rearmed)
    assert change is not None
    assert (change.event.kind, change.flag.cause, change.flag.incident_id) == (
        Kind.REENTERED,
        Cause.ALARM,
        "inc-1",
    )
    calm = disable(tripped().flag, By("op", "operator", "r", T0), ramp=False).flag
    again = rearm(calm, now=T0 + 300, **rearmed)
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


def approved(flag: Flag, observed: float | None = T0 + 10, language: str = "en_US") -> PanicChange | None:
    return resolve(flag, By("w", "webhook", "approved", T0 + 11), observed=observed, language=language)


def test_metas_approval_ends_a_templates_panic_at_once() -> None:
    for change in (
        approved(rejected_template()),
        approved(rejected_template(), None),
        approved(rejected_template(), T0, ""),
    ):
        assert change is not None
        assert (change.flag.state, change.event.source) == (State.RECOVERING, "webhook")


def test_an_approval_is_kept_as_evidence() -> None:
    change = resolve(
        rejected_template(), By("w", "webhook", "approved", T0 + 11), evidence={"event": "APPROVED"}
    )
    assert change is not None
    assert change.event.evidence["event"] == "APPROVED"


def test_an_approval_ends_nothing_else() -> None:
    flag = rejected_template()
    assert approved(flag, observed=T0 - 2) is None, "from before the rejection"
    assert approved(flag, language="de") is None, "another language was approved"
    assert approved(replace(flag, hold=True)) is None
    assert approved(replace(flag, hold=True, until=T0 + 99)) is None
    assert approved(replace(flag, cause=Cause.OPERATOR)) is None
    assert approved(Flag.normal(flag.scope)) is None
    assert approved(tripped().flag) is None
