"""What needs a person: seen with its reasons first, then sent again or given up, each once."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from lifeline.contract.names import (
    BULK_QUEUE,
    CRITICAL_QUEUE,
    DEAD_LETTER_QUEUES,
    VOICE_DLQ,
    VOICE_QUEUE,
    WAKE_QUEUE,
    WHATSAPP_DLQ,
    WHATSAPP_QUEUE,
)
from lifeline.domain.message.row import Lane, Phase, Row
from lifeline.domain.message.status import Status

from tests.support.memory import Fault
from tests.support.operating import ACTOR, World, url

DLQ = url(WHATSAPP_DLQ)


@pytest.fixture
def world() -> World:
    made = World()
    made.clock.advance(60)
    return made


def body(name: str = "m1", **fields: Any) -> str:
    return json.dumps({"id": name, "to": "+491701234567", "type": "text", "text": "hello", **fields})


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


# --- refused messages --------------------------------------------------------------------------------------


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
        "complete": True,
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


# --- dead-letter queues ------------------------------------------------------------------------------------


def test_peek_shows_reasons_and_a_masked_sample_and_takes_nothing(world: World) -> None:
    world.queues.lay(WHATSAPP_DLQ, body(), "bad_request: code 100: +491701234567 is odd")
    world.queues.lay(WHATSAPP_DLQ, "{not json +491701234567", "contract: message is not JSON")
    world.queues.lay(WHATSAPP_DLQ, body("m3"))
    result = world.ask("queue.peek", queue=WHATSAPP_DLQ)
    assert (result["waiting"], result["seen"], result["to"]) == (3, 3, WHATSAPP_QUEUE)
    assert sum(item["count"] for item in result["reasons"]) == 3
    assert [item["id"] for item in result["sample"]] == ["m1", None, "m3"]
    assert "1701234567" not in json.dumps(result)
    assert world.queues.depth(DLQ).visible == 3, "they can be taken again at once"


def test_peek_keeps_to_the_sample_and_finds_one_by_id(world: World) -> None:
    for number in range(30):
        world.queues.lay(WHATSAPP_DLQ, body(f"m{number}"))
    assert world.ask("queue.peek", queue=WHATSAPP_DLQ, sample=5)["seen"] == 5
    found = world.ask("queue.peek", queue=WHATSAPP_DLQ, id="m27")
    assert [item["id"] for item in found["sample"]] == ["m27"]
    assert world.queues.depth(DLQ).visible == 30


@pytest.mark.parametrize("action", ["queue.peek", "queue.redrive", "queue.discard"])
@pytest.mark.parametrize("queue", ["whatsapp-queue", "wake-queue", "normal", "nonsense"])
def test_only_what_needs_a_person(world: World, action: str, queue: str) -> None:
    fields = {} if action == "queue.peek" else {"reason": "x", "actor": ACTOR}
    error = world.refused(action, queue=queue, **fields)
    assert {"refused", *DEAD_LETTER_QUEUES} <= set(error["valid"])


def test_template_and_cause_choose_among_refused_only(world: World) -> None:
    error = world.refused("queue.redrive", queue=WHATSAPP_DLQ, template="x", reason="x", actor=ACTOR)
    assert "refused only" in error["message"]


@pytest.mark.parametrize(
    ("priority", "queue"),
    [("critical", CRITICAL_QUEUE), ("normal", WHATSAPP_QUEUE), ("bulk", BULK_QUEUE)],
)
def test_a_dead_letter_goes_back_to_the_queue_of_its_priority(
    world: World, priority: str, queue: str
) -> None:
    world.queues.lay(WHATSAPP_DLQ, body(priority=priority))
    result = do(world, "redrive", WHATSAPP_DLQ)
    assert (result["moved"], result["waiting"], result["complete"]) == (1, 0, True)
    (sent,) = world.queues.carriers(queue)
    assert (sent.body, sent.reason) == (body(priority=priority), None)


@pytest.mark.parametrize("status", [Status.SENT, Status.PUSHED, Status.EXPIRED, Status.REJECTED])
def test_what_was_settled_meanwhile_is_deleted_and_counted(world: World, status: Status) -> None:
    world.ledger.put(Row("m1", status))
    world.queues.lay(WHATSAPP_DLQ, body())
    result = do(world, "redrive", WHATSAPP_DLQ)
    assert (result["moved"], result["accounted"], result["waiting"]) == (0, 1, 0)
    assert world.queues.carriers(WHATSAPP_QUEUE) == []


def test_what_waits_on_the_agenda_needs_no_dead_letter(world: World) -> None:
    world.ledger.put(Row("m1", lane=Lane.TIMER, due=world.clock() + 60, phase=Phase.WAITING))
    world.queues.lay(WHATSAPP_DLQ, body())
    assert do(world, "redrive", WHATSAPP_DLQ)["accounted"] == 1


def test_an_open_row_off_the_agenda_keeps_its_dead_letter_until_it_is_back(world: World) -> None:
    world.ledger.put(Row("m1", phase=Phase.SENDING, act=1, way="whatsapp", attempted_at=1.0))
    world.queues.lay(WHATSAPP_DLQ, body())
    assert do(world, "redrive", WHATSAPP_DLQ)["moved"] == 1
    assert len(world.queues.carriers(WHATSAPP_QUEUE)) == 1


def test_a_message_that_cannot_be_put_back_stays(world: World) -> None:
    world.queues.lay(WHATSAPP_DLQ, body())
    world.queues.broken.add(url(WHATSAPP_QUEUE))
    result = do(world, "redrive", WHATSAPP_DLQ)
    assert (result["moved"], result["failed"]) == (0, 1)
    assert world.queues.depth(DLQ).visible == 1


def test_a_ledger_that_cannot_be_read_leaves_everything_where_it_is(world: World) -> None:
    world.queues.lay(WHATSAPP_DLQ, body())
    world.ledger.broken = True
    for action in ("queue.redrive", "queue.discard"):
        error = world.refused(action, queue=WHATSAPP_DLQ, reason="x", actor=ACTOR)
        assert error["code"] == "unavailable"
    assert world.queues.held(DLQ) == [body()]


def test_what_comes_back_meanwhile_is_left(world: World) -> None:
    world.queues.lay(WHATSAPP_DLQ, body("m1"))
    started = world.clock.now
    world.clock.now = started + 5
    world.queues.lay(WHATSAPP_DLQ, body("m9"))
    world.clock.now = started + 1
    result = do(world, "redrive", WHATSAPP_DLQ)
    assert (result["moved"], result["waiting"], result["complete"]) == (1, 1, True)


def test_many_are_moved_up_to_the_limit_and_the_time(world: World) -> None:
    for number in range(25):
        world.queues.lay(WHATSAPP_DLQ, body(f"m{number}"))
    assert do(world, "redrive", WHATSAPP_DLQ, limit=12)["moved"] == 12
    result = do(world, "redrive", WHATSAPP_DLQ, remaining=1.0)
    assert (result["moved"], result["complete"]) == (0, False)
    assert do(world, "redrive", WHATSAPP_DLQ)["moved"] == 13


def test_one_dead_letter_by_its_id(world: World) -> None:
    for number in range(25):
        world.queues.lay(WHATSAPP_DLQ, body(f"m{number}"))
    assert do(world, "redrive", WHATSAPP_DLQ, id="m17")["moved"] == 1
    assert [json.loads(sent.body)["id"] for sent in world.queues.carriers(WHATSAPP_QUEUE)] == ["m17"]
    assert world.queues.depth(DLQ).visible == 24


def test_a_speech_job_goes_back_only_while_its_message_waits_for_it(world: World) -> None:
    speaking = Row("m1", phase=Phase.SPEAKING, lane=Lane.TIMER, due=world.clock() + 60)
    world.ledger.put(speaking)
    world.ledger.put(replace(speaking, id="m2", status=Status.SENT, phase=None, lane=None))
    for name in ("m1", "m2"):
        world.queues.lay(VOICE_DLQ, json.dumps({"kind": "speech", "id": name}))
    result = do(world, "redrive", VOICE_DLQ)
    assert (result["to"], result["moved"], result["accounted"]) == (VOICE_QUEUE, 1, 1)
    (job,) = world.queues.carriers(VOICE_QUEUE)
    assert json.loads(job.body)["id"] == "m1"


def test_unreadable_bodies_are_discarded_with_who_and_why(world: World) -> None:
    world.queues.lay(WHATSAPP_DLQ, "{not json", "contract: message is not JSON")
    result = do(world, "discard", WHATSAPP_DLQ)
    assert (result["discarded"], result["waiting"], result["complete"]) == (1, 0, True)
    assert world.queues.held(DLQ) == []
    event = world.ask("panic.history")["events"][0]
    assert (event["actor"], event["evidence"]["moved"]) == (ACTOR, 1)


def test_a_row_that_only_its_dead_letter_accounted_for_ends_with_it(world: World) -> None:
    world.ledger.put(Row("m1", phase=Phase.SENDING, act=1, way="whatsapp", attempted_at=5.0))
    world.queues.lay(WHATSAPP_DLQ, body())
    assert do(world, "discard", WHATSAPP_DLQ)["discarded"] == 1
    row = world.ledger.rows["m1"]
    assert (row.status, [doubt.act for doubt in row.doubts]) == (Status.CANCELLED, [1])
    assert [counted.id for counted in world.counted] == ["m1"]


def test_a_settled_row_is_not_touched_by_a_discard(world: World) -> None:
    row = world.ledger.put(Row("m1", Status.SENT))
    world.queues.lay(WHATSAPP_DLQ, body())
    assert do(world, "discard", WHATSAPP_DLQ)["discarded"] == 1
    assert world.ledger.rows["m1"] == row


def test_a_row_whose_end_cannot_be_written_keeps_its_dead_letter(world: World) -> None:
    world.ledger.put(Row("m1"))
    world.queues.lay(WHATSAPP_DLQ, body())

    class Silent:
        def at(self, point: str) -> Fault | None:
            return Fault.LOSE if point == "ledger.write.before" else None

    world.ledger.faults = Silent()
    result = do(world, "discard", WHATSAPP_DLQ)
    assert (result["discarded"], result["failed"]) == (0, 1)
    assert world.queues.held(DLQ) == [body()]
