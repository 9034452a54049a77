"""What is kept of Meta's status webhooks."""

from __future__ import annotations

import json

from lifeline.domain.inbound.records import (
    TESTS_KEPT,
    ForeignTold,
    ProbeReported,
    ReportOfTest,
    ReportsOfTests,
    WebhookSeen,
)
from lifeline.domain.inbound.webhooks import StatusUpdate


def update(name: str, state: str) -> StatusUpdate:
    return StatusUpdate(state, message_id=name)


def test_all_of_it_comes_back() -> None:
    reports = ReportsOfTests(
        {"t": ReportOfTest(("sent", "failed"), 5.0, 131026, "gone"), "u": ReportOfTest()}
    )
    foreign = ForeignTold(4.0, "messages", "20", "10")
    seen = (WebhookSeen(1.0, 2.0), WebhookSeen(), ProbeReported(3.0), ProbeReported())
    for record in (*seen, foreign, ForeignTold(), reports):
        assert type(record).from_item(json.loads(json.dumps(record.to_item()))) == record


def test_the_first_webhook_stays_the_first() -> None:
    assert WebhookSeen().again(5.0).again(9.0) == WebhookSeen(5.0, 9.0)


def test_the_newest_reports_are_kept() -> None:
    known = ReportsOfTests()
    for number in range(TESTS_KEPT + 2):
        known = known.after(update(f"t{number}", "sent"), float(number))
    known = known.after(update("t2", "delivered"), 99.0)
    assert list(known.of)[-1] == "t2"
    assert len(known.of) == TESTS_KEPT
    assert known.of["t2"] == ReportOfTest(("sent", "delivered"), 99.0)
    assert "t0" not in known.of
