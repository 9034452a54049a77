"""The summary for people."""

from __future__ import annotations

from lifeline.domain.incident.report import report
from lifeline.domain.incident.words import summary
from lifeline.domain.message.status import Status

from tests.support.incidents import ID, facts, many, outage, pushed

S = Status


def test_the_summary_says_what_people_need() -> None:
    subject, text = summary(report(facts(outage(), many())))
    assert ID in subject
    assert "a post-mortem is needed" in subject
    for words in ("4 min", "1 by push", "1 expired", "not reached at all", "lifeline incident report"):
        assert words in text
    quiet = summary(report(facts(outage(), [pushed("a", 1)])))
    assert "No post-mortem is needed" in quiet[1]
