"""The summary for people."""

from __future__ import annotations

from lifeline.domain.incident.facts import Affected
from lifeline.domain.incident.report import report
from lifeline.domain.incident.words import summary
from lifeline.domain.message.status import Status

from tests.support.incidents import ID, facts, message, outage, parked, pushed
from tests.support.statuses import EMAILED

S = Status


def many() -> list[Affected]:
    """One message of every kind."""
    return [
        pushed("push", 10),
        message(
            "email",
            EMAILED,
            (11, S.CLAIMED, "falling_back"),
            (12, EMAILED, "panic (push EndpointDisabled, email)"),
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


def test_the_summary_says_what_people_need() -> None:
    subject, text = summary(report(facts(outage(), many())))
    assert ID in subject
    assert "a post-mortem is needed" in subject
    for words in ("4 min", "1 by push", "1 expired", "not reached at all", "lifeline incident report"):
        assert words in text
    quiet = summary(report(facts(outage(), [pushed("a", 1)])))
    assert "No post-mortem is needed" in quiet[1]
