"""What comes back after a fallback: what became of mails, whom they annoyed, devices that are gone.

SES's events ("Contents of event data that Amazon SES publishes to Amazon SNS") and notifications, SNS's
mobile app events ("Mobile app event notifications"), and those of End User Messaging SMS ("Example event
data"), told apart by their fields. A document that is not as
documented yields nothing, wherever it breaks; nothing here raises.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parseaddr
from typing import Any, Final, Literal

from lifeline.contract.ways import EMAIL, PUSH, SMS
from lifeline.domain.fallback.mail_tag import ACT_TAG, ID_TAG, decode, decode_act
from lifeline.domain.text import one_line, plain

GONE: Final = frozenset({"InvalidPlatformToken", "PlatformTokenInvalid", "EndpointDisabled"})
"""Failure types of a delivery that no later one mends: the device no longer has the app, or has it anew."""
SUPPRESSED: Final = "OnAccountSuppressionList"
"""SES took the mail and did not send it, since the address bounced or complained before."""

MailKind = Literal["sent", "delivered", "bounced", "rejected"]


@dataclass(frozen=True, slots=True)
class Returned:
    """One address and what became of it.

    ``kind``: ``bounce``, ``complaint``, ``disabled``, or ``passing`` for what may work the next time.
    ``final``: the way is not to be used any more.
    """

    way: str
    address: str
    kind: str
    why: str

    @property
    def final(self) -> bool:
        """Whether the next fallback has to skip this way."""
        return self.kind != "passing"


@dataclass(frozen=True, slots=True)
class MailReport:
    """What became of one mail or SMS, of which ``act`` of which message. ``at``: epoch seconds.

    ``sent``: SES took it. ``delivered``: the person's mail server took it. ``bounced``: SES took it, and it
    came back, for good or for now; an automatic answer may look like that too, so that ``delivered`` before
    it still holds. ``rejected``: SES took it, found a virus, and did not send it. Events come in any order
    and more than once.
    """

    message_id: str
    act: int
    kind: MailKind
    at: float
    way: str = EMAIL.name


def returned(document: Mapping[str, Any]) -> Iterator[Returned]:
    """What one event says of addresses; nothing for events of other kinds."""
    kind = _kind(document)
    if kind == "Bounce":
        yield from _bounce(_object(document.get("bounce")))
    elif kind == "Complaint":
        complaint = _object(document.get("complaint"))
        why = f"complaint {_word(complaint.get('complaintFeedbackType')) or 'by the person'}"
        for address in _addresses(complaint.get("complainedRecipients")):
            yield Returned(EMAIL.name, address, "complaint", why)
    elif kind in _TEXT_KINDS:
        yield from _text_returned(document, kind)
    elif document.get("EventType") == "DeliveryFailure":
        endpoint = document.get("EndpointArn")
        if isinstance(endpoint, str) and endpoint and plain(endpoint) == endpoint:
            failure = _word(document.get("FailureType")) or "unknown"
            yield Returned(PUSH.name, endpoint, "disabled" if failure in GONE else "passing", failure)


_TEXT_KINDS: Final[Mapping[str, MailKind]] = {
    **dict.fromkeys(("TEXT_SENT", "TEXT_PENDING", "TEXT_QUEUED", "TEXT_SUCCESSFUL"), "sent"),
    "TEXT_DELIVERED": "delivered",
    **dict.fromkeys(("TEXT_UNREACHABLE", "TEXT_CARRIER_UNREACHABLE", "TEXT_TTL_EXPIRED"), "bounced"),
    **dict.fromkeys(("TEXT_CARRIER_BLOCKED", "TEXT_SPAM", "TEXT_UNKNOWN"), "bounced"),
    **dict.fromkeys(("TEXT_INVALID", "TEXT_INVALID_MESSAGE"), "rejected"),
    **dict.fromkeys(("TEXT_BLOCKED", "TEXT_PROTECT_BLOCKED"), "rejected"),
}
"""By event type of End User Messaging SMS. Rejected: it never left. Bounced: it left, and nobody has it."""
_NO_NUMBER: Final = "TEXT_INVALID"
"""The number takes no SMS: it is none, or of a landline."""


def text_report(document: Mapping[str, Any]) -> MailReport | None:
    """What one event says of an SMS of ours; ``None`` for other events and for an SMS without our context."""
    kind = _TEXT_KINDS.get(_kind(document))
    context = _object(document.get("context"))
    message_id, act = context.get(ID_TAG), decode_act(context.get(ACT_TAG))
    at = document.get("eventTimestamp")
    if kind is None or not isinstance(message_id, str) or not message_id or act is None:
        return None
    if not isinstance(at, int | float) or isinstance(at, bool):
        return None
    return MailReport(message_id, act, kind, at / 1000, SMS.name)


def mail_report(document: Mapping[str, Any]) -> MailReport | None:
    """What one event of SES says of a mail of ours; ``None`` for other events and for mails without tags."""
    known = _KINDS.get(_kind(document))
    if known is None:
        return None
    kind, field = known
    about = _object(document.get(field))
    if field == "complaint" and about.get("complaintSubType") == SUPPRESSED:
        kind = "bounced"
    mail = _object(document.get("mail"))
    tags = _object(mail.get("tags"))
    message_id, act = decode(_only(tags.get(ID_TAG))), decode_act(_only(tags.get(ACT_TAG)))
    at = _moment(about.get("timestamp"))
    if at is None:
        # Send and Reject have no time of their own.
        at = _moment(mail.get("timestamp"))
    if message_id is None or act is None or at is None:
        return None
    return MailReport(message_id, act, kind, at)


_KINDS: Final[Mapping[str, tuple[MailKind, str]]] = {
    "Send": ("sent", "send"),
    "Delivery": ("delivered", "delivery"),
    "Bounce": ("bounced", "bounce"),
    "Complaint": ("delivered", "complaint"),
    "Reject": ("rejected", "reject"),
}
"""By event: the report's kind, and the field with the details. Who complains of a mail has got it."""


def _kind(document: Mapping[str, Any]) -> str:
    kind = document.get("eventType") or document.get("notificationType")
    return kind if isinstance(kind, str) else ""


def _bounce(bounce: Mapping[str, Any]) -> Iterator[Returned]:
    # A full mailbox or a server that is down is "Transient"; "Undetermined" may be either: tried again.
    final = bounce.get("bounceType") == "Permanent"
    why = f"bounce {_word(bounce.get('bounceSubType')) or 'General'}"
    for address in _addresses(bounce.get("bouncedRecipients")):
        yield Returned(EMAIL.name, address, "bounce" if final else "passing", why)


def _text_returned(document: Mapping[str, Any], kind: str) -> Iterator[Returned]:
    number = document.get("destinationPhoneNumber")
    if _TEXT_KINDS[kind] in ("bounced", "rejected") and isinstance(number, str) and plain(number) == number:
        why = _word(document.get("messageStatusDescription")) or kind
        yield Returned(SMS.name, number, "bounce" if kind == _NO_NUMBER else "passing", why)


def _addresses(recipients: object) -> Iterator[str]:
    for item in recipients if isinstance(recipients, list) else []:
        written = _object(item).get("emailAddress")
        if isinstance(written, str) and plain(written) == written:
            address = parseaddr(written)[1]
            if "@" in address:
                yield address


def _moment(value: object) -> float | None:
    """Epoch seconds of an ISO 8601 time; without a zone it is UTC."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _word(value: object) -> str:
    return one_line(value)[:100] if isinstance(value, str) else ""


def _only(value: object) -> object:
    """The one value of a tag: SES writes each as a list."""
    return value[0] if isinstance(value, list) and len(value) == 1 else None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
