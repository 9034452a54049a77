"""The ways that a row's fallback has taken (its ``tried``), and what they make of a row that ends. Pure."""

from __future__ import annotations

from dataclasses import replace

from lifeline.contract.ways import PARK
from lifeline.domain.fallback.policy import STEPS, final_status
from lifeline.domain.message.row import Row, off_agenda
from lifeline.domain.message.status import Status


def tried(row: Row, entry: str) -> Row:
    """The row with one way more of its fallback behind it; ``entry``: the way, with its code if it failed."""
    return replace(row, phase=None, tried=", ".join((*_entries(row), entry)))


def taken_so_far(row: Row) -> tuple[list[str], list[str]]:
    """The ways that succeeded, and those that failed since the row was last parked.

    A way that reached the person stays taken when the row is parked as well (``whatsapp_later``): nobody is
    told again in the next panic, or once Meta reports that the WhatsApp message failed.
    """
    successes: list[str] = []
    failures: list[str] = []
    for entry in _entries(row):
        way, _, code = entry.partition(" ")
        if way == PARK:
            failures = []
        elif way in STEPS:
            (failures if code else successes).append(way)
    return successes, failures


def given_up(row: Row, status: Status) -> Row:
    """The row with nothing owed any more, at ``status``; whom a way has reached already counts as reached.

    What Meta took stays at that where its escalation reached nobody.
    """
    successes, _ = taken_so_far(row)
    if successes:
        status = final_status(successes)
    elif row.reached:
        status = row.status
    done = off_agenda(row, status)
    return replace(done, via=row.otherwise) if row.escalated and row.otherwise else done


def expired_waiting(row: Row) -> bool:
    """Whether its time passed while it was with us: it came in time, and nobody was told.

    One that was never written before (``created_at`` 0) came too late.
    """
    in_time = row.expires_at is not None and 0 < row.created_at < row.expires_at
    return row.status is Status.EXPIRED and in_time


def _entries(row: Row) -> list[str]:
    return row.tried.split(", ") if row.tried else []
