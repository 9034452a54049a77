"""The webhook's front door: what Meta posts is proved and queued."""

from __future__ import annotations

from functools import cache

from lifeline.use_cases.webhook.front import Front
from lifeline.wiring.adapters import Adapters


def build(adapters: Adapters) -> Front:
    """On these adapters."""
    return Front(
        secrets=adapters.app_secret,
        queues=adapters.queues,
        queue_url=adapters.settings.webhook_queue_url,
        clock=adapters.clock,
        telemetry=adapters.telemetry,
    )


@cache
def use_case() -> Front:
    """The worker's."""
    return build(Adapters("webhook"))
