"""The composition root: settings to adapters to use cases, made once per worker.

Nothing is built at import. Every client comes from here, with its time-outs and its pool; the same functions
wire the tests.
"""

from __future__ import annotations

import os
import random
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any, cast

import boto3

from lifeline import settings as settings_module
from lifeline.adapters.agenda import Agenda
from lifeline.adapters.alarms import Alarms
from lifeline.adapters.aws import ATTEMPTS, client_config
from lifeline.adapters.campaigns import Campaigns
from lifeline.adapters.contacts import Contacts
from lifeline.adapters.control import Control
from lifeline.adapters.email import Email
from lifeline.adapters.functions import Functions
from lifeline.adapters.inbound_topic import InboundTopic
from lifeline.adapters.inbox import Inbox
from lifeline.adapters.ledger import Ledger
from lifeline.adapters.mail_account import MailAccounts
from lifeline.adapters.metrics import Metrics
from lifeline.adapters.notices import Notices, Subscriptions
from lifeline.adapters.openai import OpenAI
from lifeline.adapters.push import Push
from lifeline.adapters.queues import Queues
from lifeline.adapters.reach import Reach
from lifeline.adapters.recordings import Recordings
from lifeline.adapters.secrets import Secrets
from lifeline.adapters.token_store import TokenStore
from lifeline.adapters.whatsapp import WhatsApp
from lifeline.contract import OPENAI_VOICE
from lifeline.domain.panic import State
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry
from lifeline.use_cases.deliver import Deliver, FallBack
from lifeline.use_cases.deliver.fall_back import WORKERS as FALLBACK_WORKERS
from lifeline.use_cases.feedback import Feedback
from lifeline.use_cases.inbound import WORKERS as INBOUND_WORKERS
from lifeline.use_cases.inbound import TakeInbound
from lifeline.use_cases.inbound_voice import InboundVoice, ReleasePending
from lifeline.use_cases.incident import Incidents, Summarise
from lifeline.use_cases.operate import Operate
from lifeline.use_cases.operate_account import OperateAccount
from lifeline.use_cases.operate_audit import OperateAudit
from lifeline.use_cases.operate_campaign import OperateCampaign
from lifeline.use_cases.operate_dead_letters import OperateDeadLetters
from lifeline.use_cases.operate_incident import OperateIncident
from lifeline.use_cases.operate_lanes import Lanes
from lifeline.use_cases.operate_message import OperateMessage
from lifeline.use_cases.operate_panic import OperatePanic
from lifeline.use_cases.operate_queue import OperateQueue
from lifeline.use_cases.operate_ready import OperateReady
from lifeline.use_cases.operate_schedule import OperateSchedule
from lifeline.use_cases.operate_templates import OperateTemplates, all_templates
from lifeline.use_cases.operate_token import OperateToken
from lifeline.use_cases.panic_mode import PanicMode
from lifeline.use_cases.probe import Probe
from lifeline.use_cases.raise_alarm import RaiseAlarm
from lifeline.use_cases.settle_mails import SettleMails
from lifeline.use_cases.speak import Speak
from lifeline.use_cases.tick import Tick
from lifeline.use_cases.tick.endings import Endings
from lifeline.use_cases.tick.held import Held
from lifeline.use_cases.token_keeper import PANIC, TokenKeeper
from lifeline.use_cases.usage_seen import UsageSeen
from lifeline.use_cases.voice_jobs import VoiceJobs
from lifeline.use_cases.voice_outcomes import VoiceOutcomes, transcriber
from lifeline.use_cases.wake import Wake
from lifeline.use_cases.webhook import Webhook


@cache
def _settings(function: str) -> Settings:
    return settings_module.parse(os.environ, function)


@cache
def telemetry(function: str) -> Telemetry:
    """Logger and metrics of one function."""
    return Telemetry(function, os.environ.get("LOG_LEVEL", "INFO"))


@cache
def _client(service: str, pool: int = 10, attempts: int = ATTEMPTS) -> Any:
    return boto3.client(cast(Any, service), config=client_config(pool, attempts=attempts))


def _patient_lambda(seconds: float) -> Any:
    """A client that waits for a function's answer and never asks twice."""
    return boto3.client("lambda", config=client_config(1, seconds, attempts=1))


@cache
def _control(function: str) -> Control:
    settings = _settings(function)
    return Control(_client("dynamodb"), settings.control_table, settings.region)


@cache
def _panic(function: str) -> PanicMode:
    settings = _settings(function)

    def refresh_token(incident_id: str) -> None:
        Functions(_client("lambda")).start(
            settings.token_keeper_function, {"source": PANIC, "incident_id": incident_id}
        )

    return PanicMode(
        control=_control(function),
        queues=Queues(_client("sqs")),
        notices=Notices(_client("sns", FALLBACK_WORKERS), settings.ops_topic_arn),
        probe_queue_url=settings.probe_queue_url,
        probe_seconds=settings.panic.probe_seconds,
        clock=time.time,
        new_id=lambda: uuid.uuid4().hex,
        telemetry=telemetry(function),
        refresh_token=refresh_token if settings.token_keeper_function else None,
        waba_id=settings.waba_id,
    )


@cache
def _campaigns(function: str) -> Campaigns:
    return Campaigns(_client("dynamodb"), _settings(function).control_table, time.time)


@cache
def _ledger(function: str) -> Ledger:
    settings = _settings(function)
    return Ledger(
        _client("dynamodb"),
        settings.messages_table,
        settings.sending.retention_days * 86_400.0,
        pause=time.sleep,
        jitter=random.random,
        new_op=_new_op,
    )


def _new_op() -> str:
    # A row keeps three of them in the agenda: short, and with 48 bits still never twice within three.
    return uuid.uuid4().hex[:12]


@cache
def _agenda(function: str) -> Agenda:
    return Agenda(_client("dynamodb"), _settings(function).messages_table)


@cache
def _wake(function: str) -> Wake:
    return Wake(Queues(_client("sqs")), _settings(function).wake_queue_url)


@cache
def _push() -> Push:
    # One attempt: a second Publish would be a second push that nobody knows of.
    return Push(_client("sns", FALLBACK_WORKERS, 1))


@cache
def _secrets(function: str) -> Secrets:
    return Secrets(_client("secretsmanager"), _settings(function).secret_arn, time.monotonic)


@cache
def _whatsapp(function: str, connections: int) -> WhatsApp:
    settings = _settings(function)
    return WhatsApp(
        _secrets(function),
        base_url=settings.graph_base_url,
        version=settings.graph_version,
        phone_number_id=settings.phone_number_id,
        waba_id=settings.waba_id,
        connections=connections,
        connect_timeout=settings.sending.connect_timeout,
        read_timeout=settings.sending.read_timeout,
    )


@cache
def _openai(function: str, attempts: int, budget: float) -> OpenAI:
    settings = _settings(function)
    secrets = _secrets(function)
    return OpenAI(
        base_url=settings.openai_base_url,
        api_key=lambda: secrets.get("openai_api_key"),
        drop_key=secrets.drop,
        clock=time.monotonic,
        pause=time.sleep,
        chance=random.random,
        transcription_model=settings.openai.transcription_model,
        connect_timeout=settings.openai.connect_timeout,
        read_timeout=settings.openai.read_timeout,
        attempts=attempts,
        budget=budget,
    )


def voice_openai(function: str) -> OpenAI:
    """The client of a function that speaks and hears, with the settings' attempts and time."""
    rules = _settings(function).openai
    return _openai(function, rules.attempts, rules.budget)


@cache
def voice_outcomes(function: str, actor: str = "VoiceFunction") -> VoiceOutcomes:
    """Where the outcomes of such a function's calls are counted."""
    return VoiceOutcomes(
        settings=_settings(function),
        control=_control(function),
        panic=_panic(function),
        clock=time.time,
        telemetry=telemetry(function),
        actor=actor,
    )


@cache
def sender() -> Deliver:
    """The sender's use case."""
    settings = _settings("sender")
    log = telemetry("sender")
    whatsapp = _whatsapp("sender", settings.sending.connections)
    return Deliver(
        settings=settings,
        ledger=_ledger("sender"),
        control=_control("sender"),
        panic=_panic("sender"),
        queues=Queues(_client("sqs")),
        wake=_wake("sender"),
        whatsapp=whatsapp,
        fall_back=FallBack(
            policy=settings.fallback,
            push=_push(),
            # One attempt, as for pushes: SES knows no idempotency key.
            email=Email(
                _client("sesv2", FALLBACK_WORKERS, 1), settings.email_from, settings.email_configuration_set
            ),
            contacts=Contacts(settings.contacts_table, settings.region),
            telemetry=log,
            default_title="A message for you",
            clock=time.time,
            pool=ThreadPoolExecutor(FALLBACK_WORKERS, thread_name_prefix="fall-back"),
        ),
        campaigns=_campaigns("sender"),
        clock=time.time,
        pause=time.sleep,
        chance=random.random,
        telemetry=log,
        pool=ThreadPoolExecutor(settings.sending.connections, thread_name_prefix="send"),
        keep_usage=UsageSeen(control=_control("sender"), whatsapp=whatsapp, clock=time.time, telemetry=log),
    )


@cache
def prober() -> Probe:
    """The prober's use case."""
    settings = _settings("prober")
    return Probe(
        settings=settings,
        control=_control("prober"),
        panic=_panic("prober"),
        whatsapp=_whatsapp("prober", 2),
        alarms=Alarms(_client("cloudwatch"), settings.alarm_prefix),
        functions=Functions(_client("lambda")),
        clock=time.time,
        telemetry=telemetry("prober"),
        waiting=lambda: _waiting(settings.critical_queue_url) + _waiting(settings.whatsapp_queue_url),
        # Twice this, and the writes around it, fit into a probe; the next probe is the second attempt.
        openai=_openai("prober", 1, 12.0),
    )


def _waiting(url: str) -> int:
    depth = Queues(_client("sqs")).depth(url)
    return depth.visible + depth.in_flight


@cache
def drainer() -> Tick:
    """The drainer's use case: the tick of each minute."""
    return Tick(
        settings=_settings("drainer"),
        control=_control("drainer"),
        ledger=_ledger("drainer"),
        agenda=_agenda("drainer"),
        queues=Queues(_client("sqs", 16)),
        wake=_wake("drainer"),
        campaigns=_campaigns("drainer"),
        clock=time.time,
        telemetry=telemetry("drainer"),
    )


@cache
def _endings(function: str) -> Endings:
    return Endings(
        control=_control(function),
        ledger=_ledger(function),
        campaigns=_campaigns(function),
        clock=time.time,
        telemetry=telemetry(function),
    )


def _voice_in_panic(function: str) -> bool:
    return _control(function).flag(OPENAI_VOICE).state is State.PANIC


@cache
def voice() -> VoiceJobs:
    """The voice function's use case: recordings for voice messages, text of voice notes."""
    settings = _settings("voice")
    log = telemetry("voice")
    openai = voice_openai("voice")
    outcomes = voice_outcomes("voice")
    queues = Queues(_client("sqs"))
    whatsapp = _whatsapp("voice", 2)
    rules = settings.openai
    speak = Speak(
        say=lambda text: openai.speech(
            text, model=rules.speech_model, voice=rules.voice, instructions=rules.instruction("")
        ),
        model=rules.speech_model,
        # Media belong to a number; other instructions make another recording.
        voice=f"{rules.voice}/{rules.instruction('')}/{settings.phone_number_id}",
        in_panic=lambda: _voice_in_panic("voice"),
        outcomes=outcomes,
        whatsapp=whatsapp,
        recordings=Recordings(_client("dynamodb"), settings.control_table),
        ledger=_ledger("voice"),
        wake=_wake("voice"),
        clock=time.time,
        telemetry=log,
    )
    listen = InboundVoice(
        rules=settings.inbound,
        inbox=Inbox(_client("dynamodb"), settings.control_table),
        topic=InboundTopic(_client("sns", INBOUND_WORKERS), settings.inbound_topic_arn),
        queues=queues,
        voice_queue_url=settings.voice_queue_url,
        whatsapp_queue_url=settings.whatsapp_queue_url,
        in_panic=lambda: _voice_in_panic("voice"),
        whatsapp=whatsapp,
        transcribe=transcriber(openai, outcomes),
        clock=time.time,
        telemetry=log,
    )
    return VoiceJobs(speak, listen)


@cache
def release_pending() -> ReleasePending:
    """The drainer's second job: voice notes that waited for the transcription."""
    settings = _settings("drainer")
    return ReleasePending(
        rules=settings.inbound,
        inbox=Inbox(_client("dynamodb"), settings.control_table),
        queues=Queues(_client("sqs", 16)),
        voice_queue_url=settings.voice_queue_url,
        in_panic=lambda: _voice_in_panic("drainer"),
        clock=time.time,
        telemetry=telemetry("drainer"),
    )


def _incidents(function: str) -> Incidents:
    return Incidents(control=_control(function), ledger=_ledger(function), clock=time.time)


@cache
def summarise() -> Summarise:
    """The drainer's third job: to tell of an incident that is over."""
    settings = _settings("drainer")
    return Summarise(
        settings=settings,
        control=_control("drainer"),
        panic=_panic("drainer"),
        incidents=_incidents("drainer"),
        notices=Notices(_client("sns", FALLBACK_WORKERS), settings.ops_topic_arn),
        clock=time.time,
        telemetry=telemetry("drainer"),
    )


@cache
def webhook() -> Webhook:
    """The webhook's use case."""
    settings = _settings("webhook")
    return Webhook(
        settings=settings,
        secrets=_secrets("webhook"),
        ledger=_ledger("webhook"),
        control=_control("webhook"),
        wake=_wake("webhook"),
        panic=_panic("webhook"),
        notices=Notices(_client("sns", FALLBACK_WORKERS), settings.ops_topic_arn),
        clock=time.time,
        chance=random.random,
        telemetry=telemetry("webhook"),
        inbound=TakeInbound(
            inbox=Inbox(_client("dynamodb"), settings.control_table),
            topic=InboundTopic(_client("sns", INBOUND_WORKERS), settings.inbound_topic_arn),
            queues=Queues(_client("sqs")),
            voice_queue_url=settings.voice_queue_url,
            clock=time.time,
            telemetry=telemetry("webhook"),
        ),
    )


@cache
def alarm() -> RaiseAlarm:
    """The alarm function's use case."""
    return RaiseAlarm(
        settings=_settings("alarm"),
        panic=_panic("alarm"),
        clock=time.time,
        telemetry=telemetry("alarm"),
    )


@cache
def feedback() -> Feedback:
    """The feedback function's use case."""
    settings = _settings("feedback")
    return Feedback(
        contacts=Contacts(settings.contacts_table, settings.region),
        mails=SettleMails(
            ledger=_ledger("feedback"),
            control=_control("feedback"),
            wake=_wake("feedback"),
            clock=time.time,
            telemetry=telemetry("feedback"),
        ),
        clock=time.time,
        telemetry=telemetry("feedback"),
    )


@cache
def token_keeper() -> TokenKeeper:
    """The token keeper's use case."""
    settings = _settings("token_keeper")
    return TokenKeeper(
        settings=settings,
        store=TokenStore(_client("secretsmanager"), settings.secret_arn),
        whatsapp=_whatsapp("token_keeper", 1),
        control=_control("token_keeper"),
        notices=Notices(_client("sns"), settings.ops_topic_arn),
        clock=time.time,
        telemetry=telemetry("token_keeper"),
    )


@cache
def operator() -> Operate:
    """The operator's use case: one group per kind of action."""
    settings = _settings("operator")
    control, panic, ledger = _control("operator"), _panic("operator"), _ledger("operator")
    agenda, wake, endings = _agenda("operator"), _wake("operator"), _endings("operator")
    queues = Queues(_client("sqs"))
    held = Held(
        control=control,
        ledger=ledger,
        agenda=agenda,
        campaigns=_campaigns("operator"),
        endings=endings,
        clock=time.time,
    )
    lanes = Lanes(agenda, lambda: held.lanes().names)
    operate_queue = OperateQueue(
        settings=settings,
        control=control,
        panic=panic,
        queues=queues,
        agenda=agenda,
        lanes=lanes,
        metrics=Metrics(_client("cloudwatch")),
        clock=time.time,
    )
    alarms = Alarms(_client("cloudwatch"), settings.alarm_prefix)
    contacts = Contacts(settings.contacts_table, settings.region)
    incidents = _incidents("operator")
    operate_panic = OperatePanic(
        settings=settings,
        control=control,
        panic=panic,
        alarms=alarms,
        functions=Functions(_client("lambda")),
        clock=time.time,
    )
    operate_message = OperateMessage(
        names=operate_queue,
        control=control,
        panic=panic,
        queues=queues,
        ledger=ledger,
        contacts=contacts,
        clock=time.time,
        new_id=lambda: uuid.uuid4().hex[:12],
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
                clock=time.time,
            ),
            operate_message,
            OperateSchedule(ledger=ledger, wake=wake, count=endings.count, clock=time.time),
            OperateAudit(
                settings=settings,
                control=control,
                ledger=ledger,
                agenda=agenda,
                lanes=lanes,
                names=operate_queue,
                queues=queues,
                wake=wake,
                clock=time.time,
            ),
            OperateCampaign(
                settings=settings,
                campaigns=_campaigns("operator"),
                contacts=contacts,
                control=control,
                panic=panic,
                templates=partial(all_templates, _whatsapp("operator", 2)),
                clock=time.time,
            ),
            OperateIncident(incidents=incidents, clock=time.time),
            OperateReady(
                settings=settings,
                control=control,
                ledger=ledger,
                contacts=contacts,
                push=_push(),
                mail=MailAccounts(_client("sesv2")),
                alarms=alarms,
                subscriptions=Subscriptions(_client("sns")),
                incidents=incidents,
                panic_status=operate_panic.status,
                panic_enable=operate_panic.enable,
                queue_status=operate_queue.status,
                send=operate_message.send,
                clock=time.time,
                new_id=lambda: uuid.uuid4().hex[:12],
            ),
            OperateTemplates(
                control=control, panic=panic, whatsapp=_whatsapp("operator", 2), clock=time.time
            ),
            OperateAccount(
                settings=settings,
                control=control,
                panic=panic,
                whatsapp=_whatsapp("operator", 2),
                reach=Reach(settings.graph_base_url, settings.sending.connect_timeout),
                clock=time.time,
                pause=time.sleep,
                new_id=lambda: uuid.uuid4().hex[:12],
            ),
            OperateToken(
                settings=settings,
                control=control,
                whatsapp=_whatsapp("operator", 2),
                functions=Functions(_client("lambda"), _patient_lambda),
                clock=time.time,
                forget=_secrets("operator").drop,
            ),
        ],
        telemetry("operator"),
    )
