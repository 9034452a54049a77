"""Statuses: the moves of a row, and webhooks in every order."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.domain.status import (
    OPEN,
    RANK,
    TRANSITIONS,
    Status,
    after_webhook,
    can_move,
    from_webhook,
    is_final,
    sources,
)

REPORTED = (Status.SENT, Status.DELIVERED, Status.READ, Status.FAILED)
BEFORE = (Status.CLAIMED, Status.IN_DOUBT, Status.PARKED, Status.HELD)


def run(start: Status, reports: list[Status] | tuple[Status, ...]) -> Status:
    status = start
    for report in reports:
        status = after_webhook(status, report)
    return status


def test_every_status_has_its_moves() -> None:
    assert set(TRANSITIONS) == set(Status)
    assert len(Status) == 12
    assert all(status.value == status.name for status in Status)


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.CLAIMED])
def test_every_status_can_be_reached_from_a_claim(status: Status) -> None:
    assert can_move(Status.CLAIMED, status)


@pytest.mark.parametrize("status", [Status.READ, Status.PUSHED, Status.EMAILED])
def test_nothing_leads_out_of_the_ends(status: Status) -> None:
    assert TRANSITIONS[status] == frozenset()


def test_only_an_operator_takes_a_rejected_message_up_again() -> None:
    assert TRANSITIONS[Status.REJECTED] == {Status.CLAIMED}


def test_final_is_where_lifeline_owes_nothing() -> None:
    assert {status for status in Status if not is_final(status)} == OPEN
    assert {Status.CLAIMED, Status.PARKED, Status.IN_DOUBT} == OPEN


def test_every_open_status_leads_to_an_end() -> None:
    for status in OPEN:
        assert any(is_final(target) for target in TRANSITIONS[status])


def test_in_doubt_is_settled_by_a_webhook_or_by_the_grace_time() -> None:
    for target in (*REPORTED, Status.CLAIMED, Status.PUSHED, Status.EMAILED, Status.PARKED, Status.EXPIRED):
        assert can_move(Status.IN_DOUBT, target)


def test_a_sent_message_is_never_sent_again() -> None:
    for status in (Status.SENT, Status.HELD, Status.DELIVERED, Status.READ, Status.PUSHED, Status.EMAILED):
        assert not can_move(status, Status.CLAIMED)
        assert not can_move(status, Status.PARKED)


def test_a_failure_leads_to_fallback_or_is_overruled_by_a_delivery() -> None:
    for target in (
        Status.CLAIMED,
        Status.PUSHED,
        Status.EMAILED,
        Status.PARKED,
        Status.EXPIRED,
        Status.REJECTED,
    ):
        assert can_move(Status.FAILED, target)
    assert can_move(Status.FAILED, Status.DELIVERED)
    assert not can_move(Status.FAILED, Status.SENT)
    assert not can_move(Status.DELIVERED, Status.FAILED)


@pytest.mark.parametrize("status", list(Status))
def test_sources_is_the_table_read_backwards(status: Status) -> None:
    assert set(sources(status)) == {origin for origin in Status if can_move(origin, status)}


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("sent", Status.SENT),
        ("delivered", Status.DELIVERED),
        ("read", Status.READ),
        ("played", Status.READ),
        ("failed", Status.FAILED),
        ("SENT", Status.SENT),
        ("deleted", None),
        ("warning", None),
        ("", None),
    ],
)
def test_words_of_the_webhook(value: str, status: Status | None) -> None:
    assert from_webhook(value) is status


@pytest.mark.parametrize("start", BEFORE)
@pytest.mark.parametrize("order", list(permutations(REPORTED)))
def test_all_four_reports_end_in_read(start: Status, order: tuple[Status, ...]) -> None:
    assert run(start, order) is Status.READ


@given(
    start=st.sampled_from(BEFORE),
    reports=st.lists(st.sampled_from(REPORTED), min_size=1, max_size=8),
    data=st.data(),
)
def test_order_and_duplicates_change_nothing(
    start: Status, reports: list[Status], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(reports + data.draw(st.lists(st.sampled_from(reports), max_size=5))))
    assert run(start, reports) is run(start, shuffled)
    assert run(start, reports) is max(reports, key=RANK.__getitem__)


@given(st.lists(st.sampled_from(list(Status)), max_size=30))
def test_no_chain_of_moves_leaves_the_ways_of_meta_once_delivered(targets: list[Status]) -> None:
    status, delivered = Status.CLAIMED, False
    for target in targets:
        if can_move(status, target):
            status = target
        delivered = delivered or status is Status.DELIVERED
        if delivered:
            assert status in (Status.DELIVERED, Status.READ)
