"""All settings, parsed and validated once. Nothing else reads the environment.

The template gives each function only the variables that it uses; :data:`NEEDS` says which those are, and a
test holds it against the template. Numbers and policies that a deployment may tune come as one JSON object
in ``SETTINGS_JSON`` (see ``docs/operations.md``), laid over safe defaults.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, TypeVar, cast

from lifeline.contract.rates import MAX_RATE
from lifeline.domain.fallback.policy import DEFAULT_POLICY, Policy
from lifeline.domain.fallback.prices import Prices
from lifeline.domain.inbound.inbound import InboundRules
from lifeline.domain.inbound.ours import WebhookRules
from lifeline.domain.pace.pace import SetRate
from lifeline.domain.pace.quiet import QuietHours
from lifeline.domain.panic.detection import Thresholds
from lifeline.domain.panic.flag import Rules
from lifeline.domain.shards import Spread, spread_at
from lifeline.domain.voice.speaking import VoiceRules
from lifeline.errors import ConfigError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sending:
    """How one worker talks to Meta. Times in seconds."""

    connections: int = 50
    """Sends in flight per worker. Half a batch of 100: two rounds of time-outs (13 s each) fit into an
    invocation of 50 s, where four would not. What a worker then sends, ``benchmarks/workers.py`` measures.
    """
    connect_timeout: float = 3.05
    """Just over the first TCP retransmission (3 s), as requests' documentation advises."""
    read_timeout: float = 10.0
    grace: float = 60.0
    """How long an outcome in doubt waits for its status webhook before the message is sent again."""
    retention_days: int = 35
    """How long a ledger row is kept: Meta may deliver for 30 days and report after that."""
    body_days: float = 7.0
    """Days after its end for which a row keeps body and number: Meta repeats a webhook for 7. What Meta has
    and has not delivered keeps them for 30 at least; from ``retention_days`` on, the row is gone anyway."""

    def __post_init__(self) -> None:
        _within("connections", self.connections, 1, 256)
        _within("connect_timeout", self.connect_timeout, 0.1, 30)
        _within("read_timeout", self.read_timeout, 0.5, 60)
        _within("grace", self.grace, 1, 900)
        _within("retention_days", self.retention_days, 1, 400)
        _within("body_days", self.body_days, 0.001, 400)


@dataclass(frozen=True, slots=True)
class Retry:
    """Passing failures outside panic. Times in seconds."""

    attempts: int = 4
    """Sends of one message before it takes its fallback."""
    base: float = 2.0
    cap: float = 60.0

    def __post_init__(self) -> None:
        _within("attempts", self.attempts, 1, 10)
        _within("base", self.base, 0.1, 60)
        _within("cap", self.cap, 1, 900)


@dataclass(frozen=True, slots=True)
class Limiter:
    """The shared send limiter (GCRA). Rates in messages per second."""

    rate: float = 65.0
    """Meta takes 80 messages a second of one number, inbound ones included (Meta, "Throughput"): ``rate`` and
    ``burst`` together stay below that in every second, also when some arrive bunched.
    """
    burst: int = 10
    """Messages that may go at once after a quiet moment."""
    bulk_share: float = 0.5
    """The part of ``rate`` that bulk messages may use together."""
    critical_share: float = 0.1
    """The part of ``rate`` that is kept for critical messages, however many others are booked ahead."""
    horizon: float = 2.0
    """A token due within this many seconds is waited for; a later one sends the message back to the queue."""

    def __post_init__(self) -> None:
        _within("rate", self.rate, 0.1, MAX_RATE)
        _within("burst", self.burst, 1, 1000)
        _within("bulk_share", self.bulk_share, 0.01, 1)
        _within("critical_share", self.critical_share, 0, 0.5)
        _within("horizon", self.horizon, 0, 10)

    @property
    def bulk_rate(self) -> float:
        """What bulk messages may use together, messages per second."""
        return self.rate * self.bulk_share

    def under(self, rate: SetRate | None, now: float) -> Limiter:
        """This limiter at an operator's rate, while that holds."""
        return replace(self, rate=rate.rate) if rate is not None and rate.holds(now) else self


@dataclass(frozen=True, slots=True)
class Drain:
    """Release of parked messages. Rates in messages per second."""

    rate: float = 10.0
    """The ceiling until an operator sets another one (``lifeline queue set-rate``)."""

    def __post_init__(self) -> None:
        _within("rate", self.rate, 0, MAX_RATE)


@dataclass(frozen=True, slots=True)
class Token:
    """When the access token is renewed."""

    renew_days: float = 10.0
    """Days before its end. Meta's expiring tokens last 60; ten leave time for a person where it fails."""

    def __post_init__(self) -> None:
        _within("renew_days", self.renew_days, 1, 50)


@dataclass(frozen=True, slots=True)
class Settings:
    """One worker's settings. Fields that a function does not use are empty."""

    stage: str = "local"
    region: str = ""
    stack_id: str = ""
    """The stack's ARN: what the command line signs, and whose account operators have to be of."""
    control_table: str = ""
    messages_table: str = ""
    contacts_table: str = ""
    uploads_bucket: str = ""
    critical_queue_url: str = ""
    whatsapp_queue_url: str = ""
    bulk_queue_url: str = ""
    wake_queue_url: str = ""
    voice_queue_url: str = ""
    probe_queue_url: str = ""
    webhook_queue_url: str = ""
    whatsapp_dlq_url: str = ""
    voice_dlq_url: str = ""
    probe_dlq_url: str = ""
    webhook_dlq_url: str = ""
    events_dlq_url: str = ""
    ops_topic_arn: str = ""
    inbound_topic_arn: str = ""
    outcomes_topic_arn: str = ""
    """Empty: producers are not told of outcomes, and rows bear no marks of them."""
    app_secret_arn: str = ""
    token_secret_arn: str = ""
    openai_secret_arn: str = ""
    person_secret_arn: str = ""
    email_from: str = ""
    email_configuration_set: str = ""
    email_identity: str = ""
    sms_service: str = ""
    """``end-user-messaging`` or ``sns``; empty: no SMS is sent."""
    sms_origination: str = ""
    sms_configuration_set: str = ""
    alarms_topic_arn: str = ""
    graph_base_url: str = ""
    graph_version: str = ""
    phone_number_id: str = ""
    waba_id: str = ""
    default_region_code: str = ""
    openai_base_url: str = ""
    drainer_function: str = ""
    token_keeper_function: str = ""
    operator_function_arn: str = ""
    test_number: str = ""
    alarm_prefix: str = ""
    webhook_api_id: str = ""
    runbook_url: str = ""
    """Where people read the runbook; notifications link to its sections."""
    sending: Sending = field(default_factory=Sending)
    retry: Retry = field(default_factory=Retry)
    limiter: Limiter = field(default_factory=Limiter)
    drain: Drain = field(default_factory=Drain)
    token: Token = field(default_factory=Token)
    detection: Thresholds = field(default_factory=Thresholds)
    panic: Rules = field(default_factory=Rules)
    quiet: QuietHours = field(default_factory=QuietHours)
    sms: Prices = field(default_factory=Prices)
    fallback: Policy = DEFAULT_POLICY
    inbound: InboundRules = field(default_factory=InboundRules)
    openai: VoiceRules = field(default_factory=VoiceRules)
    webhook: WebhookRules = field(default_factory=WebhookRules)

    @property
    def spread(self) -> Spread:
        """Into how many keys this deployment writes what is hot."""
        return spread_at(self.limiter.rate)


_CONTROL: Final = ("CONTROL_TABLE", "PROBE_QUEUE_URL", "OPS_TOPIC_ARN")
_GRAPH: Final = ("TOKEN_SECRET_ARN", "GRAPH_BASE_URL", "GRAPH_VERSION", "PHONE_NUMBER_ID", "WABA_ID")
_LEDGER: Final = ("MESSAGES_TABLE", "WAKE_QUEUE_URL")
_OPERATOR: Final = (
    *_CONTROL,
    *_GRAPH,
    "APP_SECRET_ARN",
    *_LEDGER,
    "CONTACTS_TABLE",
    "CRITICAL_QUEUE_URL",
    "WHATSAPP_QUEUE_URL",
    "BULK_QUEUE_URL",
    "VOICE_QUEUE_URL",
    "WEBHOOK_QUEUE_URL",
    "WHATSAPP_DLQ_URL",
    "VOICE_DLQ_URL",
    "PROBE_DLQ_URL",
    "WEBHOOK_DLQ_URL",
    "EVENTS_DLQ_URL",
    "OPERATOR_FUNCTION_ARN",
)

NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "sender": (
        *_CONTROL,
        *_GRAPH,
        *_LEDGER,
        "CONTACTS_TABLE",
        "PERSON_SECRET_ARN",
        "VOICE_QUEUE_URL",
        "WHATSAPP_DLQ_URL",
        "EMAIL_FROM",
        "TOKEN_KEEPER_FUNCTION",
    ),
    "prober": (
        *_CONTROL,
        *_GRAPH,
        "APP_SECRET_ARN",
        "OPENAI_SECRET_ARN",
        "OPENAI_BASE_URL",
        "DRAINER_FUNCTION",
        "CRITICAL_QUEUE_URL",
        "WHATSAPP_QUEUE_URL",
        "WEBHOOK_QUEUE_URL",
        "TOKEN_KEEPER_FUNCTION",
    ),
    "drainer": ("CONTROL_TABLE", *_LEDGER, "BULK_QUEUE_URL", "VOICE_QUEUE_URL", "OPS_TOPIC_ARN"),
    "operator": (
        *_OPERATOR,
        "STACK_ID",
        "PERSON_SECRET_ARN",
        "UPLOADS_BUCKET",
        "DRAINER_FUNCTION",
        "TOKEN_KEEPER_FUNCTION",
    ),
    "operator_read": _OPERATOR,
    "voice": (
        *_CONTROL,
        *_GRAPH,
        *_LEDGER,
        "WHATSAPP_QUEUE_URL",
        "VOICE_QUEUE_URL",
        "INBOUND_TOPIC_ARN",
        "OPENAI_SECRET_ARN",
        "PERSON_SECRET_ARN",
        "OPENAI_BASE_URL",
    ),
    "alarm": (*_CONTROL, "ALARM_PREFIX"),
    "webhook": ("APP_SECRET_ARN", "WEBHOOK_QUEUE_URL"),
    "webhook_events": (
        "WEBHOOK_DLQ_URL",
        "PHONE_NUMBER_ID",
        "WABA_ID",
        *_CONTROL,
        *_LEDGER,
        "CONTACTS_TABLE",
        "VOICE_QUEUE_URL",
        "INBOUND_TOPIC_ARN",
        "TOKEN_KEEPER_FUNCTION",
    ),
    "token_keeper": ("CONTROL_TABLE", "OPS_TOPIC_ARN", *_GRAPH, "APP_SECRET_ARN"),
    "feedback": ("CONTROL_TABLE", *_LEDGER, "CONTACTS_TABLE"),
}
"""The variables without which a function cannot work. Others in :data:`OPTIONAL` are used where given."""

OPTIONAL: Final = (
    "OUTCOMES_TOPIC_ARN",
    "STAGE",
    "AWS_REGION",
    "DEFAULT_REGION_CODE",
    "SETTINGS_JSON",
    "INBOUND_TOPIC_ARN",
    "OPENAI_BASE_URL",
    "TEST_NUMBER",
    "ALARM_PREFIX",
    "WEBHOOK_API_ID",
    "EMAIL_CONFIGURATION_SET",
    "EMAIL_IDENTITY",
    "SMS_SERVICE",
    "SMS_ORIGINATION",
    "SMS_CONFIGURATION_SET",
    "ALARMS_TOPIC_ARN",
    "RUNBOOK_URL",
)

_TUNABLE: Final = ("sending", "retry", "limiter", "drain", "token", "detection", "panic", "quiet", "sms")
_PARSED: Final[Mapping[str, Callable[[object], Any]]] = {
    "fallback": Policy.parse,
    "inbound": InboundRules.parse,
    "openai": VoiceRules.parse,
    "webhook": WebhookRules.parse,
}
"""Groups of ``SETTINGS_JSON`` that read themselves; they raise ``ValueError``."""


def parse(env: Mapping[str, str], function: str) -> Settings:
    """Settings of one function from its environment.

    Raises :class:`~lifeline.errors.ConfigError` that lists every fault at once, each with its variable.
    """
    faults: list[str] = []
    values: dict[str, Any] = {}
    for name in NEEDS[function]:
        if not env.get(name):
            faults.append(f"{name} is not set; template.yaml sets it for the {function} function")
    for item in fields(Settings):
        raw = env.get({"region": "AWS_REGION"}.get(item.name, item.name.upper()))
        if raw and item.name not in (*_TUNABLE, *_PARSED):
            values[item.name] = raw
    for name in ("graph_base_url", "openai_base_url"):
        url = values.get(name, "")
        if url and not url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            faults.append(f"{name.upper()} must be https (plain http only on loopback), not {url!r}")
        values[name] = url.rstrip("/")
    settings = Settings(**values)
    tuned = _tune(env.get("SETTINGS_JSON", ""), settings, faults)
    if faults:
        raise ConfigError(faults)
    return tuned


def _tune(raw: str, settings: Settings, faults: list[str]) -> Settings:
    if not raw.strip():
        return settings
    try:
        document = json.loads(raw)
    except ValueError as error:
        faults.append(f"SETTINGS_JSON is not JSON: {error}")
        return settings
    if not isinstance(document, dict):
        faults.append("SETTINGS_JSON must be a JSON object")
        return settings
    for group, values in document.items():
        if group in _PARSED:
            try:
                settings = replace(settings, **{group: _PARSED[group](values)})
            except ValueError as error:
                faults.append(f"SETTINGS_JSON.{group}: {error}")
        elif group in _TUNABLE:
            current = getattr(settings, group)
            settings = replace(
                settings, **{group: _overlay(current, values, f"SETTINGS_JSON.{group}", faults)}
            )
        else:
            known = ", ".join((*_TUNABLE, *_PARSED))
            faults.append(f"SETTINGS_JSON.{group}: unknown; known are {known}")
    return settings


def _overlay(current: T, values: object, path: str, faults: list[str]) -> T:
    if not isinstance(values, dict):
        faults.append(f"{path} must be an object")
        return current
    known = {item.name: getattr(current, item.name) for item in fields(cast(Any, current))}
    changes: dict[str, Any] = {}
    for name, value in values.items():
        if name not in known:
            faults.append(f"{path}.{name}: unknown; known are {', '.join(known)}")
        elif isinstance(known[name], bool) != isinstance(value, bool) or not isinstance(value, int | float):
            faults.append(f"{path}.{name}: must be a {type(known[name]).__name__}, not {value!r}")
        elif isinstance(known[name], int) and not isinstance(known[name], bool) and value != int(value):
            faults.append(f"{path}.{name}: must be a whole number, not {value!r}")
        else:
            changes[name] = type(known[name])(value)
    try:
        return replace(cast(Any, current), **changes)  # type: ignore[no-any-return]
    except ValueError as error:
        faults.append(f"{path}: {error}")
        return current


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} must be between {low} and {high}, not {value}")
