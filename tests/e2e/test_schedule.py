"""A message for later: a row on the agenda, which an operator moves or takes back by its id."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from lifeline.contract.instants import format_instant
from lifeline.use_cases.shared.wake import NEAR

from tests.support.shell import Shell
from tests.support.system import System, eventually


@pytest.fixture
def lifeline(system: System) -> Shell:
    return Shell(system)


def at(**ahead: float) -> str:
    return (datetime.now(UTC) + timedelta(**ahead)).isoformat(timespec="seconds")


SOON = 8.0
"""Seconds after its time within which a message goes on a busy machine."""


def for_later(system: System, prefix: str) -> str:
    """A message for in three days that waits on the agenda; its id."""
    name = f"{prefix}-later"
    system.produce(system.person(name, send_after=at(days=3)))
    row = eventually(lambda: system.row(name), 30, "the message is in the ledger")
    assert (row["status"], row["phase"]) == ("CLAIMED", "waiting")
    assert row["agenda"].startswith("timer#")
    return name


def test_a_message_for_later_is_moved_again_and_sent_at_its_time(system: System, lifeline: Shell) -> None:
    prefix = system.fresh()
    name = for_later(system, prefix)
    later = at(days=300)
    lifeline("message", name, "--at", later)
    assert float(system.row(name)["agenda_at"]) == datetime.fromisoformat(later).timestamp()
    begins = time.time() + 6
    lifeline("message", name, "--at", at(seconds=6))
    system.wait_for([name], "DELIVERED")
    assert system.accepted(prefix) == [name]
    assert min(entry["time"] for entry in system.sends(prefix)) >= begins - 1.5, "not before its time"
    late = lifeline("message", name, "--at", at(days=1), code=1).stderr
    assert "too late" in late
    assert "DELIVERED" in late


def test_the_tick_wakes_messages_at_their_time_moved_ones_too_and_cancelled_ones_never(
    system: System, lifeline: Shell
) -> None:
    """Their time is further ahead than a worker wakes by itself: the minute's schedule has to see them."""
    prefix = system.fresh()
    moved = for_later(system, prefix)
    at_once, cancelled = f"{prefix}-at-its-time", f"{prefix}-cancelled"
    due = float(int(time.time()) + NEAR + 4)
    system.produce(
        *(system.person(name, send_after=format_instant(due)) for name in (at_once, cancelled)),
    )
    for name in (at_once, cancelled):
        row = eventually(partial(system.row, name), 30, "the message is in the ledger")
        assert float(row["agenda_at"]) == due
    lifeline("message", moved, "--at", format_instant(due))
    lifeline("message", cancelled, "--cancel", "a mistake")
    row = system.row(cancelled)
    # It is there only until its producer was told: see domain/message/telling.py.
    assert "agenda" not in row or row["onward"] == "off"
    system.wait_for([at_once, moved], "DELIVERED", within=NEAR + 4 + SOON)
    sends = {entry["message_id"]: entry["time"] - due for entry in system.sends(prefix)}
    assert sends.keys() == {at_once, moved}, "each once, and the cancelled one never"
    assert all(-0.5 <= late <= SOON for late in sends.values()), sends
    assert system.row(cancelled)["status"] == "CANCELLED"
    eventually(lambda: "agenda" not in system.row(cancelled), 70, "the cancelled one has left the agenda")


def test_a_message_for_later_is_cancelled(system: System, lifeline: Shell) -> None:
    prefix = system.fresh()
    name = for_later(system, prefix)
    lifeline("message", name, "--cancel", "the appointment has moved")
    # The producer's repetition finds the row settled.
    system.produce(system.person(name), system.person(f"{prefix}-next"))
    system.wait_for([f"{prefix}-next"], "DELIVERED")
    assert system.row(name)["status"] == "CANCELLED"
    assert system.accepted(prefix) == [f"{prefix}-next"]
    assert "the appointment has moved" in lifeline("message", name).stdout
    assert json.loads(lifeline("message", name, "--cancel", "again", "--json").stdout)["ok"] is True
