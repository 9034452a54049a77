"""What the sender counts for reports: one write a batch, templates by their own, headers once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from lifeline.adapters.whatsapp import Accepted

from tests.unit.use_cases.test_failure_twice import Clinic, answer


def promo(name: str) -> str:
    template = {"name": "promo_offer", "language": "en_US", "parameters": ["10 %"]}
    return json.dumps(
        {"id": name, "to": "+4915112345678", "type": "template", "template": template, "text": "10 % off"}
        | {"priority": "bulk", "category": "promotion"}
    )


def test_sends_and_failures_count_for_the_template_they_used() -> None:
    clinic = Clinic()
    clinic.meta.script = [Accepted("wamid.1", False, None), answer(131026), answer(500, 500)]
    for name in "abc":
        clinic.deliver(promo(name), None, f"sqs-{name}")
    assert clinic.control.counted("ta|promo_offer") == 3
    assert clinic.control.counted("tf|promo_offer") == 1, "an outage is not the template's fault"
    assert clinic.control.counted("o|SENT|bulk|promotion|promo_offer") == 1


def test_a_batch_is_counted_in_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    clinic = Clinic()
    clinic.clock.now = 1_790_000_010.0
    writes: list[Mapping[str, int]] = []
    monkeypatch.setattr(clinic.control, "count", lambda minute, counts: writes.append(dict(counts)))
    clinic.deliver(promo("a"), None, "sqs-a")
    (counts,) = writes
    assert counts["acc"] == counts["ta|promo_offer"] == 1


def test_headers_are_kept_after_a_batch_that_sent_and_not_after_others() -> None:
    clinic = Clinic()
    kept: list[int] = []
    clinic.sender._keep_usage = lambda: kept.append(1)
    clinic.produce("a")
    assert kept == [1]
    clinic.deliver("{}", None, "sqs-broken")
    assert kept == [1]


def test_a_refused_promotion_is_told_to_marketing() -> None:
    clinic = Clinic()
    clinic.meta.script = [answer(132015)]
    clinic.deliver(promo("a"), None, "sqs-a")
    told: list[dict[str, Any]] = [
        notice for notice in clinic.notices.told if notice["data"]["event"] == "promotions_affected"
    ]
    assert [notice["audience"] for notice in told] == [("marketing",)]
