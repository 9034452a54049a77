"""Counts as dollars: each service by its own rule, and the tables of them."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import pricing

SETUP: dict[str, Any] = {
    "memory_mb": {"sender": 1024, "webhook": 512},
    "queue_functions": ["sender"],
    "http_function": "webhook",
    "kept_days": 30.4,
}
COUNTS: dict[str, Any] = {
    "requests": {
        "sqs SendMessageBatch": 0.5,
        "sns PublishBatch": 0.2,
        "ses /v2/email/outbound-emails": 0.1,
        "secretsmanager GetSecretValue": 0.01,
        "dynamodb BatchExecuteStatement": 0.08,
    },
    "units": {"write messages": 3.0, "index messages": 1.0, "read control": 2.0},
    "runs": {"sender": 0.01, "webhook": 3.0},
    "milliseconds": {"sender": 10.0, "webhook": 6.0},
    "log_bytes": {"sender": 100.0, "webhook": 900.0},
}
FIGURES: dict[str, Any] = {
    "date": "2026-01-01",
    "rate": 50.0,
    "cores": 2,
    "load": [1.0, 1.0, 1.0],
    "latency_ms": 150,
    "setup": SETUP,
    "usual_setup": SETUP,
    "there": {
        "event_sources": 2,
        "schedules_per_minute": 2,
        "metrics": 10,
        "alarms": 5,
        "dashboards": 1,
        "secrets": 4,
        "keys": 1,
    },
    "idle_minute": {**COUNTS, "runs": {"sender": 0.0, "webhook": 0.0}},
    "normal": {"messages": 1000, "per_message": COUNTS, "stored_bytes": 1000.0},
    "outage": {
        "messages": 100,
        "per_message": COUNTS,
        "stored_bytes": 1000.0,
        "mix": {"PUSHED": 0.6, "EMAILED": 0.1, "PARKED": 0.3},
    },
    "usual": {"messages": 100, "per_message": COUNTS, "stored_bytes": 1000.0},
}


def test_each_service_is_priced_by_its_own_rule() -> None:
    found = pricing.per_million(FIGURES, "normal")
    assert {name: round(value, 4) for name, value in found.items()} == {
        "Lambda requests": round(3.01 * 0.2, 4),
        "Lambda time": round((0.010 * 1 + 0.006 * 0.5) * 13.3334, 4),
        # The producer's request, what functions sent, and receives and deletes of ten at once.
        "SQS": round((1 + 0.5 + 2 * 0.1) * 0.4, 4),
        "DynamoDB writes": round(4 * 0.625, 4),
        "DynamoDB reads": round(2 * 0.125, 4),
        "DynamoDB storage": 0.25,
        "CloudWatch Logs": round(0.5 + 0.15 * 0.03, 4),
        "SNS": 0.1,
        "SES": 10.0,
        "API Gateway": 3.0,
        "Secrets Manager": 0.05,
    }
    assert set(found) == set(pricing.SERVICES)


def test_events_of_one_are_received_and_deleted_one_by_one() -> None:
    alone = {**COUNTS, "runs": {"sender": 1.0, "webhook": 3.0}}
    assert pricing.by_service(alone, SETUP, 1.0)["SQS"] == pytest.approx((1 + 0.5 + 2) * 0.4e-6)


def test_every_price_says_whether_it_was_confirmed() -> None:
    price = pricing.prices()
    named = {name for key in ("per_request", "per_gb_s", "per_gb", "per_month") for name in price[key]}
    assert set(price["confirmed"]) | set(price["unconfirmed"]) == named
    assert not set(price["confirmed"]) & set(price["unconfirmed"])
    assert price["date"]
    assert price["region"]


def test_a_month_is_what_stands_there_and_what_is_sent() -> None:
    fixed = pricing.monthly_fixed(FIGURES)
    assert fixed["10 metrics"] == pytest.approx(3.0)
    assert fixed["empty polls of queues"] == pytest.approx(2 * 15 * 43_800 * 0.4e-6)
    rows = pricing.monthly_table(FIGURES, (0, 1_000_000)).splitlines()[2:]
    own = sum(pricing.per_million(FIGURES, "normal").values())
    assert [row.split("|")[2].strip() for row in rows] == [
        f"{sum(fixed.values()):.2f}",
        f"{sum(fixed.values()) + own:.2f}",
    ]


def test_the_block_replaces_the_one_before_and_nothing_else() -> None:
    text = f"before\n{pricing.BEGIN}\nan earlier one\n{pricing.END}\nafter\n"
    once = pricing.with_block(text, FIGURES)
    assert once.startswith("before\n")
    assert once.endswith("\nafter\n")
    assert "an earlier one" not in once
    assert pricing.with_block(once, FIGURES) == once
    assert max(len(line) for line in pricing.block(FIGURES).splitlines()) <= 120
    with pytest.raises(ValueError, match="marks"):
        pricing.with_block("without", FIGURES)
