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
from lifeline.use_cases.webhook.statuses import Statuses
from lifeline.use_cases.webhook.tests_and_probes import ACTOR, TestsAndProbes
from lifeline.wiring.adapters import Adapters

Inbound = Callable[[Sequence[InboundMessage]], bool]
"""Takes what people write to us; False where that must be tried again."""


def build(adapters: Adapters, inbound: Inbound | None = None) -> Webhook:
    """On these adapters. ``inbound``: takes what people write, instead of what the adapters make."""
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
            retrying=adapters.retrying,
            telemetry=adapters.telemetry,
        ),
        accounts=Accounts(
            settings=adapters.settings,
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
        inbound=inbound or take_inbound(adapters),
    )


def take_inbound(adapters: Adapters) -> TakeInbound:
    """Takes what people write to us."""
    return TakeInbound(
        inbox=adapters.inbox,
        topic=adapters.inbound_topic,
        queues=adapters.queues,
        voice_queue_url=adapters.settings.voice_queue_url,
        clock=adapters.clock,
        telemetry=adapters.telemetry,
    )


@cache
def use_case() -> Webhook:
    """The worker's."""
    return build(Adapters("webhook"))
