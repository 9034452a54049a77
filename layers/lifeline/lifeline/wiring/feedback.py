"""The feedback function: addresses that are refused, and mails that settle."""

from __future__ import annotations

from functools import cache

from lifeline.use_cases.feedback.feedback import Feedback
from lifeline.use_cases.feedback.settle_mails import SettleMails
from lifeline.wiring.adapters import Adapters


def build(adapters: Adapters) -> Feedback:
    """On these adapters."""
    return Feedback(
        contacts=adapters.contacts,
        mails=SettleMails(adapters.fold_reports(adapters.control.count), adapters.clock),
        clock=adapters.clock,
        telemetry=adapters.telemetry,
    )


@cache
def use_case() -> Feedback:
    """The worker's."""
    return build(Adapters("feedback"))
