"""Meta's webhooks: from a POST's JSON to typed updates, and what those of templates and the account mean.

Parsing is lenient, because fields come and go with Graph versions (Meta, "Webhooks reference"): what is
missing, of another type or unknown never stops the other updates of the same POST, and text that nothing
could carry on is fixed (:mod:`lifeline.domain.text`). What concerns another account or number than ours
becomes :class:`Foreign`, whatever it says. Pure: no clock, no network.

What a status update does to its message's row stands in :mod:`lifeline.domain.message.proof`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from lifeline.domain.failure.classify import Failure, classify_status_error
from lifeline.domain.inbound.account_fields import ENDS, FIELDS, account_of, event_of
from lifeline.domain.inbound.inbound import Sender, sender_of
from lifeline.domain.inbound.notification import PREFERENCES
from lifeline.domain.inbound.opting_out import STOPPED, Wish
from lifeline.domain.inbound.ours import BusinessNumber, Ours
from lifeline.domain.message.proof import read_tag
from lifeline.domain.redact import redact
from lifeline.domain.text import e164, load_json
from lifeline.domain.text import objects as _objects
from lifeline.domain.text import scalar as _text

OBJECT: Final = "whatsapp_business_account"
MESSAGES: Final = "messages"
"""The field of statuses, inbound messages and errors."""
_FIELDS: Final = frozenset({MESSAGES, PREFERENCES, *FIELDS})
"""The fields that Lifeline acts on."""

_Json = Mapping[str, Any]


class UnreadableError(ValueError):
    """The body is not a JSON object of Meta's form; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """What became of one message."""

    state: str
    """Meta's word: ``sent``, ``delivered``, ``read``, ``played``, ``failed``, or one that is new."""
    wamid: str = ""
    message_id: str = ""
    """Our own id, echoed in ``biz_opaque_callback_data``; empty where Meta sent none."""
    act: int | None = None
    """Which act of the message, from the same field; ``None`` for a send that named none."""
    at: float | None = None
    """Meta's time, epoch seconds."""
    failure: Failure | None = None
    """Why it failed, classified; only with ``failed``."""


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """Somebody wrote to our number."""

    wamid: str
    type: str
    value: _Json = field(default_factory=dict)
    """The message as Meta sent it."""
    contact: _Json = field(default_factory=dict)
    """What Meta says of the person beside it."""
    number: BusinessNumber = field(default_factory=BusinessNumber)
    """The number of ours that was written to."""
    errors: tuple[_Json, ...] = ()
    """Errors that Meta put beside it: they are about it, and say nothing of our sends."""


@dataclass(frozen=True, slots=True)
class Preference:
    """Somebody wants no more marketing messages, or wants them again: ``user_preferences``, or a send that
    Meta refused for it."""

    person: Sender
    wish: Wish
    at: float | None = None
    """Meta's time, epoch seconds."""


@dataclass(frozen=True, slots=True)
class AccountError:
    """An error that belongs to no message (``value.errors``)."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class TemplateUpdate:
    """Meta changed a template's status (``message_template_status_update``)."""

    name: str
    language: str
    """With an underscore: ``en_US``."""
    event: str
    reason: str = ""
    at: float | None = None
    category: str = ""
    """``MARKETING``, ``UTILITY`` or ``AUTHENTICATION``; empty where Meta does not say."""


@dataclass(frozen=True, slots=True)
class AccountUpdate:
    """Meta changed our account, a number or a template (all fields but a template's status)."""

    kind: str
    """The webhook's field, one of :data:`~lifeline.domain.inbound.account_fields.FIELDS`."""
    event: str
    detail: Mapping[str, object] = field(default_factory=dict)
    at: float | None = None
    template: str = ""
    """The name of the template that it is about; empty: it is about the account or a number."""
    category: str = ""
    """The category that the template has now; empty where Meta does not say."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """One change of another account or number than ours: it is counted, and changes nothing."""

    field: str
    """The webhook's field, for example ``messages``."""
    waba_id: str
    phone_number_id: str = ""


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing that Lifeline acts on; ``why`` is a short label for the count."""

    why: str


Update = (
    StatusUpdate
    | InboundMessage
    | Preference
    | AccountError
    | TemplateUpdate
    | AccountUpdate
    | Foreign
    | Ignored
)


# --- Parsing ---------------------------------------------------------------------------------------------


def read_post(raw: bytes | str) -> dict[str, Any]:
    """The JSON of one POST, cleaned. Raises :class:`UnreadableError` when it is no JSON object (for example
    cut off).
    """
    try:
        document = load_json(raw)
    except ValueError as error:
        raise UnreadableError(f"the body is not JSON: {type(error).__name__}") from error
    if not isinstance(document, dict):
        raise UnreadableError("the body is not a JSON object")
    return document


def parse(raw: bytes | str, ours: Ours) -> list[Update]:
    """All updates of one POST in the order in which they came; a change of others is one :class:`Foreign`.

    Raises what :func:`read_post` raises.
    """
    document = read_post(raw)
    if document.get("object") != OBJECT:
        return [Ignored("object")]
    updates: list[Update] = []
    for entry in _objects(document.get("entry")):
        at = _number(entry.get("time"))
        waba_id = _text(entry.get("id"))
        for change in _objects(entry.get("changes")):
            name = _text(change.get("field"))
            value = change.get("value")
            if not isinstance(value, dict):
                updates.append(Ignored("value"))
                continue
            number = BusinessNumber.read(value.get("metadata"))
            if name not in _FIELDS:
                updates.append(Ignored("field"))
            elif (
                ours.number(waba_id, number.id)
                if name in (MESSAGES, PREFERENCES)
                else ours.account(account_of(value, waba_id))
            ):
                updates.extend(_change(name, value, at, number))
            else:
                updates.append(Foreign(name, waba_id, number.id))
    return updates


def _change(name: str, value: _Json, at: float | None, number: BusinessNumber) -> Iterator[Update]:
    match name:
        case "messages":
            yield from _messages(value, number)
        case "user_preferences":
            yield from _preferences(value, at, number)
        case "message_template_status_update":
            yield _template(value, at)
        case _:
            yield _account(name, value, at)


def _messages(value: _Json, number: BusinessNumber) -> Iterator[Update]:
    known = False
    for status in _objects(value.get("statuses")):
        known = True
        update = _status(status)
        yield update
        if update.failure and update.failure.code == STOPPED:
            person = Sender(e164(status.get("recipient_id")), _text(status.get("recipient_user_id")))
            if person.phone or person.user_id:
                yield Preference(person, Wish.STOP, update.at)
    contacts = list(_objects(value.get("contacts")))
    messages = list(_objects(value.get("messages")))
    errors = list(_objects(value.get("errors")))
    beside = about(messages, errors)
    for message in messages:
        known = True
        contact = contact_of(message, contacts)
        yield InboundMessage(
            _text(message.get("id")),
            _text(message.get("type")),
            message,
            contact,
            number,
            tuple(errors) if id(message) in beside else (),
        )
    for error in errors if not messages else ():
        known = True
        yield AccountError(classify_status_error(error))
    if not known:
        yield Ignored("empty")


def about(messages: Sequence[_Json], errors: Sequence[_Json]) -> frozenset[int]:
    """The messages (``id()``) that errors beside them are about: those that Meta could not read, else all."""
    if not errors:
        return frozenset()
    unread = [message for message in messages if message.get("type") in ("unsupported", "unknown", None)]
    return frozenset(map(id, unread or messages))


def _preferences(value: _Json, at: float | None, number: BusinessNumber) -> Iterator[Update]:
    """Each wish, and the message as which the application hears of it. ``at``: when Meta posted them."""
    contacts = list(_objects(value.get("contacts")))
    entries = list(_objects(value.get(PREFERENCES)))
    for entry in entries:
        message = {
            "type": PREFERENCES,
            "from": entry.get("wa_id"),
            "from_user_id": entry.get("user_id"),
            "timestamp": entry.get("timestamp"),
            PREFERENCES: entry,
        }
        contact = contact_of(message, contacts)
        word, person = _text(entry.get("value")).lower(), sender_of(message, contact)
        about_marketing = _text(entry.get("category")) in ("", "marketing_messages")
        if word not in tuple(Wish) or not about_marketing or not (person.phone or person.user_id):
            yield Ignored("preference")
            continue
        stated = _number(entry.get("timestamp")) or at
        yield Preference(person, Wish(word), stated)
        yield InboundMessage("", PREFERENCES, message, contact, number)
    if not entries:
        yield Ignored("empty")


def _account(name: str, value: _Json, at: float | None) -> Update:
    field_ = FIELDS[name]
    given = value.get("message_template_name")
    template = _text(given)
    # A name that was cut would be another template's.
    if field_.of_template and (not template or template != given):
        return Ignored("template")
    category = _text(value.get("new_category")).upper() if name == "template_category_update" else ""
    event = event_of(field_, value)
    return AccountUpdate(
        name, event, field_.detail(value), at, template if field_.of_template else "", category
    )


def contact_of(message: _Json, contacts: Sequence[_Json]) -> _Json:
    """The contact of a message's sender: by number, by user id, or the only one."""
    named = {_text(message.get(name)) for name in ("from", "from_user_id")} - {""}
    for name in ("wa_id", "user_id"):
        for contact in contacts:
            if _text(contact.get(name)) in named:
                return contact
    return contacts[0] if len(contacts) == 1 and not named else {}


def _status(status: _Json) -> StatusUpdate:
    state = _text(status.get("status")).lower()
    failure = None
    if state == "failed":
        errors = list(_objects(status.get("errors")))
        # A failure with no reason is still a failure: it is classified as an unknown code.
        failure = classify_status_error(errors[0] if errors else {})
    message_id, act = read_tag(_text(status.get("biz_opaque_callback_data")))
    return StatusUpdate(
        state=state,
        wamid=_text(status.get("id")),
        message_id=message_id,
        act=act,
        at=_number(status.get("timestamp")),
        failure=failure,
    )


def _template(value: _Json, at: float | None) -> Update:
    given = value.get("message_template_name")
    name = _text(given)
    event = _text(value.get("event")).upper()
    # A name that was cut would be another template's.
    if not name or not event or name != given:
        return Ignored("template")
    reasons: list[str] = []
    for part in (value.get("reason"), value.get("other_info"), value.get("rejection_info")):
        if isinstance(part, dict):
            reasons += [_text(part.get(key)) for key in ("title", "description", "reason", "recommendation")]
        else:
            reasons.append(_text(part))
    if event == "UNPAUSE" or (event not in ENDS and "UNPAUSE" in reasons):
        event = "UNPAUSED"
    reason = ": ".join(dict.fromkeys(text for text in reasons if text and text != "NONE"))
    language = _text(value.get("message_template_language")).replace("-", "_")
    category = _text(value.get("message_template_category")).upper()
    return TemplateUpdate(name, language, event, redact(reason)[:300], at, category)


def _number(value: object) -> float | None:
    """Epoch seconds from a number or a string of digits; milliseconds are recognised by their size."""
    try:
        number = float(value) if isinstance(value, str | int | float) and value is not True else None
    except (ValueError, OverflowError):
        return None
    if number is None or not 0 < number < 1e14:
        return None
    return number / 1000 if number > 1e11 else number
