"""How the tick and operators move a message that waits: release, hold, cancel, move, redrive, discard. Pure.

Each gives the row to write, or ``None`` where it is too late, there is nothing to do, or another version of
Lifeline wrote what the row is doing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from lifeline.domain.message.row import (
    BACKLOG,
    CAMPAIGN_LANE,
    TEMPLATE_LANE,
    Lane,
    Phase,
    Row,
    doubted,
    known,
    off_agenda,
    waiting,
)
from lifeline.domain.message.status import Status
from lifeline.domain.message.step import backlog_lane
from lifeline.domain.message.ways import given_up
from lifeline.domain.pace.quiet import CRITICAL, QuietHours, Rest

MOVED: Final = "moved to "
"""How the note begins of a move by an operator to another time; incidents' reports tell such rows by it."""


def turn(row: Row, at: float, hours: QuietHours) -> Row | None:
    """A parked message has its turn to leave at ``at``: it expires, stays asleep, or is released.

    Critical messages keep no quiet hours.
    """
    if not known(row) or row.status is not Status.PARKED or row.lane not in BACKLOG:
        return None
    if row.expires_at is not None and row.expires_at <= at:
        return expire(row)
    if row.zones and row.priority != CRITICAL:
        until = Rest.read(row.zones).until(at, hours)
        if until is not None:
            return asleep(row, until)
    return release(row, at)


def release(row: Row, due: float) -> Row | None:
    """A parked message leaves its backlog: due on the timer lane, marked as released by the tick."""
    if row.status is not Status.PARKED or row.lane not in BACKLOG:
        return None
    status = Status.IN_DOUBT if row.doubts else Status.CLAIMED
    return replace(row, status=status, phase=Phase.WAITING, lane=Lane.TIMER, due=due, drained=True)


def asleep(row: Row, until: float) -> Row | None:
    """A parked message whose recipient sleeps stays in its backlog until then."""
    if row.status is not Status.PARKED or row.lane not in BACKLOG:
        return None
    return replace(row, due=until)


def expire(row: Row) -> Row | None:
    """A message that waits, and whose time has passed."""
    return None if row.in_flight or not row.open else given_up(row, Status.EXPIRED)


def unhold(row: Row, now: float) -> Row | None:
    """A message that waited for its template or its campaign goes to the backlog of its priority."""
    held = (row.lane or "").startswith((TEMPLATE_LANE, CAMPAIGN_LANE))
    if not known(row) or row.status is not Status.PARKED or not held:
        return None
    return replace(row, lane=backlog_lane(row.priority), due=now)


def cancel(row: Row) -> Row | None:
    """Taken back at any moment before an act: while it waits, is parked, or waits on a limiter slot."""
    if not known(row) or row.in_flight or row.settled or row.status is Status.FAILED:
        return None
    return given_up(row, Status.CANCELLED)


def move(row: Row, send_after: float, body: str) -> Row | None:
    """Sent at another time; ``body`` names that time too."""
    if not known(row) or row.in_flight or row.settled or row.status is Status.FAILED or row.doubts:
        return None
    moved = replace(waiting(row, send_after), send_after=send_after, body=body, slot=None, paid=False)
    return replace(moved, rounds=0, drained=False)


def redrive(row: Row, now: float) -> Row | None:
    """A refused message is sent again, as a person has fixed what was wrong."""
    if row.lane != Lane.REFUSED or not known(row):
        return None
    again = replace(row, status=Status.CLAIMED, attempt=0, faults=0, rounds=0, later=True)
    return waiting(again, now)


def discard(row: Row) -> Row | None:
    """A refused message that cannot be fixed leaves the lane; it stays ``REJECTED``."""
    return off_agenda(row, Status.REJECTED) if row.lane == Lane.REFUSED and known(row) else None


def abandon(row: Row) -> Row | None:
    """The SQS message that alone accounted for this row is discarded by a person: the row ends with it.

    ``None`` where the row is accounted for without it. An act that nobody recorded stays in doubt.
    """
    if row.accounted or not known(row):
        return None
    return given_up(doubted(row) if row.in_flight else row, Status.CANCELLED)
