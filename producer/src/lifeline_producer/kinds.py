"""Typed builders, one per kind of message.

Written by ``make schema`` from Lifeline's contract: do not edit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Required, TypedDict

from lifeline_producer.draft import Draft, Instant

__all__ = [
    "Fallback",
    "Priority",
    "Recipient",
    "Template",
    "template",
    "text",
    "voice",
]

Priority = Literal["critical", "normal", "bulk"]


class Template(TypedDict, total=False):
    """The ``template`` of a message."""

    name: Required[str]
    language: Required[str]
    parameters: Sequence[str | float]
    """Values of the body's placeholders, in order: no line break, no tab, at most four spaces in a row."""
    components: Sequence[Mapping[str, Any]]
    """Graph-native components, passed on as they are, instead of parameters."""


class Recipient(TypedDict, total=False):
    """The ``recipient`` of a message."""

    user_id: str
    push_endpoint: str
    email: str
    time_zone: str
    """IANA name, for quiet hours; default: the zones of the number's country."""


class Fallback(TypedDict, total=False):
    """The ``fallback`` of a message."""

    title: str
    body: Required[str]


def template(
    *,
    id: str,
    to: str,
    template: Template,
    text: str | None = None,
    priority: Priority | None = None,
    category: str | None = None,
    recipient: Recipient | None = None,
    fallback: Fallback | None = None,
    expires_at: Instant | None = None,
    send_after: Instant | None = None,
    campaign: str | None = None,
) -> Draft:
    """A message of type ``template``, checked when it is sent.

    id: The producer's idempotency key: one id is delivered once. lifeline: is reserved.
    to: Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9.
    text: Text of a text or voice message; for a template, what a fallback says.
    expires_at: Never deliver later than this.
    send_after: Never deliver before this.
    """
    return Draft(
        {
            "type": "template",
            "id": id,
            "to": to,
            "template": template,
            "text": text,
            "priority": priority,
            "category": category,
            "recipient": recipient,
            "fallback": fallback,
            "expires_at": expires_at,
            "send_after": send_after,
            "campaign": campaign,
        }
    )


def text(
    *,
    id: str,
    to: str,
    text: str,
    priority: Priority | None = None,
    category: str | None = None,
    recipient: Recipient | None = None,
    fallback: Fallback | None = None,
    expires_at: Instant | None = None,
    send_after: Instant | None = None,
    campaign: str | None = None,
) -> Draft:
    """A message of type ``text``, checked when it is sent.

    id: The producer's idempotency key: one id is delivered once. lifeline: is reserved.
    to: Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9.
    text: Text of a text or voice message; for a template, what a fallback says.
    expires_at: Never deliver later than this.
    send_after: Never deliver before this.
    """
    return Draft(
        {
            "type": "text",
            "id": id,
            "to": to,
            "text": text,
            "priority": priority,
            "category": category,
            "recipient": recipient,
            "fallback": fallback,
            "expires_at": expires_at,
            "send_after": send_after,
            "campaign": campaign,
        }
    )


def voice(
    *,
    id: str,
    to: str,
    text: str,
    priority: Priority | None = None,
    category: str | None = None,
    recipient: Recipient | None = None,
    fallback: Fallback | None = None,
    expires_at: Instant | None = None,
    send_after: Instant | None = None,
    campaign: str | None = None,
) -> Draft:
    """A message of type ``voice``, checked when it is sent.

    id: The producer's idempotency key: one id is delivered once. lifeline: is reserved.
    to: Phone number, normalised to E.164; a national one takes the default region. Digits are 0 to 9.
    text: Text of a text or voice message; for a template, what a fallback says.
    expires_at: Never deliver later than this.
    send_after: Never deliver before this.
    """
    return Draft(
        {
            "type": "voice",
            "id": id,
            "to": to,
            "text": text,
            "priority": priority,
            "category": category,
            "recipient": recipient,
            "fallback": fallback,
            "expires_at": expires_at,
            "send_after": send_after,
            "campaign": campaign,
        }
    )
