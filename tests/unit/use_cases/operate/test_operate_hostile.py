"""Requests of operators with text that breaks encoders: refused with a reason, never raised."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from lifeline.contract.operator_actions import OPERATOR_ACTIONS
from lifeline.contract.schema import violations
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.panic.flag import State

from tests.support.operating import ACTOR, World

NASTY = ["\ud83d", "\x00", "\x1b", "\x9f", "\uffff"]


MESSAGE = {"to": "+4915112345678", "type": "text", "text": "x"}


@pytest.fixture
def world() -> World:
    return World()


def texts() -> Iterator[tuple[str, str]]:
    for action, spec in OPERATOR_ACTIONS.items():
        for name, schema in spec.fields.items():
            if "string" in (schema.get("type") or ()):
                yield action, name


@pytest.mark.parametrize(("action", "name"), [*texts()])
def test_no_text_of_any_action_may_hold_them(action: str, name: str) -> None:
    schema = OPERATOR_ACTIONS[action].schema
    for nasty in NASTY:
        faults = [*violations({"action": action, name: f"a{nasty}"}, schema, "request")]
        assert any(fault.startswith(f"request.{name}: holds ") for fault in faults), faults


def encoded(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The answer as Lambda writes it."""
    found: dict[str, Any] = json.loads(json.dumps(answer, ensure_ascii=False, allow_nan=False).encode())
    return found


@pytest.mark.parametrize("nasty", NASTY, ids=ascii)
def test_a_reason_is_refused_with_its_place_and_nothing_changes(world: World, nasty: str) -> None:
    request = {"action": "panic.enable", "scope": WHATSAPP, "reason": f"why{nasty}", "actor": ACTOR}
    error = encoded(world.operate(request, lambda: 60.0))["error"]
    assert error["code"] == "invalid_request"
    assert "request.reason: holds " in error["message"]
    assert "at character 4" in error["message"]
    assert world.control.flag(WHATSAPP).state is State.NORMAL
    assert world.control.events == {}


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "request_",
    [
        {"action": "\ud83d"},
        {"action": deep(900)},
        {"action": deep(50_000)},
        {"action": "message.send", "message": deep(900), "actor": ACTOR},
        {"action": "message.send", "message": deep(40), "actor": ACTOR},
        {
            "action": "message.send",
            "message": {"id": "a", "to": "+4915112345678", "type": "text", "text": "\ud83d"},
        },
        {"action": "message.send", "message": {"\ud83d": 1}, "actor": ACTOR},
        {"action": "message.show", "id": "\ud83d"},
        {"action": "message.show", "\ud83d": 1},
        {"action": "panic.status", "scope": "\ud83d"},
        {"action": "panic.status", "scope": "x" * 300_000},
        {"action": "queue.set_rate", "queue": "x", "rate": float("inf"), "reason": "w", "actor": ACTOR},
        {"action": "queue.status", "queue": "whatsapp-queue\x1b[2J"},
        {"action": "campaign.add", "campaign": "c", "chunk": 0, "messages": [deep(900)], "actor": ACTOR},
        {"action": "campaign.check", "lines": [{"line": float("nan"), "message": {}}]},
        {"action": "campaign.check", "lines": [{"line": 1, "message": deep(900)}]},
        {"action": "whatsapp.test", "to": "\udcff", "actor": ACTOR},
    ],
    ids=itertools.count(),
)
def test_every_refusal_is_an_answer_that_can_be_written(world: World, request_: dict[str, Any]) -> None:
    answer = encoded(world.operate(request_, lambda: 60.0))
    assert not answer["ok"]
    assert 0 < len(answer["error"]["message"]) < 3000


def test_of_many_faults_ten_are_told(world: World) -> None:
    error = world.refused("panic.status", **{f"x{n}": n for n in range(300)})
    assert error["message"].count("is not a known field") == 10
    assert error["message"].endswith("and 290 more")


@pytest.mark.parametrize("nasty", NASTY, ids=ascii)
def test_a_line_of_a_file_is_named(world: World, nasty: str) -> None:
    contacts = [
        {"line": 2, "user_id": "u1", "email": "a@b"},
        {"line": 3, "user_id": f"u{nasty}", "email": "a@b"},
        {"line": 4, "user_id": "u4", "email": f"a{nasty}@b"},
        {"line": 5, "user_id": "u5", "push_endpoint": f"arn:aws:sns:e:123456789012:endpoint/A/b/c{nasty}"},
    ]
    found = world.ask("contacts.import", contacts=contacts, actor=ACTOR)
    assert found["saved"] == 1
    assert [item["line"] for item in found["rejected"]] == [3, 4, 5]
    assert all("(U+" in item["fault"] for item in found["rejected"])


def test_what_is_shown_of_others_can_be_written(world: World) -> None:
    """A request for a message that is unknown echoes nothing raw."""
    answer = world.operate({"action": "message.show", "id": "unknown"}, lambda: 60.0)
    assert encoded(answer)["result"]["found"] is False
