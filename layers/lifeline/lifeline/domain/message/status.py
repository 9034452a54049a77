"""The statuses of a message and the moves between them.

Three ideas shape :data:`TRANSITIONS`:

- **Evidence wins.** A status webhook tells what Meta did, so it may overtake anything that Lifeline only
  supposed: ``CLAIMED`` (the webhook came before our own write), ``IN_DOUBT`` (the answer was lost),
  ``PARKED`` (given up as lost, yet it had left). ``DELIVERED`` wins over ``FAILED`` in either order.
- **Nobody is counted twice.** Once another way has reached a person, the row stays at that way.
- **Webhooks come in any order, more than once.** Among what Meta reports, a row only rises in :data:`RANK`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from lifeline.contract.ways import WAYS


class Status(StrEnum):
    """Where a message stands. Each way besides WhatsApp adds the status of those whom it has reached."""

    _ignore_ = "way"

    CLAIMED = "CLAIMED"
    """Accepted by Lifeline and at work: being sent, waiting, scheduled or falling back."""
    SENT = "SENT"
    """Meta accepted it."""
    HELD = "HELD"
    """Meta holds it for quality assessment: neither sent nor failed."""
    DELIVERED = "DELIVERED"
    READ = "READ"
    FAILED = "FAILED"
    """Meta did not deliver it, and no other way has reached the person."""
    for way in WAYS:
        vars()[way.status] = way.status
    PARKED = "PARKED"
    """In a backlog; goes to WhatsApp after recovery."""
    EXPIRED = "EXPIRED"
    """Its time passed before anybody was reached."""
    REJECTED = "REJECTED"
    """Refused with a reason; on the agenda's lane ``refused`` until a person has looked."""
    IN_DOUBT = "IN_DOUBT"
    """It may have left; a webhook or the end of the grace time settles it."""
    CANCELLED = "CANCELLED"
    """An operator took it back, or its campaign was cancelled, before anybody was reached."""
    SUPPRESSED = "SUPPRESSED"
    """It is promotional, and its recipient wants no promotional messages."""


_OTHERWISE: Final = tuple(Status(way.status) for way in WAYS)
"""Push, email, or another way has reached the person."""
_REPORTED: Final = frozenset({Status.SENT, Status.DELIVERED, Status.READ, Status.FAILED})
_SEEN: Final = frozenset({Status.SENT, Status.DELIVERED, Status.READ, *_OTHERWISE})
"""What a late proof of an act in doubt may make of a row that was given up."""
_GIVEN_UP: Final = frozenset(
    {
        *(*_OTHERWISE, Status.PARKED, Status.EXPIRED, Status.REJECTED),
        *(Status.CANCELLED, Status.SUPPRESSED),
    }
)

TRANSITIONS: Final[Mapping[Status, frozenset[Status]]] = {
    # Staying CLAIMED is a move too: it waits for a time, or takes its fallback.
    Status.CLAIMED: _REPORTED | _GIVEN_UP | {Status.CLAIMED, Status.HELD, Status.IN_DOUBT},
    Status.IN_DOUBT: _REPORTED | _GIVEN_UP | {Status.IN_DOUBT, Status.HELD, Status.CLAIMED},
    # Released by the tick, held elsewhere, or expired; webhooks of a send thought lost.
    Status.PARKED: _REPORTED | _GIVEN_UP | {Status.CLAIMED, Status.HELD, Status.IN_DOUBT},
    # Failed, and another act is still in doubt: it waits for that one.
    # To another way by escalation: no device had it in time.
    Status.HELD: _REPORTED | {Status.IN_DOUBT, *_OTHERWISE},
    Status.SENT: frozenset({Status.DELIVERED, Status.READ, Status.FAILED, Status.IN_DOUBT, *_OTHERWISE}),
    Status.DELIVERED: frozenset({Status.READ}),
    Status.READ: frozenset(),
    # The fallback starts (CLAIMED) or is done; a delivery that Meta reports late overrules the failure.
    Status.FAILED: _GIVEN_UP | _SEEN | {Status.CLAIMED, Status.IN_DOUBT},
    **dict.fromkeys(_OTHERWISE, frozenset()),
    # A send in doubt whose time passed, or that was taken back, may have arrived all the same.
    Status.EXPIRED: _SEEN,
    Status.CANCELLED: _SEEN,
    Status.SUPPRESSED: _SEEN,
    # An operator sends it again once its fault is fixed, or discards it.
    Status.REJECTED: _SEEN | {Status.CLAIMED, Status.REJECTED},
}
"""From each status, where a row may move."""

OPEN: Final = frozenset({Status.CLAIMED, Status.PARKED, Status.IN_DOUBT})
"""Lifeline itself still owes work on these."""

REACHED: Final = frozenset({Status.SENT, Status.HELD, Status.DELIVERED, Status.READ, *_OTHERWISE})
"""A service took the message for this person."""

RANK: Final[Mapping[Status, int]] = {
    Status.HELD: 0,
    Status.SENT: 1,
    Status.FAILED: 2,
    Status.DELIVERED: 3,
    Status.READ: 4,
}
"""How much a report of Meta settles: the highest one decides, whatever the order of arrival."""

_WEBHOOK: Final[Mapping[str, Status]] = {
    "sent": Status.SENT,
    "delivered": Status.DELIVERED,
    "read": Status.READ,
    "played": Status.READ,
    "failed": Status.FAILED,
}


def can_move(current: Status, target: Status) -> bool:
    """Whether a row at ``current`` may be moved to ``target``."""
    return target in TRANSITIONS[current]


def from_webhook(value: str) -> Status | None:
    """The status that a webhook's ``status`` stands for.

    ``played`` (a voice message was listened to) counts as read. ``deleted`` and unknown words: ``None``.
    """
    return _WEBHOOK.get(value.strip().lower()) if isinstance(value, str) else None
