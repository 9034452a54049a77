"""A message for later: it waits in EventBridge Scheduler, and an operator moves or cancels it by its id."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.test_cli import Shell
from tests.support.system import System, eventually


@pytest.fixture
def lifeline(system: System) -> Shell:
    return Shell(system)


def at(**ahead: float) -> str:
    return (datetime.now(UTC) + timedelta(**ahead)).isoformat(timespec="seconds")


def scheduled(system: System, prefix: str) -> list[dict[str, Any]]:
    """The schedules of messages whose id starts with ``prefix``, each with its time and its message."""
    scheduler = system.stack.client("scheduler")
    group = f"{system.stack.name}-messages"
    listed = scheduler.list_schedules(GroupName=group)["Schedules"]
    whole = [scheduler.get_schedule(GroupName=group, Name=entry["Name"]) for entry in listed]
    return [entry for entry in whole if prefix in entry["Target"]["Input"]]


def for_later(system: System, prefix: str) -> str:
    """A message for in three days that lies in the scheduler; its id."""
    name = f"{prefix}-later"
    system.produce(system.person(name, send_after=at(days=3)))
    eventually(lambda: scheduled(system, prefix), 30, "the message lies in the scheduler")
    assert (system.row(name)["status"], system.row(name)["phase"]) == ("CLAIMED", "scheduled")
    return name


def test_a_message_for_later_is_moved_again_and_sent_at_its_time(system: System, lifeline: Shell) -> None:
    prefix = system.fresh()
    name = for_later(system, prefix)
    later = at(days=300)
    lifeline("message", name, "--at", later)
    moved = scheduled(system, prefix)
    assert [entry["ScheduleExpression"] for entry in moved] == [f"at({later[:19]})"]
    begins = time.time() + 6
    lifeline("message", name, "--at", at(seconds=6))
    assert scheduled(system, prefix) == []
    system.wait_for([name], "DELIVERED")
    assert system.accepted(prefix) == [name]
    assert min(entry["time"] for entry in system.sends(prefix)) >= begins - 1.5, "not before its time"
    assert "too late" in lifeline("message", name, "--at", at(days=1), code=1).stderr


def test_a_message_for_later_is_cancelled(system: System, lifeline: Shell) -> None:
    prefix = system.fresh()
    name = for_later(system, prefix)
    carrier = scheduled(system, prefix)[0]["Target"]["Input"]
    lifeline("message", name, "--cancel", "the appointment has moved")
    assert scheduled(system, prefix) == []
    # A schedule that fired at the same moment: its message finds the row settled.
    system.sqs.send_message(QueueUrl=system.out["WhatsappQueueUrl"], MessageBody=carrier)
    system.produce(system.person(f"{prefix}-next"))
    system.wait_for([f"{prefix}-next"], "DELIVERED")
    assert system.row(name)["status"] == "EXPIRED"
    assert system.accepted(prefix) == [f"{prefix}-next"]
    assert "the appointment has moved" in lifeline("message", name).stdout
