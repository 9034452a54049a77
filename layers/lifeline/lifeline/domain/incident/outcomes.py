"""What became of one message of an incident: how its person was reached, when, and what was tried before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from lifeline.contract.ways import WAYS, WAYS_BY_NAME, WAYS_BY_STATUS
from lifeline.domain.incident.facts import Affected, Move
from lifeline.domain.message.status import Status
from lifeline.domain.message.steering import MOVED
from lifeline.domain.message.step import OTHER_CONTENT, QUIET, SEND_AFTER

ON_WHATSAPP: Final = frozenset({Status.SENT, Status.HELD, Status.DELIVERED, Status.READ})

OUTCOMES: Final = (
    *(way.name for way in WAYS),
    "parked_then_sent",
    "sent",
    "waiting",
    "expired",
    "cancelled",
    "suppressed",
    "rejected",
    "failed",
)
"""Each message has one: reached by another way, by WhatsApp after parking, by WhatsApp without it; still
on its way; out of time; taken back; not wanted by its recipient; refused for its content; nobody reached.
"""


def outcome_of(message: Affected, trail: Sequence[Move]) -> str:
    """One of :data:`OUTCOMES`."""
    match message.status:
        case status if status in WAYS_BY_STATUS:
            return WAYS_BY_STATUS[status].name
        case Status.EXPIRED | Status.CANCELLED | Status.SUPPRESSED | Status.REJECTED | Status.FAILED:
            return str(message.status).lower()
        case status if status in ON_WHATSAPP:
            return "parked_then_sent" if any(m.status is Status.PARKED for m in trail) else "sent"
        case _:
            return "waiting"


def reached_at(message: Affected, trail: Sequence[Move]) -> float | None:
    """When the person was reached (epoch seconds): taken by Meta or another service; ``None``: not yet."""
    if message.status in WAYS_BY_STATUS:
        return next((move.at for move in trail if move.status is message.status), None)
    if message.status not in ON_WHATSAPP:
        return None
    at: float | None = None
    for move in trail:
        if move.status not in ON_WHATSAPP:
            at = None
        elif at is None:
            at = move.at
    return at


def due_at(message: Affected, trail: Sequence[Move]) -> float:
    """When a message could have gone: when it came, at its own time (``send_after``, or as an operator moved
    it), or in the morning. The move that follows such a wait tells when it was over.
    """
    at = message.created_at
    waits = True
    for move in trail:
        if waits:
            at = move.at
        planned = move.note == SEND_AFTER or move.note.startswith(MOVED)
        waits = planned or (waits and move.note in (QUIET, OTHER_CONTENT))
    return at


def ways_tried(text: str) -> list[tuple[str, str]]:
    """``push EndpointDisabled, email`` to way and error code (empty: it worked)."""
    tries = []
    for part in text.split(","):
        way, _, code = part.strip().partition(" ")
        if way in WAYS_BY_NAME:
            tries.append((way, code))
    return tries
