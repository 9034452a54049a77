"""Hostile requests to OperatorFunction: each refused with its code and a reason, and nothing changes."""

from __future__ import annotations

import copy
import json
from typing import Any, Final

import pytest

from tests.support.hostile import World, good
from tests.support.hostile_requests import CASES, PATCH, asked
from tests.support.operating import url


@pytest.fixture(params=[False, True], ids=["health", "panic"])
def world(request: pytest.FixtureRequest) -> World:
    made = World()
    if request.param:
        made.trip()
    return made


def state(world: World) -> Any:
    parts = (world.ledger.rows, world.control.stored, world.control.events, world.control.values)
    return copy.deepcopy((*parts, dict(world.queues.sent), world.contacts.known, world.campaigns.items))


@pytest.mark.parametrize("name", CASES)
def test_each_is_refused_with_its_reason_and_the_canary_sings(world: World, name: str) -> None:
    request, code, fragment = CASES[name]
    before = state(world)
    answer = world.ask(asked(request))
    assert not answer["ok"]
    assert answer["error"]["code"] == code, answer
    assert fragment in answer["error"]["message"]
    assert len(answer["error"]["message"]) < 3000
    assert state(world) == before
    sings(world)


def sings(world: World) -> None:
    """A good request is carried out, and its message delivered once."""
    canary, body = world.canary()
    answer = world.ask(asked({"action": "message.send", "message": json.loads(body)}))
    assert answer["ok"], answer
    assert world.ask(asked({"action": "message.send", "message": json.loads(body)}))["ok"]
    for item in world.queues.sent[url("whatsapp-critical-queue")]:
        assert world.invoke(item.body) == []
    assert world.sings(canary)


def test_there_are_many() -> None:
    assert len(CASES) >= 50


NASTY: Final = ["\ud83d", "\x00", "\x1b[2J", "\x9b2J", "\uffff"]


@pytest.mark.parametrize("nasty", NASTY, ids=ascii)
@pytest.mark.parametrize("column", ["user_id", "email", "push_endpoint"])
def test_a_bad_contact_is_named_by_its_line_and_the_good_one_saved(
    world: World, column: str, nasty: str
) -> None:
    bad = {"line": 3, "user_id": "bad", "email": "b@example.org"}
    bad[column] = f"{bad.get(column, 'arn:aws:sns:e:000000000000:endpoint/A/b/c')}{nasty}"
    answer = world.ask(asked({"action": "contacts.import", "contacts": [PATCH, bad]}))
    assert answer["result"]["saved"] == 1
    assert [item["line"] for item in answer["result"]["rejected"]] == [3]
    assert list(world.contacts.known) == ["u"]


def test_what_lies_dead_is_shown_and_can_be_given_up_whatever_it_holds(world: World) -> None:
    """Dead letters are bodies of strangers: one must not close the queue to the operator."""
    bodies = [
        good(id="x" * 3000),
        good(id="\ud83d"),
        good(id="\U0001f600" * 600),
        '{"id": ' + "9" * 5000 + "}",
        "[" * 20_000,
        '{"id": {"a": 1}}',
        good(id="\x1b[2J", text="\x9b"),
        "+49 151 12345678 and EAAabcdefghijkl",
    ]
    assert world.invoke(*bodies) == []
    assert len(world.dead) == len(bodies)
    answer = world.ask({"action": "queue.peek", "queue": "whatsapp-dlq", "sample": 20})
    assert answer["ok"], answer
    shown = json.dumps(answer)
    assert len(answer["result"]["sample"]) == len(bodies)
    assert "12345678" not in shown
    assert "EAAabcdefghijkl" not in shown
    for action in ("queue.redrive", "queue.discard"):
        done = world.ask(
            asked({"action": action, "queue": "whatsapp-dlq", "reason": "looked at", "sure": True})
        )
        assert done["ok"], done
    sings(world)
