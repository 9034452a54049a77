"""The traffic around an incident."""

from __future__ import annotations

from lifeline.domain.incident.report import report

from tests.support.incidents import START, facts, outage, pushed


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
