"""Operator actions on panic mode: status, enable, disable, shadow, history."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from lifeline.contract.instants import format_instant
from lifeline.contract.scopes import OPENAI_VOICE, SCOPES, WHATSAPP
from lifeline.domain.account.records import TokenLook
from lifeline.domain.account.token import NO_WAY_BACK
from lifeline.domain.failure.causes import Cause
from lifeline.domain.pace.records import DrainState
from lifeline.domain.panic.ending import probe
from lifeline.domain.panic.flag import State

from tests.support.operating import ACTOR, World
from tests.support.services import instead

TEMPLATE = "whatsapp/template/reminder"


@pytest.fixture
def world() -> World:
    return World()


def test_status_of_a_new_system(world: World) -> None:
    result = world.ask("panic.status")
    assert [flag["scope"] for flag in result["scopes"]] == list(SCOPES)
    assert {flag["state"] for flag in result["scopes"]} == {"normal"}
    assert result["panic"] is False
    assert result["at"].endswith("Z")


def test_enable_enters_panic_with_who_why_and_when(world: World) -> None:
    result = world.enable()
    assert result["changed"] is True
    flag = world.status()
    assert (flag["state"], flag["cause"], flag["actor"], flag["source"]) == (
        "panic",
        "operator",
        ACTOR,
        "operator",
    )
    assert flag["reason"] == "looking into it"
    assert flag["since"] == format_instant(world.clock.now)
    assert flag["incident_id"] == result["incident_id"]
    assert world.control.kinds(WHATSAPP) == ["entered"]
    assert len(world.queues.sent[world.settings.probe_queue_url]) >= 1, "probing begins at once"
    assert world.notices.told[0]["severity"] == "high"


def test_after_a_failed_refresh_the_advice_is_what_the_refresh_demands(world: World) -> None:
    world.trip(cause=Cause.AUTH)
    assert "token-status" in world.status()["remedy"]
    look = TokenLook(format_instant(world.clock.now + 2), "failed", "invalid", step="exchange")
    look = replace(look, remedy=NO_WAY_BACK)
    world.control.keep(look, actor="k", reason="r", now=world.clock.now)
    told = world.status()["remedy"]
    assert "step exchange" in told
    assert NO_WAY_BACK in told
    world.clock.advance(3600)
    world.disable()
    world.trip(cause=Cause.AUTH)
    assert NO_WAY_BACK in world.status()["remedy"], "the incident goes on, and the token is refused again"


def test_enable_twice_for_the_same_reason_changes_nothing(world: World) -> None:
    world.enable()
    assert world.enable()["changed"] is False
    assert world.control.kinds(WHATSAPP) == ["entered"]


def test_enable_during_panic_keeps_incident_and_cause(world: World) -> None:
    world.trip()
    before = world.status()
    world.clock.advance(60)
    result = world.enable(hold=True)
    assert result["flag"]["incident_id"] == before["incident_id"]
    assert result["flag"]["cause"] == "unreachable"
    assert result["flag"]["hold"] is True
    assert world.control.kinds(WHATSAPP) == ["entered", "held"]


def test_hold_until_and_for_say_when_panic_ends(world: World) -> None:
    now = world.clock.now
    assert world.enable(hold=True)["flag"]["ends"] == "held: ends by an operator"
    until = format_instant(now + 7200)
    assert until[:19] in world.enable(hold=True, until=until)["flag"]["ends"]
    flag = world.enable(scope=OPENAI_VOICE, for_seconds=5400)
    assert flag["flag"]["until"] == format_instant(now + 5400)
    assert "without hold" in flag["warnings"][0]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"until": "2020-01-01T00:00:00Z"}, "in the past"),
        ({"until": "2020-13-45T00:00:00Z"}, "not a real instant"),
        ({"until": "tomorrow"}, "must be an instant with a time zone"),
        ({"for_seconds": 0}, "at least 1"),
        ({"for_seconds": 10**9}, "at most"),
        ({"for_seconds": float("nan")}, "is not a number that can be written"),
        ({"for_seconds": "2h"}, "must be of type number"),
        ({"for_seconds": 60, "until": "2099-01-01T00:00:00Z"}, "not both"),
        ({"hold": "yes"}, "must be of type boolean"),
    ],
)
def test_a_wrong_end_is_refused_and_changes_nothing(world: World, fields: dict[str, Any], words: str) -> None:
    error = world.refused("panic.enable", scope=WHATSAPP, reason="why", actor=ACTOR, **fields)
    assert words in error["message"]
    assert world.control.flag(WHATSAPP).state is State.NORMAL


def test_disable_recovers_and_starts_the_drain(world: World) -> None:
    world.trip()
    result = world.disable()
    assert result["flag"]["state"] == "recovering"
    assert result["drain_started"] is True
    assert world.functions.started == [
        ("lifeline-test-drainer", {"source": "lifeline.operator", "scope": WHATSAPP})
    ]
    assert DrainState.NAME not in world.control.values, "the ramp starts from the bottom"


def test_disable_of_voice_starts_no_drain(world: World) -> None:
    world.trip(OPENAI_VOICE)
    assert world.disable(scope=OPENAI_VOICE)["drain_started"] is False
    assert world.functions.started == []


def test_disable_of_a_template_ends_only_that(world: World) -> None:
    world.trip(TEMPLATE, "template_rejected")
    world.trip(WHATSAPP)
    assert world.disable(scope=TEMPLATE)["flag"]["state"] == "recovering"
    assert world.status(WHATSAPP)["state"] == "panic"


def test_disable_warns_of_alarms_that_would_bring_panic_back(world: World) -> None:
    world.trip()
    world.alarms.names = ["lifeline-trip-whatsapp-no-success"]
    result = world.disable()
    assert result["alarms"] == ["lifeline-trip-whatsapp-no-success"]
    assert "lifeline-trip-whatsapp-no-success" in result["warnings"][0]
    assert "shadow" in result["warnings"][0]


def test_disable_works_although_alarms_and_the_drainer_cannot_be_reached(world: World) -> None:
    world.trip()
    world.alarms.broken = world.functions.broken = True
    result = world.disable()
    assert result["flag"]["state"] == "recovering"
    assert len(result["warnings"]) == 2


def test_disable_where_nothing_is_in_panic_is_refused(world: World) -> None:
    error = world.refused("panic.disable", scope=WHATSAPP, reason="why", actor=ACTOR)
    assert error["code"] == "refused"
    assert "nothing to disable" in error["message"]


def test_enable_and_disable_in_a_race_leave_one_flag_and_both_in_the_history(world: World) -> None:
    """Between one operator's read and write, the other one writes."""
    world.trip()
    write = world.control.write
    raced: list[str] = []

    def slow(change: Any, read_version: int) -> None:
        if not raced:
            raced.append("other")
            world.ask("panic.enable", scope=WHATSAPP, reason="keep it on", actor="bob", hold=True)
        write(change, read_version)

    instead(world.control, write=slow)
    assert world.disable()["flag"]["state"] == "recovering"
    assert world.control.kinds(WHATSAPP) == ["entered", "held", "recovering"]
    assert [event.actor for event in world.control.history(WHATSAPP)] == [ACTOR, "bob", "SenderFunction"]
    assert len({event.incident_id for event in world.control.history(WHATSAPP)}) == 1


def test_status_tells_of_probes_and_what_to_do(world: World) -> None:
    world.trip()
    for ok in (False, True, True):
        world.clock.advance(15)
        flag = world.control.flag(WHATSAPP)
        evidence = {"findings": {} if ok else {"number_health": "connection refused"}}
        change = probe(flag, incident_id=flag.incident_id, ok=ok, now=world.clock.now, evidence=evidence)
        assert change is not None
        world.control.write(change, flag.version)
    flag_ = world.status()
    assert (flag_["probe_successes"], flag_["probes_needed"]) == (2, 3)
    assert [found["ok"] for found in flag_["probes"]] == [True, True, False], "newest first"
    assert flag_["probes"][2]["found"] == "number_health: connection refused"
    assert flag_["since_seconds"] == 45
    assert "metastatus.com" in flag_["remedy"]


@pytest.mark.parametrize(
    ("cause", "words"),
    [("account", "platform.openai.com"), ("auth", "openai_api_key"), ("unreachable", "status.openai.com")],
)
def test_trouble_of_openai_is_not_blamed_on_meta(world: World, cause: str, words: str) -> None:
    world.trip(OPENAI_VOICE, cause)
    remedy = world.ask("panic.status", scope=OPENAI_VOICE)["scopes"][0]["remedy"]
    assert words in remedy
    assert "Meta" not in remedy
    assert "whatsapp" not in remedy


def test_status_advises_what_the_failure_itself_said(world: World) -> None:
    world.trip(OPENAI_VOICE, "account", remedy="Pay at platform.openai.com.")
    shown = world.ask("panic.status", scope=OPENAI_VOICE)["scopes"][0]
    assert shown["remedy"] == "Pay at platform.openai.com."


def test_status_shows_templates_only_when_there_is_something_to_say(world: World) -> None:
    world.trip(TEMPLATE, "template_rejected")
    shown = [flag["scope"] for flag in world.ask("panic.status")["scopes"]]
    assert shown == [*SCOPES, TEMPLATE]
    world.disable(scope=TEMPLATE, ramp=False)
    assert [flag["scope"] for flag in world.ask("panic.status")["scopes"]] == list(SCOPES)


def test_history_is_newest_first_and_leaves_single_probes_out(world: World) -> None:
    world.trip()
    for _ in range(3):
        world.clock.advance(15)
        flag = world.control.flag(WHATSAPP)
        change = probe(flag, incident_id=flag.incident_id, ok=True, now=world.clock.now)
        assert change is not None
        world.control.write(change, flag.version)
    world.clock.advance(1)
    world.trip(OPENAI_VOICE)
    events = world.ask("panic.history")["events"]
    assert [(event["scope"], event["kind"]) for event in events] == [
        (OPENAI_VOICE, "entered"),
        (WHATSAPP, "recovering"),
        (WHATSAPP, "entered"),
    ]
    assert len(world.ask("panic.history", scope=WHATSAPP, probes=True)["events"]) == 4
    assert len(world.ask("panic.history", limit=1)["events"]) == 1
    assert (
        world.ask("panic.history", since_seconds=1, scope=OPENAI_VOICE)["events"][0]["actor"]
        == "SenderFunction"
    )


def test_shadow_is_set_kept_and_taken_back(world: World) -> None:
    why: dict[str, Any] = {"scope": WHATSAPP, "reason": "load test", "actor": ACTOR}
    result = world.ask("panic.shadow", on=True, **why)
    assert (result["changed"], result["flag"]["shadow"]) == (True, True)
    assert "does not enter panic by itself" in result["warnings"][0]
    assert world.ask("panic.shadow", on=True, **why)["changed"] is False
    assert world.status()["shadow"] is True
    assert world.ask("panic.shadow", on=False, **why)["flag"]["shadow"] is False


def test_a_panic_by_hand_stays_for_fifteen_minutes_unless_probes_may_end_it_at_once(world: World) -> None:
    answer = world.enable()
    assert "not before" in answer["flag"]["ends"]
    assert world.control.flag(WHATSAPP).earliest_recovery == world.clock() + 900


@pytest.mark.parametrize("fields", [{"auto": True}, {"hold": True}, {"for_seconds": 60}])
def test_who_says_how_it_ends_has_no_default(world: World, fields: dict[str, Any]) -> None:
    world.enable(**fields)
    assert world.control.flag(WHATSAPP).earliest_recovery == world.clock()


def test_an_operator_who_joins_a_panic_that_tripped_holds_it_as_long(world: World) -> None:
    world.trip()
    world.enable()
    assert world.control.flag(WHATSAPP).earliest_recovery == world.clock() + 900
    world.enable(auto=True, hold=True)
    assert world.control.flag(WHATSAPP).earliest_recovery == world.clock() + 900, "it is never shortened"
