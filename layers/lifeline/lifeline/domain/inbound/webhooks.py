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
from enum import StrEnum
from typing import Any, Final

from lifeline.domain.failure.classify import Failure, classify_status_error
from lifeline.domain.inbound.ours import BusinessNumber, Ours
from lifeline.domain.message.proof import read_tag
from lifeline.domain.redact import redact
from lifeline.domain.text import load_json
from lifeline.domain.text import scalar as _text

OBJECT: Final = "whatsapp_business_account"
MESSAGES: Final = "messages"
"""The field of statuses, inbound messages and errors; every other field is about the account."""
_FIELDS: Final = frozenset(
    {
        MESSAGES,
        "message_template_status_update",
        "account_update",
        "phone_number_quality_update",
        "message_template_quality_update",
        "template_category_update",
    }
)
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
    """Meta changed our account or number: restriction, ban, quality, throughput."""

    kind: str
    """The webhook's field, for example ``account_update``."""
    event: str
    detail: Mapping[str, object] = field(default_factory=dict)
    at: float | None = None


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


Update = StatusUpdate | InboundMessage | AccountError | TemplateUpdate | AccountUpdate | Foreign | Ignored


# --- Parsing ---------------------------------------------------------------------------------------------


def parse(raw: bytes, ours: Ours) -> list[Update]:
    """All updates of one POST in the order in which they came; a change of others is one :class:`Foreign`.

    Raises :class:`UnreadableError` when ``raw`` is no JSON object (for example cut off).
    """
    try:
        document = load_json(raw)
    except ValueError as error:
        raise UnreadableError(f"the body is not JSON: {type(error).__name__}") from error
    if not isinstance(document, dict):
        raise UnreadableError("the body is not a JSON object")
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
            elif ours.number(waba_id, number.id) if name == MESSAGES else ours.account(waba_id):
                updates.extend(_change(name, value, at, number))
            else:
                updates.append(Foreign(name, waba_id, number.id))
    return updates


def _change(name: str, value: _Json, at: float | None, number: BusinessNumber) -> Iterator[Update]:
    match name:
        case "messages":
            yield from _messages(value, number)
        case "message_template_status_update":
            yield _template(value, at)
        case "account_update":
            yield AccountUpdate(name, redact(_text(value.get("event"))).upper(), _account_detail(value), at)
        case _:
            event = _text(value.get("event") or value.get("new_quality_score") or value.get("new_category"))
            yield AccountUpdate(name, event.upper(), _plain(value), at)


def _messages(value: _Json, number: BusinessNumber) -> Iterator[Update]:
    known = False
    for status in _objects(value.get("statuses")):
        known = True
        yield _status(status)
    contacts = list(_objects(value.get("contacts")))
    for message in _objects(value.get("messages")):
        known = True
        contact = _contact(message, contacts)
        yield InboundMessage(_text(message.get("id")), _text(message.get("type")), message, contact, number)
    for error in _objects(value.get("errors")):
        known = True
        yield AccountError(classify_status_error(error))
    if not known:
        yield Ignored("empty")


def _contact(message: _Json, contacts: Sequence[_Json]) -> _Json:
    """The contact of a message's sender: by number, by user id, or the only one."""
    for mine, theirs in (("from", "wa_id"), ("from_user_id", "user_id")):
        for contact in contacts:
            if _text(message.get(mine)) and _text(message.get(mine)) == _text(contact.get(theirs)):
                return contact
    named = _text(message.get("from")) or _text(message.get("from_user_id"))
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


def _words(value: object) -> str:
    # People read these in notifications.
    return redact(_text(value))


def _account_detail(value: _Json) -> dict[str, object]:
    detail: dict[str, object] = {}
    ban = value.get("ban_info")
    if isinstance(ban, dict):
        detail["ban_state"] = _words(ban.get("waba_ban_state")).upper()
        detail["ban_date"] = _words(ban.get("waba_ban_date"))
    restrictions = list(_objects(value.get("restriction_info")))[:20]
    if restrictions:
        detail["restrictions"] = [_words(item.get("restriction_type")).upper() for item in restrictions]
        detail["expirations"] = [_number(item.get("expiration")) for item in restrictions]
    violation = value.get("violation_info")
    if isinstance(violation, dict):
        detail["violation"] = _words(violation.get("violation_type")).upper()
    return detail


def _plain(value: _Json) -> dict[str, object]:
    """The scalar fields but the phone number: for a stored note that people read."""
    return {
        str(key)[:64]: item if isinstance(item, bool | int | float) else str(item)[:200]
        for key, item in list(value.items())[:20]
        if isinstance(item, str | bool | int | float) and key != "display_phone_number"
    }


def _objects(value: object) -> Iterator[_Json]:
    """The objects of a list; a lone object counts as a list of one, anything else as none."""
    if isinstance(value, dict):
        yield value
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                yield item


def _number(value: object) -> float | None:
    """Epoch seconds from a number or a string of digits; milliseconds are recognised by their size."""
    try:
        number = float(value) if isinstance(value, str | int | float) and value is not True else None
    except (ValueError, OverflowError):
        return None
    if number is None or not 0 < number < 1e14:
        return None
    return number / 1000 if number > 1e11 else number


# --- Templates -------------------------------------------------------------------------------------------

BLOCKS: Final = frozenset(
    {
        "REJECTED",
        "PAUSED",
        "DISABLED",
        "LOCKED",
        "LIMIT_EXCEEDED",
        "PENDING_DELETION",
        "DELETED",
        "ARCHIVED",
    }
)
"""Template events after which Meta refuses to send it (Meta, "Template status"; only APPROVED is sendable).
``FLAGGED``, ``IN_APPEAL`` and ``PENDING`` announce or follow such an event and change nothing by themselves.
"""
ENDS: Final = frozenset({"APPROVED", "REINSTATED", "UNPAUSED"})
"""Template events after which Meta sends it again."""


# --- Account ---------------------------------------------------------------------------------------------


class Weight(StrEnum):
    """What an account update calls for."""

    PANIC = "panic"
    """Meta no longer lets us send."""
    WARN = "warn"
    """People should know and act."""
    NOTE = "note"
    """For the history."""


_CLOSED: Final = frozenset({"ACCOUNT_DELETED", "ACCOUNT_OFFBOARDED"})
_NO_SENDING: Final = "RESTRICTED_BIZ_INITIATED_MESSAGING"
_WARNINGS: Final = frozenset(
    {"ACCOUNT_VIOLATION", "ACCOUNT_RESTRICTION", "DISABLED_UPDATE", "FLAGGED", "DOWNGRADE"}
)


def weigh(update: AccountUpdate) -> Weight:
    """What an account update calls for (Meta, "account_update").

    A restriction or a ban of sending is panic; one announced for later, one of something else, and a
    violation are warnings; all else (reinstated, reconnected, partners, throughput) is a note. A
    restriction with no list of what is restricted counts as one of sending: the probe reads the health status
    and ends the panic if it was not.
    """
    if update.kind != "account_update":
        return Weight.WARN if update.event in _WARNINGS else Weight.NOTE
    if update.event in _CLOSED:
        return Weight.PANIC
    if update.detail.get("ban_state"):
        states = {"DISABLE": Weight.PANIC, "SCHEDULE_FOR_DISABLE": Weight.WARN}
        return states.get(str(update.detail["ban_state"]), Weight.NOTE)
    if update.event == "ACCOUNT_RESTRICTION":
        restrictions = update.detail.get("restrictions")
        if not isinstance(restrictions, list) or not restrictions or _NO_SENDING in restrictions:
            return Weight.PANIC
    return Weight.WARN if update.event in _WARNINGS else Weight.NOTE
