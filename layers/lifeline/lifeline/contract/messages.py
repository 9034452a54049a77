"""Messages: what producers may send.

``MESSAGE_SCHEMA`` is the single source. It is published as ``schema/message.schema.json`` and it is what
:func:`parse_message` checks, so the published schema and the validator cannot drift apart.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Final

from lifeline.contract.hours import HOURS, Hours, hours_of
from lifeline.contract.instants import INSTANT, parse_instant
from lifeline.contract.kinds import BY_NAME, MAX_TEXT_CHARS, TYPES, WAMID_FIELD, fields, rules
from lifeline.contract.names import PRIORITIES
from lifeline.contract.patterns import BSUID, ID, LABEL, LINE, MAX_ID, NUMBER, TEXT, TIME_ZONE
from lifeline.contract.schema import DEFINITIONS, violations
from lifeline.contract.text import depth, limited
from lifeline.contract.ways import WAYS, several

MAX_BODY_BYTES: Final = 64 * 1024
"""Longest accepted message body, in bytes. The ledger keeps the body (DynamoDB: 400 KB an item)."""

MAX_METADATA_BYTES: Final = 1024
"""Longest ``metadata``, in bytes of JSON without spaces: each outcome carries it."""

MAX_DEPTH: Final = 32
"""Levels of objects and arrays in a message, itself included; parsers of others give up at some depth."""

MIN_AFTER: Final = 10
MAX_AFTER: Final = 86_400
"""Seconds, bounds of ``fallback.after``: Meta reports most deliveries within seconds, and who was not reached
in a day is not in a hurry."""

LANGUAGE: Final = "^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*$"
MAX_TRANSLATIONS: Final = 50
_FALLBACK_TITLE: Final = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": LINE}
_FALLBACK_BODY: Final = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT_CHARS, "pattern": TEXT}

MESSAGE_SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:lifeline:message:1",
    "title": "Lifeline message",
    "description": "One message to one person, a JSON object: the body of an SQS message on whatsapp-queue.",
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "type"],
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
            "Digits are 0 to 9. Needed where recipient.bsuid is missing.",
        },
        "type": {"enum": list(TYPES), "description": "What kind of WhatsApp message this is."},
        **fields(),
        "reply_to": {
            **WAMID_FIELD,
            "description": "The wamid of the message that it answers.",
        },
        "priority": {"enum": list(PRIORITIES), "default": "normal"},
        "category": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": LABEL},
        "recipient": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "user_id": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": LINE},
                **{way.field: way.given for way in WAYS},
                "bsuid": {
                    "type": "string",
                    "pattern": BSUID,
                    "description": "Meta's business-scoped user id; used where to is missing.",
                },
                "quiet_hours": dict(HOURS),
                "language": {
                    "type": "string",
                    "maxLength": 16,
                    "pattern": LANGUAGE,
                    "description": "The person's language (de, pt_BR), by which fallback.translations are "
                    "chosen; default: the contact's.",
                },
                "time_zone": {
                    "type": "string",
                    "maxLength": 64,
                    "pattern": TIME_ZONE,
                    "description": "IANA name, for quiet hours; default: the contact's, then the zones of "
                    "the number's or the bsuid's country.",
                },
            },
        },
        "fallback": {
            "type": "object",
            "additionalProperties": False,
            "if": {"not": {"required": ["after"]}},
            "then": {"required": ["body"]},
            "properties": {
                "title": dict(_FALLBACK_TITLE),
                "body": dict(_FALLBACK_BODY),
                "translations": {
                    "type": "object",
                    "maxProperties": MAX_TRANSLATIONS,
                    "propertyNames": {"pattern": LANGUAGE, "maxLength": 16},
                    "additionalProperties": {
                        "type": "object",
                        "title": "FallbackText",
                        "additionalProperties": False,
                        "required": ["body"],
                        "properties": {
                            "title": dict(_FALLBACK_TITLE),
                            "body": dict(_FALLBACK_BODY),
                        },
                    },
                    "description": "By language (de, pt_BR): what is said instead of title and body to a "
                    "person of that language.",
                },
                "after": {
                    "type": "number",
                    "minimum": MIN_AFTER,
                    "maximum": MAX_AFTER,
                    "description": "Seconds after which Lifeline sends the fallback although WhatsApp "
                    "accepted the message, if no device has it by then; default: the deployment's, for "
                    "critical ones.",
                },
            },
        },
        "expires_at": {
            "type": "string",
            "pattern": INSTANT,
            "description": "Never deliver later than this.",
        },
        "send_after": {"type": "string", "pattern": INSTANT, "description": "Never deliver before this."},
        "campaign": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": LABEL},
        "metadata": {
            "type": "object",
            "$ref": "#/$defs/clean",
            "description": "The producer's own object, up to 1 KB of JSON: each outcome "
            "returns it unchanged.",
        },
    },
    "allOf": [
        {
            "if": {"not": {"required": ["recipient"], "properties": {"recipient": {"required": ["bsuid"]}}}},
            "then": {"required": ["to"]},
        },
        *rules(),
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
    names: tuple[str, ...] = ()
    """Of the parameters, one each, where they are named."""
    header: Mapping[str, Any] | None = None
    buttons: tuple[Mapping[str, Any], ...] = ()
    offer_ends: float | None = None
    """When a limited-time offer ends (epoch seconds)."""
    cards: tuple[Mapping[str, Any], ...] = ()
    """Of a carousel, as the producer wrote them."""
    components: tuple[Mapping[str, Any], ...] = ()
    """Graph-native; instead of all other values."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """How a person can be reached besides WhatsApp; missing ways are looked up by ``user_id``."""

    user_id: str | None = None
    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By the name of their way, whose ``most`` they are at most."""
    time_zone: str | None = None
    bsuid: str | None = None
    """Meta's business-scoped user id."""
    quiet_hours: Hours | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """An accepted message. ``to`` is as the producer wrote it, ``None`` where only the recipient's ``bsuid``
    says who it is; instants are epoch seconds (UTC).
    """

    id: str
    to: str | None
    type: str
    template: Template | None = None
    text: str | None = None
    preview_url: bool = False
    content: Any = None
    """What the field says that is called as the type, of kinds other than template, text and voice."""
    reply_to: str | None = None
    priority: str = "normal"
    category: str | None = None
    recipient: Recipient = field(default_factory=Recipient)
    fallback_title: str | None = None
    fallback_body: str | None = None
    translations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By language: ``title`` and ``body`` of the fallback."""
    fallback_after: int | None = None
    """Seconds, rounded up."""
    expires_at: float | None = None
    send_after: float | None = None
    campaign: str | None = None


def _instant(document: Mapping[str, Any], path: str, name: str, faults: list[str]) -> float | None:
    if name not in document:
        return None
    try:
        return parse_instant(document[name])
    except ValueError as error:
        faults.append(f"{path}.{name}: is not a real instant ({error})")
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
    brackets = body.count("{") + body.count("[")
    if brackets > MAX_DEPTH and depth(body) > MAX_DEPTH:
        raise ContractError([f"message: is nested deeper than {MAX_DEPTH} levels"])
    try:
        document = json.loads(body, parse_constant=_no_constant)
    except ValueError as error:
        raise ContractError([f"message: is not valid JSON ({error})"]) from error
    faults = list(violations(document, MESSAGE_SCHEMA, "message"))
    if faults:
        raise ContractError(faults)
    kind = BY_NAME[document["type"]]
    faults += kind.faults(document[kind.field], f"message.{kind.field}")
    expires_at = _instant(document, "message", "expires_at", faults)
    send_after = _instant(document, "message", "send_after", faults)
    if expires_at is not None and send_after is not None and send_after >= expires_at:
        faults.append("message.send_after: is not before expires_at, so it could never be delivered")
    _small(document, faults)
    template = _template(document["template"], faults) if "template" in document else None
    if faults:
        raise ContractError(faults)
    recipient = document.get("recipient", {})
    fallback = document.get("fallback", {})
    return Message(
        id=document["id"],
        to=document.get("to"),
        type=document["type"],
        template=template,
        text=document.get("text"),
        preview_url=document.get("preview_url", False),
        content=document.get(kind.name) if kind.name not in ("template", "text") else None,
        reply_to=document.get("reply_to"),
        priority=document.get("priority", "normal"),
        category=document.get("category"),
        recipient=Recipient(
            recipient.get("user_id"),
            {way.name: theirs for way in WAYS if (theirs := several(recipient.get(way.field)))},
            recipient.get("time_zone"),
            recipient.get("bsuid"),
            hours_of(recipient.get("quiet_hours")),
            recipient.get("language"),
        ),
        fallback_title=fallback.get("title"),
        fallback_body=fallback.get("body"),
        translations=fallback.get("translations", {}),
        fallback_after=ceil(fallback["after"]) if "after" in fallback else None,
        expires_at=expires_at,
        send_after=send_after,
        campaign=document.get("campaign"),
    )


def _small(document: Mapping[str, Any], faults: list[str]) -> None:
    if "metadata" not in document:
        return
    metadata = json.dumps(document["metadata"], ensure_ascii=False, separators=(",", ":"))
    size = len(metadata.encode())
    if size > MAX_METADATA_BYTES:
        faults.append(f"message.metadata: has {size} bytes, at most {MAX_METADATA_BYTES} are allowed")


def _template(document: Mapping[str, Any], faults: list[str]) -> Template:
    given = document.get("parameters", ())
    values = given.values() if isinstance(given, Mapping) else given
    offer = document.get("limited_time_offer", {})
    return Template(
        name=document["name"],
        language=document["language"].replace("-", "_"),
        parameters=tuple(str(value) for value in values),
        names=tuple(given) if isinstance(given, Mapping) else (),
        header=document.get("header"),
        buttons=tuple(document.get("buttons", ())),
        offer_ends=_instant(offer, "message.template.limited_time_offer", "expires_at", faults),
        cards=tuple(document.get("carousel", ())),
        components=tuple(document.get("components", ())),
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
