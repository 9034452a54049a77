"""The row: what it owes, where it stands."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lifeline.domain.message.row import (
    TRANSIT,
    Lane,
    Phase,
    Row,
    changed,
    doubted,
    known,
    off_agenda,
    parked,
    too_late,
    waiting,
)
from lifeline.domain.message.status import OPEN, Status

from tests.support.rows import NOW, doubt, fresh, row, sending


def test_a_changed_row_is_as_a_replaced_one_and_the_other_stays() -> None:
    one = row(status=Status.SENT, doubts=(doubt(1),))
    assert changed(one, rev=7, lane=None) == replace(one, rev=7, lane=None)
    assert one == row(status=Status.SENT, doubts=(doubt(1),))
    with pytest.raises(KeyError):
        changed(one, unheard_of=1)


@pytest.mark.parametrize("status", list(Status))
def test_off_the_agenda_only_what_is_settled_is_accounted_for(status: Status) -> None:
    lone = row(status=status, lane=None)
    assert lone.accounted is (status not in OPEN)
    assert replace(lone, lane=Lane.TIMER).accounted
    assert lone.open is (status in OPEN)


def test_a_reported_failure_is_open_while_its_fallback_is_due() -> None:
    assert row(status=Status.FAILED, lane=Lane.TIMER).open
    assert not row(status=Status.FAILED, lane=None).open


def test_possible_duplicates_are_the_doubts_of_who_was_reached() -> None:
    reached = row(status=Status.SENT, doubts=(doubt(1), doubt(2)), duplicates=(3,))
    assert reached.possible_duplicates == 3
    assert replace(reached, status=Status.CLAIMED).possible_duplicates == 3
    waits = row(status=Status.IN_DOUBT, doubts=(doubt(1), doubt(2)))
    assert waits.possible_duplicates == 1  # at most one of the two is more than intended
    assert row(doubts=(doubt(1),)).possible_duplicates == 0
    assert row().possible_duplicates == 0


@pytest.mark.parametrize(
    ("phase", "lane", "is_known"),
    [
        (None, None, True),
        ("sending", "timer", True),
        ("sending", "template:x", True),
        (None, "campaign:x", True),
        ("dancing", "timer", False),
        (None, "lounge", False),
    ],
)
def test_phases_and_lanes_of_other_versions_are_not_known(
    phase: str | None, lane: str | None, is_known: bool
) -> None:
    assert known(row(phase=phase, lane=lane)) is is_known


def test_waiting_keeps_doubt_and_failure() -> None:
    assert waiting(row(), NOW + 1).status is Status.CLAIMED
    assert waiting(row(doubts=(doubt(),)), NOW + 1).status is Status.IN_DOUBT
    assert waiting(row(status=Status.FAILED), NOW + 1).status is Status.FAILED
    after = waiting(fresh(), NOW + 1)
    assert (after.phase, after.lane, after.due, after.rounds) == (Phase.WAITING, Lane.TIMER, NOW + 1, 1)


def test_parking_forgets_what_belongs_to_the_attempt() -> None:
    after = parked(row(way="push", slot=1.0, paid=True, drained=True, rounds=3, attempt=4), "bulk", NOW)
    assert (after.status, after.lane, after.due, after.phase) == (Status.PARKED, "bulk", NOW, None)
    assert after.way is None
    assert (after.slot, after.paid, after.drained, after.rounds, after.attempt) == (None, False, False, 0, 0)


def test_settling_leaves_the_agenda() -> None:
    after = off_agenda(sending(slot=4.0), Status.SENT)
    assert (after.status, after.phase, after.lane, after.due, after.slot) == (
        Status.SENT,
        None,
        None,
        None,
        None,
    )


def test_an_act_of_a_worker_that_is_gone_becomes_a_doubt() -> None:
    after = doubted(sending(act=2, at=NOW - 70, doubts=(doubt(1),)))
    assert after.doubts == (doubt(1), doubt(2, "whatsapp", NOW - 70))
    assert after.phase is None


def test_a_row_in_flight() -> None:
    assert sending().in_flight
    assert row(phase=Phase.FALLING_BACK).in_flight
    assert not row(phase=Phase.SPEAKING).in_flight
    assert not Row("m").in_flight


@pytest.mark.parametrize(
    ("left", "late"), [(0.0, True), (TRANSIT, True), (TRANSIT + 0.01, False), (-5.0, True)]
)
def test_an_effect_that_could_arrive_after_the_deadline_is_too_late(left: float, late: bool) -> None:
    assert too_late(Row("m", expires_at=1000.0 + left), 1000.0) is late
    assert not too_late(Row("m"), 1000.0)
