"""Producers are told of each outcome at least once, after its write, whatever dies or fails in between."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from lifeline.domain.message.row import Lane
from lifeline.domain.message.status import Status
from lifeline.settings import Settings

from tests.support.memory import Died
from tests.support.sending import DEAD, DEVICE, World, answer

PUSHES = {"push_endpoint": DEVICE}


@pytest.fixture
def world() -> World:
    return World(Settings(outcomes_topic_arn="topic/outcomes"))


def test_a_sent_message_is_told_without_a_write_of_its_own(world: World) -> None:
    world.put("m", category="appointment", metadata={"booking": 7})
    (publication,) = world.outcome_topic.taken
    event = publication.event
    assert (event.event_id, event.sequence, event.id, event.status) == ("m#2", 2, "m", "SENT")
    assert (event.via, event.wamid, event.metadata) == ("whatsapp", "wamid.m.1", {"booking": 7})
    assert publication.filters == {
        "status": "SENT",
        "category": "appointment",
        "priority": "normal",
        "campaign": None,
        "via": "whatsapp",
    }
    row = world.row("m")
    assert (row.rev, row.lane) == (2, None)


def test_a_batch_is_told_in_one_go(world: World) -> None:
    world.put(*(f"m{number}" for number in range(20)))
    assert world.outcome_topic.calls == 1
    assert len(world.outcome_topic.events) == 20


def test_nothing_is_told_before_it_is_written(world: World) -> None:
    seen: list[Status] = []
    world.outcome_topic.before = lambda: seen.append(world.status("m"))
    world.put("m")
    assert seen == [Status.SENT]


def test_a_worker_that_dies_before_it_told_leaves_it_to_the_next(world: World) -> None:
    world.outcome_topic.script = [Died("before publishing")]
    world.dies(world.record("m"))
    assert world.status("m") is Status.SENT
    assert world.outcome_topic.events == []
    assert world.again() == []
    assert [event.event_id for event in world.outcome_topic.events] == ["m#2"]
    assert world.row("m").rev == 2


def test_what_is_told_twice_bears_the_same_event_id(world: World) -> None:
    world.put("m")
    world.put("m")
    assert {event.event_id for event in world.outcome_topic.events} == {"m#2"}


def test_the_same_content_after_a_while_is_nothing(world: World) -> None:
    world.put("m")
    world.clock.advance(3600.0)
    world.put("m")
    assert len(world.outcome_topic.events) == 1


def test_what_sns_does_not_take_is_told_by_the_agenda(world: World) -> None:
    world.outcome_topic.script = [False]
    assert world.put("m") == []
    row = world.row("m")
    assert (row.status, row.lane, row.onward) == (Status.SENT, Lane.TIMER, "off")
    world.outcome_topic.script = [False]
    world.serve()
    assert world.outcome_topic.of("m") == ["SENT"]
    row = world.row("m")
    assert (row.lane, row.onward, row.outcomes) == (None, None, ())


def test_what_is_neither_told_nor_noted_is_not_acknowledged(world: World) -> None:
    world.outcome_topic.script = [False]
    world.outcome_topic.before = lambda: setattr(world.ledger, "broken", True)
    assert world.put("m") == ["sqs-1"]
    world.ledger.broken = False
    world.outcome_topic.before = lambda: None
    assert world.again() == []
    assert world.outcome_topic.of("m") == ["SENT"]


def test_a_topic_that_raises_costs_no_delivery(world: World) -> None:
    world.outcome_topic.script = [ValueError("nobody foresaw this")]
    assert world.put("m") == []
    assert world.row("m").lane == Lane.TIMER


def test_an_outcome_from_a_wake_up_is_owed_by_its_row_until_it_is_told(world: World) -> None:
    world.meta.script = [answer(131000)]
    world.put("m")
    assert world.outcome_topic.events == []
    seen: list[str | None] = []
    world.outcome_topic.before = lambda: seen.append(world.row("m").lane)
    world.serve()
    assert seen == [Lane.TIMER]
    assert world.outcome_topic.of("m") == ["SENT"]
    row = world.row("m")
    assert (row.lane, row.outcomes) == (None, ())


def test_a_worker_that_dies_with_a_wake_up_leaves_the_outcome_to_the_tick(world: World) -> None:
    world.meta.script = [answer(131000)]
    world.put("m")
    world.clock.advance(30.0)
    world.outcome_topic.script = [Died("before publishing")]
    world.dies(world.wake_up("m"))
    assert (world.status("m"), world.row("m").lane) == (Status.SENT, Lane.TIMER)
    world.serve()
    assert world.outcome_topic.of("m") == ["SENT"]


def test_parked_then_sent_each_with_its_time(world: World) -> None:
    world.trip()
    world.control.stored["whatsapp"] = replace(
        world.control.flag("whatsapp"), earliest_recovery=world.clock() + 300
    )
    world.clock.advance(1.0)
    world.put("m")
    (event,) = world.outcome_topic.events
    assert (event.status, event.via) == ("PARKED", None)
    assert event.eta == pytest.approx(world.clock() + 299, abs=2)


def test_a_push_is_told_with_the_cause_that_led_to_it(world: World) -> None:
    world.meta.script = [answer(131026)]
    world.put("m", recipient=PUSHES)
    (event,) = world.outcome_topic.events
    assert (event.status, event.via, event.cause, event.code) == ("PUSHED", "push", "undeliverable", 131026)


def test_a_refused_message_is_told_with_its_reason(world: World) -> None:
    world.meta.script = [answer(100)]
    world.put("m")
    (event,) = world.outcome_topic.events
    assert (event.status, event.cause) == ("REJECTED", "bad_request")
    assert event.reasons
    assert world.row("m").lane == Lane.REFUSED


def test_a_copy_of_what_is_being_sent_is_not_acknowledged_before_the_outcome_is_told(world: World) -> None:
    record = world.record("m", priority="critical")
    copies: list[list[str]] = []
    world.meta.before = lambda name: copies.append(world.batch(record, by=world.worker()))
    world.outcome_topic.script = [Died("before publishing")]
    world.dies(record)
    assert copies == [["sqs-1"]]
    assert world.again() == []
    assert world.outcome_topic.of("m") == ["SENT"]


# --- what has no row -------------------------------------------------------------------------------------


def test_a_body_that_breaks_the_contract_is_told_with_every_reason(world: World) -> None:
    body = {"id": "bad-1", "to": "", "type": "fax", "metadata": {"booking": 7}}
    assert world.batch(world.raw(json.dumps(body)), world.raw("not json")) == []
    first, second = world.outcome_topic.events
    assert (first.id, first.message_id, first.status) == ("bad-1", "sqs-1", "REJECTED")
    assert len(first.reasons) > 1
    assert first.metadata == {"booking": 7}
    assert (second.id, second.message_id, second.event_id) == (None, "sqs-2", "sqs-2#REJECTED")
    assert len(world.queues.sent[DEAD]) == 2


def test_a_broken_body_that_cannot_be_told_of_comes_again(world: World) -> None:
    world.outcome_topic.script = [False]
    assert world.batch(world.raw("not json")) == ["sqs-1"]
    assert world.queues.sent[DEAD] == []
    assert world.again() == []
    assert [event.event_id for event in world.outcome_topic.events] == ["sqs-1#REJECTED"]


@pytest.mark.parametrize("body", ['{"id": 7}', '{"id": "a b"}', "[]", "[" * 60, '{"metadata": [1]}'])
def test_what_is_no_id_is_not_passed_on(world: World, body: str) -> None:
    world.batch(world.raw(body))
    (event,) = world.outcome_topic.events
    assert (event.id, event.metadata) == (None, None)


def test_other_content_under_a_known_id_is_a_conflict(world: World) -> None:
    world.put("m")
    world.clock.advance(3600.0)
    assert world.put("m", text="At eleven.", metadata={"try": 2}) == []
    event = world.outcome_topic.events[-1]
    assert (event.status, event.id, event.message_id) == ("CONFLICT", "m", "sqs-2")
    assert (event.sequence, event.metadata) == (None, {"try": 2})
    assert world.outcome_topic.of("m") == ["SENT", "CONFLICT"]


def test_a_conflict_that_cannot_be_told_comes_again(world: World) -> None:
    world.put("m")
    world.clock.advance(3600.0)
    world.outcome_topic.script = [False]
    assert world.put("m", text="At eleven.") == ["sqs-2"]
    assert world.again() == []
    assert "CONFLICT" in world.outcome_topic.of("m")


def test_an_unreadable_row_is_refused_and_told(world: World) -> None:
    world.meta.script = [answer(131000)]
    world.put("m")
    world.ledger.put(replace(world.row("m"), body='{"id": "m", "of": "another version"}'))
    world.serve()
    assert world.outcome_topic.of("m") == ["REJECTED"]
    assert world.row("m").lane == Lane.REFUSED
