"""Reports: every figure from known facts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.contract.instants import parse_instant
from lifeline.domain.failure.causes import Cause
from lifeline.domain.incident.course import course
from lifeline.domain.incident.facts import Affected
from lifeline.domain.incident.outcomes import OUTCOMES
from lifeline.domain.incident.people import quantile
from lifeline.domain.incident.report import overview, report
from lifeline.domain.incident.timeline import POINTS, STEPS
from lifeline.domain.incident.words import summary
from lifeline.domain.message.status import Status
from lifeline.domain.message.steering import MOVED
from lifeline.domain.message.step import OTHER_CONTENT, QUIET, SEND_AFTER
from lifeline.domain.panic.flag import Kind

from tests.support.incidents import ID, START, event, facts, message, outage, parked, probe, pushed

S = Status


def test_the_course_of_an_incident_with_a_flap() -> None:
    found = report(facts(outage(), []))
    assert found["incident_id"] == ID
    assert found["state"] == "over"
    assert found["opened_by"] == "SenderFunction"
    assert found["opened"]["evidence"] == {"rule": "streak", "consecutive_unreachable": 6}
    assert found["closed_by"] == "ProberFunction"
    assert found["closed"]["reason"] == "3 probes in a row succeeded"
    assert found["duration_seconds"] == 240
    assert found["panic_seconds"] == 120 + 90
    assert found["flaps"] == 1
    # The probes that ended panic stand in the history as recovering.
    assert found["probes"] == {
        "total": 14,
        "succeeded": 6,
        "failed": 8,
        "last_finding": "reachability: connection refused",
    }


def test_an_incident_that_lasts_has_no_end_yet() -> None:
    found = report(facts([event(Kind.ENTERED, 0, 1)], [parked("a", 5, None)], now=60))
    assert (found["state"], found["closed"], found["left_panic_at"]) == ("panic", None, None)
    assert found["duration_seconds"] == 60
    assert found["messages"]["waiting"] == 1
    assert found["drain"] == {"parked": 1, "waiting": 1, "done_at": None, "seconds": None}


def test_recovering_is_a_state_of_its_own() -> None:
    assert report(facts(outage()[:-1], [], now=300))["state"] == "recovering"


def test_an_operator_may_end_it_at_once() -> None:
    events = [
        event(Kind.ENTERED, 0, 1, source="operator", actor="ada", cause="operator", reason="planned"),
        event(Kind.ENDED, 30, 2, source="operator", actor="ada", reason="done"),
    ]
    found = report(facts(events, []))
    assert (found["state"], found["closed"]["actor"], found["duration_seconds"]) == ("over", "ada", 30)
    assert found["probes"]["total"] == 0


def test_what_comes_under_the_same_id_after_its_end_is_no_part_of_it() -> None:
    later = event(Kind.NOTED, 900, 18, reason="quality is green again")
    found = course([*outage(), later])
    assert found is not None
    assert later not in found.events
    assert found.over == START + 840


def test_events_without_a_beginning_are_no_incident() -> None:
    assert course(outage()[1:]) is None
    with pytest.raises(ValueError, match="no beginning"):
        report(facts(outage()[1:], []))


def test_the_list_has_one_line_per_incident_newest_first() -> None:
    second = [
        event(Kind.ENTERED, 5000, 20, incident_id="20260301-102320-bbbbbb", cause="auth"),
        event(Kind.RECOVERING, 5060, 21, incident_id="20260301-102320-bbbbbb", source="operator"),
    ]
    noise = [event(Kind.NOTED, 10, 3, incident_id="")]
    found = overview([*second, *outage(), *noise], START + 5100)
    assert [line["incident_id"] for line in found] == ["20260301-102320-bbbbbb", ID]
    assert [line["state"] for line in found] == ["recovering", "over"]
    assert [line["cause"] for line in found] == ["auth", "unreachable"]
    assert [line["flaps"] for line in found] == [0, 1]
    assert [line["duration_seconds"] for line in found] == [60, 240]


# -- messages ----------------------------------------------------------------------------------------------


def many() -> list[Affected]:
    """One message of every kind."""
    return [
        pushed("push", 10),
        message(
            "email",
            S.EMAILED,
            (11, S.CLAIMED, "falling_back"),
            (12, S.EMAILED, "panic (push EndpointDisabled, email)"),
            tried="push EndpointDisabled, email",
            priority="critical",
        ),
        parked("parked", 20, 260),
        message(
            "sent",
            S.READ,
            (-5, S.CLAIMED, "sending"),
            (3, S.CLAIMED, "x"),
            (4, S.SENT, "y"),
            (5, S.READ, "z"),
        ),
        parked("waiting", 30, None),
        message(
            "expired", S.EXPIRED, (31, S.CLAIMED, ""), (31.5, S.PARKED, ""), (250, S.EXPIRED, "its time")
        ),
        message("cancelled", S.CANCELLED, (31, S.CLAIMED, ""), (31.5, S.CANCELLED, "by an operator")),
        message("rejected", S.REJECTED, (32, S.CLAIMED, ""), (33, S.REJECTED, "bad")),
        message(
            "failed", S.FAILED, (34, S.CLAIMED, ""), (35, S.FAILED, "no way"), tried="email MessageRejected"
        ),
    ]


def test_each_message_has_one_outcome_and_they_add_up() -> None:
    found = report(facts(outage(), many()))["messages"]
    assert {name: found[name] for name in OUTCOMES} == dict.fromkeys(OUTCOMES, 1)
    assert found["total"] == len(OUTCOMES)
    assert found["by_priority"] == {"critical": 1, "normal": 8}
    assert sum(found["by_status"].values()) == 9


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
        message(
            "f", S.PUSHED, (1, S.CLAIMED, ""), (2, S.IN_DOUBT, ""), (62, S.CLAIMED, ""), (63, S.PUSHED, "")
        ),
        message("e", S.EXPIRED, (1, S.CLAIMED, ""), (2, S.IN_DOUBT, ""), (62, S.EXPIRED, "")),
        message("o", S.IN_DOUBT, (1, S.CLAIMED, ""), (2, S.IN_DOUBT, "")),
        pushed("n", 5),
    ]
    found = report(facts(outage(), messages))["messages"]
    assert found["in_doubt"] == {
        "total": 5,
        "by_webhook": 1,
        "sent_again": 1,
        "by_fallback": 1,
        "expired": 1,
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
    ends = (20, S.CLAIMED, "panic"), (20.5, S.PUSHED, "panic (push)")
    came = -600, S.CLAIMED, SEND_AFTER
    moved = -500, S.CLAIMED, f"{MOVED}2026-09-21T14:13:40Z by ops"
    conflict = -400, S.CLAIMED, OTHER_CONTENT
    night = -300, S.PARKED, QUIET
    waits: list[list[tuple[float, Status, str]]] = [
        *([came], [night], [moved], [came, night, (-200, S.PARKED, QUIET)], [came, conflict]),
        *([(-600, S.PARKED, "panic"), moved], [(-600, S.PARKED, "panic"), moved, conflict, night]),
    ]
    messages = [message(f"m{n}", S.PUSHED, *some, *ends) for n, some in enumerate(waits)]
    delays = report(facts(outage(), messages))["delay"]
    assert delays["count"] == len(waits)
    assert delays["worst_seconds"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    "note", ["panic", "the sender is behind", "ops said: moved to morning", OTHER_CONTENT]
)
def test_other_waits_are_delays(note: str) -> None:
    came = 0, S.CLAIMED, "panic"
    late = message("a", S.PUSHED, came, (5, S.CLAIMED, note), (10, S.PARKED, QUIET), (60, S.PUSHED, "push"))
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


def test_time_to_detect_is_from_the_first_failure_of_the_channel() -> None:
    messages = [
        parked("a", -3, 300, failed_at=START - 2.5),
        parked("b", -2, 300, failed_at=START - 1),
        parked("old", -9000, 300, failed_at=START - 8000),
    ]
    found = report(facts(outage(), messages))
    assert found["detection_seconds"] == pytest.approx(2.5)
    assert report(facts(outage(), [pushed("n", 5)]))["detection_seconds"] is None


# -- counters ----------------------------------------------------------------------------------------------


def test_traffic_before_and_during_by_category_and_template() -> None:
    minute = int(START) - 60
    minutes = {
        minute - 60: {"o|SENT|normal|appointment|reminder": 30, "acc": 30},
        minute: {"o|SENT|normal|appointment|reminder": 30, "o|FAILED|bulk|promotion|sale": 10, "acc": 30},
        int(START): {"o|PARKED|normal|appointment|reminder": 99, "acc": 0},
    }
    messages = [pushed(f"p{n}", n, category="appointment", template="reminder") for n in range(7)]
    found = report(facts(outage(), messages, minutes))["traffic"]
    assert found["before_seconds"] == 120
    assert found["before"] == 70
    assert found["during"] == 7
    assert found["during_seconds"] == 210
    assert found["rows"] == [
        {
            "category": "appointment",
            "template": "reminder",
            "before": 60,
            "before_per_minute": 30,
            "during": 7,
            "during_per_minute": 2,
        },
        {
            "category": "promotion",
            "template": "sale",
            "before": 10,
            "before_per_minute": 5,
            "during": 0,
            "during_per_minute": 0,
        },
    ]


def test_a_spike_names_what_rose_most() -> None:
    minutes = {}
    for back in range(1, 61):
        counts = {"o|SENT|normal|appointment|reminder": 10}
        if back <= 10:
            counts["o|SENT|bulk|promotion|sale"] = 40
        minutes[int(START) - 60 * back] = counts
    found = report(facts(outage(), [], minutes))["spike"]
    assert found == {
        "baseline_per_minute": 10,
        "recent_per_minute": 50,
        "ratio": 5,
        "is_spike": True,
        "category": "promotion",
        "template": "sale",
        "rise_per_minute": 40,
    }


def test_without_an_hour_of_counters_no_spike_is_claimed() -> None:
    assert report(facts(outage(), [], {int(START) - 60: {"acc": 5}}))["spike"] is None


def test_failures_by_cause_and_code_of_its_minutes_only() -> None:
    minutes = {
        int(START) - 120: {"e|auth|190": 5},
        int(START): {"e|unreachable|-": 6, "e|rate_limit|130429": 1},
        int(START) + 180: {"e|unreachable|-": 2},
        int(START) + 600: {"e|auth|190": 5},
    }
    found = report(facts(outage(), [], minutes))["failures"]
    assert found == [
        {"cause": "unreachable", "code": None, "count": 8},
        {"cause": "rate_limit", "code": "130429", "count": 1},
    ]


def test_cost_counts_requests() -> None:
    found = report(facts(outage(), many()))["cost"]
    assert found["requests"]["sns_pushes"] == 2
    assert found["requests"]["ses_emails"] == 2
    # Three wake-ups (two were parked and sent later, one failed) and 14 probes take three requests each.
    assert found["requests"]["sqs_requests"] == 3 * 3 + 3 * 14
    assert found["meta_probes"] == 14
    assert found["usd"] > 0


# -- what is asked of people -------------------------------------------------------------------------------


def test_a_post_mortem_is_asked_for_when_a_fallback_failed() -> None:
    assert report(facts(outage(), [pushed("a", 1)]))["post_mortem"] == {"needed": False, "reasons": []}
    found = report(facts(outage(), many()))
    assert found["post_mortem"]["needed"]
    assert "2 fallbacks failed" in found["post_mortem"]["reasons"][0]
    assert "MessageRejected" in found["post_mortem"]["reasons"][0]
    assert found["fallback"] == {
        "tried": {"email": 2, "push": 2},
        "failed": 2,
        "failures": [
            {"way": "email", "code": "MessageRejected", "count": 1},
            {"way": "push", "code": "EndpointDisabled", "count": 1},
        ],
    }


@pytest.mark.parametrize("cause", [*Cause, "unheard_of"])
def test_every_cause_has_a_checklist_with_answers(cause: str) -> None:
    events = [event(Kind.ENTERED, 0, 1, cause=cause), event(Kind.RECOVERING, 60, 2, cause=cause)]
    found = report(facts(events, many()))["checklist"]
    assert len(found) >= 5
    assert all(item["text"] and item["known"] for item in found)
    assert found[0]["done"], "the duration is known"
    assert not found[1]["done"], "a fallback failed"


def test_the_rate_limit_checklist_answers_the_runbook() -> None:
    events = [event(Kind.ENTERED, 0, 1, cause="rate_limit"), event(Kind.RECOVERING, 60, 2)]
    minutes = {int(START): {"e|rate_limit|130429": 4}}
    asked = {item["text"]: item["known"] for item in report(facts(events, [], minutes))["checklist"]}
    assert "130429: 4" in asked["Update rate limit thresholds if needed"]
    assert "Review what caused the traffic spike" in asked


def test_the_summary_says_what_people_need() -> None:
    subject, text = summary(report(facts(outage(), many())))
    assert ID in subject
    assert "a post-mortem is needed" in subject
    for words in ("4 min", "1 by push", "1 expired", "not reached at all", "lifeline incident report"):
        assert words in text
    quiet = summary(report(facts(outage(), [pushed("a", 1)])))
    assert "No post-mortem is needed" in quiet[1]


# -- the picture -------------------------------------------------------------------------------------------


def test_the_timeline_shows_states_probes_and_a_backlog_that_comes_and_goes() -> None:
    messages = [parked(f"m{n}", 10 + n, 260 + n) for n in range(20)] + [pushed(f"p{n}", 30) for n in range(5)]
    found = report(facts(outage(), messages))["timeline"]
    assert [span["state"] for span in found["states"]] == ["panic", "recovering", "panic", "recovering"]
    assert len(found["probes"]) == 14
    assert sum(row["push"] for row in found["series"]) == 5
    assert sum(row["whatsapp"] for row in found["series"]) == 20
    levels = [row["backlog"] for row in found["series"]]
    assert max(levels) == 20
    assert levels[-1] == 0
    assert len(found["series"]) <= POINTS
    assert found["series"][-1]["t"] < found["seconds"]


def test_a_long_incident_takes_larger_steps() -> None:
    events = [event(Kind.ENTERED, 0, 1), event(Kind.RECOVERING, 40_000, 2)]
    found = report(facts(events, [parked("a", 5, 41_000)], now=50_000))["timeline"]
    assert len(found["series"]) <= POINTS
    assert found["step_seconds"] in STEPS


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


def test_probes_that_found_nothing_say_nothing() -> None:
    events = [event(Kind.ENTERED, 0, 1), probe(15, 2, ok=True)]
    assert report(facts(events, [], now=20))["probes"]["last_finding"] is None
