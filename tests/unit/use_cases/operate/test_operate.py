"""Operator actions: the shape of requests, refusals that name what is valid, changes with their actor."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lifeline.adapters.queues import Depth
from lifeline.contract.instants import format_instant
from lifeline.contract.names import ENTRY_QUEUES, LANES, OPENAI_VOICE, QUEUES, WHATSAPP
from lifeline.contract.operator_actions import OPERATOR_ACTIONS
from lifeline.contract.schema import violations
from lifeline.domain.message.row import BACKLOG, Lane, Row
from lifeline.domain.message.status import Status
from lifeline.domain.panic.ending import probe
from lifeline.domain.panic.flag import State
from lifeline.settings import NEEDS
from lifeline.wiring import operator
from lifeline.wiring.adapters import Adapters

from tests.support.operating import ACTOR, World, url

TEMPLATE = "whatsapp/template/reminder"


@pytest.fixture
def world() -> World:
    return World()


# --- the shape of requests ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_", [None, [], "panic.status", 3, {}, {"action": None}, {"action": "panic.stat"}]
)
def test_what_is_no_action_is_refused_with_the_actions_there_are(world: World, request_: Any) -> None:
    answer = world.operate(request_, lambda: 60.0)
    assert not answer["ok"]
    assert answer["error"]["code"] == "unknown_action"
    assert "panic.enable" in answer["error"]["valid"]


@pytest.mark.parametrize("missing", ["scope", "reason", "actor"])
def test_a_missing_field_is_named(world: World, missing: str) -> None:
    fields = {"scope": WHATSAPP, "reason": "why", "actor": ACTOR}
    del fields[missing]
    error = world.refused("panic.enable", **fields)
    assert error["code"] == "invalid_request"
    assert f"request.{missing}: is required" in error["message"]
    assert set(error["valid"]) >= {"scope", "reason", "actor", "hold", "until"}
    assert world.control.events == {}


def test_an_unknown_field_is_refused_not_ignored(world: World) -> None:
    error = world.refused("panic.enable", scope=WHATSAPP, reason="why", actor=ACTOR, untill="18:00")
    assert "request.untill: is not a known field" in error["message"]
    assert world.control.flag(WHATSAPP).state is State.NORMAL


@pytest.mark.parametrize(
    "scope", ["sms", "Whatsapp", "whatsapp/template/", "whatsapp/template/No", "whatsapp/x"]
)
def test_a_wrong_scope_is_refused_with_the_scopes_there_are(world: World, scope: str) -> None:
    error = world.refused("panic.enable", scope=scope, reason="why", actor=ACTOR)
    assert error["code"] == "unknown_scope"
    assert error["valid"] == ["whatsapp", "openai_voice", "whatsapp/template/NAME"]


@pytest.mark.parametrize("reason", ["", " ", "\n"])
def test_a_reason_says_something(world: World, reason: str) -> None:
    error = world.refused("panic.enable", scope=WHATSAPP, reason=reason, actor=ACTOR)
    assert "reason" in error["message"]


def test_what_cannot_be_reached_is_a_refusal_that_says_so(world: World) -> None:
    world.control.broken = True
    error = world.refused("panic.status")
    assert error["code"] == "unavailable"
    assert "DynamoDB" in error["message"]


def test_lost_races_are_a_refusal_that_says_so(world: World) -> None:
    world.control.races = 100
    assert world.refused("panic.enable", scope=WHATSAPP, reason="x", actor=ACTOR)["code"] == "conflict"


def test_a_lost_race_is_tried_again(world: World) -> None:
    world.control.races = 2
    assert world.enable()["flag"]["state"] == "panic"


def test_every_change_is_logged_with_its_actor_and_no_private_field(world: World) -> None:
    world.enable()
    logged = [fields for kind, event, fields in world.log.lines if event == "operator action"]
    assert logged[-1]["actor"] == ACTOR
    assert not {"message", "contacts"} & set(logged[-1])


def test_every_action_documents_its_request_and_answer() -> None:
    for name, action in OPERATOR_ACTIONS.items():
        assert action.description.endswith("."), name
        assert action.answer, name
        assert set(action.required) <= set(action.fields), name
        assert all(field.get("description") for field in action.fields.values()), name
        assert not action.changes or "actor" in action.required, f"{name} changes something: who?"


EVENTS = Path(__file__).parents[4] / "events" / "operator"


def test_the_wired_function_carries_out_every_action_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NEEDS["operator"], "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "https://example.org/x")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert operator.build(Adapters("operator")).actions == set(OPERATOR_ACTIONS)


def test_every_action_has_an_event_that_fits_its_schema() -> None:
    files = {path.stem: json.loads(path.read_text()) for path in sorted(EVENTS.glob("*.json"))}
    assert {event["action"] for event in files.values()} == set(OPERATOR_ACTIONS)
    for name, event in files.items():
        assert name == event["action"].replace(".", "_")
        assert list(violations(event, OPERATOR_ACTIONS[event["action"]].schema, name)) == []


# --- panic -----------------------------------------------------------------------------------------------


def test_status_of_a_new_system(world: World) -> None:
    result = world.ask("panic.status")
    assert [flag["scope"] for flag in result["scopes"]] == [WHATSAPP, OPENAI_VOICE]
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
        ({"until": "tomorrow"}, "does not match"),
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
    assert "drain_state" not in world.control.values, "the ramp starts from the bottom"


def test_disable_without_ramp_goes_straight_to_normal_and_to_the_set_rate(world: World) -> None:
    world.control.put_setting("drain_rate", 25.0, actor="x", reason="x", now=1.0)
    world.trip()
    assert world.disable(ramp=False)["flag"]["state"] == "normal"
    assert world.control.values["drain_state"].value["rate"] == 25.0


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

    world.control.write = slow  # type: ignore[method-assign]
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


def test_status_shows_templates_only_when_there_is_something_to_say(world: World) -> None:
    world.trip(TEMPLATE, "template_rejected")
    shown = [flag["scope"] for flag in world.ask("panic.status")["scopes"]]
    assert shown == [WHATSAPP, OPENAI_VOICE, TEMPLATE]
    world.disable(scope=TEMPLATE, ramp=False)
    assert [flag["scope"] for flag in world.ask("panic.status")["scopes"]] == [WHATSAPP, OPENAI_VOICE]


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
    why = {"scope": WHATSAPP, "reason": "load test", "actor": ACTOR}
    result = world.ask("panic.shadow", on=True, **why)
    assert (result["changed"], result["flag"]["shadow"]) == (True, True)
    assert "does not protect" in result["warnings"][0]
    assert world.ask("panic.shadow", on=True, **why)["changed"] is False
    assert world.status()["shadow"] is True
    assert world.ask("panic.shadow", on=False, **why)["flag"]["shadow"] is False


# --- queues ----------------------------------------------------------------------------------------------


def wait(world: World, lane: str, count: int, ago: float = 100.0, **fields: Any) -> None:
    """So many messages in a lane, the first of them due ``ago`` seconds ago."""
    for number in range(count):
        row = Row(f"{lane}-{number}", Status.PARKED, lane=lane, due=world.clock() - ago + number / 1000)
        world.ledger.put(replace(row, **fields))


def drains(world: World, rate: float = 10.0, **more: float) -> None:
    state = {"rate": rate, "why": "releasing", **more}
    world.control.put_setting("drain_state", state, actor="d", reason="", now=world.clock.now)


def by_name(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {queue["name"]: queue for queue in result["queues"]}


def test_queue_status_of_all_queues_and_lanes(world: World) -> None:
    result = world.ask("queue.status")
    names = [queue["name"] for queue in result["queues"]]
    assert set(names) == {*QUEUES, *LANES}
    assert names[:3] == list(ENTRY_QUEUES), "what producers fill comes first"
    kinds = {queue["kind"] for queue in result["queues"]}
    assert kinds == {"live", "backlog", "refused", "timer", "dead-letter"}
    assert (result["waiting"], result["refused"], result["unreadable"], result["eta_seconds"]) == (0, 0, 0, 0)
    assert result["drain"]["ceiling"] == 10.0


def test_the_lanes_of_the_contract_are_those_of_the_agenda() -> None:
    assert set(LANES) == {str(lane) for lane in Lane}
    assert [lane for lane in LANES if lane in BACKLOG] == list(BACKLOG)


@pytest.mark.parametrize("name", ["whatsapp-queue", "lifeline-test-whatsapp-queue"])
def test_the_whatsapp_queue_means_the_entry_queues_and_all_lanes(world: World, name: str) -> None:
    world.held = ["template:reminder", "campaign:spring"]
    wait(world, "template:reminder", 2)
    shown = [queue["name"] for queue in world.ask("queue.status", queue=name)["queues"]]
    assert shown == [*ENTRY_QUEUES, *LANES, "template:reminder"]


@pytest.mark.parametrize("name", ["voice-dlq", "wake-queue", "refused", "timer", "bulk", "template:reminder"])
def test_one_other_queue_or_lane_alone(world: World, name: str) -> None:
    assert [queue["name"] for queue in world.ask("queue.status", queue=name)["queues"]] == [name]


def test_an_unknown_queue_is_refused_with_what_there_is(world: World) -> None:
    error = world.refused("queue.status", queue="sms-queue")
    assert error["code"] == "unknown_queue"
    assert error["valid"] == [*QUEUES, *LANES]


def test_queue_status_says_how_old_the_backlog_is_and_when_it_will_be_gone(world: World) -> None:
    wait(world, "critical", 100, ago=321)
    wait(world, "normal", 300)
    drains(world)
    result = world.ask("queue.status")
    found = by_name(result)
    assert (found["critical"]["visible"], found["critical"]["eta_seconds"]) == (100, 10)
    assert found["normal"]["eta_seconds"] == 40
    assert found["critical"]["oldest_age_seconds"] == 321.0, "exact, and at once"
    assert result["eta"] == format_instant(world.clock.now + 40)
    assert (result["waiting"], result["drain"]["rate"]) == (400, 10.0)


def test_messages_that_sleep_are_told_apart(world: World) -> None:
    wait(world, "normal", 3, ago=-3600)
    wait(world, "bulk", 1)
    result = world.ask("queue.status")
    found = by_name(result)["normal"]
    assert (found["visible"], found["delayed"], found["oldest_age_seconds"]) == (0, 3, None)
    assert any("3 of the backlog wait for the end of quiet hours" in note for note in result["notes"])


def test_what_is_released_already_is_on_its_way_and_the_rest_leaves_after_it(world: World) -> None:
    world.control.marks["drain"] = world.clock.now + 45
    wait(world, "timer", 30, ago=-10, status=Status.CLAIMED, phase="waiting", drained=True)
    world.ledger.put(Row("retry", lane="timer", due=world.clock.now + 5, phase="waiting"))
    result = world.ask("queue.status")
    assert (result["waiting"], result["released"], result["eta_seconds"]) == (0, 30, 45)
    wait(world, "normal", 100)
    drains(world)
    assert world.ask("queue.status")["eta_seconds"] == 55
    world.clock.advance(60)
    assert world.ask("queue.status")["released"] == 0, "waits for another reason"


def test_in_panic_nothing_leaves_and_status_says_why(world: World) -> None:
    wait(world, "normal", 5)
    world.trip()
    result = world.ask("queue.status")
    assert result["eta_seconds"] is None
    assert any("panic" in note for note in result["notes"])


def test_queue_status_points_at_what_needs_a_person(world: World) -> None:
    world.queues.depths[url("whatsapp-dlq")] = Depth(3, 0, 0)
    wait(world, "refused", 2, status=Status.REJECTED)
    result = world.ask("queue.status", queue="normal")
    assert (result["refused"], result["unreadable"]) == (2, 3)
    for name in ("whatsapp-dlq", "refused"):
        assert any(f"lifeline queue redrive --queue {name} --dry-run" in note for note in result["notes"])


def test_ages_of_queues_come_from_cloudwatch_or_are_said_to_be_unknown(world: World) -> None:
    world.queues.depths[url("whatsapp-critical-queue")] = Depth(5, 0, 0)
    world.queues.depths[url("whatsapp-queue")] = Depth(5, 0, 0)
    world.metrics.ages = {"lifeline-test-whatsapp-critical-queue": 321.0}
    result = world.ask("queue.status", queue="whatsapp-queue")
    assert by_name(result)["whatsapp-critical-queue"]["oldest_age_seconds"] == 321.0
    assert by_name(result)["whatsapp-queue"]["oldest_age_seconds"] is None
    assert any("oldest message of whatsapp-queue" in note for note in result["notes"])
    world.metrics.broken = True
    assert any("unknown" in note for note in world.ask("queue.status")["notes"])


@pytest.mark.parametrize(
    ("given", "rate"), [("10/s", 10.0), ("600/min", 10.0), ("0", 0.0), (2, 2.0), (0.5, 0.5), (0, 0.0)]
)
def test_set_rate_stores_the_ceiling_with_who_and_why(world: World, given: Any, rate: float) -> None:
    result = world.ask("queue.set_rate", queue="whatsapp-queue", rate=given, reason="slow down", actor=ACTOR)
    assert (result["rate"], result["before"]) == (rate, 10.0)
    assert result["effective_within_seconds"] <= 75
    stored = world.control.values["drain_rate"]
    assert (stored.value, stored.actor, stored.reason) == (rate, ACTOR, "slow down")
    event = world.ask("panic.history")["events"][0]
    assert (event["kind"], event["actor"]) == ("noted", ACTOR)
    assert "slow down" in event["reason"]


@pytest.mark.parametrize("rate", ["fast", "10", "0.1/s", "501/s", "-1/s", "", 0.01, 1000, True])
def test_a_wrong_rate_is_refused(world: World, rate: Any) -> None:
    error = world.refused("queue.set_rate", queue="whatsapp-queue", rate=rate, reason="x", actor=ACTOR)
    assert error["code"] in ("bad_rate", "invalid_request")
    assert "drain_rate" not in world.control.values


@pytest.mark.parametrize("name", ["voice-queue", "whatsapp-bulk-queue", "bulk"])
def test_only_the_whatsapp_queue_has_a_rate(world: World, name: str) -> None:
    error = world.refused("queue.set_rate", queue=name, rate="1/s", reason="x", actor=ACTOR)
    assert error["valid"] == ["whatsapp-queue"]


def test_rate_zero_holds_and_status_says_so(world: World) -> None:
    wait(world, "normal", 5)
    world.ask("queue.set_rate", queue="whatsapp-queue", rate="0", reason="wait", actor=ACTOR)
    result = world.ask("queue.status")
    assert result["eta_seconds"] is None
    assert any("set-rate" in note for note in result["notes"])
