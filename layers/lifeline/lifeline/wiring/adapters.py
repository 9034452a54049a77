"""Clients, adapters and the parts that several functions share; each is made when it is first asked for.

Adapters are imported where they are made, so that a function loads none that it does not use.
"""

from __future__ import annotations

import os
import random
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lifeline import settings as settings_module
from lifeline.adapters.aws import ATTEMPTS, Clients
from lifeline.contract.ways import EMAIL, PUSH, SMS
from lifeline.domain.account.token import BY_PANIC
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry

if TYPE_CHECKING:
    from botocore.config import Config

    from lifeline.adapters.agenda import Agenda
    from lifeline.adapters.alarms import Alarms
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
    from lifeline.adapters.opt_outs import OptOuts
    from lifeline.adapters.outcomes import Courier
    from lifeline.adapters.parcels import Parcels
    from lifeline.adapters.push import Push
    from lifeline.adapters.queues import Queues
    from lifeline.adapters.reach import GraphHost
    from lifeline.adapters.recordings import Recordings
    from lifeline.adapters.secrets import Secrets
    from lifeline.adapters.sms import Sms
    from lifeline.adapters.sts import Sts
    from lifeline.adapters.token_store import TokenStore
    from lifeline.adapters.uploads import Uploads
    from lifeline.adapters.used_proofs import UsedProofs
    from lifeline.adapters.whatsapp import WhatsApp
    from lifeline.use_cases.shared.confirm import Confirm
    from lifeline.use_cases.shared.counting import Count
    from lifeline.use_cases.shared.detect import Detect
    from lifeline.use_cases.shared.fold_reports import FoldReports
    from lifeline.use_cases.shared.incidents import Incidents
    from lifeline.use_cases.shared.panic_mode import PanicMode
    from lifeline.use_cases.shared.people import People
    from lifeline.use_cases.shared.publish import Topic
    from lifeline.use_cases.shared.wake import Wake
    from lifeline.use_cases.tick.endings import Endings
    from lifeline.use_cases.tick.held import Held


class Adapters:
    """Of one function; each is made once. Raises what :func:`lifeline.settings.parse` raises."""

    def __init__(self, function: str, given: Mapping[str, Any] | None = None) -> None:
        """``function``: whose settings are read. ``given``: by name, what stands in for an attribute or a
        method; tests give adapters in memory, a clock and the settings. Raises ``TypeError`` for a name that
        there is not.
        """
        self.function = function
        self.clock: Callable[[], float] = time.time
        self.pause: Callable[[float], None] = time.sleep
        self.chance: Callable[[], float] = random.random
        self._clients = Clients()
        unknown = set(given or ()) - set(dir(self))
        if unknown:
            raise TypeError(f"the wiring knows no {', '.join(sorted(unknown))}")
        vars(self).update(given or {})

    @cached_property
    def settings(self) -> Settings:
        return settings_module.parse(os.environ, self.function)

    @cached_property
    def telemetry(self) -> Telemetry:
        return Telemetry(self.function, os.environ.get("LOG_LEVEL", "INFO"))

    def new_id(self) -> str:
        """Hexadecimal, 32 characters, never twice."""
        return uuid.uuid4().hex

    def short_id(self) -> str:
        """12 characters: 48 bits. A row keeps three of them in the agenda: never twice within three."""
        return self.new_id()[:12]

    def pool(self, workers: int, name: str) -> Executor:
        """Threads that stay as long as the worker."""
        return ThreadPoolExecutor(workers, thread_name_prefix=name)

    def _client(self, service: str, pool: int = 10, attempts: int = ATTEMPTS) -> Any:
        return self._clients.made(service, pool, attempts)

    def _late(self, service: str, pool: int = 10, attempts: int = ATTEMPTS, own: Config | None = None) -> Any:
        return self._clients.late(service, pool, attempts, own)

    # -- tables ----------------------------------------------------------------------------------------

    @cached_property
    def control(self) -> Control:
        from lifeline.adapters.control import Control

        return Control(self._client("dynamodb"), self.settings.control_table, self.settings.spread)

    @cached_property
    def ledger(self) -> Ledger:
        from lifeline.adapters.ledger import Ledger

        return Ledger(
            self._client("dynamodb"),
            self.settings.messages_table,
            self.settings.sending.retention_days * 86_400.0,
            pause=self.pause,
            jitter=self.chance,
            new_op=self.short_id,
            outcomes=bool(self.settings.outcomes_topic_arn),
            spread=self.settings.spread,
        )

    @cached_property
    def agenda(self) -> Agenda:
        from lifeline.adapters.agenda import Agenda

        return Agenda(self._client("dynamodb"), self.settings.messages_table)

    @cached_property
    def campaigns(self) -> Campaigns:
        from lifeline.adapters.campaigns import Campaigns

        return Campaigns(self._client("dynamodb"), self.settings.control_table, self.clock)

    @cached_property
    def contacts(self) -> Contacts:
        from lifeline.adapters.contacts import Contacts

        return Contacts(self._client("dynamodb"), self.settings.contacts_table, self.settings.region)

    @cached_property
    def opt_outs(self) -> OptOuts:
        from lifeline.adapters.opt_outs import OptOuts

        return OptOuts(self._client("dynamodb"), self.settings.contacts_table)

    @cached_property
    def inbox(self) -> Inbox:
        from lifeline.adapters.inbox import Inbox

        return Inbox(self._client("dynamodb"), self.settings.control_table)

    @cached_property
    def recordings(self) -> Recordings:
        from lifeline.adapters.recordings import Recordings

        return Recordings(self._client("dynamodb"), self.settings.control_table)

    @cached_property
    def uploads(self) -> Uploads:
        from lifeline.adapters.uploads import Uploads

        return Uploads(self._client("dynamodb"), self.settings.control_table)

    @cached_property
    def parcels(self) -> Parcels:
        from lifeline.adapters.parcels import SIGNING, Parcels

        return Parcels(self._late("s3", 1, own=SIGNING), self.settings.uploads_bucket)

    # -- queues and topics -----------------------------------------------------------------------------

    @cached_property
    def queues(self) -> Queues:
        from lifeline.adapters.queues import Queues

        return Queues(self._client("sqs", 16))

    @cached_property
    def notices(self) -> Notices:
        from lifeline.adapters.notices import Notices

        return Notices(self._client("sns"), self.settings.ops_topic_arn, self.settings.runbook_url)

    @cached_property
    def subscriptions(self) -> Subscriptions:
        from lifeline.adapters.notices import Subscriptions

        return Subscriptions(self._client("sns"))

    @cached_property
    def inbound_topic(self) -> InboundTopic:
        from lifeline.adapters.inbound_topic import InboundTopic

        return InboundTopic(self._client("sns"), self.settings.inbound_topic_arn)

    @cached_property
    def outcome_topic(self) -> Topic:
        from lifeline.adapters.outcome_topic import NoTopic, OutcomeTopic

        arn = self.settings.outcomes_topic_arn
        return OutcomeTopic(self._client("sns"), arn) if arn else NoTopic()

    # -- ways to reach a person ------------------------------------------------------------------------

    @cached_property
    def whatsapp(self) -> WhatsApp:
        from lifeline.adapters.whatsapp import WhatsApp
        from lifeline.domain.account.token import App

        return WhatsApp(
            self.token_secret,
            app_token=lambda: App.of(self.app_secret.all()).token,
            base_url=self.settings.graph_base_url,
            version=self.settings.graph_version,
            phone_number_id=self.settings.phone_number_id,
            waba_id=self.settings.waba_id,
            connections=self.settings.sending.connections,
            connect_timeout=self.settings.sending.connect_timeout,
            read_timeout=self.settings.sending.read_timeout,
        )

    @cached_property
    def push(self) -> Push:
        from lifeline.adapters.outcomes import IN_FLIGHT
        from lifeline.adapters.push import Push

        # One attempt: a second Publish would be a second push that nobody knows of.
        return Push(self._late("sns", IN_FLIGHT, 1))

    @cached_property
    def email(self) -> Email:
        from lifeline.adapters.email import Email
        from lifeline.adapters.outcomes import IN_FLIGHT

        own = self.settings  # one attempt, as for pushes: SES knows no idempotency key
        return Email(self._late("sesv2", IN_FLIGHT, 1), own.email_from, own.email_configuration_set)

    @cached_property
    def sms(self) -> Sms:
        from lifeline.wiring import texts

        return texts.build(self, self._late)

    @cached_property
    def couriers(self) -> Mapping[str, Courier]:
        """Who takes each way of the fallback."""
        return {PUSH.name: self.push, EMAIL.name: self.email, SMS.name: self.sms}

    def openai(self, attempts: int, budget: float) -> OpenAI:
        """``attempts`` per call, within ``budget`` seconds."""
        from lifeline.adapters.openai import OpenAI

        return OpenAI(
            base_url=self.settings.openai_base_url,
            api_key=lambda: self.openai_secret.get("openai_api_key"),
            drop_key=self.openai_secret.drop,
            clock=time.monotonic,
            pause=self.pause,
            chance=self.chance,
            transcription_model=self.settings.openai.transcription_model,
            connect_timeout=self.settings.openai.connect_timeout,
            read_timeout=self.settings.openai.read_timeout,
            attempts=attempts,
            budget=budget,
        )

    # -- the account and the system around -------------------------------------------------------------

    def _secret(self, arn: str) -> Secrets:
        from lifeline.adapters.secrets import Secrets

        return Secrets(self._client("secretsmanager"), arn, time.monotonic)

    @cached_property
    def app_secret(self) -> Secrets:
        """Of webhooks: ``app_id``, ``app_secret``, ``app_secret_previous``, ``verify_token``."""
        return self._secret(self.settings.app_secret_arn)

    @cached_property
    def token_secret(self) -> Secrets:
        """``access_token``: what sends."""
        return self._secret(self.settings.token_secret_arn)

    @cached_property
    def openai_secret(self) -> Secrets:
        """``openai_api_key``."""
        return self._secret(self.settings.openai_secret_arn)

    @cached_property
    def people(self) -> People:
        """People by the digest that ``person_key`` makes."""
        from lifeline.use_cases.shared.people import People

        return People(self._secret(self.settings.person_secret_arn), self.clock, self.telemetry)

    @cached_property
    def token_store(self) -> TokenStore:
        from lifeline.adapters.token_store import TokenStore

        return TokenStore(self._client("secretsmanager"), self.settings.token_secret_arn)

    @cached_property
    def alarms(self) -> Alarms:
        from lifeline.adapters.alarms import Alarms

        return Alarms(self._late("cloudwatch"), self.settings.alarm_prefix)

    @cached_property
    def metrics(self) -> Metrics:
        from lifeline.adapters.metrics import Metrics

        return Metrics(self._late("cloudwatch"))

    @cached_property
    def functions(self) -> Functions:
        from lifeline.adapters.functions import Functions

        return Functions(self._late("lambda"), lambda seconds: self._clients.patient("lambda", seconds))

    @cached_property
    def sts(self) -> Sts:
        from lifeline.adapters.sts import Sts

        # The client only says where STS is; it is never asked, so this function's own name proves nothing.
        return Sts(self._client("sts"), self.settings.stack_id)

    @cached_property
    def used_proofs(self) -> UsedProofs:
        from lifeline.adapters.used_proofs import UsedProofs

        return UsedProofs(self._client("dynamodb"), self.settings.control_table, self.short_id)

    @cached_property
    def mail_accounts(self) -> MailAccounts:
        from lifeline.adapters.mail_account import MailAccounts

        return MailAccounts(self._late("sesv2"))

    @cached_property
    def reach(self) -> GraphHost:
        from lifeline.adapters.reach import GraphHost

        return GraphHost(self.settings.graph_base_url, self.settings.sending.connect_timeout)

    # -- parts of several functions --------------------------------------------------------------------

    @cached_property
    def wake(self) -> Wake:
        from lifeline.use_cases.shared.wake import Wake

        return Wake(self.queues, self.settings.wake_queue_url)

    def fold_reports(self, count: Count) -> FoldReports:
        """``count``: adds to the counters of a minute."""
        from lifeline.use_cases.shared.fold_reports import FoldReports

        return FoldReports(
            ledger=self.ledger, wake=self.wake, count=count, clock=self.clock, telemetry=self.telemetry
        )

    @cached_property
    def panic(self) -> PanicMode:
        from lifeline.use_cases.shared.panic_mode import PanicMode

        keeper = self.settings.token_keeper_function

        def refresh_token(incident_id: str) -> None:
            self.functions.start(keeper, {"source": BY_PANIC, "incident_id": incident_id})

        return PanicMode(
            control=self.control,
            queues=self.queues,
            notices=self.notices,
            probe_queue_url=self.settings.probe_queue_url,
            probe_seconds=self.settings.panic.probe_seconds,
            clock=self.clock,
            new_id=self.new_id,
            telemetry=self.telemetry,
            refresh_token=refresh_token if keeper else None,
            waba_id=self.settings.waba_id,
        )

    def detect(self, source: str, actor: str, confirm: Confirm | None = None) -> Detect:
        """``source`` and ``actor`` go into the history of panics."""
        from lifeline.use_cases.shared.detect import Detect

        return Detect(
            settings=self.settings,
            control=self.control,
            panic=self.panic,
            clock=self.clock,
            telemetry=self.telemetry,
            source=source,
            actor=actor,
            confirm=confirm,
        )

    @cached_property
    def endings(self) -> Endings:
        from lifeline.use_cases.tick.endings import Endings

        return Endings(
            control=self.control,
            ledger=self.ledger,
            campaigns=self.campaigns,
            clock=self.clock,
            telemetry=self.telemetry,
        )

    @cached_property
    def held(self) -> Held:
        from lifeline.use_cases.tick.held import Held

        return Held(
            control=self.control,
            ledger=self.ledger,
            agenda=self.agenda,
            campaigns=self.campaigns,
            endings=self.endings,
            clock=self.clock,
        )

    @cached_property
    def incidents(self) -> Incidents:
        from lifeline.use_cases.shared.incidents import Incidents

        return Incidents(control=self.control, ledger=self.ledger, clock=self.clock)

    def voice_in_panic(self) -> bool:
        """Whether ``openai_voice`` is in panic now, as the table says."""
        from lifeline.contract.scopes import OPENAI_VOICE
        from lifeline.domain.panic.flag import State

        return self.control.flag(OPENAI_VOICE).state is State.PANIC
