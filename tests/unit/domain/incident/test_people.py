"""Whom an incident touched: outcomes, people, delays."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.contract.instants import parse_instant
from lifeline.domain.incident.outcomes import OUTCOMES
from lifeline.domain.incident.people import quantile
from lifeline.domain.incident.report import report
from lifeline.domain.message.status import Status
from lifeline.domain.message.steering import MOVED
from lifeline.domain.message.step import OTHER_CONTENT, QUIET, SEND_AFTER

from tests.support.incidents import START, facts, many, message, outage, parked, pushed
from tests.support.statuses import PUSHED

S = Status


def test_each_message_has_one_outcome_and_they_add_up() -> None:
    found = report(facts(outage(), many()))["messages"]
    assert {name: found[name] for name in OUTCOMES} == dict.fromkeys(OUTCOMES, 1)
    assert found["total"] == len(OUTCOMES)
    assert found["by_priority"] == {"critical": 1, "normal": len(OUTCOMES) - 1}
    assert sum(found["by_status"].values()) == len(OUTCOMES)


def test_people_are_counted_once_and_missed_only_when_nothing_reached_them() -> None:
    messages = [
        pushed("a1", 1, person="ann"),
        message("a2", S.EXPIRED, (2, S.CLAIMED, ""), (9, S.EXPIRED, ""), person="ann"),
        message("b1", S.EXPIRED, (2, S.CLAIMED, ""), (9, S.EXPIRED, ""), person="bob"),
        parked("b2", 3, None, person="bob"),
        message("c", S.FAILED, (2, S.CLAIMED, ""), (9, S.FAILED, ""), person="cid"),
    ]
    found = report(facts(outage(), messages))["people"]
    assert found == {"affected": 3, "reached": 1, "waiting": 1, "not_reached": 1}


def test_in_doubt_and_how_it_was_settled() -> None:
    messages = [
        message(
            "w", S.DELIVERED, (1, S.CLAIMED, ""), (2, S.IN_DOUBT, ""), (4, S.DELIVERED, "webhook: delivered")
        ),
        message(
            "r",
            S.SENT,
            (1, S.CLAIMED, ""),
            (2, S.IN_DOUBT, ""),
            (62, S.CLAIMED, "again"),
            (63, S.SENT, ""),
            possible=1,
        ),
        message("f", PUSHED, (1, S.CLAIMED, ""), (2, S.IN_DOUBT, ""), (62, S.CLAIMED, ""), (63, PUSHED, "")),
        message("e", S.EXPIRED, (1, S.CLAIMED, ""), (2, S.IN_DOUBT, ""), (62, S.EXPIRED, "")),
        message("s", S.SUPPRESSED, (1, S.CLAIMED, ""), (2, S.IN_DOUBT, ""), (62, S.SUPPRESSED, "")),
        message("o", S.IN_DOUBT, (1, S.CLAIMED, ""), (2, S.IN_DOUBT, "")),
        pushed("n", 5),
    ]
    found = report(facts(outage(), messages))["messages"]
    assert found["in_doubt"] == {
        "total": 6,
        "by_webhook": 1,
        "sent_again": 1,
        "by_fallback": 1,
        "expired": 2,
        "open": 1,
    }
    assert (found["possible_duplicates"], found["duplicates"]) == (1, 0)


def test_possible_and_proven_duplicates_are_added_up() -> None:
    messages = [
        pushed("a", 1, possible=1),
        pushed("b", 2, possible=2, duplicates=1),
        pushed("c", 3),
    ]
    found = report(facts(outage(), messages))["messages"]
    assert (found["possible_duplicates"], found["duplicates"]) == (3, 1)


def test_added_delay_by_way() -> None:
    messages = [pushed(f"p{n}", n, took=n / 10) for n in range(1, 21)]
    messages.append(parked("late", 40, 250))
    found = report(facts(outage(), messages))["delay"]
    assert found["count"] == 21
    assert found["median_seconds"] == pytest.approx(1.1)
    assert found["p95_seconds"] == pytest.approx(2.0)
    assert found["worst_seconds"] == pytest.approx(210)
    assert found["by_way"]["push"]["count"] == 20
    assert found["by_way"]["whatsapp"]["median_seconds"] == pytest.approx(210)


def test_a_message_that_was_not_due_before_is_not_late() -> None:
    ends: tuple[tuple[float, Status, str], ...] = (20, S.CLAIMED, "panic"), (20.5, PUSHED, "panic (push)")
    came = -600.0, S.CLAIMED, SEND_AFTER
    moved = -500.0, S.CLAIMED, f"{MOVED}2026-09-21T14:13:40Z by ops"
    conflict = -400.0, S.CLAIMED, OTHER_CONTENT
    night = -300.0, S.PARKED, QUIET
    waits: list[list[tuple[float, Status, str]]] = [
        [came],
        [night],
        [moved],
        [came, night, (-200.0, S.PARKED, QUIET)],
        [came, conflict],
        [(-600.0, S.PARKED, "panic"), moved],
        [(-600.0, S.PARKED, "panic"), moved, conflict, night],
    ]
    messages = [message(f"m{n}", PUSHED, *some, *ends) for n, some in enumerate(waits)]
    delays = report(facts(outage(), messages))["delay"]
    assert delays["count"] == len(waits)
    assert delays["worst_seconds"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    "note", ["panic", "the sender is behind", "ops said: moved to morning", OTHER_CONTENT]
)
def test_other_waits_are_delays(note: str) -> None:
    came = 0, S.CLAIMED, "panic"
    late = message("a", PUSHED, came, (5, S.CLAIMED, note), (10, S.PARKED, QUIET), (60, PUSHED, "push"))
    assert report(facts(outage(), [late]))["delay"]["worst_seconds"] == pytest.approx(60)


def test_a_send_that_failed_later_counts_from_what_reached_the_person() -> None:
    twice = message(
        "t",
        S.DELIVERED,
        (0, S.CLAIMED, ""),
        (1, S.SENT, ""),
        (2, S.FAILED, ""),
        (30, S.DELIVERED, "late report"),
    )
    assert report(facts(outage(), [twice]))["delay"]["worst_seconds"] == pytest.approx(30)


def test_drain_time_is_from_recovery_to_the_last_parked_message() -> None:
    found = report(facts(outage(), [parked("a", 5, 130), parked("b", 6, 300), pushed("c", 400)]))["drain"]
    assert found["parked"] == 2
    assert found["waiting"] == 0
    assert parse_instant(found["done_at"]) == pytest.approx(START + 300)
    assert found["seconds"] == pytest.approx(60)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(Status)),
            st.lists(st.tuples(st.floats(0, 900), st.sampled_from(list(Status))), max_size=8),
        ),
        max_size=30,
    )
)
def test_whatever_the_rows_say_outcomes_add_up_and_no_message_is_counted_twice(
    rows: list[tuple[Status, list[tuple[float, Status]]]],
) -> None:
    messages = []
    for number, (status, moves) in enumerate(rows):
        trail: list[tuple[float, Status, str]] = [(0.0, S.CLAIMED, "")]
        trail += [(at, to, "") for at, to in sorted(moves, key=lambda move: move[0])]
        messages.append(message(f"m{number}", status, *trail))
    found: dict[str, Any] = report(facts(outage(), messages))
    counted = found["messages"]
    assert sum(counted[name] for name in OUTCOMES) == counted["total"] == len(rows)
    people = found["people"]
    assert people["reached"] + people["waiting"] + people["not_reached"] == people["affected"] == len(rows)
    assert found["delay"]["count"] <= len(rows)
    assert all(row["backlog"] >= 0 for row in found["timeline"]["series"])


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_quantile_is_one_of_the_values_and_covers_its_share(values: list[float], share: float) -> None:
    found = quantile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-6
