"""Campaigns and planned panic on the deployed system, as an operator types them."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.shell import Shell
from tests.support.system import System, eventually

TEMPLATE = "promo_offer"


@pytest.fixture
def lifeline(system: System) -> Shell:
    system.fresh()
    return Shell(system)


def spring(folder: Path, lines: int) -> str:
    file = folder / "spring.csv"
    people = "".join(f"+49151125{number:05d},p{number}@example.com,10 %\n" for number in range(lines))
    file.write_text("to,email,parameter_1\n" + people)
    return str(file)


def state(lifeline: Shell, name: str) -> dict[str, Any]:
    return dict(lifeline.answer("campaign", "status", name)["campaigns"][0])


def member(name: str, number: int) -> dict[str, Any]:
    return {
        "id": f"{name}:extra-{number}", "to": f"+49151126{number:05d}", "type": "template",
        "priority": "bulk", "campaign": name,
        "template": {"name": TEMPLATE, "language": "en_US", "parameters": ["10 %"]},
    }  # fmt: skip


def test_a_campaign_is_sent_paused_resumed_and_cancelled(
    lifeline: Shell, system: System, tmp_path: Path
) -> None:
    name = f"spring-{time.time_ns()}"
    file = spring(tmp_path, 60)
    sending = ("campaign", "send", file, "--template", TEMPLATE, "--over", "10m", "--name", name)
    sent = lifeline.answer(*sending)
    assert (sent["campaign"]["state"], sent["campaign"]["total"], sent["reachable"]) == ("running", 60, 60)
    assert lifeline.answer(*sending, code=1)["code"] == "known_campaign"
    system.invoke("Drainer", {"source": "lifeline.schedule"})
    assert state(lifeline, name)["released"] >= 6
    system.produce(member(name, 1))
    system.wait_for([f"{name}:extra-1"], "DELIVERED", within=60)

    assert lifeline.answer("campaign", "pause", name)["campaign"]["state"] == "paused"
    released = state(lifeline, name)["released"]
    system.invoke("Drainer", {"source": "lifeline.schedule"})
    assert state(lifeline, name)["released"] == released

    assert lifeline.answer("campaign", "resume", name)["campaign"]["state"] == "running"
    lifeline("campaign", "cancel", name, "the offer has changed", "--yes")
    time_of_cache = time.monotonic() + 3.5
    eventually(lambda: time.monotonic() > time_of_cache, within=10, what="what workers remember is over")
    system.produce(member(name, 2))
    system.wait_for([f"{name}:extra-2"], "CANCELLED", within=60)
    assert f"{name}:extra-2" not in system.accepted(name)
    eventually(
        lambda: state(lifeline, name)["cancelled"] > 60 - released,
        within=30,
        what="the cancelled are counted",
    )
    assert state(lifeline, name)["state"] == "cancelled"


def test_bad_lines_are_named_and_nothing_is_sent(lifeline: Shell, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("to,parameter_1\n+4915112500001,10 %\n12,10 %\n")
    error = lifeline.answer("campaign", "send", str(file), "--template", TEMPLATE, "--over", "1h", code=1)
    assert error["code"] == "bad_lines"
    assert "line 3" in error["message"]


def test_a_planned_panic_enters_and_leaves_by_itself(lifeline: Shell, system: System) -> None:
    begins = datetime.now(UTC) + timedelta(seconds=5)
    planned = lifeline.answer(
        "panic", "enable", "openai_voice", "Black Friday", "--at", begins.isoformat(), "--for", "12s"
    )
    shown = lifeline.answer("panic", "status")["planned"]
    assert planned["plan"]["id"] in [plan["id"] for plan in shown]

    def entered() -> bool:
        system.minute()
        return system.flag("openai_voice").get("state") == "panic"

    def left() -> bool:
        system.minute()
        return system.flag("openai_voice").get("state") != "panic"

    eventually(entered, within=30, what="the planned panic begins")
    eventually(left, within=60, what="the planned panic ends")
    later = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    other = lifeline.answer("panic", "enable", "openai_voice", "Peak", "--at", later, "--for", "1h")
    lifeline("panic", "cancel", other["plan"]["id"])
    assert lifeline.answer("panic", "status")["planned"] == []


def test_a_campaign_started_while_whatsapp_recovers_waits_its_turn(
    lifeline: Shell, system: System, tmp_path: Path
) -> None:
    lifeline("panic", "enable", "whatsapp", "an outage", "--hold")
    lifeline("panic", "disable", "whatsapp", "over")
    name = f"turn-{time.time_ns()}"
    lifeline("campaign", "send", spring(tmp_path, 6), "--template", TEMPLATE, "--over", "1m", "--name", name)

    def released() -> int:
        system.invoke("Drainer", {"source": "lifeline.schedule"})
        return int(state(lifeline, name)["released"])

    assert system.flag()["state"] == "recovering"
    assert released() == 0
    assert system.flag()["state"] == "recovering", "else the figure says nothing"

    def settled() -> bool:
        system.minute()
        return bool(system.flag()["state"] == "normal")

    eventually(settled, 60, "the settle time is over")
    eventually(lambda: released() > 0, 30, "now it is the campaign's turn")
