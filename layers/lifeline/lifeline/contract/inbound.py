"""Inbound: what the application is told of everything that people send, one JSON document per message.

Written by :mod:`lifeline.domain.inbound.notification`, read by subscribers (``lifeline_producer.inbound``):
both use this file. Every notification has every field; what does not apply, or what Meta does not say, is
``null`` (``errors``: an empty list).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lifeline.contract.instants import INSTANT, parse_instant
from lifeline.contract.messages import ContractError
from lifeline.contract.patterns import worded
from lifeline.contract.schema import DEFINITIONS, violations
from lifeline.contract.text import depth

VOICE_STATES: Final = ("voice", "voice_pending", "voice_unusable")
KINDS: Final = (
    *("text", *VOICE_STATES),
    *("image", "video", "audio", "document", "sticker", "location", "contacts"),
    *("button", "list", "flow", "reaction", "order", "preference", "system", "unsupported", "other"),
)
"""What a notification may be about. A newer Lifeline may say more."""

MAX_DEPTH: Final = 96
"""Levels of objects and arrays in a notification: Meta's message has at most 64 of them."""

_TEXT: Final[dict[str, Any]] = {"type": ["string", "null"]}
_WORD: Final[dict[str, Any]] = {"type": "string"}

INBOUND_SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:lifeline:inbound:1",
    "title": "Lifeline inbound notification",
    "description": "What a person sent to a number of ours, a JSON object of one shape for every kind. Every "
    "field is there; what does not apply is null. A newer Lifeline may add fields and kinds.",
    "type": "object",
    "required": [
        *("kind", "text", "from", "bsuid", "username", "profile", "number", "group_id", "wamid"),
        *("received_at", "reply_to", "forwarded", "choice", "media", "voice", "referral", "preference"),
        *("errors", "message"),
    ],
    "$defs": DEFINITIONS,
    "properties": {
        "kind": {
            "type": "string",
            "pattern": worded("^[a-z][a-z_]{0,31}$", "must be a kind, such as text"),
            "description": "What was sent.",
        },
        "text": {
            **_TEXT,
            "description": "What the person wrote, said or chose: the text, the transcript, the caption, the "
            "title of the button or list entry, the answers of the flow, the emoji, the place, the names of "
            "the contacts, the note on the order.",
        },
        "from": {**_TEXT, "description": "The person's number in E.164."},
        "bsuid": {**_TEXT, "description": "The person's business-scoped user id: US.13491208655302741918."},
        "username": {**_TEXT, "description": "The person's user name."},
        "profile": {**_TEXT, "description": "The name in the person's profile."},
        "number": {
            "type": "object",
            "required": ["phone_number_id", "display_phone_number"],
            "properties": {
                "phone_number_id": {**_TEXT, "description": "Meta's id of it."},
                "display_phone_number": {**_TEXT, "description": "In E.164."},
            },
            "description": "The number that received it.",
        },
        "group_id": {**_TEXT, "description": "Meta's id of the group; null for what one person wrote to us."},
        "wamid": {
            **_TEXT,
            "description": "Meta's id of the message, by which a repetition is known; null for preferences.",
        },
        "received_at": {"type": "string", "pattern": INSTANT, "description": "When it was sent."},
        "reply_to": {**_TEXT, "description": "The wamid that it answers or reacts to."},
        "forwarded": {"type": "boolean", "description": "Whether the person forwarded it."},
        "choice": {
            "type": ["object", "null"],
            "required": ["id", "title", "description", "answers"],
            "properties": {
                "id": {
                    **_TEXT,
                    "description": "What our message called it; of a template's button, its "
                    "payload; of a flow, its name.",
                },
                "title": {**_TEXT, "description": "What the person saw."},
                "description": _TEXT,
                "answers": {
                    "type": ["object", "null"],
                    "description": "What was entered into a flow, by field.",
                },
            },
            "description": "The button, list entry or flow that was chosen.",
        },
        "media": {
            "type": ["object", "null"],
            "required": ["id", "type", "size", "sha256", "filename"],
            "properties": {
                "id": {**_TEXT, "description": "Meta's media id; it can be downloaded for 7 days."},
                "type": {**_TEXT, "description": "MIME type."},
                "size": {"type": ["number", "null"], "description": "Bytes, where Meta says so."},
                "sha256": {**_TEXT, "description": "Of the content, Base64."},
                "filename": {**_TEXT, "description": "Of a document."},
            },
            "description": "The picture, film, recording, document or sticker.",
        },
        "voice": {
            "type": ["object", "null"],
            "required": [
                *("language", "duration_seconds", "was_pending", "asked_to_type", "waits_until"),
                *("reason", "detail"),
            ],
            "properties": {
                "language": {**_TEXT, "description": "ISO 639-1, where the transcription names one."},
                "duration_seconds": {"type": ["number", "null"]},
                "was_pending": {"type": "boolean", "description": "A voice_pending came before."},
                "asked_to_type": {
                    "type": "boolean",
                    "description": "Lifeline asked the person to write instead.",
                },
                "waits_until": {
                    "type": ["string", "null"],
                    "pattern": INSTANT,
                    "description": "A pending one is transcribed by then, or given up as too old.",
                },
                "reason": {**_TEXT, "description": "Why there is no transcript (docs/inbound.md)."},
                "detail": {**_TEXT, "description": "The same in words."},
            },
            "description": "Of a voice note.",
        },
        "referral": {
            "type": ["object", "null"],
            "description": "The advertisement from which the person came, all fields as Meta gives them.",
        },
        "preference": {
            "enum": ["stop", "resume", None],
            "description": "The person opts out of marketing messages, or in again.",
        },
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "title", "details"],
                "properties": {"code": {"type": ["number", "null"]}, "title": _WORD, "details": _WORD},
            },
            "description": "Meta's errors about this message: a kind that it does not pass on, for example.",
        },
        "message": {
            "type": ["object", "null"],
            "description": "The message as Meta sent it; null where it is too long for the topic.",
        },
    },
}
"""JSON Schema (draft 2020-12) of a notification of the ``inbound`` topic."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """One notification. ``sender`` is the field ``from``; ``received_at``: epoch seconds (UTC).

    ``kind``: one of :data:`KINDS`, or what a newer Lifeline says. ``preference``: ``stop``, ``resume`` or
    none. The fields that are objects are as in :data:`INBOUND_SCHEMA`.
    """

    kind: str
    text: str | None
    sender: str | None
    bsuid: str | None
    username: str | None
    profile: str | None
    number: Mapping[str, str | None]
    group_id: str | None
    wamid: str | None
    received_at: float
    reply_to: str | None
    forwarded: bool
    choice: Mapping[str, Any] | None
    media: Mapping[str, Any] | None
    voice: Mapping[str, Any] | None
    referral: Mapping[str, Any] | None
    preference: str | None
    errors: tuple[Mapping[str, Any], ...]
    message: Mapping[str, Any] | None


def parse_inbound(body: str) -> Inbound:
    """Read one notification. Fields that are not known are passed over. Raises :class:`ContractError`."""
    if depth(body) > MAX_DEPTH:
        raise ContractError([f"inbound: is nested deeper than {MAX_DEPTH} levels"])
    try:
        document = json.loads(body)
    except ValueError as error:
        raise ContractError([f"inbound: is not valid JSON ({error})"]) from error
    faults = list(violations(document, INBOUND_SCHEMA, "inbound"))
    if faults:
        raise ContractError(faults)
    try:
        received_at = parse_instant(document["received_at"])
    except ValueError as error:
        raise ContractError([f"inbound.received_at: is not a real instant ({error})"]) from error
    values = {name: document[name] for name in INBOUND_SCHEMA["required"] if name != "from"}
    return Inbound(
        **{
            **values,
            "sender": document["from"],
            "received_at": received_at,
            "errors": tuple(values["errors"]),
        }
    )
