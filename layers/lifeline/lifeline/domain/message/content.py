"""What a message says and whom it is for leaves its row; id, status, times and counts stay. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from lifeline.domain.message.row import Lane, Row, known, off_agenda
from lifeline.domain.message.status import Status
from lifeline.domain.message.ways import given_up

DAY: Final = 86_400.0
META_DAYS: Final = 30.0
"""Days in which Meta may deliver a message, or report that it failed (Meta, "Time-to-live"): until then a
fallback may need to know what to say."""
UNDELIVERED: Final = frozenset({Status.SENT, Status.HELD})
"""Meta has it, and may still report its failure."""


def bare(row: Row) -> Row:
    """The row without body, number, addresses, name, and Meta's id, which holds the number as Base64."""
    return replace(
        row,
        body="",
        to_masked=None,
        zones=None,
        wamid=None,
        recording=None,
        unspoken=None,
        note=None,
        bare=True,
    )


def kept_days(status: Status, days: float) -> float:
    """How many days after its end a row of this status keeps its content, where ``days`` are set."""
    return max(days, META_DAYS) if status in UNDELIVERED else days


def ended(row: Row) -> Row | None:
    """The row with nothing owed any more, for somebody who is to be forgotten; ``None`` while an act is in
    flight (its worker has the content), or where another version wrote it."""
    if not known(row) or row.in_flight:
        return None
    if row.lane == Lane.REFUSED:
        return off_agenda(row, Status.REJECTED)
    if not row.open:
        return row
    # Whom a way has reached stays reached; what was still to come of it does not come.
    return off_agenda(row, row.status) if row.reached else given_up(row, Status.CANCELLED)


def erased(row: Row, pseudonym: str) -> Row:
    """An ended row of which nothing leads to the person any more."""
    return replace(bare(row), person=pseudonym, content=None)
