"""Why a send fails, or a scope panics: one row per cause, for all who have to know it.

To add a cause: its row in :class:`Cause`, with the errors of Meta that mean it. Detection, panic, probes,
retries, notifications, reports and command line read the rows. What one scope does otherwise stands in that
scope's row (:mod:`lifeline.contract.scopes`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from lifeline.contract.names import ENGINEERING
from lifeline.contract.scopes import scope_of
from lifeline.domain.failure import rules
from lifeline.domain.failure.rules import Rule


class Reach(StrEnum):
    """What a failure says something about: all sends, one template, one person or one message."""

    CHANNEL = "channel"
    TEMPLATE = "template"
    RECIPIENT = "recipient"
    MESSAGE = "message"


class Fault(StrEnum):
    """Transport faults, to which adapters map their exceptions."""

    REFUSED = "refused"
    DNS = "dns"
    TLS = "tls"
    CONNECT_TIMEOUT = "connect_timeout"
    """This one and those above: the request never left."""
    READ_TIMEOUT = "read_timeout"
    """This one and those below: the request may have left."""
    BROKEN = "broken"
    NOT_JSON = "not_json"
    """An answer of success that cannot be read."""


class Trip(StrEnum):
    """How strongly failures count towards panic of the channel."""

    NEVER = "never"
    """They show that the service answers. What else leads to panic stands where it is detected."""
    SHARE = "share"
    """By their share of the sends."""
    LIMIT = "limit"
    """As ``SHARE``, and by a lower one, since part of the traffic always passes a limit. Nothing is probed
    before the stated time: calls under a limit count, and lengthen the wait.
    """
    STREAK = "streak"
    """As ``SHARE``, and by so many in a row: no answer came at all."""
    AT_ONCE = "at_once"
    """The first one trips."""


class Ask(StrEnum):
    """A question to Meta that a cause's probe can ask."""

    REACHABILITY = "reachability"
    """GET of the phone number with its health status answers at all."""
    TOKEN = "token"  # noqa: S105  # nosec B105  # the name of a question
    """Meta calls the access token valid."""
    HEALTH = "health"
    """The health status of number, account and business is not BLOCKED."""
    TEST_SEND = "test_send"
    """A real send to the configured test number is accepted; left out where no number is configured."""
    STATUS = "status"
    """A status webhook has really come since panic began."""


class Check(StrEnum):
    """Questions to people after an incident; :mod:`lifeline.domain.incident.checklist` has their texts."""

    STATUS = "status"
    RATE = "rate"
    CREDENTIAL = "credential"
    TEMPLATE = "template"
    ACCOUNT = "account"
    PEOPLE = "people"


@dataclass(frozen=True, slots=True)
class Traits:
    """What follows from a cause. The defaults are those of a cause that this version does not know."""

    reach: Reach = Reach.CHANNEL
    remedy: str = ""
    """What an operator does: a sentence for all scopes (``Scope.fill``); a scope may have its own."""
    errors: tuple[Rule, ...] = ()
    """Meta's errors that mean it."""
    command: str = "lifeline panic status {scope}"
    """The one command to run; a scope may have its own."""
    trips: Trip = Trip.NEVER
    strength: int = 0
    """Of several causes a flag keeps the strongest: the one whose remedy takes more."""
    asks: tuple[Ask, ...] = (Ask.REACHABILITY, Ask.TOKEN, Ask.HEALTH)
    """What a probe asks, in this order; where nobody says what is wrong, everything that costs no message."""
    first_wait: float = 0.0
    """Seconds from a trip to its earliest recovery where the service states none. A field of
    ``panic.flag.Rules`` named after the cause (``rate_limit_seconds``) makes it a setting.
    """
    retried: bool = False
    """The same message is worth another try outside panic; about one person, after 4^n seconds."""
    renews_token: bool = False
    """A renewal of the token is tried, where the scope has one."""
    escalates: bool = False
    """Who deals with the service's support is told as well."""
    to_marketing: str = ""
    """What marketing has to know besides."""
    checks: tuple[Check, ...] = (Check.PEOPLE,)
    """What is asked after an incident, besides the questions that every incident has."""
    section: str = "Quick Actions"
    """The runbook's section on it."""


class Cause(StrEnum):
    """Why a send failed, or why a scope panics: one cause per remedy."""

    traits: Traits

    def __new__(cls, value: str, traits: Traits = Traits()) -> Self:
        """A member: its name for others, and its row."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.traits = traits
        return member

    RATE_LIMIT = (
        "rate_limit",
        Traits(
            remedy="Lower the sending rate; sending resumes after the wait time that {service} states.",
            errors=rules.RATE_LIMIT,
            trips=Trip.LIMIT,
            strength=4,
            # Only a send meets the limit on sends; the phone number's own data stays readable under it.
            asks=(Ask.REACHABILITY, Ask.TEST_SEND),
            # Throughput is a rate per second, and a probe needs a quiet moment to mean something.
            first_wait=60.0,
            retried=True,
            checks=(Check.RATE,),
            section="Rate Limited",
        ),
    )
    SPAM_LIMIT = (
        "spam_limit",
        Traits(
            remedy="Stop promotions and check the number's quality rating; people blocked or reported it.",
            errors=rules.SPAM_LIMIT,
            trips=Trip.LIMIT,
            strength=6,
            asks=(Ask.HEALTH, Ask.TEST_SEND),
            # A restriction for quality eases over hours, and more sending makes it worse.
            first_wait=3600.0,
            escalates=True,
            to_marketing="People have blocked or reported us: please stop promotions until the number's "
            "quality recovers.",
            checks=(Check.ACCOUNT, Check.RATE),
            section="Rate Limited",
        ),
    )
    PAIR_RATE_LIMIT = (
        "pair_rate_limit",
        Traits(
            Reach.RECIPIENT,
            "No action needed: this person waits, others do not. Send fewer messages to one person.",
            rules.PAIR_RATE_LIMIT,
            retried=True,
        ),
    )
    AUTH = (
        "auth",
        Traits(
            remedy="Check the {credential} and its permissions, then store a valid one.",
            errors=rules.AUTH,
            trips=Trip.AT_ONCE,
            strength=7,
            asks=(Ask.TOKEN, Ask.REACHABILITY),
            renews_token=True,
            checks=(Check.CREDENTIAL,),
            section="Token Expired (401/403)",
        ),
    )
    ACCOUNT = (
        "account",
        Traits(
            remedy="Contact {support}; retries do not help.",
            command="lifeline panic history {scope} --probes",
            errors=rules.ACCOUNT,
            trips=Trip.AT_ONCE,
            strength=8,
            asks=(Ask.TOKEN, Ask.HEALTH),
            escalates=True,
            checks=(Check.ACCOUNT,),
            section="Account Trouble",
        ),
    )
    UNREACHABLE = (
        "unreachable",
        Traits(
            remedy="Wait for {service} ({status_page}); probes end the panic.",
            errors=rules.UNREACHABLE,
            trips=Trip.STREAK,
            strength=3,
            asks=(Ask.REACHABILITY,),
            retried=True,
            checks=(Check.STATUS,),
            section="Meta API Unreachable",
        ),
    )
    SILENT = (
        "silent",
        Traits(
            remedy="Check the webhook's subscription and the account's health: {service} reports nothing.",
            strength=2,
            # Accepting is just what Meta does in this case: only a status ends it.
            asks=(Ask.HEALTH, Ask.TEST_SEND, Ask.STATUS),
            checks=(Check.STATUS,),
            section="Webhooks",
        ),
    )
    TEMPLATE_REJECTED = (
        "template_rejected",
        Traits(
            Reach.TEMPLATE,
            "Fix or replace the template: lifeline whatsapp templates --map OLD=NEW.",
            rules.TEMPLATE_REJECTED,
            strength=2,
            checks=(Check.TEMPLATE,),
            section="Template Issues",
        ),
    )
    INVALID_PHONE = (
        "invalid_phone",
        Traits(
            Reach.RECIPIENT,
            "Correct the number in the contact's record; Lifeline used the fallback.",
            rules.INVALID_PHONE,
        ),
    )
    UNDELIVERABLE = (
        "undeliverable",
        Traits(
            Reach.RECIPIENT,
            "WhatsApp cannot reach this person now; Lifeline used the fallback.",
            rules.UNDELIVERABLE,
        ),
    )
    BAD_REQUEST = (
        "bad_request",
        Traits(
            Reach.MESSAGE,
            "Fix what the producer sends; the message is on the dead-letter queue, with why.",
            rules.BAD_REQUEST,
        ),
    )
    OPERATOR = (
        "operator",
        Traits(
            remedy="Ask the operator named in lifeline panic history; lifeline panic disable ends it.",
            command="lifeline panic history {scope}",
            strength=5,
        ),
    )
    """Only a reason for panic: an operator asked for it."""
    ALARM = (
        "alarm",
        Traits(
            remedy="Check the alarm named in lifeline panic history; probes end the panic.",
            command="lifeline panic history {scope}",
            strength=1,
            checks=(Check.PEOPLE, Check.STATUS),
        ),
    )
    """Only a reason for panic: a CloudWatch alarm asked for it."""


def _that(*trips: Trip) -> tuple[Cause, ...]:
    """Causes that count so, the weakest first."""
    return tuple(
        sorted((cause for cause in Cause if cause.traits.trips in trips), key=lambda c: c.traits.strength)
    )


STREAKS: Final = _that(Trip.STREAK)
LIMITS: Final = _that(Trip.LIMIT)
COUNTED: Final = _that(Trip.SHARE, Trip.LIMIT, Trip.STREAK)
"""The causes that count towards panic of a channel by their share."""
WINDOW_CAUSES: Final = frozenset({*COUNTED, *_that(Trip.AT_ONCE)})
"""Failures of the channel itself. All others show that the service answers."""


def traits_of(cause: str) -> Traits:
    """The row of a cause as a flag or a counter has it: neutral for none, and for one of another version."""
    try:
        return Cause(cause).traits
    except ValueError:
        return Traits()


def remedy(scope: str, cause: str) -> str:
    """What an operator does about ``cause`` on ``scope``, in one sentence; empty for an unknown cause."""
    row = scope_of(scope)
    return row.remedies.get(cause) or row.fill(traits_of(cause).remedy)


def command(scope: str, cause: str) -> str:
    """The one command that an operator runs about ``cause`` on ``scope``."""
    return scope_of(scope).commands.get(cause) or traits_of(cause).command.format(scope=scope)


def section(scope: str, cause: str) -> str:
    """The runbook's section on ``cause`` of ``scope``."""
    return scope_of(scope).section or traits_of(cause).section


def audience(scope: str, cause: str) -> tuple[str, ...]:
    """Who is told of a panic: engineering, and who deals with the service's support where that helps."""
    support = scope_of(scope).support_audience
    return (ENGINEERING, support) if support and traits_of(cause).escalates else (ENGINEERING,)


_BY_CODE: Final[dict[int, list[tuple[Cause, Rule]]]] = {}


for _cause in Cause:
    for _rule in _cause.traits.errors:
        for _entry in _rule.codes:
            for _code in (_entry,) if isinstance(_entry, int) else _entry:
                _BY_CODE.setdefault(_code, []).append((_cause, _rule))
for _rows in _BY_CODE.values():
    # A row that asks for more comes first: the subcode, then the details.
    _rows.sort(key=lambda row: (row[1].subcode is None, row[1].details is None))


def rule_for(code: int | None, subcode: int | None = None, details: str = "") -> tuple[Cause, Rule] | None:
    """The cause of one of Meta's errors and the row that says so, or ``None`` for an unknown code."""
    if code is None:
        return None
    for cause, rule in _BY_CODE.get(code, ()):
        if rule.subcode is not None and rule.subcode != subcode:
            continue
        if rule.details is not None and not re.search(rule.details, details, re.IGNORECASE):
            continue
        return cause, rule
    return None
