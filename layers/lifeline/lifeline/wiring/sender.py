"""The sender: delivers batches of the entry queues and what wake-ups name."""

from __future__ import annotations

from functools import cache

from lifeline.adapters.outcomes import IN_FLIGHT
from lifeline.use_cases.account.usage_seen import UsageSeen
from lifeline.use_cases.deliver import Deliver, FallBack
from lifeline.wiring.adapters import Adapters


def build(adapters: Adapters) -> Deliver:
    """On these adapters."""
    settings = adapters.settings
    return Deliver(
        settings=settings,
        ledger=adapters.ledger,
        control=adapters.control,
        panic=adapters.panic,
        detect=adapters.detect("sender", "SenderFunction"),
        queues=adapters.queues,
        wake=adapters.wake,
        whatsapp=adapters.whatsapp,
        fall_back=FallBack(
            policy=settings.fallback,
            push=adapters.push,
            email=adapters.email,
            contacts=adapters.contacts,
            telemetry=adapters.telemetry,
            default_title="A message for you",
            clock=adapters.clock,
            pool=adapters.pool(IN_FLIGHT, "fall-back"),
        ),
        campaigns=adapters.campaigns,
        clock=adapters.clock,
        pause=adapters.pause,
        chance=adapters.chance,
        telemetry=adapters.telemetry,
        pool=adapters.pool(settings.sending.connections, "send"),
        keep_usage=UsageSeen(
            control=adapters.control,
            whatsapp=adapters.whatsapp,
            clock=adapters.clock,
            telemetry=adapters.telemetry,
        ),
    )


@cache
def use_case() -> Deliver:
    """The worker's."""
    return build(Adapters("sender"))
