"""What comes back after a fallback: mails that bounced or annoyed, devices that are gone.

SES's events ("Contents of event data that Amazon SES publishes to Amazon SNS") and notifications, and SNS's
mobile app events ("Mobile app event notifications"), told apart by their fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any, Final

GONE: Final = frozenset({"InvalidPlatformToken", "PlatformTokenInvalid", "EndpointDisabled"})
"""Failure types of a delivery that no later one mends: the device no longer has the app, or has it anew."""


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


def returned(document: Mapping[str, Any]) -> Iterator[Returned]:
    """What one event says of addresses; nothing for events of other kinds."""
    kind = str(document.get("eventType") or document.get("notificationType") or "")
    if kind == "Bounce":
        yield from _bounce(_object(document.get("bounce")))
    elif kind == "Complaint":
        complaint = _object(document.get("complaint"))
        why = f"complaint {complaint.get('complaintFeedbackType') or 'by the person'}"
        for address in _addresses(complaint.get("complainedRecipients")):
            yield Returned("email", address, "complaint", why)
    elif document.get("EventType") == "DeliveryFailure" and document.get("EndpointArn"):
        failure = str(document.get("FailureType") or "unknown")
        yield Returned(
            "push", str(document["EndpointArn"]), "disabled" if failure in GONE else "passing", failure
        )


def _bounce(bounce: Mapping[str, Any]) -> Iterator[Returned]:
    # A full mailbox or a server that is down is "Transient"; "Undetermined" may be either: tried again.
    final = bounce.get("bounceType") == "Permanent"
    why = f"bounce {bounce.get('bounceSubType') or 'General'}"
    for address in _addresses(bounce.get("bouncedRecipients")):
        yield Returned("email", address, "bounce" if final else "passing", why)


def _addresses(recipients: object) -> Iterator[str]:
    for item in recipients if isinstance(recipients, list) else []:
        address = parseaddr(str(_object(item).get("emailAddress") or ""))[1]
        if "@" in address:
            yield address


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
