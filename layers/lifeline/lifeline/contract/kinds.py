"""Kinds of message: one row each, with the field that holds its content and that field's schema.

Contents have the shape that Meta gives them ("POST /{phone-number-id}/messages"), but for ``template`` and
``text``, which are friendlier. Limits: Meta's OpenAPI file (``Message`` and its branches) and Meta's page on
each kind. What becomes of a kind at Meta and in a fallback says ``domain/message/kinds.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lifeline.contract.interactive import INTERACTIVE
from lifeline.contract.interactive import faults as interactive_faults
from lifeline.contract.parts import LOCATION, MAX_LINK, MEDIA, closed, line, medium, text
from lifeline.contract.patterns import DATE, DIGITS, EMOJI, WAMID, WEB_LINK
from lifeline.contract.templates import TEMPLATE
from lifeline.contract.templates import faults as template_faults

MAX_TEXT_CHARS: Final = 4096
"""Longest text body that WhatsApp accepts (Meta, "Text messages")."""
MAX_CONTACTS: Final = 5
"""Contacts in a message (Meta's OpenAPI file, ``ContactsMessage``)."""
MAX_EMOJI: Final = 12
"""Code points of the longest emoji, with room: a family of four has seven, Scotland's flag too."""
MAX_PART: Final = 256
MAX_ENTRIES: Final = 20
"""Characters of each part of a contact, and its phones, emails, ...; ours: Meta names no figure."""
_PART: Final = line(MAX_PART)
_LABEL: Final = line(32, "HOME, WORK or a word of your own.")


def _entries(title: str, required: str, **fields: Any) -> dict[str, Any]:
    item = closed(title, (required,) if required else (), **fields)
    return {"type": "array", "minItems": 1, "maxItems": MAX_ENTRIES, "items": item}


CONTACT: Final = closed(
    "Contact",
    ("name",),
    name={
        **closed(
            "ContactName",
            ("formatted_name",),
            formatted_name=line(MAX_PART, "The whole name; one of its parts is needed beside it."),
            **dict.fromkeys(("first_name", "last_name", "middle_name", "prefix", "suffix"), _PART),
        ),
        "minProperties": 2,
    },
    phones=_entries("ContactPhone", "phone", phone=line(64), type=_LABEL, wa_id=line(20, pattern=DIGITS)),
    emails=_entries("ContactEmail", "email", email=line(320), type=_LABEL),
    urls=_entries("ContactUrl", "url", url=line(MAX_LINK, pattern=WEB_LINK), type=_LABEL),
    addresses=_entries(
        "ContactAddress",
        "",
        **dict.fromkeys(("street", "city", "state", "zip", "country", "country_code"), _PART),
        type=_LABEL,
    ),
    org=closed("ContactOrg", (), **dict.fromkeys(("company", "department", "title"), _PART)),
    birthday={"type": "string", "pattern": DATE},
)
WAMID_FIELD: Final = line(512, "The wamid of the message that it is about.", pattern=WAMID)
REACTION: Final = closed(
    "Reaction",
    ("message_id", "emoji"),
    message_id=WAMID_FIELD,
    emoji={
        "type": "string",
        "maxLength": MAX_EMOJI,
        "pattern": EMOJI,
        "description": "One emoji; empty removes the reaction.",
    },
)


def _no_faults(content: Any, path: str) -> Iterator[str]:
    return iter(())


@dataclass(frozen=True, slots=True)
class MessageKind:
    """One kind of message. ``field`` holds its content; ``also``: what only messages with that field have."""

    name: str
    field: str
    schema: Mapping[str, Any]
    also: Mapping[str, Mapping[str, Any]] | None = None
    answers: bool = True
    """Whether it may be an answer to a message (``reply_to``)."""
    faults: Callable[[Any, str], Iterator[str]] = _no_faults
    """What a schema cannot say, given the content and its place."""


_TEXT: Final = {
    **text(MAX_TEXT_CHARS),
    "description": "Text of a text or voice message; for another kind, the text of a fallback.",
}
KINDS: Final = (
    MessageKind("template", "template", TEMPLATE, faults=template_faults),
    MessageKind(
        "text",
        "text",
        _TEXT,
        {"preview_url": {"type": "boolean", "description": "Show a preview of its first link."}},
    ),
    MessageKind("voice", "text", _TEXT),
    *(MessageKind(name, name, medium(name, name.capitalize())) for name in MEDIA),
    MessageKind("location", "location", LOCATION),
    MessageKind(
        "contacts",
        "contacts",
        {"type": "array", "minItems": 1, "maxItems": MAX_CONTACTS, "items": CONTACT},
    ),
    MessageKind("interactive", "interactive", INTERACTIVE, faults=interactive_faults),
    MessageKind("reaction", "reaction", REACTION, answers=False),
)
"""Every kind, in the order in which people read of them."""
TYPES: Final = tuple(kind.name for kind in KINDS)
BY_NAME: Final[Mapping[str, MessageKind]] = {kind.name: kind for kind in KINDS}
_COMMON: Final = "text"
"""Any kind may have it: a fallback says it."""


def fields() -> dict[str, Any]:
    """The fields of a message that hold content, with their schemas."""
    schemas: dict[str, Any] = {}
    for kind in KINDS:
        schemas.setdefault(kind.field, dict(kind.schema))
        schemas |= {name: dict(schema) for name, schema in (kind.also or {}).items()}
    return schemas


def rules() -> list[dict[str, Any]]:
    """``allOf`` of the message schema: of each kind what it needs, and what belongs to others."""
    return [
        {
            "if": {"properties": {"type": {"const": kind.name}}, "required": ["type"]},
            "then": {"required": [kind.field], "properties": dict.fromkeys(_foreign(kind), False)},
        }
        for kind in KINDS
    ]


def _foreign(kind: MessageKind) -> Sequence[str]:
    own = {_COMMON, kind.field, *(kind.also or {})}
    return [*(name for name in fields() if name not in own), *(() if kind.answers else ("reply_to",))]
