"""Statuses: the moves of a row, and webhooks in every order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.contract.ways import WAYS
from lifeline.domain.message.status import (
    OPEN,
    TRANSITIONS,
    Status,
    can_move,
    from_webhook,
)

from tests.support.statuses import EMAILED, PUSHED

REPORTED = (Status.SENT, Status.DELIVERED, Status.READ, Status.FAILED)


def test_every_status_has_its_moves() -> None:
    assert set(TRANSITIONS) == set(Status)
    assert len(Status) == 12 + len(WAYS)
    assert all(status.value == status.name for status in Status)


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.CLAIMED])
def test_every_status_can_be_reached_from_a_claim(status: Status) -> None:
    assert can_move(Status.CLAIMED, status)


@pytest.mark.parametrize("status", [Status.READ, PUSHED, EMAILED])
def test_nothing_leads_out_of_the_ends(status: Status) -> None:
    assert TRANSITIONS[status] == frozenset()


def test_only_an_operator_takes_a_rejected_message_up_again() -> None:
    open_again = {target for target in TRANSITIONS[Status.REJECTED] if target in OPEN}
    assert open_again == {Status.CLAIMED}


def test_final_is_where_lifeline_owes_nothing() -> None:
    assert {Status.CLAIMED, Status.PARKED, Status.IN_DOUBT} == OPEN


def test_every_open_status_leads_to_an_end() -> None:
    for status in OPEN:
        assert any(target not in OPEN for target in TRANSITIONS[status])


def test_in_doubt_is_settled_by_a_webhook_or_by_the_grace_time() -> None:
    for target in (*REPORTED, Status.CLAIMED, PUSHED, EMAILED, Status.PARKED, Status.EXPIRED):
        assert can_move(Status.IN_DOUBT, target)


def test_what_has_reached_a_device_is_never_sent_again() -> None:
    for status in (Status.DELIVERED, Status.READ, PUSHED, EMAILED):
        assert not can_move(status, Status.CLAIMED)
    for status in (Status.SENT, Status.HELD, Status.DELIVERED, Status.READ, PUSHED, EMAILED):
        assert not can_move(status, Status.PARKED)


def test_a_failure_leads_to_fallback_or_is_overruled_by_a_delivery() -> None:
    for target in (
        Status.CLAIMED,
        PUSHED,
        EMAILED,
        Status.PARKED,
        Status.EXPIRED,
        Status.SUPPRESSED,
        Status.REJECTED,
    ):
        assert can_move(Status.FAILED, target)
    assert can_move(Status.FAILED, Status.DELIVERED)
    assert not can_move(Status.DELIVERED, Status.FAILED)


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


@given(st.lists(st.sampled_from(list(Status)), max_size=30))
def test_no_chain_of_moves_leaves_the_ways_of_meta_once_delivered(targets: list[Status]) -> None:
    status, delivered = Status.CLAIMED, False
    for target in targets:
        if can_move(status, target):
            status = target
        delivered = delivered or status is Status.DELIVERED
        if delivered:
            assert status in (Status.DELIVERED, Status.READ)
