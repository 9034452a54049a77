"""The summary for people."""

from __future__ import annotations

from dataclasses import replace

from lifeline.domain.incident.report import report
from lifeline.domain.incident.words import summary
from lifeline.domain.message.status import Status

from tests.support.incidents import ID, START, facts, many, outage, pushed

S = Status


def test_the_summary_says_what_people_need() -> None:
    subject, text = summary(report(facts(outage(), many())))
    assert ID in subject
    assert "a post-mortem is needed" in subject
    for words in ("4 min", "1 by push", "1 expired", "not reached"):
        assert words in text
    quiet = summary(report(facts(outage(), [pushed("a", 1)])))
    assert "No post-mortem is needed" in quiet[1]


def test_the_summary_names_only_fates_that_there_were() -> None:
    _, text = summary(report(facts(outage(), [pushed("a", 1)])))
    assert "1 person: 1 reached.\n" in text
    _, text = summary(report(facts(outage(), [])))
    assert "Nobody was affected" in text
    assert "not reached" not in text


def test_the_summary_names_sends_of_unknown_delivery() -> None:
    silent = [replace(item, cause="silent") for item in outage()]
    _, text = summary(report(facts(silent, [], {int(START) - 420: {"acc": 30}})))
    assert "Delivery unknown: Meta accepted 30 messages" in text
