"""Operator actions on the limiter that all sends share."""

from __future__ import annotations

from typing import Final

from lifeline.contract.actions.action import ACTOR, REASON, SPAN, SURE, Action
from lifeline.contract.patterns import LINE

ACTIONS: Final[dict[str, Action]] = {
    "limiter.show": Action(
        description="The rate that all sends share: the deployment's, and an operator's while it holds.",
        answer="at, rate (in effect), deployed, set: {rate, until} or null, tokens, booked_seconds",
    ),
    "limiter.set": Action(
        description="Set the rate that all sends share, at once, for a span or until it is set again.",
        answer="rate, text, before, until, warnings",
        fields={
            "rate": {
                "type": ["string", "number"],
                "maxLength": 40,
                "pattern": LINE,
                "description": "30/s or 600/min; a number is messages per second; default: the deployment's",
            },
            "for_seconds": {**SPAN, "description": "Ends by itself after so many seconds"},
            "sure": {**SURE, "description": "Needed for a rate above the deployment's"},
            "reason": REASON,
            "actor": ACTOR,
        },
        required=("reason", "actor"),
        changes=True,
    ),
}
