"""Claim: no claim, no effect; own writes are recognised; who lost looks again; dead workers are noticed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from lifeline.domain.message.row import Change, Lane, Phase, Row, waiting
from lifeline.domain.message.status import Status
from lifeline.domain.message.steering import cancel
from lifeline.use_cases.deliver.decide import LEASE

from tests.support.memory import Fault
from tests.support.meta import status
from tests.support.sending import DEVICE, World
from tests.support.services import instead
from tests.support.statuses import PUSHED

PUSH = {"push_endpoint": DEVICE}


# --- answers that are lost -------------------------------------------------------------------------------


@pytest.mark.parametrize("in_panic", [False, True])
@pytest.mark.parametrize("has_push", [False, True])
@pytest.mark.parametrize("fault", [Fault.LOSE, Fault.LATE])
@pytest.mark.parametrize("call", range(4))
def test_a_lost_answer_then_the_own_write_is_met(
    in_panic: bool, has_push: bool, fault: Fault, call: int
) -> None:
    """The retry meets our own write: parked rows, claims and outcomes stay accounted for."""
    world = World()
    if in_panic:
        world.trip()
    point = "ledger.write.after" if fault is Fault.LOSE else "ledger.write.before"
    world.faults.add(point, *[None] * call, fault)
    back = world.put("m", recipient=PUSH if has_push else {})
    row = world.row("m")
    assert back == []
    assert row.accounted
    assert row.status is (Status.SENT if not in_panic else PUSHED if has_push else Status.PARKED)
    assert len(world.told("m")) == (0 if row.status is Status.PARKED else 1)
    assert row.possible_duplicates == 0


@pytest.mark.parametrize("landed", [False, True])
def test_a_claim_without_an_answer_sends_nothing_and_comes_again(landed: bool) -> None:
    world = World()
    record = world.record("m")
    point = "ledger.write.after" if landed else "ledger.write.before"
    world.faults.add(point, *[Fault.LOSE] * 6)
    assert world.batch(record) == [record.id]
    assert world.meta.asked == []
    assert ("m" in world.ledger.rows) is landed
    world.faults.clear()
    world.again(after=60.0)
    world.serve()
    world.again()
    assert world.unacknowledged == {}
    assert (world.status("m"), world.meta.asked) == (Status.SENT, ["m"])


def test_a_throttled_statement_of_a_batch_is_repeated() -> None:
    world = World()
    world.faults.add("ledger.write.statement", None, Fault.FAIL, Fault.LOSE)
    assert world.put("a", "b", "c", "d") == []
    assert sorted(world.meta.asked) == ["a", "b", "c", "d"]


def test_a_batch_is_claimed_and_recorded_with_one_call_each() -> None:
    world = World()
    calls: list[int] = []
    real = world.ledger.write

    def write(changes: list[Change], now: float) -> object:
        calls.append(len(changes))
        return real(changes, now)

    instead(world.ledger, write=write)
    world.put(*"abcdefghij")
    assert [count for count in calls if count] == [10, 10]


# --- the row when it is claimed --------------------------------------------------------------------------


@pytest.mark.parametrize(("priority", "lane"), [("critical", Lane.TIMER), ("normal", None), ("bulk", None)])
def test_a_claim_is_written_before_anything_is_sent(priority: str, lane: str | None) -> None:
    world = World()
    seen: list[Row] = []
    world.meta.before = lambda name: seen.append(world.row(name))
    world.put("m", priority=priority)
    (row,) = seen
    assert (row.status, row.phase, row.act, row.way) == (Status.CLAIMED, Phase.SENDING, 1, "whatsapp")
    assert (row.lane, row.due) == (lane, world.clock() + LEASE if lane else None)


def test_a_claim_from_a_wake_up_stands_on_the_agenda() -> None:
    world = World()
    body = world.record("m").body
    world.ledger.put(replace(waiting(Row("m", body=body), world.clock()), rev=1))
    seen: list[Row] = []
    world.meta.before = lambda name: seen.append(world.row(name))
    world.wake("m")
    assert (seen[0].lane, seen[0].due) == (Lane.TIMER, world.clock() + LEASE)


# --- workers that die ------------------------------------------------------------------------------------

STEPS = [
    ("ledger.write.before", 0),
    ("ledger.write.after", 0),
    ("ledger.write.before", 1),
    ("ledger.write.after", 1),
]


@pytest.mark.parametrize("priority", ["critical", "normal", "bulk"])
@pytest.mark.parametrize(("point", "call"), STEPS)
def test_a_worker_that_dies_loses_nothing_and_counts_what_may_be_double(
    point: str, call: int, priority: str
) -> None:
    world = World()
    world.faults.add(point, *[None] * call, Fault.DIE)
    world.dies(world.record("m", priority=priority))
    assert len(world.unacknowledged) == 1
    world.again()
    world.serve()
    world.again()
    row = world.row("m")
    assert (row.status, world.unacknowledged) == (Status.SENT, {})
    claim_died = (point, call) == ("ledger.write.after", 0)
    assert row.possible_duplicates == (1 if claim_died else len(world.meta.asked) - 1)


def test_a_dead_workers_critical_message_goes_on_without_its_sqs_message() -> None:
    world = World()
    world.faults.add("ledger.write.after", Fault.DIE)
    world.dies(world.record("m", priority="critical"))
    began = world.clock()
    world.serve(120.0)
    assert world.status("m") is Status.SENT
    assert world.clock() - began <= 120.0
    assert world.again() == []
    assert world.meta.asked == ["m"]


def test_a_report_settles_what_a_dead_worker_sent() -> None:
    world = World()
    world.faults.add("ledger.write.before", None, Fault.DIE)
    world.dies(world.record("m"))
    assert world.statuses(status("m#1", "delivered", wamid="wamid.m.1")) == 200
    assert world.again() == []
    world.serve()
    row = world.row("m")
    assert (row.status, row.possible_duplicates, world.meta.asked) == (Status.DELIVERED, 0, ["m"])


# --- other workers ---------------------------------------------------------------------------------------


def test_a_message_that_another_worker_sends_comes_again_and_finds_its_outcome() -> None:
    world = World()
    copy = world.record("m")
    met: list[list[str]] = []
    world.meta.before = lambda name: met.append(world.batch(copy, by=world.worker()))
    assert world.put("m") == []
    assert met == [[copy.id]], "it is not acknowledged: nothing else accounts for the message"
    assert world.again() == []
    assert world.meta.asked == ["m"]


def test_a_message_that_another_worker_sends_comes_again_though_it_is_on_the_agenda() -> None:
    world = World()
    copy = world.record("m", priority="critical")
    met: list[list[str]] = []
    world.meta.before = lambda name: met.append(world.batch(copy, by=world.worker()))
    assert world.put("m", priority="critical") == []
    assert met == [["sqs-1"]], "it sees to it that the outcome is told"
    assert world.meta.asked == ["m"]


def test_who_loses_a_claim_looks_at_the_row_anew() -> None:
    world = World()
    body = world.record("m").body
    world.ledger.put(replace(waiting(Row("m", body=body), world.clock()), rev=1))

    def taken_back() -> None:
        row = world.row("m")
        after = cancel(row)
        assert after is not None
        world.ledger.put(replace(after, rev=row.rev + 1))

    world.ledger.before_write.append(taken_back)
    assert world.wake("m") == []
    assert (world.status("m"), world.meta.asked) == (Status.CANCELLED, [])


def test_a_row_that_is_erased_meanwhile_is_acknowledged() -> None:
    world = World()
    record = world.record("m")
    world.ledger.put(replace(waiting(Row("m", body=record.body), world.clock()), rev=1))
    world.ledger.before_write.append(lambda: world.ledger.rows.pop("m"))
    assert world.batch(replace(record, receive_count=2)) == []
    assert world.meta.asked == []


def test_a_claim_that_was_overtaken_before_its_answer_came_is_not_carried_out() -> None:
    """The claim landed, its answer was lost, and an operator could not know: the row moved on meanwhile."""
    world = World()
    body = world.record("m").body
    world.ledger.put(replace(waiting(Row("m", body=body), world.clock()), rev=1))
    real = world.ledger._call
    calls = []

    def call(*given: Any) -> object:
        calls.append(1)
        if len(calls) == 2:
            row = world.row("m")
            assert row.in_flight
            world.ledger.put(
                replace(row, rev=row.rev + 1, phase=None, lane=None, due=None, status=Status.CANCELLED)
            )
        return real(*given)

    instead(world.ledger, _call=call)
    world.faults.add("ledger.write.after", Fault.LOSE)
    assert world.wake("m") == []
    assert (world.status("m"), world.meta.asked, world.row("m").doubts) == (Status.CANCELLED, [], ())


def test_a_row_that_others_write_again_and_again_is_left_to_them() -> None:
    world = World()
    record = world.record("m")
    world.ledger.put(replace(waiting(Row("m", body=record.body), world.clock()), rev=1))

    real = world.ledger.write

    def write(changes: list[Change], now: float) -> object:
        row = world.row("m")
        world.ledger.put(replace(row, rev=row.rev + 1))
        return real(changes, now)

    instead(world.ledger, write=write)
    assert world.batch(replace(record, receive_count=2)) == []
    assert world.meta.asked == []
    assert world.row("m").accounted


def test_of_two_batches_that_claim_at_once_one_sends() -> None:
    world = World()
    copy = world.record("m")
    back: list[list[str]] = []
    world.ledger.before_write.append(lambda: back.append(world.batch(copy, by=world.worker())))
    assert world.put("m") == []
    assert back == [[]]
    assert world.meta.asked == ["m"]
