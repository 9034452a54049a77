"""Operator actions: the shape of requests, refusals that name what is valid, changes with their actor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lifeline.contract.operator_actions import OPERATOR_ACTIONS
from lifeline.contract.schema import violations
from lifeline.contract.scopes import SCOPES, WHATSAPP
from lifeline.domain.panic.flag import State
from lifeline.settings import NEEDS
from lifeline.use_cases.operate.operate import Operate
from lifeline.wiring import operator, operator_read
from lifeline.wiring.adapters import Adapters

from tests.support.operating import ACTOR, World


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(
    "request_", [None, [], "panic.status", 3, {}, {"action": None}, {"action": "panic.stat"}]
)
def test_what_is_no_action_is_refused_with_the_actions_there_are(world: World, request_: Any) -> None:
    answer = world.operate(request_, lambda: 60.0)
    assert not answer["ok"]
    assert answer["error"]["code"] == "unknown_action"
    assert "panic.enable" in answer["error"]["valid"]


@pytest.mark.parametrize("missing", ["scope", "reason"])
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
    "scope", ["pigeon", "Whatsapp", "whatsapp/template/", "whatsapp/template/No", "whatsapp/x"]
)
def test_a_wrong_scope_is_refused_with_the_scopes_there_are(world: World, scope: str) -> None:
    error = world.refused("panic.enable", scope=scope, reason="why", actor=ACTOR)
    assert error["code"] == "unknown_scope"
    assert error["valid"] == [*SCOPES, "whatsapp/template/NAME"]


@pytest.mark.parametrize("reason", ["", " ", "\n"])
def test_a_reason_says_something(world: World, reason: str) -> None:
    error = world.refused("panic.enable", scope=WHATSAPP, reason=reason, actor=ACTOR)
    assert "reason" in error["message"]


def test_a_reason_is_kept_without_number_and_address(world: World) -> None:
    reason = "as +49 (151) 555-44 433 asked, jane@example.org"
    world.ask("panic.enable", scope=WHATSAPP, reason=reason, actor=ACTOR)
    kept = repr(world.control.__dict__)
    assert "asked" in kept
    assert not [part for part in ("555-44", "(151)", "jane") if part in kept]


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
    adapters = Adapters("operator")
    assert operator.build(adapters, operator.prover(adapters)).actions == set(OPERATOR_ACTIONS)


def load_event(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((EVENTS / f"{name.replace('.', '_')}.json").read_text())
    return event


def wired_to_read(monkeypatch: pytest.MonkeyPatch) -> Operate:
    for name in (*NEEDS["operator_read"], "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "https://example.org/x")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    return operator_read.build(Adapters("operator_read"))


@pytest.mark.parametrize("action", sorted(name for name, spec in OPERATOR_ACTIONS.items() if spec.changes))
def test_the_reading_function_refuses_every_change(monkeypatch: pytest.MonkeyPatch, action: str) -> None:
    answer = wired_to_read(monkeypatch)(load_event(action), lambda: 60.0)
    assert answer["error"]["code"] == "read_only", answer
    assert "OperatorPolicyArn" in answer["error"]["message"]


@pytest.mark.parametrize(
    "request_",
    [
        {"action": "audit.run", "deep": True, "wake": True},
        {"action": "queue.peek", "queue": "whatsapp-dlq"},
        {"action": "queue.peek", "queue": "lifeline-test-whatsapp-dlq"},
    ],
    ids=str,
)
def test_the_reading_function_refuses_a_look_that_moves_something(
    monkeypatch: pytest.MonkeyPatch, request_: dict[str, Any]
) -> None:
    assert wired_to_read(monkeypatch)(request_, lambda: 60.0)["error"]["code"] == "read_only"


@pytest.mark.parametrize("action", ["queue.redrive", "queue.discard"])
def test_what_cannot_be_taken_back_is_meant_or_refused_and_told(world: World, action: str) -> None:
    fields: dict[str, Any] = {"queue": "refused", "reason": "fixed", "actor": ACTOR}
    for sure in ({}, {"sure": False}):
        answer = world.operate({"action": action, **fields, **sure}, lambda: 60.0)
        assert answer["error"]["code"] == "unsure"
        assert OPERATOR_ACTIONS[action].danger in answer["error"]["message"]
    assert OPERATOR_ACTIONS[action].danger in world.ask(action, **fields)["warnings"]


def test_every_action_has_an_event_that_fits_its_schema() -> None:
    files = {path.stem: json.loads(path.read_text()) for path in sorted(EVENTS.glob("*.json"))}
    assert {event["action"] for event in files.values()} == set(OPERATOR_ACTIONS)
    for name, event in files.items():
        assert name == event["action"].replace(".", "_")
        assert list(violations(event, OPERATOR_ACTIONS[event["action"]].schema, name)) == []
