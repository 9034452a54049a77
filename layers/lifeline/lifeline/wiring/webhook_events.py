"""Webhooks from their queue: what Meta tells of messages, templates and the account, and what people
write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from lifeline.domain.inbound.webhooks import InboundMessage
from lifeline.use_cases.shared.counting import Counting
from lifeline.use_cases.webhook.accounts import Accounts
from lifeline.use_cases.webhook.bodies import TakeBodies
from lifeline.use_cases.webhook.failures import Failures
from lifeline.use_cases.webhook.foreign import ForeignSeen
from lifeline.use_cases.webhook.inbound import Passed, TakeInbound
from lifeline.use_cases.webhook.preferences import Preferences
from lifeline.use_cases.webhook.statuses import Statuses
from lifeline.use_cases.webhook.take import TakeUpdates
from lifeline.use_cases.webhook.tests_and_probes import ACTOR, TestsAndProbes
from lifeline.wiring import messages
from lifeline.wiring.adapters import Adapters


def take_inbound(adapters: Adapters, preferences: Preferences) -> TakeInbound:
    """What takes messages of people."""
    return TakeInbound(
        inbox=adapters.inbox,
        topic=adapters.inbound_topic,
        queues=adapters.queues,
        preferences=preferences,
        voice_queue_url=adapters.settings.voice_queue_url,
        clock=adapters.clock,
        telemetry=adapters.telemetry,
    )


def preferences_of(adapters: Adapters) -> Preferences:
    """What keeps people's wishes."""
    return Preferences(adapters.opt_outs, adapters.settings.inbound, adapters.clock, adapters.telemetry)


def take_updates(
    adapters: Adapters,
    counting: Counting,
    inbound: Callable[[Sequence[InboundMessage]], Sequence[Passed]] | None = None,
) -> TakeUpdates:
    """What takes updates of every kind. ``inbound``: takes messages of people instead of what production
    has."""
    preferences = preferences_of(adapters)
    detect = adapters.detect("webhook", ACTOR)
    failures = Failures(
        control=adapters.control,
        count=counting.add,
        detect=detect,
        clock=adapters.clock,
        telemetry=adapters.telemetry,
    )
    return TakeUpdates(
        telemetry=adapters.telemetry,
        failures=failures,
        statuses=Statuses(
            fold=adapters.fold_reports(counting.add),
            count=counting.add,
            panic=adapters.panic,
            failures=failures,
            retrying=messages.retrying(adapters),
            publish=messages.publish(adapters),
            queues=adapters.queues,
            voice_queue_url=adapters.settings.voice_queue_url,
            telemetry=adapters.telemetry,
        ),
        accounts=Accounts(
            settings=adapters.settings,
            control=adapters.control,
            panic=adapters.panic,
            notices=adapters.notices,
            detect=detect,
            clock=adapters.clock,
            telemetry=adapters.telemetry,
        ),
        tests=TestsAndProbes(control=adapters.control, clock=adapters.clock),
        foreign=ForeignSeen(
            control=adapters.control,
            notices=adapters.notices,
            clock=adapters.clock,
            telemetry=adapters.telemetry,
        ),
        preferences=preferences,
        inbound=inbound or take_inbound(adapters, preferences),
    )


def build(
    adapters: Adapters, inbound: Callable[[Sequence[InboundMessage]], Sequence[Passed]] | None = None
) -> TakeBodies:
    """On these adapters; ``inbound`` as above."""
    counting = Counting(adapters.control.count, adapters.telemetry)
    return TakeBodies(
        take=take_updates(adapters, counting, inbound),
        settings=adapters.settings,
        queues=adapters.queues,
        counting=counting,
        telemetry=adapters.telemetry,
    )


@cache
def use_case() -> TakeBodies:
    """The worker's."""
    return build(Adapters("webhook_events"))
