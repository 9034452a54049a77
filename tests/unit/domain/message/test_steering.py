"""How the tick and operators move what waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from lifeline.domain.message.row import Lane, Phase, Row
from lifeline.domain.message.status import Status
from lifeline.domain.message.steering import (
    abandon,
    asleep,
    cancel,
    discard,
    expire,
    move,
    redrive,
    release,
    turn,
    unhold,
)
from lifeline.domain.pace.quiet import QuietHours

from tests.support.rows import NOW, doubt, row, sending
from tests.support.statuses import PUSHED

PARKED = row(status=Status.PARKED, lane=Lane.NORMAL, phase=None)
HELD = row(status=Status.PARKED, lane="template:reminder", phase=None, priority="bulk")
REFUSED = row(status=Status.REJECTED, lane=Lane.REFUSED, phase=None, attempt=3, faults=5, later=False)
SENT = row(status=Status.SENT, lane=None, phase=None, due=None)
FAILED = row(status=Status.FAILED, later=False)


def test_release_puts_a_parked_message_on_the_timer_lane() -> None:
    after = release(PARKED, NOW + 9)
    assert after is not None
    assert (after.status, after.lane, after.due, after.phase, after.drained) == (
        Status.CLAIMED,
        Lane.TIMER,
        NOW + 9,
        Phase.WAITING,
        True,
    )


def test_a_released_message_stays_in_doubt() -> None:
    after = release(row(status=Status.PARKED, lane=Lane.BULK, phase=None, doubts=(doubt(),)), NOW)
    assert after is not None
    assert after.status is Status.IN_DOUBT
    assert after.doubts


@pytest.mark.parametrize("other", [row(), HELD, REFUSED, SENT, sending()])
def test_only_a_backlog_is_released(other: Row) -> None:
    assert release(other, NOW) is None
    assert asleep(other, NOW) is None


def test_who_sleeps_stays_in_the_backlog() -> None:
    after = asleep(PARKED, NOW + 3600)
    assert after is not None
    assert (after.status, after.lane, after.due) == (Status.PARKED, Lane.NORMAL, NOW + 3600)


@pytest.mark.parametrize(
    ("known", "gone"),
    [(PARKED, True), (row(), True), (HELD, True), (FAILED, True), (sending(), False), (SENT, False)],
)
def test_only_what_waits_expires(known: Row, gone: bool) -> None:
    after = expire(known)
    assert (after is not None) is gone
    if after is not None:
        assert (after.status, after.lane) == (Status.EXPIRED, None)


def test_what_was_held_goes_to_the_backlog_of_its_priority() -> None:
    after = unhold(HELD, NOW + 1)
    assert after is not None
    assert (after.status, after.lane, after.due) == (Status.PARKED, Lane.BULK, NOW + 1)
    campaign = unhold(row(status=Status.PARKED, lane="campaign:spring", phase=None), NOW)
    assert campaign is not None
    assert campaign.lane == Lane.NORMAL
    assert unhold(PARKED, NOW) is None
    assert unhold(row(lane="template:reminder"), NOW) is None


@pytest.mark.parametrize("waits", [PARKED, HELD, row(), row(slot=NOW + 5), row(send_after=NOW + 1e6)])
def test_whatever_waits_can_be_cancelled(waits: Row) -> None:
    after = cancel(waits)
    assert after is not None
    assert (after.status, after.lane, after.slot) == (Status.CANCELLED, None, None)


@pytest.mark.parametrize("late", [sending(), SENT, REFUSED, FAILED])
def test_a_cancel_that_comes_too_late_changes_nothing(late: Row) -> None:
    assert cancel(late) is None
    assert move(late, NOW + 5, "{}") is None


def test_a_message_is_moved_to_another_time_also_while_it_has_a_slot() -> None:
    after = move(row(slot=NOW + 5, paid=True, drained=True, rounds=7), NOW + 900, '{"x": 1}')
    assert after is not None
    assert (after.lane, after.due, after.send_after, after.body) == (
        Lane.TIMER,
        NOW + 900,
        NOW + 900,
        '{"x": 1}',
    )
    assert (after.slot, after.paid, after.drained, after.rounds) == (None, False, False, 0)
    assert move(row(doubts=(doubt(),)), NOW + 5, "{}") is None


def test_redrive_starts_anew_and_discard_ends() -> None:
    after = redrive(REFUSED, NOW)
    assert after is not None
    assert (after.status, after.lane, after.due) == (Status.CLAIMED, Lane.TIMER, NOW)
    assert (after.attempt, after.faults, after.later) == (0, 0, True)
    gone = discard(REFUSED)
    assert gone is not None
    assert (gone.status, gone.lane) == (Status.REJECTED, None)


@pytest.mark.parametrize("act", [lambda known: redrive(known, NOW), discard])
@pytest.mark.parametrize("other", [PARKED, SENT, row(), sending()])
def test_only_refused_rows_are_redriven(act: Callable[[Row], Row | None], other: Row) -> None:
    assert act(other) is None


NIGHT = QuietHours(0, 23.99)


@pytest.mark.parametrize(
    ("parked", "hours", "status", "lane"),
    [
        (PARKED, QuietHours(), Status.CLAIMED, Lane.TIMER),
        (replace(PARKED, expires_at=NOW + 9), QuietHours(), Status.EXPIRED, None),
        (replace(PARKED, expires_at=NOW + 9.1), QuietHours(), Status.CLAIMED, Lane.TIMER),
        (replace(PARKED, zones="Europe/Berlin"), NIGHT, Status.PARKED, Lane.NORMAL),
        (replace(PARKED, zones="Europe/Berlin", expires_at=NOW), NIGHT, Status.EXPIRED, None),
        (replace(PARKED, zones="Mars/Olympus"), NIGHT, Status.CLAIMED, Lane.TIMER),
        (replace(PARKED, zones="Europe/Berlin", priority="critical"), NIGHT, Status.CLAIMED, Lane.TIMER),
    ],
)
def test_whose_turn_it_is_expires_sleeps_or_leaves(
    parked: Row, hours: QuietHours, status: Status, lane: str | None
) -> None:
    after = turn(parked, NOW + 9, hours)
    assert after is not None
    assert (after.status, after.lane) == (status, lane)


@pytest.mark.parametrize("other", [row(), HELD, REFUSED, SENT, replace(PARKED, phase="of a later version")])
def test_nobody_else_has_a_turn(other: Row) -> None:
    assert turn(other, NOW, QuietHours()) is None


def test_a_row_of_a_later_version_stays_held() -> None:
    assert unhold(replace(HELD, phase="of a later version"), NOW) is None


NEWER = [replace(row(), phase="texting"), replace(REFUSED, phase="texting")]


@pytest.mark.parametrize("other", NEWER)
def test_a_row_of_another_version_is_left_alone(other: Row) -> None:
    assert cancel(other) is None
    assert move(other, NOW + 60, "{}") is None
    assert redrive(other, NOW) is None
    assert discard(other) is None
    assert abandon(replace(other, status=Status.CLAIMED, lane=None, due=None)) is None


def test_a_row_that_only_its_dead_letter_accounted_for_ends_with_it() -> None:
    alone = replace(sending(), lane=None, due=None)
    after = abandon(alone)
    assert after is not None
    assert (after.status, after.lane, after.phase) == (Status.CANCELLED, None, None)
    assert [item.act for item in after.doubts] == [alone.act], "it may have left"


@pytest.mark.parametrize("accounted", [row(), PARKED, REFUSED, SENT, sending()])
def test_a_row_that_is_accounted_for_needs_no_dead_letter(accounted: Row) -> None:
    assert accounted.accounted
    assert abandon(accounted) is None


def test_whom_a_way_has_reached_already_counts_as_reached() -> None:
    told = replace(PARKED, tried="push, park", via=1, act=1)
    for after in (expire(told), cancel(told)):
        assert after is not None
        assert (after.status, after.via, after.lane) == (PUSHED, 1, None)
