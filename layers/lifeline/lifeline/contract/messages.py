"""Messages: what producers may send.

``MESSAGE_SCHEMA`` is the single source. It is published as ``schema/message.schema.json`` and it is what
:func:`parse_message` checks, so the published schema and the validator cannot drift apart.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lifeline.contract.instants import INSTANT, parse_instant
from lifeline.contract.names import PRIORITIES, TYPES
from lifeline.contract.patterns import ID, LABEL, LINE, MAX_ID, NUMBER, TEXT, VALUE
from lifeline.contract.schema import DEFINITIONS, violations
from lifeline.contract.text import depth, limited
from lifeline.contract.ways import WAYS

MAX_BODY_BYTES: Final = 64 * 1024
"""Longest accepted message body, in bytes. The ledger keeps the body (DynamoDB: 400 KB an item)."""

MAX_TEXT_CHARS: Final = 4096
"""Longest text body that WhatsApp accepts (Meta, "Text messages")."""

MAX_DEPTH: Final = 32
"""Levels of objects and arrays in a message, itself included; parsers of others give up at some depth."""

MESSAGE_SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:lifeline:message:1",
    "title": "Lifeline message",
    "description": "One message to one person, a JSON object: the body of an SQS message on whatsapp-queue.",
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "to", "type"],
    "$defs": DEFINITIONS,
    "properties": {
        "id": {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_ID,
            "pattern": ID,
            "description": "The producer's idempotency key: one id is delivered once. lifeline: is reserved.",
        },
        "to": {
            "type": "string",
            "minLength": 1,
            "maxLength": 64,
            "pattern": NUMBER,
            "description": "Phone number, normalised to E.164; a national one takes the default region. "
            "Digits are 0 to 9.",
        },
        "type": {"enum": list(TYPES), "description": "What kind of WhatsApp message this is."},
        "template": {
            "type": "object",
            "additionalProperties": False,
            "required": ["name", "language"],
            "properties": {
                "name": {"type": "string", "minLength": 1, "maxLength": 512, "pattern": "^[a-z0-9_]+$"},
                "language": {
                    "type": "string",
                    "pattern": "^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*$",
                    "maxLength": 35,
                },
                "parameters": {
                    "type": "array",
                    "maxItems": 64,
                    "items": {
                        "type": ["string", "number"],
                        "minLength": 1,
                        "maxLength": 1024,
                        "pattern": VALUE,
                    },
                    "description": "Values of the body's placeholders, in order: no line break, no tab, at "
                    "most four spaces in a row.",
                },
                "components": {
                    "type": "array",
                    "maxItems": 16,
                    "items": {
                        "type": "object",
                        "$ref": "#/$defs/clean",
                        "properties": {
                            "parameters": {
                                "items": {
                                    "if": {
                                        "type": "object",
                                        "properties": {"type": {"const": "text"}},
                                        "required": ["type"],
                                    },
                                    "then": {
                                        "properties": {
                                            "text": {"type": "string", "minLength": 1, "pattern": VALUE}
                                        }
                                    },
                                }
                            }
                        },
                    },
                    "description": "Graph-native components, passed on as they are, instead of parameters.",
                },
            },
            "not": {"required": ["parameters", "components"]},
        },
        "text": {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_TEXT_CHARS,
            "pattern": TEXT,
            "description": "Text of a text or voice message; for a template, what a fallback says.",
        },
        "priority": {"enum": list(PRIORITIES), "default": "normal"},
        "category": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": LABEL},
        "recipient": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "user_id": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": LINE},
                **{way.field: dict(way.address) for way in WAYS},
                "time_zone": {
                    "type": "string",
                    "maxLength": 64,
                    "pattern": "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$",
                    "description": "IANA name, for quiet hours; default: the zones of the number's country.",
                },
            },
        },
        "fallback": {
            "type": "object",
            "additionalProperties": False,
            "required": ["body"],
            "properties": {
                "title": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": LINE},
                "body": {"type": "string", "minLength": 1, "maxLength": MAX_TEXT_CHARS, "pattern": TEXT},
            },
        },
        "expires_at": {
            "type": "string",
            "pattern": INSTANT,
            "description": "Never deliver later than this.",
        },
        "send_after": {"type": "string", "pattern": INSTANT, "description": "Never deliver before this."},
        "campaign": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": LABEL},
    },
    "allOf": [
        {
            "if": {"properties": {"type": {"const": "template"}}, "required": ["type"]},
            "then": {"required": ["template"]},
        },
        {
            "if": {"properties": {"type": {"enum": ["text", "voice"]}}, "required": ["type"]},
            "then": {"required": ["text"]},
        },
    ],
}
"""JSON Schema (draft 2020-12) of a message."""


class ContractError(ValueError):
    """A message breaks the contract. ``reasons`` names the faults, each with its place, as :func:`listed`."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.reasons = limited(faults)
        super().__init__("; ".join(self.reasons))


@dataclass(frozen=True, slots=True)
class Template:
    """A WhatsApp template and its values. ``language`` is written with an underscore (``en_US``)."""

    name: str
    language: str
    parameters: tuple[str, ...] = ()
    components: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Recipient:
    """How a person can be reached besides WhatsApp; missing ways are looked up by ``user_id``."""

    user_id: str | None = None
    addresses: Mapping[str, str] = field(default_factory=dict)
    """By the name of its way."""
    time_zone: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """An accepted message. ``to`` is as the producer wrote it; instants are epoch seconds (UTC)."""

    id: str
    to: str
    type: str
    template: Template | None = None
    text: str | None = None
    priority: str = "normal"
    category: str | None = None
    recipient: Recipient = field(default_factory=Recipient)
    fallback_title: str | None = None
    fallback_body: str | None = None
    expires_at: float | None = None
    send_after: float | None = None
    campaign: str | None = None


def _instant(document: Mapping[str, Any], name: str, faults: list[str]) -> float | None:
    if name not in document:
        return None
    try:
        return parse_instant(document[name])
    except ValueError as error:
        faults.append(f"message.{name}: is not a real instant ({error})")
        return None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def parse_message(body: str) -> Message:
    """Turn the body of an SQS message into a :class:`Message`.

    Raises :class:`ContractError` that names the faults and their places.
    """
    size = len(body.encode("utf-8", "surrogatepass"))
    if size > MAX_BODY_BYTES:
        raise ContractError([f"message: has {size} bytes, at most {MAX_BODY_BYTES} are allowed"])
    if depth(body) > MAX_DEPTH:
        raise ContractError([f"message: is nested deeper than {MAX_DEPTH} levels"])
    try:
        document = json.loads(body, parse_constant=_no_constant)
    except ValueError as error:
        raise ContractError([f"message: is not valid JSON ({error})"]) from error
    faults = list(violations(document, MESSAGE_SCHEMA, "message"))
    if faults:
        raise ContractError(faults)
    expires_at = _instant(document, "expires_at", faults)
    send_after = _instant(document, "send_after", faults)
    if expires_at is not None and send_after is not None and send_after >= expires_at:
        faults.append("message.send_after: is not before expires_at, so it could never be delivered")
    if faults:
        raise ContractError(faults)
    template = document.get("template")
    recipient = document.get("recipient", {})
    fallback = document.get("fallback", {})
    return Message(
        id=document["id"],
        to=document["to"],
        type=document["type"],
        template=Template(
            name=template["name"],
            language=template["language"].replace("-", "_"),
            parameters=tuple(str(value) for value in template.get("parameters", ())),
            components=tuple(template.get("components", ())),
        )
        if template
        else None,
        text=document.get("text"),
        priority=document.get("priority", "normal"),
        category=document.get("category"),
        recipient=Recipient(
            recipient.get("user_id"),
            {way.name: recipient[way.field] for way in WAYS if recipient.get(way.field)},
            recipient.get("time_zone"),
        ),
        fallback_title=fallback.get("title"),
        fallback_body=fallback.get("body"),
        expires_at=expires_at,
        send_after=send_after,
        campaign=document.get("campaign"),
    )


def other_content(kept: str, given: str) -> bool:
    """Whether two bodies of one id say different things; ``send_after`` may have been moved since."""
    if kept == given:
        return False
    try:
        documents = [json.loads(body) for body in (kept, given)]
    except (ValueError, RecursionError):
        return True  # a body that another version kept, and this one cannot read
    for document in documents:
        if isinstance(document, dict):
            document.pop("send_after", None)
    return bool(documents[0] != documents[1])
