"""Which changes a producer is told of, and where a row waits while it owes an outcome."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lifeline.domain.message.row import Change, Lane, Mark, Row, Watch, off_agenda, parked, waiting
from lifeline.domain.message.status import Status
from lifeline.domain.message.telling import (
    LONGEST,
    MARKS_KEPT,
    REMEMBERED,
    at_home,
    from_this_write,
    from_webhook_again,
    marked,
    once_told,
    owing,
    to_tell,
)

from tests.support.rows import NOW, row, sending


def mark(rev: int, watch: Watch = Watch.QUEUE, status: str = "SENT", at: float = NOW) -> Mark:
    return Mark(rev, status, at, watch)


def sent(watch: Watch, before: Row | None = None) -> Row:
    before = before or row(rev=3, lane=None, due=None)
    return marked(Change(before, off_agenda(before, Status.SENT), "", watch), NOW).after


@pytest.mark.parametrize("status", ["CLAIMED", "HELD", "IN_DOUBT"])
def test_what_is_under_way_is_no_outcome(status: str) -> None:
    before = row(status=Status.PARKED)
    assert marked(Change(before, replace(before, status=Status(status))), NOW).after.outcomes == ()


def test_a_write_that_leaves_the_status_is_no_outcome() -> None:
    before = row(status=Status.SENT, lane=None, due=None)
    assert marked(Change(before, replace(before, conflicts=1)), NOW).after.outcomes == ()


def test_an_outcome_bears_the_number_of_its_write() -> None:
    assert sent(Watch.QUEUE).outcomes == (mark(4),)


@pytest.mark.parametrize(
    ("status", "shown"), [("FAILED", True), ("PUSHED", True), ("SENT", False), ("READ", False)]
)
def test_a_cause_is_told_of_what_did_not_go_over_whatsapp(status: str, shown: bool) -> None:
    before = row(cause="unreachable", code=131000)
    (made,) = marked(Change(before, off_agenda(before, Status(status)), "", Watch.QUEUE), NOW).after.outcomes
    assert (made.cause, made.code) == (("unreachable", 131000) if shown else (None, None))


@pytest.mark.parametrize("watch", [Watch.QUEUE, Watch.WEBHOOK])
def test_what_something_else_sees_to_needs_no_place_on_the_agenda(watch: Watch) -> None:
    after = sent(watch)
    assert (after.lane, after.onward) == (None, None)
    assert after.accounted


def test_an_sqs_message_of_which_a_copy_may_be_acknowledged_sees_to_nothing() -> None:
    since_the_first_write = sending(act=2, rev=2, lane=Lane.TIMER, due=NOW + 60)
    assert sent(Watch.QUEUE, since_the_first_write).outcomes[0].watch is Watch.QUEUE
    assert sent(Watch.QUEUE, replace(since_the_first_write, rev=3)).outcomes[0].watch is Watch.AGENDA
    assert sent(Watch.QUEUE, row(rev=3)).outcomes[0].watch is Watch.AGENDA
    ended = row(rev=3, status=Status.EXPIRED, lane=None, due=None, phase=None)
    assert sent(Watch.QUEUE, ended).outcomes[0].watch is Watch.AGENDA


def test_what_nothing_else_sees_to_stays_on_the_agenda_until_it_is_told() -> None:
    after = sent(Watch.AGENDA, row(rev=3, due=NOW + 40))
    assert (after.lane, after.due, after.onward) == (Lane.TIMER, NOW + 40, "off")
    assert not after.open
    assert after.accounted
    done = marked(Change(after, once_told(after, frozenset({4}))), NOW + 1).after
    assert (done.lane, done.due, done.onward, done.outcomes) == (None, None, None, ())


def test_a_far_timer_is_not_waited_for() -> None:
    assert sent(Watch.AGENDA, row(rev=3, due=NOW + 86_400)).due == NOW


def test_a_failure_that_is_owed_is_not_taken_for_one_that_waits_for_its_fallback() -> None:
    before = row(status=Status.CLAIMED)
    after = marked(Change(before, off_agenda(before, Status.FAILED)), NOW).after
    assert after.lane == Lane.TIMER
    assert not after.open


def test_a_refused_message_goes_to_its_lane_once_it_is_told() -> None:
    before = row(rev=3)
    refused = replace(off_agenda(before, Status.REJECTED), lane=Lane.REFUSED, due=NOW + 0.25)
    after = marked(Change(before, refused), NOW).after
    assert after.lane == Lane.TIMER
    home = once_told(after, frozenset({4}))
    assert (home.lane, home.due, home.onward) == (Lane.REFUSED, NOW + 0.25, None)


def test_telling_never_holds_up_what_is_parked() -> None:
    before = row(rev=3)
    after = marked(Change(before, parked(before, Lane.NORMAL, NOW)), NOW).after
    assert (after.lane, after.due, after.onward) == (Lane.NORMAL, NOW, None)
    assert after.outcomes[0].owed


def test_what_could_not_be_told_is_tried_again_less_and_less_often() -> None:
    first = replace(sent(Watch.QUEUE), rev=4)
    waits = []
    for age in (2.0, 100.0, 5000.0):
        after = marked(Change(first, owing(first, frozenset({4}))), NOW + age).after
        assert (after.lane, after.onward) == (Lane.TIMER, "off")
        waits.append((after.due or 0.0) - NOW - age)
        again = marked(Change(after, owing(after, frozenset({4}))), NOW + 2 * age).after
        assert (again.lane, again.onward) == (Lane.TIMER, "off")
    assert waits == [60.0, 100.0, LONGEST]


def test_a_new_outcome_does_not_wait_as_long_as_an_old_one_that_could_not_be_told() -> None:
    old = mark(3, Watch.AGENDA, "PARKED", NOW - 400)
    held_up = row(rev=3, status=Status.PARKED, lane=Lane.BULK, due=NOW, outcomes=(old,))
    after = marked(Change(held_up, off_agenda(held_up, Status.EXPIRED), "", Watch.AGENDA), NOW).after
    assert [made.status for made in after.outcomes] == ["PARKED", "EXPIRED"]
    assert (after.lane, after.due) == (Lane.TIMER, NOW)


def test_another_writer_carries_what_is_owed_along() -> None:
    before = sent(Watch.AGENDA, row(rev=3))
    before = replace(before, rev=4)
    after = marked(Change(before, off_agenda(before, Status.READ), "", Watch.WEBHOOK), NOW + 1).after
    assert [(item.rev, item.owed) for item in after.outcomes] == [(4, True), (5, False)]
    assert (after.lane, after.onward) == (Lane.TIMER, "off")
    beside = marked(Change(after, replace(after, conflicts=1)), NOW + 2).after
    assert (beside.lane, beside.due, beside.onward) == (after.lane, after.due, "off")


def test_a_row_that_works_again_is_where_its_work_is() -> None:
    before = replace(sent(Watch.AGENDA, row(rev=3)), rev=4)
    after = marked(Change(before, waiting(before, NOW + 300)), NOW + 1).after
    assert (after.lane, after.due, after.onward) == (Lane.TIMER, NOW + 300, None)
    assert after.outcomes[0].owed


def test_a_row_keeps_the_last_marks_and_all_that_it_owes() -> None:
    many = tuple(mark(number, Watch.AGENDA if number == 1 else Watch.QUEUE) for number in range(1, 10))
    before = row(rev=10, lane=None, due=None, outcomes=many)
    after = marked(Change(before, off_agenda(before, Status.SENT), "", Watch.QUEUE), NOW).after
    assert len(after.outcomes) == 1 + MARKS_KEPT
    assert (after.outcomes[0].rev, after.outcomes[-1].rev) == (1, 11)


def test_a_row_that_owes_nothing_is_at_home() -> None:
    assert at_home(row()) == row()
    assert once_told(row(), frozenset({1})) == row()


# --- who tells what --------------------------------------------------------------------------------------


def test_a_worker_tells_what_came_since_it_looked() -> None:
    now = row(rev=5, outcomes=(mark(2), mark(5)))
    assert to_tell(now, row(rev=4), remembered=0.0, now=NOW) == {5}
    assert to_tell(now, None, remembered=0.0, now=NOW) == {2, 5}


def test_what_came_again_is_told_again_for_a_while() -> None:
    now = row(rev=5, outcomes=(mark(2), mark(3, Watch.WEBHOOK)))
    for age, found in ((10.0, {2}), (REMEMBERED + 10, set())):
        assert to_tell(now, now, remembered=REMEMBERED, now=NOW + age) == found


def test_what_is_owed_is_told_by_whoever_looks_but_not_in_the_middle_of_an_act() -> None:
    now = row(rev=5, outcomes=(mark(2, Watch.AGENDA),))
    assert to_tell(now, now, remembered=0.0, now=NOW) == {2}
    assert to_tell(replace(now, phase="sending"), now, remembered=0.0, now=NOW) == set()


def test_a_webhook_tells_its_own_and_again_only_what_it_may_have_left_untold() -> None:
    now = row(rev=5, outcomes=(mark(2), mark(4, Watch.WEBHOOK, "DELIVERED"), mark(5, Watch.AGENDA, "READ")))
    assert from_this_write(now, row(rev=3)) == {4}
    assert from_webhook_again(now, frozenset({"SENT"})) == set()
    assert from_webhook_again(now, frozenset({"DELIVERED"})) == {4}
