"""The operator: every action of the command line."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property, partial

from lifeline.domain.caller import account_of
from lifeline.domain.phone import NotAPhoneNumber, normalise
from lifeline.use_cases.console.console import Console
from lifeline.use_cases.operate.audit import OperateAudit
from lifeline.use_cases.operate.campaign import OperateCampaign
from lifeline.use_cases.operate.incident import OperateIncident
from lifeline.use_cases.operate.limiter import OperateLimiter
from lifeline.use_cases.operate.media import OperateMedia
from lifeline.use_cases.operate.messages import OperateMessage
from lifeline.use_cases.operate.messages_schedule import OperateSchedule
from lifeline.use_cases.operate.operate import Group, Operate, Request
from lifeline.use_cases.operate.panic import OperatePanic
from lifeline.use_cases.operate.person import OperatePerson
from lifeline.use_cases.operate.person_places import PersonPlaces
from lifeline.use_cases.operate.prove import ProveActor
from lifeline.use_cases.operate.queue import OperateQueue
from lifeline.use_cases.operate.queue_dead_letters import OperateDeadLetters
from lifeline.use_cases.operate.queue_lanes import LaneReader
from lifeline.use_cases.operate.queue_refused import RefusedMessages
from lifeline.use_cases.operate.ready import OperateReady
from lifeline.use_cases.operate.whatsapp_account import OperateAccount
from lifeline.use_cases.operate.whatsapp_templates import OperateTemplates
from lifeline.use_cases.operate.whatsapp_test import OperateWhatsAppTest
from lifeline.use_cases.operate.whatsapp_token import OperateToken
from lifeline.use_cases.shared.all_templates import all_templates
from lifeline.use_cases.shared.panic_plans import PanicPlans
from lifeline.wiring.adapters import Adapters


class _Groups:
    """The groups of actions; what several of them stand on is made once."""

    def __init__(self, adapters: Adapters) -> None:
        self._on = adapters
        self._lanes = LaneReader(adapters.agenda, lambda: adapters.held.lanes().names, adapters.control)

    @cached_property
    def queue(self) -> OperateQueue:
        on = self._on
        return OperateQueue(
            settings=on.settings,
            control=on.control,
            panic=on.panic,
            queues=on.queues,
            agenda=on.agenda,
            lanes=self._lanes,
            metrics=on.metrics,
            clock=on.clock,
        )

    @cached_property
    def panic(self) -> OperatePanic:
        on = self._on
        return OperatePanic(
            settings=on.settings,
            control=on.control,
            panic=on.panic,
            plans=PanicPlans(on.control),
            alarms=on.alarms,
            functions=on.functions,
            clock=on.clock,
        )

    @cached_property
    def message(self) -> OperateMessage:
        on = self._on
        return OperateMessage(
            names=self.queue,
            control=on.control,
            panic=on.panic,
            queues=on.queues,
            ledger=on.ledger,
            contacts=on.contacts,
            clock=on.clock,
            new_id=on.short_id,
        )

    def person(self) -> OperatePerson:
        """One person's data, wherever they lie."""
        on = self._on

        def e164(raw: str) -> str | None:
            try:
                return normalise(raw, on.settings.default_region_code or None)
            except NotAPhoneNumber:
                return None

        return OperatePerson(
            people=on.people,
            ledger=on.ledger,
            places=PersonPlaces(
                contacts=on.contacts,
                inbox=on.inbox,
                recordings=on.recordings,
                campaigns=on.campaigns,
                queues=on.queues,
                names=self.queue,
                e164=e164,
                recording_of=lambda: (
                    on.settings.openai.speech_model,
                    on.settings.openai.speaks_as(on.settings.phone_number_id),
                ),
            ),
            queues=on.queues,
            names=self.queue,
            panic=on.panic,
            e164=e164,
            count=on.endings.count,
            clock=on.clock,
        )

    def of_messages(self) -> list[Group]:
        """What waits, what was sent, and what is accounted for."""
        on, count = self._on, self._on.endings.count
        return [
            self.queue,
            OperateLimiter(settings=on.settings, control=on.control, panic=on.panic, clock=on.clock),
            OperateDeadLetters(
                names=self.queue,
                panic=on.panic,
                queues=on.queues,
                ledger=on.ledger,
                refused=RefusedMessages(ledger=on.ledger, agenda=on.agenda, wake=on.wake, clock=on.clock),
                count=count,
                clock=on.clock,
            ),
            self.message,
            OperateSchedule(ledger=on.ledger, wake=on.wake, count=count, clock=on.clock),
            self.person(),
            OperateAudit(
                settings=on.settings,
                control=on.control,
                ledger=on.ledger,
                agenda=on.agenda,
                lanes=self._lanes,
                names=self.queue,
                queues=on.queues,
                wake=on.wake,
                clock=on.clock,
            ),
            OperateCampaign(
                settings=on.settings,
                campaigns=on.campaigns,
                contacts=on.contacts,
                control=on.control,
                panic=on.panic,
                templates=partial(all_templates, on.whatsapp),
                clock=on.clock,
            ),
        ]

    def of_outages(self) -> list[Group]:
        """Panic mode, incidents, and whether all is ready for one."""
        on = self._on
        return [
            self.panic,
            OperateIncident(incidents=on.incidents, clock=on.clock),
            OperateReady(
                settings=on.settings,
                control=on.control,
                ledger=on.ledger,
                contacts=on.contacts,
                push=on.push,
                mail=on.mail_accounts,
                alarms=on.alarms,
                subscriptions=on.subscriptions,
                incidents=on.incidents,
                panic_status=self.panic.status,
                panic_enable=self.panic.enable,
                queue_status=self.queue.status,
                send=self.message.send,
                clock=on.clock,
                new_id=on.short_id,
            ),
        ]

    def of_the_account(self) -> list[Group]:
        """What Meta says of us, and lets us do."""
        on = self._on
        return [
            OperateTemplates(control=on.control, panic=on.panic, whatsapp=on.whatsapp, clock=on.clock),
            OperateMedia(
                uploads=on.uploads,
                parcels=lambda: on.parcels,
                whatsapp=on.whatsapp,
                panic=on.panic,
                clock=on.clock,
            ),
            OperateAccount(settings=on.settings, control=on.control, whatsapp=on.whatsapp, clock=on.clock),
            OperateWhatsAppTest(
                settings=on.settings,
                control=on.control,
                panic=on.panic,
                whatsapp=on.whatsapp,
                reach=on.reach,
                clock=on.clock,
                pause=on.pause,
                new_id=on.short_id,
            ),
            OperateToken(
                settings=on.settings,
                control=on.control,
                whatsapp=on.whatsapp,
                functions=on.functions,
                clock=on.clock,
                forget=on.token_secret.drop,
            ),
        ]


def prover(adapters: Adapters) -> ProveActor:
    """Finds who asks; STS is looked for with the first proof."""
    return ProveActor(
        sts=lambda: adapters.sts,
        used=adapters.used_proofs,
        account=account_of(adapters.settings.stack_id),
        clock=adapters.clock,
    )


def build(adapters: Adapters, prove: Callable[[Request], str] | None) -> Operate:
    """On these adapters: one group per kind of action. Without ``prove`` it only reads."""
    groups = _Groups(adapters)
    return Operate(
        [*groups.of_outages(), *groups.of_messages(), *groups.of_the_account()], adapters.telemetry, prove
    )


def console(adapters: Adapters, operate: Operate) -> Console:
    """The actions, and the dashboard's page before them."""
    return Console(operate, adapters.settings.operator_function_arn)


@cache
def use_case() -> Console:
    """The worker's."""
    adapters = Adapters("operator")
    return console(adapters, build(adapters, prover(adapters)))
