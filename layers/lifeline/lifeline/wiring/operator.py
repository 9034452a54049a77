"""The operator: every action of the command line."""

from __future__ import annotations

from functools import cache, partial

from lifeline.use_cases.operate.account import OperateAccount
from lifeline.use_cases.operate.audit import OperateAudit
from lifeline.use_cases.operate.campaign import OperateCampaign
from lifeline.use_cases.operate.dead_letters import OperateDeadLetters
from lifeline.use_cases.operate.incident import OperateIncident
from lifeline.use_cases.operate.lanes import Lanes
from lifeline.use_cases.operate.message import OperateMessage
from lifeline.use_cases.operate.operate import Operate
from lifeline.use_cases.operate.panic import OperatePanic
from lifeline.use_cases.operate.queue import OperateQueue
from lifeline.use_cases.operate.ready import OperateReady
from lifeline.use_cases.operate.schedule import OperateSchedule
from lifeline.use_cases.operate.templates import OperateTemplates, all_templates
from lifeline.use_cases.operate.token import OperateToken
from lifeline.use_cases.tick.held import Held
from lifeline.wiring.adapters import Adapters


def build(adapters: Adapters) -> Operate:
    """On these adapters: one group per kind of action."""
    settings, clock = adapters.settings, adapters.clock
    control, panic, ledger = adapters.control, adapters.panic, adapters.ledger
    agenda, wake, endings = adapters.agenda, adapters.wake, adapters.endings
    queues, contacts, whatsapp = adapters.queues, adapters.contacts, adapters.whatsapp
    held = Held(
        control=control,
        ledger=ledger,
        agenda=agenda,
        campaigns=adapters.campaigns,
        endings=endings,
        clock=clock,
    )
    lanes = Lanes(agenda, lambda: held.lanes().names)
    operate_queue = OperateQueue(
        settings=settings,
        control=control,
        panic=panic,
        queues=queues,
        agenda=agenda,
        lanes=lanes,
        metrics=adapters.metrics,
        clock=clock,
    )
    operate_panic = OperatePanic(
        settings=settings,
        control=control,
        panic=panic,
        alarms=adapters.alarms,
        functions=adapters.functions,
        clock=clock,
    )
    operate_message = OperateMessage(
        names=operate_queue,
        control=control,
        panic=panic,
        queues=queues,
        ledger=ledger,
        contacts=contacts,
        clock=clock,
        new_id=adapters.short_id,
    )
    return Operate(
        [
            operate_panic,
            operate_queue,
            OperateDeadLetters(
                names=operate_queue,
                panic=panic,
                queues=queues,
                ledger=ledger,
                agenda=agenda,
                wake=wake,
                count=endings.count,
                clock=clock,
            ),
            operate_message,
            OperateSchedule(ledger=ledger, wake=wake, count=endings.count, clock=clock),
            OperateAudit(
                settings=settings,
                control=control,
                ledger=ledger,
                agenda=agenda,
                lanes=lanes,
                names=operate_queue,
                queues=queues,
                wake=wake,
                clock=clock,
            ),
            OperateCampaign(
                settings=settings,
                campaigns=adapters.campaigns,
                contacts=contacts,
                control=control,
                panic=panic,
                templates=partial(all_templates, whatsapp),
                clock=clock,
            ),
            OperateIncident(incidents=adapters.incidents, clock=clock),
            OperateReady(
                settings=settings,
                control=control,
                ledger=ledger,
                contacts=contacts,
                push=adapters.push,
                mail=adapters.mail_accounts,
                alarms=adapters.alarms,
                subscriptions=adapters.subscriptions,
                incidents=adapters.incidents,
                panic_status=operate_panic.status,
                panic_enable=operate_panic.enable,
                queue_status=operate_queue.status,
                send=operate_message.send,
                clock=clock,
                new_id=adapters.short_id,
            ),
            OperateTemplates(control=control, panic=panic, whatsapp=whatsapp, clock=clock),
            OperateAccount(
                settings=settings,
                control=control,
                panic=panic,
                whatsapp=whatsapp,
                reach=adapters.reach,
                clock=clock,
                pause=adapters.pause,
                new_id=adapters.short_id,
            ),
            OperateToken(
                settings=settings,
                control=control,
                whatsapp=whatsapp,
                functions=adapters.functions,
                clock=clock,
                forget=adapters.secrets.drop,
            ),
        ],
        adapters.telemetry,
    )


@cache
def use_case() -> Operate:
    """The worker's."""
    return build(Adapters("operator"))
