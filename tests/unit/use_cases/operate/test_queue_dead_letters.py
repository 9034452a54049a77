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
    EVENTS_DLQ,
    VOICE_DLQ,
    VOICE_QUEUE,
    WHATSAPP_DLQ,
    WHATSAPP_QUEUE,
)
from lifeline.domain.message.row import Lane, Phase, Row
from lifeline.domain.message.status import Status

from tests.support.memory import Fault
from tests.support.operating import ACTOR, World, body, url
from tests.support.statuses import PUSHED

DLQ = url(WHATSAPP_DLQ)


@pytest.fixture
def world() -> World:
    made = World()
    made.clock.advance(60)
    return made


def do(world: World, action: str, queue: str = "refused", **fields: Any) -> dict[str, Any]:
    return world.ask(f"queue.{action}", queue=queue, reason="template fixed", actor=ACTOR, **fields)


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


def test_events_of_functions_are_shown_and_given_up_and_never_sent_again(world: World) -> None:
    context = {"functionArn": "arn:aws:lambda:r:0:function:s-alarm:$LATEST", "condition": "RetriesExhausted"}
    world.queues.lay(EVENTS_DLQ, json.dumps({"requestContext": context}))
    result = world.ask("queue.peek", queue=EVENTS_DLQ)
    assert result["reasons"] == [{"reason": "s-alarm: RetriesExhausted", "count": 1}]
    error = world.refused("queue.redrive", queue=EVENTS_DLQ, reason="x", actor=ACTOR)
    assert error["code"] == "not_sent_again"
    assert do(world, "discard", EVENTS_DLQ)["discarded"] == 1
    assert world.queues.depth(url(EVENTS_DLQ)).visible == 0


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


@pytest.mark.parametrize("status", [Status.SENT, PUSHED, Status.EXPIRED, Status.REJECTED])
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
    assert world.control.counted("o|CANCELLED|normal|-|-") == 1


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
