"""Reports: every figure from known facts."""

from __future__ import annotations

import pytest
from lifeline.domain.incident.report import overview, report
from lifeline.domain.message.status import Status
from lifeline.domain.panic.flag import Kind

from tests.support.incidents import ID, START, event, facts, many, outage, parked, probe, pushed

S = Status


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


def test_time_to_detect_is_from_the_first_failure_of_the_channel() -> None:
    messages = [
        parked("a", -3, 300, failed_at=START - 2.5),
        parked("b", -2, 300, failed_at=START - 1),
        parked("old", -9000, 300, failed_at=START - 8000),
    ]
    found = report(facts(outage(), messages))
    assert found["detection_seconds"] == pytest.approx(2.5)
    assert report(facts(outage(), [pushed("n", 5)]))["detection_seconds"] is None


def test_cost_counts_requests() -> None:
    found = report(facts(outage(), many()))["cost"]
    assert found["requests"]["sns_pushes"] == 2
    assert found["requests"]["ses_emails"] == 2
    # Three wake-ups (two were parked and sent later, one failed) and 14 probes take three requests each.
    assert found["requests"]["sqs_requests"] == 3 * 3 + 3 * 14
    assert found["meta_probes"] == 14
    assert found["usd"] > 0


def test_a_post_mortem_is_asked_for_when_a_fallback_failed() -> None:
    assert report(facts(outage(), [pushed("a", 1)]))["post_mortem"] == {"needed": False, "reasons": []}
    found = report(facts(outage(), many()))
    assert found["post_mortem"]["needed"]
    assert "2 fallbacks failed" in found["post_mortem"]["reasons"][0]
    assert "MessageRejected" in found["post_mortem"]["reasons"][0]
    assert found["fallback"] == {
        "tried": {"email": 2, "push": 2, "sms": 1},
        "failed": 2,
        "failures": [
            {"way": "email", "code": "MessageRejected", "count": 1},
            {"way": "push", "code": "EndpointDisabled", "count": 1},
        ],
    }


def test_probes_that_found_nothing_say_nothing() -> None:
    events = [event(Kind.ENTERED, 0, 1), probe(15, 2, ok=True)]
    assert report(facts(events, [], now=20))["probes"]["last_finding"] is None
