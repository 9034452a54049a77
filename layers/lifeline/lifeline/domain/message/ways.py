"""The ways that a row's fallback has taken (its ``tried``), and what they make of a row that ends. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from lifeline.domain.fallback.policy import Step, final_status
from lifeline.domain.message.row import Row, off_agenda
from lifeline.domain.message.status import Status

PARK_MARK: Final = "park"


def tried(row: Row, entry: str) -> Row:
    """The row with one way more of its fallback behind it; ``entry``: the way, with its code if it failed."""
    return replace(row, phase=None, tried=", ".join((*_entries(row), entry)))


def taken_so_far(row: Row) -> tuple[list[Step], list[Step]]:
    """The ways that succeeded, and those that failed since the row was last parked.

    A way that reached the person stays taken when the row is parked as well (``whatsapp_later``): in the next
    panic nobody is told the same way once more.
    """
    successes: list[Step] = []
    failures: list[Step] = []
    for entry in _entries(row):
        way, _, code = entry.partition(" ")
        if way == PARK_MARK:
            successes, failures = successes if row.via else [], []
        elif way in tuple(Step):
            (failures if code else successes).append(Step(way))
    return successes, failures


def given_up(row: Row, status: Status) -> Row:
    """The row with nothing owed any more, at ``status``; whom a way has reached already counts as reached."""
    successes, _ = taken_so_far(row)
    return off_agenda(row, final_status(successes) if successes else status)


def _entries(row: Row) -> list[str]:
    return row.tried.split(", ") if row.tried else []
