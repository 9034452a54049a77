"""Escalation: whose phone is off is told by the fallback beside WhatsApp, and that is no duplicate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.domain.campaign.campaign import CampaignState
from lifeline.domain.failure.causes import Cause, Reach
from lifeline.domain.message.outcome import (
    Refused,
    Taken,
    Unknown,
    after_fault,
    after_send,
    after_way,
    after_ways,
)
from lifeline.domain.message.proof import prove, reported_failure, told_beside, told_twice
from lifeline.domain.message.row import WHATSAPP, Lane, Phase, Row, at_meta, escalates_at
from lifeline.domain.message.status import Status, can_move
from lifeline.domain.message.steering import cancel, move
from lifeline.domain.message.step import Do, claim, next_step

from tests.support.rows import NOW, doubt, failure, retries, sending, situation
from tests.support.statuses import EMAILED, PUSHED

AFTER = 60


def sent(**values: Any) -> Row:
    """Meta took it a minute ago; its escalation is due now."""
    taken = sending(at=NOW - AFTER, escalate_after=AFTER)
    return replace(after_send(taken, Taken("wamid.1"), retries()).row, **values)


def escalating(way: str = "push", **values: Any) -> Row:
    """Its fallback is claimed."""
    step = next_step(sent(), situation())
    return replace(claim(step.row, way, NOW, 60.0), **values)


def over(row: Row, way: str = "push") -> Row:
    """The row once its way took it."""
    step = after_way(row, Taken("p-1"), retries())
    status = PUSHED if way == "push" else EMAILED
    return after_ways(step.row, status, "", NOW, template_alone=False).row


def test_what_meta_took_waits_on_the_timer_lane_and_counts_as_settled() -> None:
    row = sent()
    assert (row.status, row.lane, row.due, row.phase) == (Status.SENT, Lane.TIMER, NOW, Phase.WAITING)
    assert row.open
    assert row.settled
    assert row.accounted


@pytest.mark.parametrize(
    "values",
    [
        {"escalate_after": None},
        {"otherwise": 1},
        {"expires_at": NOW},
        {"doubts": (doubt(1, "email"),)},
    ],
)
def test_without_a_time_or_where_another_way_may_have_told_nothing_is_owed(values: dict[str, Any]) -> None:
    taken = sending(at=NOW - AFTER, **{"escalate_after": AFTER, **values})
    assert escalates_at(taken) is None
    assert at_meta(taken, Status.SENT).lane is None


def test_a_push_in_doubt_does_not_stand_in_the_way_since_its_repetition_is_shown_as_one() -> None:
    assert escalates_at(sending(at=NOW, escalate_after=AFTER, doubts=(doubt(1, "push"),))) == NOW + AFTER


@pytest.mark.parametrize("held", [True, False])
def test_when_its_time_has_come_the_fallback_is_taken_and_it_stays_what_it_is(held: bool) -> None:
    row = sent(status=Status.HELD if held else Status.SENT)
    assert next_step(row, situation(now=NOW - 1)).do is Do.EARLY
    step = next_step(row, situation(channel_blocked=held))
    assert (step.do, step.row.escalated) == (Do.FALL_BACK, 1)
    claimed = claim(step.row, "push", NOW, 60.0)
    assert (claimed.status, claimed.phase, claimed.due) == (row.status, Phase.FALLING_BACK, NOW + 60)
    told = over(claimed)
    assert (told.status, told.via, told.lane, told.possible_duplicates) == (PUSHED, 2, None, 0)
    assert can_move(row.status, told.status)
    assert told_beside(row, told) == (1, 0)
    assert told_twice(row, told) == (0, 0)


@pytest.mark.parametrize(
    ("values", "facts"),
    [
        ({"expires_at": NOW}, {}),
        ({}, {"campaign": CampaignState.CANCELLED}),
        ({}, {"opted_out": True}),
    ],
)
def test_too_late_or_taken_back_it_ends_as_it_is(values: dict[str, Any], facts: dict[str, Any]) -> None:
    step = next_step(sent(**values), situation(**facts))
    assert (step.do, step.row.status, step.row.lane) == (Do.WRITE, Status.SENT, None)


def test_who_sleeps_is_told_in_the_morning() -> None:
    step = next_step(sent(), situation(quiet_until=NOW + 99))
    assert (step.do, step.row.due, step.row.status) == (Do.WRITE, NOW + 99, Status.SENT)


@pytest.mark.parametrize("way", ["push", "email"])
def test_an_answer_that_was_lost_is_one_telling_that_was_meant(way: str) -> None:
    lost = after_way(escalating(way), Unknown("ReadTimeoutError"), retries()).row
    assert (lost.status, lost.possible_duplicates) == (Status.SENT, 0)
    soon = next_step(lost, situation(now=lost.due or 0.0))
    assert soon.do is Do.FALL_BACK
    again = over(claim(soon.row, way, NOW + 70, 60.0), way)
    assert again.possible_duplicates == (0 if way == "push" else 1)


def test_a_mail_in_doubt_is_waited_for() -> None:
    lost = after_way(escalating("email"), Unknown("ReadTimeoutError"), retries()).row
    step = next_step(replace(lost, due=NOW), situation(now=NOW + 10))
    assert (step.do, step.row.due) == (Do.WRITE, NOW + 60)


def test_where_no_way_takes_it_it_stays_sent() -> None:
    refused = after_way(escalating(), Refused("EndpointDisabled"), retries()).row
    end = after_ways(refused, Status.FAILED, "nobody", NOW, template_alone=False).row
    assert (end.status, end.via, end.lane, end.tried) == (Status.SENT, 1, None, "push EndpointDisabled")
    assert told_beside(sent(), end) == (0, 0)


def test_five_faults_end_it_and_no_person_must_look() -> None:
    step = after_fault(sent(faults=4), NOW)
    assert (step.row.status, step.row.lane) == (Status.SENT, None)


def test_an_operator_can_no_longer_take_it_back_or_move_it() -> None:
    assert cancel(sent()) is None
    assert move(sent(), NOW + 99, "{}") is None


@pytest.mark.parametrize("said", [Status.DELIVERED, Status.READ])
def test_delivered_in_time_ends_the_timer(said: Status) -> None:
    row = prove(sent(), 1, said, "wamid.1")
    assert (row.status, row.lane, row.escalated) == (said, None, 0)
    assert not row.open


def test_another_sent_leaves_the_timer() -> None:
    assert prove(sent(), 1, Status.SENT, "wamid.1") == sent()


def test_delivered_after_it_is_told_by_both() -> None:
    told = over(escalating())
    row = prove(told, 1, Status.DELIVERED, "wamid.1")
    assert (row.status, row.beside, row.duplicates, row.possible_duplicates) == (PUSHED, "DELIVERED", (), 0)
    assert told_beside(told, row) == (0, 1)
    read = prove(row, 1, Status.READ, "wamid.1")
    assert (read.beside, told_beside(row, read)) == ("READ", (0, 0))
    assert prove(read, 1, Status.DELIVERED, "wamid.1") == read


def test_delivered_while_the_push_is_under_way_is_told_by_both_as_well() -> None:
    claimed = escalating()
    seen = prove(claimed, 1, Status.DELIVERED, "wamid.1")
    assert (seen.status, seen.lane, seen.in_flight, seen.possible_duplicates) == (
        Status.DELIVERED,
        None,
        False,
        0,
    )
    told = prove(seen, 2, PUSHED)
    assert (told.status, told.beside, told.doubts, told.possible_duplicates) == (
        Status.DELIVERED,
        "PUSHED",
        (),
        0,
    )
    assert told_beside(claimed, seen) == (0, 0)
    assert told_beside(seen, told) == (1, 1)


def test_a_second_mail_is_a_duplicate_all_the_same() -> None:
    told = over(escalating("email", doubts=(doubt(2, "email"),), act=3, aside=(2, 3)), "email")
    assert told.possible_duplicates == 1
    proven = prove(told, 2, EMAILED)
    assert (proven.duplicates, proven.possible_duplicates, proven.status) == ((2,), 1, EMAILED)


def test_a_mail_that_was_in_doubt_and_left_needs_no_escalation() -> None:
    row = prove(sent(act=2, via=2, doubts=(doubt(1, "email"),), aside=(1,)), 1, EMAILED)
    assert (row.status, row.lane, row.duplicates) == (Status.SENT, None, (1,))


def test_a_doubt_that_a_report_settles_waits_for_its_device_from_its_send_on() -> None:
    row = sending(at=NOW - 10, escalate_after=AFTER)
    row = replace(row, phase=Phase.WAITING, status=Status.IN_DOUBT, doubts=(doubt(1, WHATSAPP, NOW - 10),))
    known = prove(row, 1, Status.SENT, "wamid.1")
    assert (known.status, known.due, known.doubts) == (Status.SENT, NOW - 10 + AFTER, ())


@pytest.mark.parametrize("status", [Status.EXPIRED, Status.CANCELLED])
def test_what_was_given_up_escalates_no_more(status: Status) -> None:
    row = sending(escalate_after=AFTER, status=status, phase=None, lane=None, due=None, doubts=(doubt(1),))
    assert prove(row, 1, Status.SENT, "wamid.1").lane is None


@pytest.mark.parametrize("begun", [True, False])
def test_a_failure_that_meta_reports_makes_it_an_ordinary_fallback(begun: bool) -> None:
    row = escalating() if begun else sent()
    lost = failure(Cause.UNDELIVERABLE, Reach.RECIPIENT)
    after = reported_failure(row, 1, lost, retries())
    assert (after.escalated, after.later, after.lane) == (0, False, Lane.TIMER)
    assert after.status is (Status.IN_DOUBT if begun else Status.FAILED)
    if begun:
        told = prove(after, 2, PUSHED)
        assert (told.status, told.via, told.possible_duplicates) == (PUSHED, 2, 0)


def test_a_failure_after_the_push_changes_nothing() -> None:
    told = over(escalating())
    assert reported_failure(told, 1, failure(Cause.UNDELIVERABLE, Reach.RECIPIENT), retries()) == told


REPORTS = st.lists(
    st.sampled_from([(1, Status.SENT), (1, Status.DELIVERED), (1, Status.READ), (2, PUSHED)]), max_size=8
)


@given(REPORTS, st.booleans())
def test_in_any_order_it_is_told_by_whom_the_reports_say(
    reports: list[tuple[int, Status]], in_doubt: bool
) -> None:
    row = escalating()
    if in_doubt:
        row = after_way(row, Unknown("ReadTimeoutError"), retries()).row
    said = {status for _, status in reports}
    for act, status in reports:
        after = prove(row, act, status, "wamid.1")
        assert after.status is row.status or can_move(row.status, after.status)
        assert prove(after, act, status, "wamid.1") == after
        row = after
    delivered = Status.READ if Status.READ in said else Status.DELIVERED if Status.DELIVERED in said else None
    told = {str(status) for status in (PUSHED if PUSHED in said else None, delivered) if status}
    assert {str(row.status), *([row.beside] if row.beside else [])} == (told or {"SENT"})
    assert (row.duplicates, row.possible_duplicates) == ((), 0)
    assert row.open is not bool(told)
    assert row.accounted
