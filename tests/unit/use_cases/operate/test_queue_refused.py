"""Refused messages: looked at, sent again, discarded."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from lifeline.contract.names import (
    WAKE_QUEUE,
)
from lifeline.contract.operator_actions import OPERATOR_ACTIONS
from lifeline.domain.message.row import Lane, Row
from lifeline.domain.message.status import Status

from tests.support.memory import Fault
from tests.support.operating import ACTOR, World, body


@pytest.fixture
def world() -> World:
    made = World()
    made.clock.advance(60)
    return made


def refused(world: World, name: str = "m1", ago: float = 60, **fields: Any) -> Row:
    at = world.clock() - ago
    row = Row(
        name,
        Status.REJECTED,
        lane=Lane.REFUSED,
        due=at,
        attempt=3,
        cause="bad_request",
        code=132000,
        body=body(name),
        trail={f"{int(at * 1000)}_REJECTED": "values of +491701234567 are missing"},
    )
    return world.ledger.put(replace(row, **fields))


def do(world: World, action: str, queue: str = "refused", **fields: Any) -> dict[str, Any]:
    return world.ask(f"queue.{action}", queue=queue, reason="template fixed", actor=ACTOR, **fields)


def test_peek_shows_refused_messages_with_masked_reasons(world: World) -> None:
    refused(world, "m1", 90)
    refused(world, "m2", 60)
    refused(world, "m3", 30, template="reminder", cause="template_rejected", code=132001)
    result = world.ask("queue.peek", queue="refused", sample=2)
    assert (result["waiting"], result["seen"], result["to"]) == (3, 3, "whatsapp")
    assert [item["count"] for item in result["reasons"]] == [2, 1]
    assert result["reasons"][0]["reason"].startswith("bad_request 132000: values of")
    assert [item["id"] for item in result["sample"]] == ["m1", "m2"]
    assert result["sample"][0]["age_seconds"] == 90
    assert "1701234567" not in json.dumps(result)
    assert world.ledger.moves == [], "a look changes nothing"


def test_a_refused_message_is_sent_again_by_one_write(world: World) -> None:
    refused(world)
    assert do(world, "redrive") == {
        "queue": "refused", "to": "whatsapp", "moved": 1, "accounted": 0, "failed": 0, "waiting": 0,
        "complete": True, "warnings": [OPERATOR_ACTIONS["queue.redrive"].danger],
    }  # fmt: skip
    row = world.ledger.rows["m1"]
    assert (row.status, row.lane, row.due, row.attempt) == (Status.CLAIMED, Lane.TIMER, world.clock(), 0)
    assert [wake.body for wake in world.queues.carriers(WAKE_QUEUE)] == ["m1"]
    assert world.ledger.moves == [("m1", Status.REJECTED, Status.CLAIMED)]


@pytest.mark.parametrize(
    ("chosen", "ids"),
    [
        ({}, {"a", "b", "c"}),
        ({"id": "b"}, {"b"}),
        ({"template": "reminder"}, {"b", "c"}),
        ({"cause": "bad_request"}, {"a", "b"}),
        ({"template": "reminder", "cause": "bad_request"}, {"b"}),
        ({"limit": 2}, {"a", "b"}),
        ({"template": "other"}, set()),
    ],
)
@pytest.mark.parametrize(("action", "status"), [("redrive", Status.CLAIMED), ("discard", Status.REJECTED)])
def test_refused_messages_are_chosen(
    world: World, action: str, status: Status, chosen: dict[str, Any], ids: set[str]
) -> None:
    refused(world, "a", 90)
    refused(world, "b", 60, template="reminder")
    refused(world, "c", 30, template="reminder", cause="template_rejected")
    do(world, action, **chosen)
    gone = {name for name, row in world.ledger.rows.items() if row.lane != Lane.REFUSED}
    assert gone == ids
    assert all(world.ledger.rows[name].status is status for name in ids)


def test_an_id_that_is_not_refused_is_a_refusal(world: World) -> None:
    world.ledger.put(Row("sent", Status.SENT))
    for name in ("sent", "unknown"):
        error = world.refused("queue.redrive", queue="refused", id=name, reason="x", actor=ACTOR)
        assert error["code"] == "not_refused"


def test_what_is_refused_again_meanwhile_is_left_for_a_look(world: World) -> None:
    refused(world, "old", 60)
    refused(world, "new", -5)
    assert do(world, "redrive")["waiting"] == 1
    assert world.ledger.rows["new"].lane == Lane.REFUSED


def test_many_refused_messages_are_moved_up_to_the_time(world: World) -> None:
    for number in range(250):
        refused(world, f"m{number}")
    assert do(world, "redrive", remaining=1.0)["complete"] is False
    assert do(world, "redrive", limit=120)["moved"] == 120
    result = do(world, "redrive")
    assert (result["moved"], result["waiting"], result["complete"]) == (130, 0, True)


def test_another_operator_who_was_faster_moves_it_once(world: World) -> None:
    row = refused(world)
    world.ledger.before_write.append(
        lambda: world.ledger.put(replace(row, rev=7, status=Status.CLAIMED, lane=Lane.TIMER, due=1.0))
    )
    assert do(world, "redrive")["moved"] == 0
    assert world.ledger.rows["m1"].rev == 7


def test_a_ledger_without_an_answer_counts_as_failed(world: World) -> None:
    refused(world)

    class Silent:
        def at(self, point: str) -> Fault | None:
            return Fault.LOSE if point == "ledger.write.before" else None

    world.ledger.faults = Silent()
    result = do(world, "redrive")
    assert (result["moved"], result["failed"], result["complete"]) == (0, 1, False)


def test_discarded_messages_stay_rejected_and_the_history_names_them(world: World) -> None:
    refused(world)
    result = do(world, "discard")
    assert (result["discarded"], result["ids"], result["waiting"]) == (1, ["m1"], 0)
    row = world.ledger.rows["m1"]
    assert (row.status, row.lane) == (Status.REJECTED, None)
    event = world.ask("panic.history")["events"][0]
    assert (event["actor"], event["evidence"]["ids"]) == (ACTOR, "m1")
    assert "discarded: template fixed" in event["reason"]
    assert any("discarded by" in words for words in row.trail.values())
