"""The account of a chaos run: each kind of trouble is found, and what is in order is not called trouble."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from tests.chaos.account import Accepted, Account, Event, Mail, Push, Row, Send, account, id_of, row_of


def balance(
    accepted: Iterable[Accepted] = (Accepted("a"),),
    rows: Iterable[Row] = (),
    sends: Iterable[Send] = (),
    pushes: Iterable[Push] = (),
    mails: Iterable[Mail] = (),
    dead: tuple[str, ...] = (),
    waiting: tuple[str, ...] = (),
    events: Iterable[Event] | None = None,
) -> Account:
    return account(accepted, rows, sends, pushes, mails, dead, waiting, events=events)


def send(wamid: str = "w1", at: float = 10.0, failed: bool = False) -> Send:
    return Send("a", at, wamid, failed)


def push(collapse: str = "", device: str = "d1") -> Push:
    return Push("a", 10.0, device, collapse)


def test_one_message_told_once_balances() -> None:
    found = balance(rows=[Row("a", "READ")], sends=[send()])
    assert found.balanced
    assert found.summary()["by_status"] == {"READ": 1}
    assert found.outside == []


def test_an_empty_run_balances() -> None:
    assert balance(accepted=[]).balanced


@pytest.mark.parametrize("status", ["CLAIMED", "IN_DOUBT", "PARKED"])
def test_an_open_row_is_stuck(status: str) -> None:
    found = balance(rows=[Row("a", status)])
    assert found.stuck == ["a"]
    assert not found.balanced


@pytest.mark.parametrize(
    ("lane", "stuck"), [("timer", True), ("normal", True), ("refused", False), ("", False)]
)
def test_who_is_on_the_agenda_waits_unless_it_waits_for_a_person(lane: str, stuck: bool) -> None:
    assert bool(balance(rows=[Row("a", "FAILED", lane)]).stuck) is stuck


def test_without_a_row_an_id_is_lost_unless_a_queue_has_it() -> None:
    assert balance().lost == ["a"]
    assert balance(dead=("a",)).balanced
    found = balance(waiting=("a",))
    assert (found.lost, found.stuck) == ([], ["a"])


@pytest.mark.parametrize(
    "act",
    [
        {"sends": [send(at=21.0)], "rows": [Row("a", "SENT")]},
        {"pushes": [Push("a", 21.0, "d1")], "rows": [Row("a", "PUSHED")]},
        {"mails": [Mail("a", 21.0)], "rows": [Row("a", "EMAILED")]},
    ],
)
def test_what_leaves_after_its_time_is_late_on_every_way(act: dict[str, Any]) -> None:
    found = balance([Accepted("a", expires_at=20.0)], **act)
    assert (found.late, found.latest) == (["a"], 1.0)
    assert balance([Accepted("a", expires_at=21.0)], **act).balanced


def test_what_left_in_time_may_be_under_way_for_a_moment() -> None:
    known, rows, sends = [Accepted("a", expires_at=20.0)], [Row("a", "SENT")], [send(at=20.2)]
    assert account(known, rows, sends, [], [], (), (), flight=0.25).balanced
    assert account(known, rows, sends, [], [], (), (), flight=0.1).late == ["a"]


def test_two_sends_are_a_duplicate_that_the_row_has_to_count() -> None:
    twice = [send("w1"), send("w2")]
    found = balance(rows=[Row("a", "READ")], sends=twice)
    assert found.outside == ["a"]
    assert found.uncounted == ["a"]
    assert found.outside_ways == {"whatsapp+whatsapp": 1}
    for row in (Row("a", "READ", possible=1), Row("a", "READ", duplicates=1)):
        found = balance(rows=[row], sends=twice)
        assert found.outside == ["a"]
        assert found.balanced


def test_each_further_delivery_counts() -> None:
    row = Row("a", "PUSHED", possible=1)
    found = balance(rows=[row], sends=[send()], pushes=[push()], mails=[Mail("a", 1.0)])
    assert found.outside == ["a", "a"]
    assert found.uncounted == ["a"]
    assert found.outside_ways == {"whatsapp+push+email": 2}


def test_an_escalation_is_meant_to_tell_by_both_and_once_by_each() -> None:
    row = Row("a", "PUSHED", escalated=True)
    assert balance(rows=[row], sends=[send()], pushes=[push()]).balanced
    found = balance(rows=[row], sends=[send()], pushes=[push()], mails=[Mail("a", 1.0)])
    assert found.uncounted == ["a"]
    assert balance(rows=[row], pushes=[push()], mails=[Mail("a", 1.0)]).uncounted == ["a"]
    assert balance(rows=[Row("a", "PUSHED")], sends=[send()], pushes=[push()]).uncounted == ["a"]


def test_a_possible_duplicate_that_was_none_is_no_trouble() -> None:
    found = balance(rows=[Row("a", "READ", possible=1)], sends=[send()])
    assert found.possible == ["a"]
    assert found.balanced


def test_a_proven_duplicate_that_nobody_saw_is_remarked() -> None:
    found = balance(rows=[Row("a", "READ", duplicates=2)], sends=[send("w1"), send("w2")])
    assert (found.outside, found.unseen) == (["a"], ["a"])
    assert found.balanced


def test_pushes_with_one_collapse_key_show_as_one_on_each_device() -> None:
    rows = [Row("a", "PUSHED")]
    assert balance(rows=rows, pushes=[push("k"), push("k")]).balanced
    assert balance(rows=rows, pushes=[push("k"), push("k", device="d2")]).balanced, "one person, two devices"
    assert balance(rows=rows, pushes=[push(), push(device="d2"), push(device="d2")]).uncounted == ["a"]
    assert balance(rows=rows, pushes=[push(), push()]).uncounted == ["a"]


def test_a_send_that_failed_afterwards_told_nobody() -> None:
    found = balance(rows=[Row("a", "PUSHED")], sends=[send(failed=True)], pushes=[push()])
    assert found.outside == []
    assert found.balanced


@pytest.mark.parametrize("status", ["SENT", "DELIVERED", "PUSHED", "EMAILED"])
def test_a_row_that_claims_what_nobody_saw_is_found(status: str) -> None:
    assert balance(rows=[Row("a", status)]).untold == ["a"]


def test_a_row_that_denies_what_somebody_saw_is_reported() -> None:
    found = balance(rows=[Row("a", "EXPIRED")], sends=[send()])
    assert found.misreported == ["a"]
    assert found.balanced


def test_nobody_is_told_what_was_not_accepted_or_breaks_the_contract() -> None:
    assert balance(accepted=[], rows=[Row("a", "READ")], sends=[send()]).unexpected == ["a"]
    broken = [Accepted("a", breaking=True)]
    assert balance(broken, rows=[Row("a", "READ")], sends=[send()]).unexpected == ["a"]
    assert balance(broken, dead=("a",)).balanced


def test_a_row_counts_its_doubts_and_its_proven_duplicates() -> None:
    item = {
        "id": {"S": "a"},
        "status": {"S": "SENT"},
        "agenda": {"S": "normal#3"},
        "agenda_at": {"N": "5"},
        "doubts": {"S": "2/push/1790000000.5"},
        "duplicates": {"S": "1 3"},
    }
    assert row_of(item) == Row("a", "SENT", "normal", 3, 2)


def test_the_callback_names_the_id() -> None:
    assert id_of("c-1-000001#2") == id_of("c-1-000001") == "c-1-000001"


def test_the_summary_names_up_to_twenty_ids_of_a_kind() -> None:
    names = [f"c-{number:02d}" for number in range(30)]
    summary = balance([Accepted(name) for name in names]).summary()
    assert summary["lost"] == 30
    assert summary["samples"]["lost"] == names[:20]


# -- what a subscriber was told ---------------------------------------------------------------------------


def event(sequence: int | None = 2, status: str = "SENT", event_id: str = "") -> Event:
    return Event("a", event_id or f"a#{sequence}", status, sequence)


def told(*events: Event, status: str = "READ") -> Account:
    return balance(rows=[Row("a", status)], sends=[send()], events=events)


def test_the_last_event_is_what_the_ledger_says_in_whatever_order_they_came() -> None:
    found = told(event(4, "READ"), event(2), event(3, "DELIVERED"), event(4, "READ"))
    assert found.balanced
    assert (found.events, found.copies) == (4, 1)


@pytest.mark.parametrize("events", [(), (event(2),), (event(5, "READ"), event(6, "FAILED"))])
def test_an_outcome_that_was_not_told_is_found(events: tuple[Event, ...]) -> None:
    found = told(*events)
    assert found.unreported == ["a"]
    assert not found.balanced


def test_a_message_under_way_has_no_outcome() -> None:
    assert told(status="HELD").unreported == []


def test_a_conflict_is_no_status_of_the_row() -> None:
    assert told(event(4, "READ"), event(None, "CONFLICT", "sqs-1#CONFLICT")).balanced


@pytest.mark.parametrize("other", [event(4, "SENT"), event(4, "READ", "another")])
def test_copies_that_differ_are_found(other: Event) -> None:
    assert told(event(4, "READ"), other).misnumbered
