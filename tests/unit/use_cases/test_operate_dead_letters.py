"""Dead letters: seen with their reasons first, moved back so that each is handled again, once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lifeline.adapters.ledger import Row
from lifeline.adapters.queues import Incoming
from lifeline.contract import DEAD_LETTER_QUEUES
from lifeline.domain.delivery import Carrier, Do, Known, Situation, before_sending
from lifeline.domain.status import Status

from tests.support.operating import ACTOR, World, url

DLQ = url("whatsapp-dlq")


@pytest.fixture
def world() -> World:
    return World()


def body(name: str = "m1", **fields: Any) -> str:
    return json.dumps({"id": name, "to": "+491701234567", "type": "text", "text": "hello", **fields})


def dead(world: World, text: str, reason: str | None = None, note: dict[str, Any] | None = None) -> Incoming:
    number = sum(len(found) for found in world.queues.waiting.values()) + 1
    message = Incoming(f"sqs-{number}", text, f"receipt-{number}", note, reason, sent_at=world.clock.now - 60)
    world.queues.put(DLQ, message)
    return message


def row(world: World, name: str = "m1", status: Status = Status.REJECTED, **fields: Any) -> Row:
    return world.ledger.put(Row(name, status, "producer-1", turn=2, rev=3, body=body(name), **fields))


def redrive(world: World, queue: str = "whatsapp-dlq", **fields: Any) -> dict[str, Any]:
    return world.ask("queue.redrive", queue=queue, reason="template fixed", actor=ACTOR, **fields)


def decide(world: World, carrier: Any) -> Do:
    """What the sender does with a carrier that was put back."""
    known = world.ledger.rows["m1"]
    at = Situation(world.clock.now, False, False, True, None, None, 60.0, 90.0)
    return before_sending(
        Carrier(carrier["claim"], carrier["turn"]),
        Known(known.status, known.claim, known.turn, known.phase, known.attempted_at, known.due_at),
        at,
    ).do


def test_peek_shows_reasons_and_a_masked_sample_and_takes_nothing(world: World) -> None:
    dead(world, body(), "bad_request: code 100: +491701234567 is odd")
    dead(world, "{not json +491701234567", "contract: message is not JSON")
    dead(world, body("m3"))
    result = world.ask("queue.peek", queue="whatsapp-dlq")
    assert (result["waiting"], result["seen"], result["to"]) == (3, 3, "whatsapp-queue")
    assert sum(item["count"] for item in result["reasons"]) == 3
    assert [item["id"] for item in result["sample"]] == ["m1", None, "m3"]
    assert "1701234567" not in json.dumps(result)
    assert len(world.queues.waiting[DLQ]) == 3, "they can be taken again at once"
    assert world.queues.carriers("whatsapp-queue") == []


def test_peek_keeps_to_the_sample(world: World) -> None:
    for number in range(30):
        dead(world, body(f"m{number}"))
    assert world.ask("queue.peek", queue="whatsapp-dlq", sample=5)["seen"] >= 5
    assert len(world.queues.waiting[DLQ]) == 30


@pytest.mark.parametrize("action", ["queue.peek", "queue.redrive"])
@pytest.mark.parametrize("queue", ["whatsapp-queue", "whatsapp-backlog-queue", "nonsense"])
def test_only_dead_letter_queues(world: World, action: str, queue: str) -> None:
    fields = {"reason": "x", "actor": ACTOR} if action == "queue.redrive" else {}
    error = world.refused(action, queue=queue, **fields)
    assert set(DEAD_LETTER_QUEUES) <= set(error["valid"])


def test_a_rejected_message_is_handled_again(world: World) -> None:
    row(world)
    dead(world, body(), "bad_request: code 132000")
    result = redrive(world)
    assert (result["moved"], result["waiting"], result["complete"]) == (1, 0, True)
    (carrier,) = world.queues.carriers("whatsapp-queue")
    assert carrier.reason is None, "the reason stays behind"
    assert world.ledger.rows["m1"].status is Status.CLAIMED
    assert decide(world, carrier.note) is Do.SEND


def test_a_second_redrive_of_the_same_message_sends_it_once(world: World) -> None:
    """The function ended between the new carrier and the delete: the dead letter comes again."""
    row(world)
    again = dead(world, body())
    redrive(world)
    world.queues.put(DLQ, again)
    redrive(world)
    first, second = world.queues.carriers("whatsapp-queue")
    assert first.note == second.note, "two equal carriers, of which one loses its claim"


@pytest.mark.parametrize(
    "status", [Status.SENT, Status.DELIVERED, Status.PUSHED, Status.EMAILED, Status.EXPIRED]
)
def test_what_was_settled_meanwhile_is_not_sent_again(world: World, status: Status) -> None:
    row(world, status=status)
    dead(world, body())
    redrive(world)
    (carrier,) = world.queues.carriers("whatsapp-queue")
    assert decide(world, carrier.note) is Do.ACKNOWLEDGE
    assert world.ledger.rows["m1"].status is status


def test_an_unknown_message_starts_anew(world: World) -> None:
    dead(world, body())
    redrive(world)
    (carrier,) = world.queues.carriers("whatsapp-queue")
    assert carrier.body == body()
    assert world.ledger.rows == {}


def test_a_message_that_cannot_be_put_back_stays(world: World) -> None:
    dead(world, body())
    world.queues.broken.add(url("whatsapp-queue"))
    result = redrive(world)
    assert (result["moved"], result["failed"]) == (0, 1)
    assert len(world.queues.waiting[DLQ]) == 1


def test_a_ledger_that_cannot_be_read_leaves_everything_where_it_is(world: World) -> None:
    dead(world, body())
    world.ledger.broken = True
    assert (
        world.refused("queue.redrive", queue="whatsapp-dlq", reason="x", actor=ACTOR)["code"] == "unavailable"
    )
    assert world.queues.carriers("whatsapp-queue") == []
    assert len(world.queues.waiting[DLQ]) + len(world.queues.hidden[DLQ]) == 1


def test_what_comes_back_meanwhile_is_left_for_a_look(world: World) -> None:
    dead(world, body("m1"))
    world.queues.put(DLQ, Incoming("sqs-9", body("m9"), "r9", None, "again", sent_at=world.clock.now + 5))
    result = redrive(world)
    assert (result["moved"], result["waiting"], result["complete"]) == (1, 1, True)


def test_many_are_moved_up_to_the_limit_and_the_time(world: World) -> None:
    for number in range(25):
        dead(world, body(f"m{number}"))
    assert redrive(world, limit=12)["moved"] == 12
    result = redrive(world, remaining=1.0)
    assert (result["moved"], result["complete"]) == (0, False)
    assert redrive(world)["moved"] == 13


@pytest.mark.parametrize(("queue", "target"), [("voice-dlq", "voice-queue"), ("probe-dlq", "probe-queue")])
def test_other_dead_letters_keep_their_own_note(world: World, queue: str, target: str) -> None:
    note = {"claim": "c", "turn": 4}
    world.queues.put(url(queue), Incoming("s", "{}", "r", note, "failed", sent_at=world.clock.now - 5))
    assert redrive(world, queue)["to"] == target
    (carrier,) = world.queues.carriers(target)
    assert (carrier.body, carrier.note, carrier.reason) == ("{}", note, None)


def test_the_history_says_who_moved_how_many_and_why(world: World) -> None:
    dead(world, body())
    redrive(world)
    event = world.ask("panic.history")["events"][0]
    assert (event["kind"], event["actor"], event["evidence"]["moved"]) == ("noted", ACTOR, 1)
    assert "template fixed" in event["reason"]
