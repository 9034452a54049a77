"""The sender: delivers batches of the entry queues and what wake-ups name."""

from __future__ import annotations

from functools import cache

from lifeline.adapters.outcomes import IN_FLIGHT
from lifeline.domain.panic.confirm import MOST
from lifeline.use_cases.account.usage_seen import UsageSeen
from lifeline.use_cases.deliver import Deliver, FallBack
from lifeline.use_cases.deliver.at_rest import AtRest
from lifeline.use_cases.deliver.claim import Claim, Conflicts
from lifeline.use_cases.deliver.count import Count
from lifeline.use_cases.deliver.decide import Decide
from lifeline.use_cases.deliver.deliver import Steps
from lifeline.use_cases.deliver.fallbacks import Fallbacks
from lifeline.use_cases.deliver.intake import Intake
from lifeline.use_cases.deliver.record import Record
from lifeline.use_cases.deliver.send import Send
from lifeline.use_cases.deliver.tell import Tell
from lifeline.use_cases.deliver.tokens import Tokens
from lifeline.use_cases.shared.confirm import Confirm
from lifeline.use_cases.shared.opt_outs import OptedOut
from lifeline.wiring import messages
from lifeline.wiring.adapters import Adapters


def build(adapters: Adapters) -> Deliver:
    """On these adapters."""
    return Deliver(
        settings=adapters.settings,
        panic=adapters.panic,
        detect=adapters.detect("sender", "SenderFunction", _confirm(adapters)),
        queues=adapters.queues,
        wake=adapters.wake,
        steps=_steps(adapters),
        clock=adapters.clock,
        telemetry=adapters.telemetry,
        keep_usage=UsageSeen(
            control=adapters.control,
            whatsapp=adapters.whatsapp,
            clock=adapters.clock,
            telemetry=adapters.telemetry,
        ),
    )


def _confirm(adapters: Adapters) -> Confirm:
    return Confirm(
        settings=adapters.settings,
        control=adapters.control,
        panic=adapters.panic,
        reaches=adapters.whatsapp.reaches,
        clock=adapters.clock,
        pause=adapters.pause,
        pool=adapters.pool(MOST, "confirm"),
        telemetry=adapters.telemetry,
    )


def _steps(adapters: Adapters) -> Steps:
    settings, ledger, control = adapters.settings, adapters.ledger, adapters.control
    clock, telemetry = adapters.clock, adapters.telemetry
    publish = messages.publish(adapters)
    opted_out = OptedOut(opt_outs=adapters.opt_outs, control=control, clock=clock, telemetry=telemetry)
    intake = Intake(
        settings=settings,
        ledger=ledger,
        queues=adapters.queues,
        people=adapters.people,
        publish=publish,
        clock=clock,
        telemetry=telemetry,
    )
    decide = Decide(
        settings=settings,
        control=control,
        panic=adapters.panic,
        campaigns=adapters.campaigns,
        contacts=adapters.contacts,
        opted_out=opted_out,
        clock=clock,
        telemetry=telemetry,
    )
    record = Record(
        ledger=ledger,
        intake=intake,
        panic=adapters.panic,
        decide=decide,
        clock=clock,
        retrying=messages.retrying(adapters),
        telemetry=telemetry,
    )
    return Steps(
        intake=intake,
        claim=Claim(
            ledger=ledger,
            intake=intake,
            decide=decide,
            tokens=Tokens(settings=settings, control=control, clock=clock, telemetry=telemetry),
            clock=clock,
            telemetry=telemetry,
        ),
        send=Send(
            settings=settings,
            whatsapp=adapters.whatsapp,
            panic=adapters.panic,
            opted_out=opted_out,
            clock=clock,
            pause=adapters.pause,
            telemetry=telemetry,
            # A thread per connection to Meta.
            pool=adapters.pool(settings.sending.connections, "send"),
        ),
        record=record,
        fall_back=Fallbacks(
            ledger=ledger,
            intake=intake,
            decide=decide,
            fall_back=_fall_back(adapters, opted_out),
            record=record,
            clock=clock,
            telemetry=telemetry,
        ),
        conflicts=Conflicts(ledger, telemetry, clock),
        tell=Tell(publish, clock),
        count=Count(control=control, campaigns=adapters.campaigns, clock=clock, telemetry=telemetry),
    )


def _fall_back(adapters: Adapters, opted_out: OptedOut) -> FallBack:
    return FallBack(
        policy=adapters.settings.fallback,
        couriers=adapters.couriers,
        contacts=adapters.contacts,
        opted_out=opted_out,
        telemetry=adapters.telemetry,
        at_rest=AtRest(adapters.settings),
        default_title="A message for you",
        clock=adapters.clock,
        pool=adapters.pool(IN_FLIGHT, "fall-back"),
    )


@cache
def use_case() -> Deliver:
    """The worker's."""
    return build(Adapters("sender"))
