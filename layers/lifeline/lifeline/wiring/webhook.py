"""The webhook: what Meta tells of messages, templates and the account, and what people write."""

from __future__ import annotations

from functools import cache

from lifeline.use_cases.webhook import Webhook
from lifeline.use_cases.webhook.inbound import TakeInbound
from lifeline.use_cases.webhook.tests_and_probes import ACTOR
from lifeline.wiring.adapters import Adapters


def build(adapters: Adapters) -> Webhook:
    """On these adapters."""
    return Webhook(
        settings=adapters.settings,
        secrets=adapters.secrets,
        ledger=adapters.ledger,
        control=adapters.control,
        wake=adapters.wake,
        panic=adapters.panic,
        detect=adapters.detect("webhook", ACTOR),
        notices=adapters.notices,
        clock=adapters.clock,
        chance=adapters.chance,
        telemetry=adapters.telemetry,
        inbound=TakeInbound(
            inbox=adapters.inbox,
            topic=adapters.inbound_topic,
            queues=adapters.queues,
            voice_queue_url=adapters.settings.voice_queue_url,
            clock=adapters.clock,
            telemetry=adapters.telemetry,
        ),
    )


@cache
def use_case() -> Webhook:
    """The worker's."""
    return build(Adapters("webhook"))
