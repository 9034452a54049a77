"""What follows from an act."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.contract.ways import EMAIL, PUSH
from lifeline.domain.failure.causes import Cause, Reach
from lifeline.domain.message.outcome import (
    MAX_FAULTS,
    SOON,
    NotDone,
    Refused,
    Taken,
    Unknown,
    after_fault,
    after_nothing,
    after_send,
    after_way,
    after_ways,
    refused,
)
from lifeline.domain.message.row import WHATSAPP, Lane, Phase
from lifeline.domain.message.status import Status
from lifeline.domain.message.step import Do
from lifeline.domain.message.ways import taken_so_far

from tests.support.rows import NOW, doubt, failure, falling, retries, row, sending
from tests.support.statuses import EMAILED, PUSHED

PASSING = failure(Cause.UNREACHABLE, Reach.CHANNEL)
LOST = failure(Cause.UNREACHABLE, Reach.CHANNEL, may_have_left=True)


@pytest.mark.parametrize(("held", "status"), [(False, Status.SENT), (True, Status.HELD)])
def test_an_accepted_send_owes_nothing_more(held: bool, status: Status) -> None:
    step = after_send(sending(act=3), Taken("wamid.1", held), retries())
    done = step.row
    assert (step.do, done.status, done.lane, done.phase, done.due) == (Do.WRITE, status, None, None, None)
    assert (done.wamid, done.via) == ("wamid.1", 3)


def test_a_doubt_stays_on_a_row_that_was_reached_by_a_later_act() -> None:
    done = after_send(sending(act=2, doubts=(doubt(1),)), Taken("wamid.2"), retries()).row
    assert done.doubts == (doubt(1),)
    assert done.possible_duplicates == 1


def test_a_lost_answer_waits_for_the_report() -> None:
    step = after_send(sending(act=2, at=NOW - 3), LOST, retries())
    assert (step.do, step.row.status, step.row.lane, step.row.due) == (
        Do.WRITE,
        Status.IN_DOUBT,
        Lane.TIMER,
        NOW + 57,
    )
    assert step.row.doubts == (doubt(2, WHATSAPP, NOW - 3),)


@pytest.mark.parametrize(
    ("priority", "blocked", "do"),
    [("critical", True, Do.FALL_BACK), ("critical", False, Do.WRITE), ("normal", True, Do.WRITE)],
)
def test_in_panic_a_critical_message_in_doubt_falls_back_at_once(
    priority: str, blocked: bool, do: Do
) -> None:
    step = after_send(sending(priority=priority), LOST, retries(blocked=blocked, channel_blocked=blocked))
    assert step.do is do
    assert len(step.row.doubts) == 1


def test_a_passing_failure_is_tried_again_with_growing_delays_and_full_jitter() -> None:
    step = after_send(sending(attempt=2), PASSING, retries(chance=0.5))
    assert (step.do, step.row.status, step.row.phase) == (Do.WRITE, Status.CLAIMED, Phase.WAITING)
    assert step.row.due == NOW + 0.5 * 8
    assert (step.row.cause, step.row.code, step.row.failed_at) == ("unreachable", 1, NOW)
    stated = failure(Cause.RATE_LIMIT, Reach.CHANNEL, retry_after=33.0)
    assert after_send(sending(), stated, retries()).row.due == NOW + 33


@pytest.mark.parametrize(("attempt", "do"), [(3, Do.WRITE), (4, Do.FALL_BACK), (5, Do.FALL_BACK)])
def test_after_the_last_attempt_the_fallback_is_taken(attempt: int, do: Do) -> None:
    assert after_send(sending(attempt=attempt), PASSING, retries()).do is do


@pytest.mark.parametrize(("left", "do"), [(4.0, Do.FALL_BACK), (4.1, Do.WRITE)])
def test_a_try_that_would_come_too_late_is_the_fallbacks(left: float, do: Do) -> None:
    step = after_send(sending(attempt=2, expires_at=NOW + left), PASSING, retries(chance=0.5))
    assert step.do is do


def test_in_panic_a_failure_falls_back() -> None:
    step = after_send(sending(), PASSING, retries(blocked=True, channel_blocked=True))
    assert (step.do, step.row.phase, step.row.later, step.cause) == (
        Do.FALL_BACK,
        None,
        True,
        Cause.UNREACHABLE,
    )


@pytest.mark.parametrize(
    ("attempt", "do", "wait"),
    [(1, Do.WRITE, 1.0), (2, Do.WRITE, 4.0), (5, Do.WRITE, 256.0), (6, Do.FALL_BACK, 0.0)],
)
def test_a_pair_limit_waits_four_to_the_n(attempt: int, do: Do, wait: float) -> None:
    pair = failure(Cause.PAIR_RATE_LIMIT, Reach.RECIPIENT)
    step = after_send(sending(attempt=attempt), pair, retries())
    assert step.do is do
    if do is Do.WRITE:
        assert step.row.due == NOW + wait


def test_whatsapp_cannot_help_a_person_it_does_not_reach() -> None:
    step = after_send(sending(), failure(Cause.UNDELIVERABLE, Reach.RECIPIENT), retries())
    assert (step.do, step.row.later, step.row.failed_at) == (Do.FALL_BACK, False, None)


def test_a_bad_message_waits_for_a_person() -> None:
    step = after_send(sending(), failure(Cause.BAD_REQUEST, Reach.MESSAGE), retries())
    assert (step.do, step.row.status, step.row.lane, step.row.due) == (
        Do.WRITE,
        Status.REJECTED,
        Lane.REFUSED,
        NOW,
    )
    passing = failure(Cause.BAD_REQUEST, Reach.MESSAGE, passing=True)
    assert after_send(sending(), passing, retries()).row.status is Status.CLAIMED


@pytest.mark.parametrize(
    ("replaced", "attempt", "do"), [(True, 1, Do.WRITE), (False, 1, Do.FALL_BACK), (True, 4, Do.FALL_BACK)]
)
def test_a_refused_template_is_replaced_once_or_falls_back(replaced: bool, attempt: int, do: Do) -> None:
    bad = failure(Cause.TEMPLATE_REJECTED, Reach.TEMPLATE)
    step = after_send(sending(attempt=attempt), bad, retries(replaced=replaced))
    assert step.do is do
    assert step.row.failed_at == NOW
    if do is Do.WRITE:
        assert (step.row.due, step.row.phase) == (NOW, Phase.WAITING)


def test_the_first_failure_of_the_channel_is_remembered() -> None:
    assert after_send(sending(failed_at=5.0), PASSING, retries()).row.failed_at == 5.0
    assert after_send(sending(), PASSING, retries(ended_at=NOW - 2)).row.failed_at == NOW - 2


# --- Nothing happened --------------------


@pytest.mark.parametrize("why", [NotDone.NO_TIME, NotDone.STOPPED])
def test_what_never_left_counts_as_no_attempt_and_leaves_no_doubt(why: NotDone) -> None:
    step = after_send(sending(attempt=2), why, retries())
    assert (step.do, step.row.attempt, step.row.doubts, step.row.due) == (Do.WRITE, 1, (), NOW + SOON)


def test_what_never_left_in_panic_falls_back() -> None:
    step = after_send(sending(), NotDone.STOPPED, retries(channel_blocked=True))
    assert (step.do, step.row.phase) == (Do.FALL_BACK, None)


def test_a_way_that_was_not_taken_waits_also_in_panic() -> None:
    step = after_way(falling("push", attempt=1), NotDone.NO_TIME, retries(channel_blocked=True))
    assert (step.do, step.row.attempt, step.row.phase) == (Do.WRITE, 1, Phase.WAITING)


def test_too_late_is_expired() -> None:
    for step in (
        after_send(sending(), NotDone.TOO_LATE, retries()),
        after_way(falling("push"), NotDone.TOO_LATE, retries()),
    ):
        assert (step.do, step.row.status, step.row.lane) == (Do.WRITE, Status.EXPIRED, None)


def test_who_opted_out_right_before_is_suppressed() -> None:
    for step in (
        after_send(sending(), NotDone.OPTED_OUT, retries()),
        after_way(falling("push"), NotDone.OPTED_OUT, retries()),
    ):
        assert (step.do, step.row.status, step.row.lane) == (Do.WRITE, Status.SUPPRESSED, None)
        assert step.row.attempt == 0
    unsure = after_send(sending(), NotDone.UNSURE, retries())
    assert (unsure.do, unsure.row.status, unsure.row.due) == (Do.WRITE, Status.CLAIMED, NOW + SOON)


def test_errors_of_our_own_end_with_a_person() -> None:
    step = after_nothing(sending(faults=0), NotDone.FAULT, retries())
    assert (step.row.faults, step.row.due, step.row.status) == (1, NOW + 2, Status.CLAIMED)
    assert after_fault(row(faults=MAX_FAULTS - 2), NOW).row.status is Status.CLAIMED
    last = after_fault(row(faults=MAX_FAULTS - 1), NOW)
    assert last.row.status is Status.REJECTED
    assert "5 times" in last.why


def test_a_refused_row_is_in_the_lane_for_people() -> None:
    assert (refused(row(), 7.0).lane, refused(row(), 7.0).due, refused(row(), 7.0).phase) == (
        Lane.REFUSED,
        7.0,
        None,
    )


# --- Ways of the fallback --------------------


def test_a_way_that_took_it_is_noted_with_its_act() -> None:
    step = after_way(falling("push", act=2, tried="email Throttling"), Taken("sns-1"), retries())
    assert (step.do, step.row.tried, step.row.via) == (Do.FALL_BACK, "email Throttling, push", 2)
    assert taken_so_far(step.row) == ([PUSH.name], [EMAIL.name])


def test_a_push_that_was_taken_settles_earlier_pushes_and_no_other_doubt() -> None:
    known = falling("push", act=3, doubts=(doubt(1), doubt(2, "push")))
    assert after_way(known, Taken("sns-1"), retries()).row.doubts == (doubt(1),)
    mail = falling("email", act=3, doubts=(doubt(2, "email"),))
    assert after_way(mail, Taken("ses-1"), retries()).row.doubts == (doubt(2, "email"),)


def test_a_way_that_refused_is_not_taken_again() -> None:
    step = after_way(falling("push"), Refused("EndpointDisabled"), retries())
    assert step.row.tried == "push EndpointDisabled"
    assert taken_so_far(step.row) == ([], [PUSH.name])


@pytest.mark.parametrize(
    ("open_doubts", "do", "wait"), [(0, Do.WRITE, 1), (1, Do.WRITE, 2), (2, Do.FALL_BACK, 0)]
)
def test_a_push_without_an_answer_is_repeated_twice(open_doubts: int, do: Do, wait: int) -> None:
    known = falling("push", act=4, doubts=tuple(doubt(n + 1, "push") for n in range(open_doubts)))
    step = after_way(known, Unknown("ReadTimeout"), retries())
    assert step.do is do
    assert len(step.row.doubts) == open_doubts + 1
    if do is Do.WRITE:
        assert step.row.due == NOW + wait * 5.0
    else:
        assert taken_so_far(step.row) == ([], [PUSH.name])


def test_a_mail_without_an_answer_waits_for_its_event_and_is_repeated_once() -> None:
    step = after_way(falling("email", at=NOW - 2), Unknown("ReadTimeout"), retries())
    assert (step.do, step.row.status, step.row.due) == (Do.WRITE, Status.IN_DOUBT, NOW + 58)
    again = after_way(falling("email", act=3, doubts=(doubt(2, "email"),)), Unknown("x"), retries())
    assert again.do is Do.FALL_BACK
    assert taken_so_far(again.row) == ([], [EMAIL.name])


def test_who_was_parked_has_all_ways_again() -> None:
    step = after_ways(row(tried="push X"), Status.PARKED, "panic", NOW, template_alone=False)
    assert (step.row.tried, step.row.status, step.row.lane) == ("push X, park", Status.PARKED, Lane.NORMAL)
    assert taken_so_far(step.row) == ([], [])
    fresh = after_ways(row(), Status.PARKED, "panic", NOW, template_alone=True)
    assert (fresh.row.tried, fresh.row.lane) == (None, "template:reminder")


@pytest.mark.parametrize("status", [PUSHED, EMAILED, Status.FAILED])
def test_the_end_of_a_fallback_is_off_the_agenda(status: Status) -> None:
    step = after_ways(row(tried="push"), status, "why", NOW, template_alone=False)
    assert (step.do, step.row.status, step.row.lane, step.row.tried, step.why) == (
        Do.WRITE,
        status,
        None,
        "push",
        "why",
    )


FAILURES = st.builds(
    failure,
    st.sampled_from([cause for cause in Cause if cause not in (Cause.OPERATOR, Cause.ALARM)]),
    st.sampled_from(list(Reach)),
    may_have_left=st.booleans(),
    passing=st.booleans(),
)


@given(
    st.integers(1, 9),
    FAILURES | st.sampled_from(list(NotDone)) | st.just(Taken("wamid.1")),
    st.booleans(),
    st.sampled_from(["critical", "normal", "bulk"]),
)
def test_after_any_outcome_the_message_is_accounted_for(
    attempt: int, outcome: Any, blocked: bool, priority: str
) -> None:
    known = sending(attempt=attempt, priority=priority, doubts=(doubt(9),))
    step = after_send(known, outcome, retries(blocked=blocked, channel_blocked=blocked))
    assert doubt(9) in step.row.doubts
    assert not step.row.in_flight
    assert step.do in (Do.WRITE, Do.FALL_BACK)
    if step.do is Do.WRITE:
        assert step.row.accounted
