"""Why a send fails, or a scope panics: one cause per remedy, and what each says something about."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Cause(StrEnum):
    """Why a send failed, or why a scope panics: one cause per remedy."""

    RATE_LIMIT = "rate_limit"
    SPAM_LIMIT = "spam_limit"
    PAIR_RATE_LIMIT = "pair_rate_limit"
    AUTH = "auth"
    ACCOUNT = "account"
    UNREACHABLE = "unreachable"
    SILENT = "silent"
    TEMPLATE_REJECTED = "template_rejected"
    INVALID_PHONE = "invalid_phone"
    UNDELIVERABLE = "undeliverable"
    BAD_REQUEST = "bad_request"
    OPERATOR = "operator"
    """Only a reason for panic: an operator asked for it."""
    ALARM = "alarm"
    """Only a reason for panic: a CloudWatch alarm asked for it."""


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


REACHES: Final[Mapping[Cause, Reach]] = {
    Cause.RATE_LIMIT: Reach.CHANNEL,
    Cause.SPAM_LIMIT: Reach.CHANNEL,
    Cause.PAIR_RATE_LIMIT: Reach.RECIPIENT,
    Cause.AUTH: Reach.CHANNEL,
    Cause.ACCOUNT: Reach.CHANNEL,
    Cause.UNREACHABLE: Reach.CHANNEL,
    Cause.SILENT: Reach.CHANNEL,
    Cause.TEMPLATE_REJECTED: Reach.TEMPLATE,
    Cause.INVALID_PHONE: Reach.RECIPIENT,
    Cause.UNDELIVERABLE: Reach.RECIPIENT,
    Cause.BAD_REQUEST: Reach.MESSAGE,
    Cause.OPERATOR: Reach.CHANNEL,
    Cause.ALARM: Reach.CHANNEL,
}

_REMEDIES: Final[Mapping[Cause, str]] = {
    Cause.RATE_LIMIT: "Lower the sending rate; sending resumes after the wait that Meta states.",
    Cause.SPAM_LIMIT: "Stop promotions and check the number's quality rating; people blocked or reported it.",
    Cause.PAIR_RATE_LIMIT: "Nothing to do: this person waits, others go on; send one person fewer messages.",
    Cause.AUTH: "Check the token and its permissions, then refresh it: lifeline whatsapp refresh-token.",
    Cause.ACCOUNT: "Read the account's health status and contact Meta Business Support; no retry helps.",
    Cause.UNREACHABLE: "Wait for Meta (metastatus.com/whatsapp-business-api); probes end the panic.",
    Cause.SILENT: "Check the webhook's subscription and the account's health: Meta reports nothing.",
    Cause.TEMPLATE_REJECTED: "Fix or replace the template: lifeline whatsapp templates --map OLD=NEW.",
    Cause.INVALID_PHONE: "Correct the number in the contact's record; the fallback was taken.",
    Cause.UNDELIVERABLE: "WhatsApp cannot reach this person now; the fallback was taken.",
    Cause.BAD_REQUEST: "Fix what the producer sends; the message is on the dead-letter queue, with why.",
    Cause.OPERATOR: "Ask the operator named in lifeline panic history; lifeline panic disable ends it.",
    Cause.ALARM: "Look at the alarm named in lifeline panic history; probes end the panic by themselves.",
}

WINDOW_CAUSES: Final = frozenset(
    {Cause.RATE_LIMIT, Cause.SPAM_LIMIT, Cause.UNREACHABLE, Cause.AUTH, Cause.ACCOUNT}
)
"""Failures of the channel itself. All others show that Meta answers."""


def remedy(cause: Cause) -> str:
    """What an operator does about ``cause``, in one sentence."""
    return _REMEDIES[cause]
