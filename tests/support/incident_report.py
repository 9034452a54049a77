"""A report of an outage with every part in it."""

from __future__ import annotations

from typing import Any

from lifeline.domain.incident.report import report
from lifeline.domain.message.status import Status

from tests.support.incidents import START, facts, message, outage, parked, pushed


def found(**more: Any) -> dict[str, Any]:
    """A report of an outage with every part in it."""
    messages = [
        *[pushed(f"p{n}", 5.0 * n, category="appointment", template="reminder") for n in range(20)],
        *[parked(f"k{n}", 3.0 * n, 260 + n, category="promotion", template="sale") for n in range(30)],
        message(
            "f",
            Status.FAILED,
            (9, Status.CLAIMED, ""),
            (10, Status.FAILED, ""),
            tried="email MessageRejected",
        ),
        message(
            "d", Status.SENT, (8, Status.CLAIMED, ""), (9, Status.IN_DOUBT, ""), (12, Status.SENT, "webhook")
        ),
    ]
    minutes = {
        int(START) - 60: {"acc": 40, "o|SENT|normal|appointment|reminder": 40},
        int(START): {"e|unreachable|-": 6},
        int(START) + 240: {"acc": 30},
    }
    return {**report(facts(outage(), messages, minutes)), "complete": True, "kept": False, **more}
