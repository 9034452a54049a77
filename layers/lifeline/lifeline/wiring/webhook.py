"""The webhook: what Meta tells of messages, templates and the account, and what people write."""

from __future__ import annotations

from functools import cache

from lifeline.use_cases.webhook import Webhook
from lifeline.use_cases.webhook.accounts import Accounts
from lifeline.use_cases.webhook.failures import Failures
from lifeline.use_cases.webhook.foreign import ForeignSeen
from lifeline.use_cases.webhook.statuses import Statuses
from lifeline.use_cases.webhook.tests_and_probes import ACTOR, TestsAndProbes
from lifeline.wiring.adapters import Adapters


def build(adapters: Adapters) -> Webhook:
    """On these adapters."""
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
        inbound=adapters.take_inbound,
    )


@cache
def use_case() -> Webhook:
    """The worker's."""
    return build(Adapters("webhook"))
