"""The notification of what a person sent: one shape for every kind (:mod:`lifeline.contract.inbound`).

Pure. To add a kind: its row in :data:`READERS`, its name in the contract's ``KINDS``, its section in
``docs/inbound.md``. What is not in the table comes as ``other`` with Meta's own message, so nothing is lost.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lifeline.contract.instants import format_instant
from lifeline.contract.kinds import MAX_TEXT_CHARS
from lifeline.domain.inbound.inbound import Reason, Sender, VoiceNote, received_at, sender_of
from lifeline.domain.inbound.ours import BusinessNumber
from lifeline.domain.text import clean_json, load_json, objects, scalar
from lifeline.domain.text import word as _text

MAX_NOTICE_BYTES: Final = 240_000
"""Below SNS's 256 KB for one message with its attributes (SNS quotas)."""
MAX_NOTICE_TEXT: Final = 8 * MAX_TEXT_CHARS
"""Characters of a text that are handed on; WhatsApp lets people write 4,096. In bytes it stays below
:data:`MAX_NOTICE_BYTES`.
"""
PREFERENCES: Final = "user_preferences"
"""Meta's webhook field of this name; its entries come here as messages of this type."""
MAX_ERRORS: Final = 20
"""Errors of one message that are handed on."""

_Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Content:
    """What one message says: the parts of its notification that depend on its kind."""

    kind: str
    text: str | None = None
    choice: dict[str, Any] | None = None
    media: dict[str, Any] | None = None
    reply_to: str = ""
    preference: str | None = None


def notification(
    wamid: str,
    message: _Json,
    contact: _Json,
    number: BusinessNumber,
    now: float,
    beside: Sequence[_Json] = (),
) -> dict[str, Any]:
    """The notification of a message to ``number``. ``beside``: Meta's errors that came with it.

    A voice note's has no transcript yet: see :func:`transcribed`.
    """
    message = clean_json(message)
    content = _content(message)
    context = _object(message.get("context"))
    referral = message.get("referral")
    return fitting(
        {
            **_base(content.kind, wamid, sender_of(message, contact), number, received_at(message, now)),
            "text": None if content.text is None else content.text[:MAX_NOTICE_TEXT],
            "group_id": _text(message.get("group_id")) or None,
            "reply_to": content.reply_to or _text(context.get("id")) or None,
            "forwarded": context.get("forwarded") is True or context.get("frequently_forwarded") is True,
            "choice": content.choice,
            "media": content.media,
            "referral": dict(referral) if isinstance(referral, Mapping) else None,
            "preference": content.preference,
            "errors": [_error(item) for item in (*objects(message.get("errors")), *beside)][:MAX_ERRORS],
            "message": dict(message),
        }
    )


def fitting(notice: dict[str, Any]) -> dict[str, Any]:
    """The notification without what makes it too long for the topic: Meta's message first."""
    for name in ("message", "referral", "choice"):
        if len(json.dumps(notice)) <= MAX_NOTICE_BYTES:
            break
        notice = {**notice, name: None}
    return notice


def _base(kind: str, wamid: str, person: Sender, number: BusinessNumber, at: float) -> dict[str, Any]:
    return {
        "kind": kind,
        "text": None,
        "from": person.phone or None,
        "bsuid": person.user_id or None,
        "username": person.username or None,
        "profile": person.name or None,
        "number": number.notice(),
        "group_id": None,
        "wamid": scalar(wamid) or None,
        "received_at": format_instant(at),
        "reply_to": None,
        "forwarded": False,
        "choice": None,
        "media": None,
        "voice": None,
        "referral": None,
        "preference": None,
        "errors": [],
        "message": None,
    }


# -- voice notes -------------------------------------------------------------------------------------------


def transcribed(note: VoiceNote, text: str, language: str, duration: float | None) -> dict[str, Any]:
    """The notification of a voice note and what it says. ``duration``: seconds."""
    seconds = None if duration is None else round(duration, 2)
    said = {"text": text[:MAX_NOTICE_TEXT]}
    return _spoken(note, "voice", said, language=language or None, duration_seconds=seconds)


def unusable(note: VoiceNote, reason: Reason, detail: str) -> dict[str, Any]:
    """The notification of a voice note that brings no transcript, and why."""
    return _spoken(note, "voice_unusable", {}, reason=str(reason), detail=detail[:300])


def pending(note: VoiceNote, until: float) -> dict[str, Any]:
    """The notification of a voice note that waits; a ``voice`` or ``voice_unusable`` follows by ``until``."""
    return _spoken(note, "voice_pending", {}, was_pending=False, waits_until=format_instant(until))


def _spoken(note: VoiceNote, kind: str, fields: _Json, **voice: Any) -> dict[str, Any]:
    whole = {
        "language": None,
        "duration_seconds": None,
        "was_pending": note.kept,
        "asked_to_type": note.asked,
        "waits_until": None,
        "reason": None,
        "detail": None,
        **voice,
    }
    base = _base(kind, note.wamid, note.sender, note.number, note.received_at)
    base["media"] = _media(note.media_id, note.mime_type, None, note.sha256, None)
    return fitting({**base, **note.notice, "kind": kind, **fields, "voice": whole})


# -- kinds -------------------------------------------------------------------------------------------------


def _content(message: _Json) -> _Content:
    kind = _text(message.get("type"))
    reader = READERS.get(kind)
    return reader(kind, message.get(kind)) if reader else _Content("other")


def _written(kind: str, part: object) -> _Content:
    return _Content(kind, _string(_object(part).get("body")))


def _medium(kind: str, part: object) -> _Content:
    held = _object(part)
    if kind in ("audio", "voice"):
        spoken = isinstance(part, Mapping) and (kind == "voice" or held.get("voice") is True)
        kind = "voice" if spoken else "audio"
    media = _media(*(held.get(name) for name in ("id", "mime_type", "file_size", "sha256", "filename")))
    return _Content(kind, _string(held.get("caption")), media=media if held else None)


def _media(name: object, mime_type: object, size: object, sha256: object, filename: object) -> dict[str, Any]:
    return {
        "id": _text(name) or None,
        "type": _text(mime_type) or None,
        "size": _size(size),
        "sha256": _text(sha256) or None,
        "filename": _text(filename) or None,
    }


def _place(kind: str, part: object) -> _Content:
    held = _object(part)
    words = [text for text in (_string(held.get("name")), _string(held.get("address"))) if text]
    return _Content(kind, ", ".join(words) or None)


def _contacts(kind: str, part: object) -> _Content:
    names = [_object(card.get("name")) for card in objects(part)]
    said = [_string(name.get("formatted_name")) or _string(name.get("first_name")) for name in names]
    return _Content(kind, ", ".join(text for text in said if text) or None)


def _template_button(kind: str, part: object) -> _Content:
    held = _object(part)
    return _chosen("button", held.get("payload"), held.get("text"))


def _interactive(_: str, part: object) -> _Content:
    held = _object(part)
    for name, kind in (("button_reply", "button"), ("list_reply", "list")):
        if isinstance(reply := held.get(name), Mapping):
            return _chosen(kind, reply.get("id"), reply.get("title"), reply.get("description"))
    flow = held.get("nfm_reply")
    return _flow(flow) if isinstance(flow, Mapping) else _Content("other")


def _chosen(kind: str, name: object, title: object, description: object = None) -> _Content:
    choice = {
        "id": _text(name) or None,
        "title": _string(title),
        "description": _string(description),
        "answers": None,
    }
    return _Content(kind, _string(title), choice)


def _flow(reply: _Json) -> _Content:
    """A flow's answers come as JSON in a text; Meta's own token of the flow is no answer."""
    given = reply.get("response_json")
    try:
        read = load_json(given) if isinstance(given, str) else given
    except ValueError:
        read = None
    answers = {name: value for name, value in _object(read).items() if name != "flow_token"}
    lines = [f"{name}: {_answer(value)}" for name, value in answers.items()]
    title = _string(reply.get("body"))
    choice = {
        "id": _text(reply.get("name")) or None,
        "title": title,
        "description": None,
        "answers": answers or None,
    }
    return _Content("flow", "\n".join(lines) or title, choice)


def _answer(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _reaction(kind: str, part: object) -> _Content:
    """A reaction without an emoji takes the last one back."""
    held = _object(part)
    return _Content(kind, _string(held.get("emoji")), reply_to=_text(held.get("message_id")))


def _order(kind: str, part: object) -> _Content:
    held = _object(part)
    items = [
        f"{_text(item.get('quantity')) or 1} x {_text(item.get('product_retailer_id'))}"
        for item in objects(held.get("product_items"))
    ]
    return _Content(kind, _string(held.get("text")) or ", ".join(items) or None)


def _wordless(kind: str, _: object) -> _Content:
    return _Content(kind)


def _preference(_: str, part: object) -> _Content:
    value = _text(_object(part).get("value"))
    return _Content("preference", preference=value if value in ("stop", "resume") else None)


READERS: Final[Mapping[str, Callable[[str, object], _Content]]] = {
    "text": _written,
    **dict.fromkeys(("image", "video", "audio", "voice", "document", "sticker"), _medium),
    "location": _place,
    "contacts": _contacts,
    "button": _template_button,
    "interactive": _interactive,
    "reaction": _reaction,
    "order": _order,
    # A number or user id that changed: Meta's sentence about it is nothing that the person wrote.
    "system": _wordless,
    "unsupported": _wordless,
    PREFERENCES: _preference,
}
"""By Meta's ``type``: what reads the part of the message that has the same name."""


def _error(error: _Json) -> dict[str, Any]:
    data = error.get("error_data")
    details = _object(data).get("details") or (data if isinstance(data, str) else error.get("details"))
    return {
        "code": _size(error.get("code")),
        "title": _text(error.get("title") or error.get("message")),
        "details": _text(details),
    }


def _object(value: object) -> _Json:
    return value if isinstance(value, Mapping) else {}


def _string(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _size(value: object) -> int | None:
    digits = _text(value)
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else None
