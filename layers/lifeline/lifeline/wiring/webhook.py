"""The webhook: what Meta tells of messages, templates and the account, and what people write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from lifeline.domain.inbound.webhooks import InboundMessage
from lifeline.use_cases.webhook import Webhook
from lifeline.use_cases.webhook.accounts import Accounts
from lifeline.use_cases.webhook.failures import Failures
from lifeline.use_cases.webhook.foreign import ForeignSeen
from lifeline.use_cases.webhook.inbound import TakeInbound
from lifeline.use_cases.webhook.preferences import Preferences
from lifeline.use_cases.webhook.statuses import Statuses
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


def build(adapters: Adapters, inbound: Callable[[Sequence[InboundMessage]], bool] | None = None) -> Webhook:
    """On these adapters. ``inbound``: takes messages of people instead of what production has."""
    preferences = preferences_of(adapters)
    detect = adapters.detect("webhook", ACTOR)
    failures = Failures(
        control=adapters.control, detect=detect, clock=adapters.clock, telemetry=adapters.telemetry
    )
    return Webhook(
        settings=adapters.settings,
        secrets=adapters.app_secret,
        clock=adapters.clock,
        telemetry=adapters.telemetry,
        failures=failures,
        statuses=Statuses(
            fold=adapters.fold_reports,
            control=adapters.control,
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


@cache
def use_case() -> Webhook:
    """The worker's."""
    return build(Adapters("webhook"))
