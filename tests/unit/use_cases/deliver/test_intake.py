"""Intake: bodies and wake-ups become jobs; what is wrong with one of them is its own trouble."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from lifeline.domain.message.row import Lane, Phase, Row, waiting
from lifeline.domain.message.status import Status
from lifeline.domain.person import PersonKey

from tests.support.memory import Fault
from tests.support.rows import sending
from tests.support.sending import DEAD, DEVICE, World


def nested(levels: int) -> str:
    return '{"id":"deep","to":' + "[" * levels + "]" * levels + "}"


BROKEN = {
    "half a character": json.dumps({"id": "x", "to": "+4915112345678", "type": "text", "text": "\ud83d"}),
    "half a character in the id": '{"id":"\\ud83d","to":"+4915112345678","type":"text","text":"x"}',
    "900 levels": nested(900),
    "20,000 levels": nested(20_000),
    "no JSON": "{",
    "no object": "[]",
    "a number": "1",
    "blank": " ",
    "no field": "{}",
    "NaN": '{"id":NaN}',
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_a_broken_body_goes_to_its_queue_and_the_others_go_on(body: str) -> None:
    world = World()
    records = [world.record(f"m{number}") for number in range(9)]
    records.insert(4, world.raw(body))
    assert world.batch(*records) == []
    assert sorted(world.meta.asked) == sorted(f"m{number}" for number in range(9))
    (dead,) = world.queues.sent[DEAD]
    assert dead.body == body
    assert (dead.reason or "").startswith("contract: ")
    assert world.log.metrics[("ContractErrors", "whatsapp")] == 1


def test_a_broken_body_that_the_dead_letter_queue_does_not_take_comes_again() -> None:
    world = World()
    world.queues.broken.add(DEAD)
    good, bad = world.record("m"), world.raw("{")
    assert world.batch(good, bad) == [bad.id]
    assert world.status("m") is Status.SENT


def test_an_error_that_nobody_foresaw_concerns_one_body(monkeypatch: pytest.MonkeyPatch) -> None:
    from lifeline.use_cases.deliver import intake

    real = vars(intake)["parse_message"]

    def parse(body: str) -> object:
        if '"bad"' in body:
            raise ZeroDivisionError
        return real(body)

    monkeypatch.setattr(intake, "parse_message", parse)
    world = World()
    assert world.put("a", "bad", "b") == []
    assert world.meta.asked == ["a", "b"]
    assert world.queues.sent[DEAD][0].reason == "contract: unexpected ZeroDivisionError"


def test_the_row_holds_what_the_message_says() -> None:
    world = World()
    record = world.record(
        "m",
        type="template",
        template={"name": "offer", "language": "en_US"},
        priority="bulk",
        category="promotion",
        campaign="spring",
        expires_at="2030-01-01T00:00:00Z",
    )
    world.batch(record)
    row = world.row("m")
    assert (row.body, row.priority, row.type, row.category) == (record.body, "bulk", "template", "promotion")
    assert (row.template, row.campaign, row.expires_at) == ("offer", "spring", 1_893_456_000.0)
    assert row.to_masked
    assert "5112345" not in row.to_masked
    assert row.person == PersonKey("a key of tests").person("+4915112345678")
    assert row.created_at == row.updated_at == world.clock()


# --- the same id more than once -------------------------------------------------------------------------


def test_two_copies_in_one_batch_are_one_message() -> None:
    world = World()
    assert world.batch(world.record("m"), world.record("m")) == []
    assert world.meta.asked == ["m"]


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("point", ["ledger.write.before", "ledger.write.after"])
@pytest.mark.parametrize("call", [0, 1])
def test_two_copies_after_a_crash_in_any_order(backwards: bool, point: str, call: int) -> None:
    world = World()
    world.faults.add(point, *[None] * call, Fault.DIE)
    world.dies(world.record("m"), world.record("m"), world.record("other"))
    assert len(world.unacknowledged) == 3
    back = world.again(backwards=backwards)
    for _ in range(5):
        row = world.ledger.rows.get("m")
        assert row is not None
        assert (row.accounted and not back) or back, "acknowledged only when it is accounted for"
        world.serve()
        back = world.again()
    assert world.row("m").status is Status.SENT
    assert world.unacknowledged == {}
    assert len(world.meta.asked) - 2 <= sum(row.possible_duplicates for row in world.ledger.rows.values())


def test_copies_of_a_message_whose_write_got_no_answer_all_come_again() -> None:
    world = World()
    records = [world.record("m"), world.record("m")]
    world.ledger.broken = True
    assert world.batch(*records) == sorted(record.id for record in records)
    assert world.meta.asked == []


def test_a_copy_that_comes_after_the_outcome_is_acknowledged() -> None:
    world = World()
    world.put("m")
    assert world.put("m") == []
    assert world.meta.asked == ["m"]
    assert world.row("m").conflicts == 0


def test_of_two_contents_of_one_id_the_first_wins() -> None:
    world = World()
    first, second = world.record("m"), world.record("m", text="At eleven.")
    assert world.batch(first) == []
    world.clock.advance(1.0)
    assert world.batch(second) == []
    row = world.row("m")
    assert (row.body, row.conflicts, row.status) == (first.body, 1, Status.SENT)
    assert world.meta.asked == ["m"]
    assert world.log.metrics[("Conflicts", "whatsapp")] == 1
    assert any("other content" in note for note in row.trail.values())


def test_other_content_in_one_batch() -> None:
    world = World()
    first = world.record("m", text="first")
    assert world.batch(first, world.record("m", text="second")) == []
    assert (world.row("m").conflicts, world.row("m").body) == (1, first.body)
    assert world.row("m").status is Status.SENT
    assert world.meta.asked == ["m"]


def test_other_content_that_comes_while_it_is_sent_is_counted_and_changes_nothing() -> None:
    world = World()
    other = world.record("m", text="second", priority="bulk")
    world.meta.before = lambda name: world.batch(other, by=world.worker())
    assert world.put("m", recipient={"push_endpoint": DEVICE}) == []
    row = world.row("m")
    assert (row.status, row.conflicts, row.doubts) == (Status.SENT, 1, ())
    assert world.again() == []
    assert world.row("m").conflicts >= 1
    assert world.meta.asked == ["m"]


@pytest.mark.parametrize("receive_count", [1, 2])
def test_the_first_content_is_what_goes_out_after_a_crash(receive_count: int) -> None:
    world = World()
    world.faults.add("ledger.write.after", Fault.DIE)
    world.dies(world.record("m", text="first", to="+4915112345678"))
    world.unacknowledged.clear()
    world.clock.advance(120)
    again = replace(world.record("m", text="second", to="+4915187654321"), receive_count=receive_count)
    world.batch(again)
    world.serve()
    world.again()
    assert [(item.where, item.words) for item in world.meta.sent] == [("+4915112345678", "first")]


@pytest.mark.parametrize("kept", ["", "{", "[]", nested(20_000)])
def test_a_row_whose_body_cannot_be_read_harms_nobody_beside_it(kept: str) -> None:
    world = World()
    world.ledger.put(Row("m", Status.SENT, rev=2, body=kept))
    record = replace(world.record("m"), receive_count=2)
    assert world.batch(record, world.record("other"), world.record("m")) == []
    assert world.meta.asked == ["other"]
    assert world.row("m").status is Status.SENT


# --- wake-ups --------------------------------------------------------------------------------------------


def test_a_wake_up_is_an_id_and_nothing_else() -> None:
    world = World()
    world.put("m", send_after="2026-09-21T14:20:00Z")
    assert world.row("m").phase == Phase.WAITING
    world.clock.now = world.row("m").due or 0.0
    forged = json.dumps({"id": "m", "to": "+4915187654321", "type": "text", "text": "forged"})
    assert world.wake(forged, "unknown", "", " ", "m" * 3000) == []
    assert world.meta.asked == []
    assert list(world.ledger.rows) == ["m"]
    assert world.wake(" m \n") == []
    assert world.meta.asked == ["m"]


def test_a_wake_up_that_comes_early_or_when_it_is_over_does_nothing() -> None:
    world = World()
    world.put("m", send_after="2026-09-21T14:20:00Z")
    before = world.row("m")
    for _ in range(3):
        assert world.wake("m", "m") == []
    assert world.row("m") == before
    world.serve()
    assert world.status("m") is Status.SENT
    after = world.row("m")
    assert world.wake("m") == []
    assert (world.row("m"), world.meta.asked) == (after, ["m"])


@pytest.mark.parametrize("lane", ["normal", "critical", "bulk", "refused", "template:x", "campaign:x"])
def test_a_wake_up_releases_nothing(lane: str) -> None:
    world = World()
    status = Status.REJECTED if lane == "refused" else Status.PARKED
    row = world.ledger.put(
        Row("m", status, body=world.record("m").body, lane=lane, due=world.clock() - 100, rev=3)
    )
    assert world.wake("m") == []
    assert (world.row("m"), world.meta.asked) == (row, [])


def test_a_wake_up_and_the_producers_message_in_one_batch_are_one_job() -> None:
    world = World()
    body = world.record("m").body
    world.ledger.put(replace(waiting(Row("m", body=body), world.clock()), rev=1))
    record = replace(world.record("m"), receive_count=2)
    wake = replace(record, id="wake-1", body="m", receive_count=1, wake_up=True)
    assert world.batch(wake, record) == []
    assert world.meta.asked == ["m"]


def test_rows_that_cannot_be_read_come_again_and_what_is_new_goes_out() -> None:
    world = World()
    old = replace(world.record("old"), receive_count=2)
    wake = replace(world.record("m"), body="m", wake_up=True)
    world.faults.add("ledger.read", Fault.FAIL)
    assert world.batch(old, world.record("new"), wake) == [old.id]
    assert world.meta.asked == ["new"]


def test_a_row_of_another_version_is_left_and_counted() -> None:
    world = World()
    body = world.record("m").body
    row = world.ledger.put(Row("m", Status.CLAIMED, phase="levitating", lane=Lane.TIMER, due=1.0, body=body))
    assert world.wake("m") == []
    assert world.row("m") == row
    assert world.log.metrics[("LeftAlone", "whatsapp")] == 1


@pytest.mark.parametrize("kept", ["", "{", '{"id":"m"}'])
def test_a_row_that_cannot_be_read_waits_for_a_person(kept: str) -> None:
    world = World()
    world.ledger.put(replace(waiting(Row("m", body=kept), world.clock()), rev=1))
    assert world.wake("m") == []
    row = world.row("m")
    assert (row.status, row.lane) == (Status.REJECTED, Lane.REFUSED)
    assert (world.meta.asked, world.push.asked) == ([], [])


def test_a_row_that_cannot_be_read_and_not_written_stays_as_it_is() -> None:
    world = World()
    row = world.ledger.put(replace(waiting(Row("m", body="{"), world.clock()), rev=1))
    world.faults.add("ledger.write.before", *[Fault.FAIL] * 6)
    assert world.wake("m") == []
    world.faults.clear()
    assert world.row("m") == row


def test_a_row_that_cannot_be_read_is_not_refused_before_its_time() -> None:
    world = World()
    row = world.ledger.put(replace(waiting(Row("m", body="{"), world.clock() + 60), rev=1))
    world.wake("m")
    assert world.row("m") == row


def test_an_act_in_flight_of_a_row_that_cannot_be_read_stays_in_doubt() -> None:
    world = World()
    row = world.ledger.put(replace(sending(at=world.clock()), id="m", body="{"))
    world.wake("m")
    assert world.row("m") == row, "its worker may still be at it"
    world.clock.advance(61)
    world.wake("m")
    found = world.row("m")
    assert (found.status, found.lane) == (Status.REJECTED, Lane.REFUSED)
    assert [doubt.act for doubt in found.doubts] == [1]
