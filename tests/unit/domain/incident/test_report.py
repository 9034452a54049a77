"""Reports: every figure from known facts."""

from __future__ import annotations

from dataclasses import replace

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


def test_panic_enabled_again_by_hand_is_no_flap() -> None:
    again = [
        replace(event, source="operator") if event.kind is Kind.REENTERED else event for event in outage()
    ]
    assert overview(again, START + 5100)[0]["flaps"] == 0


def test_time_to_detect_is_from_the_first_failure_of_the_channel() -> None:
    messages = [
        parked("a", -3, 300, failed_at=START - 2.5),
        parked("b", -2, 300, failed_at=START - 1),
        parked("old", -9000, 300, failed_at=START - 8000),
    ]
    failed = {int(START) - 60: {"e|unreachable|-": 2}, int(START) - 8040: {"e|unreachable|-": 1}}
    found = report(facts(outage(), messages, failed))
    assert found["detection_seconds"] == pytest.approx(2.5)
    assert report(facts(outage(), [pushed("n", 5)]))["detection_seconds"] is None


def test_failures_of_another_cause_or_scope_are_not_what_was_detected() -> None:
    messages = [
        parked("other", -1500, 300, failed_at=START - 1500),
        parked("own", -2, 300, failed_at=START - 2),
    ]
    failed = {
        int(START) - 1500: {"e|template_rejected|132001": 3},
        # Counted when its batch ended, in the minute after it failed.
        int(START): {"e|unreachable|-": 1},
    }
    assert report(facts(outage(), messages, failed))["detection_seconds"] == pytest.approx(2.0)
    template = [
        replace(item, scope="whatsapp/template/offer", cause="template_rejected") for item in outage()
    ]
    assert report(facts(template, messages, failed))["detection_seconds"] is None
    mine = [replace(item, template="offer") for item in messages]
    assert report(facts(template, mine, failed))["detection_seconds"] == pytest.approx(1500.0)


def test_an_alarm_stands_for_any_failure_of_the_channel_and_an_operator_for_none() -> None:
    messages = [parked("a", -5, 300, failed_at=START - 5)]
    failed = {int(START) - 60: {"e|auth|190": 1}}
    by_alarm = [replace(item, cause="alarm") for item in outage()]
    assert report(facts(by_alarm, messages, failed))["detection_seconds"] == pytest.approx(5.0)
    by_hand = [replace(item, cause="operator") for item in outage()]
    assert report(facts(by_hand, messages, failed))["detection_seconds"] is None


def test_sends_that_meta_never_reported_are_of_unknown_delivery() -> None:
    silent = [replace(item, cause="silent") for item in outage()]
    sends = {int(START) - 600: {"acc": 9, "sts": 9}, int(START) - 420: {"acc": 30, "sts": 1}}
    found = report(facts(silent, [], sends))
    assert found["delivery_unknown"] == {"sends": 29, "since": "2026-03-01T08:53:00.000Z"}
    assert found["detection_seconds"] == pytest.approx(420.0)
    assert found["post_mortem"]["needed"]
    late = {**sends, int(START) - 420: {"acc": 30, "sts": 30}}
    assert report(facts(silent, [], late))["delivery_unknown"]["sends"] == 0, "they came after all"
    assert report(facts(outage(), [], sends))["delivery_unknown"]["sends"] == 0


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
