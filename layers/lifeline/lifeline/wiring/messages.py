"""What whoever moves messages has in common: retries, and telling producers."""

from __future__ import annotations

from lifeline.use_cases.shared.publish import Publish
from lifeline.use_cases.shared.retrying import Retrying
from lifeline.wiring.adapters import Adapters


def retrying(adapters: Adapters) -> Retrying:
    """When what failed is tried again."""
    return Retrying(
        rules=adapters.settings.retry,
        grace=adapters.settings.sending.grace,
        clock=adapters.clock,
        chance=adapters.chance,
    )


def publish(adapters: Adapters) -> Publish:
    """What tells producers."""
    return Publish(
        topic=adapters.outcome_topic,
        ledger=adapters.ledger,
        panic=adapters.panic,
        clock=adapters.clock,
        telemetry=adapters.telemetry,
    )
