"""Screens of 80 columns and 24 rows suffice at the worst: two panics at once."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from lifeline_cli.main import run

from tests.support.operator_answers import STATUS
from tests.support.operator_function import AT, FLAG, Function

ROWS, COLUMNS = 24, 80
PROBES = [{"at": AT, "ok": False, "found": "reachability: connection refused"}] * 8
SCOPES: list[dict[str, Any]] = [
    {
        **FLAG, "cause": "unreachable", "reason": "6 sends in a row did not reach the service",
        "incident_id": "20260301-085800-abcdef", "probes": PROBES, "source": "sender",
        "remedy": "Wait for Meta: it is down or cannot be reached. See metastatus.com/whatsapp-business-api",
        "run": "lifeline panic status whatsapp",
    },
    {
        **FLAG, "scope": "openai_voice", "state": "normal", "cause": "", "ends": "", "remedy": "",
        "incident_id": "", "probes": [],
    },
    {
        **FLAG, "scope": "whatsapp/template/appointment_moved", "cause": "template_rejected",
        "reason": "9 of 12 sends of this template were refused", "source": "prober",
        "incident_id": "20260301-085900-abcdef", "probes": PROBES,
        "remedy": "Fix or replace the template: lifeline whatsapp templates --map OLD=NEW.",
        "run": "lifeline whatsapp templates --map appointment_moved=OTHER",
    },
]  # fmt: skip
QUEUES = [
    {"name": name, "visible": count, "in_flight": 0, "delayed": 0,
     "oldest_age_seconds": 75.0 if count else None}
    for name, count in (
        ("whatsapp-critical-queue", 0), ("whatsapp-queue", 7), ("whatsapp-bulk-queue", 0), ("wake-queue", 0),
        ("voice-queue", 0), ("probe-queue", 4), ("critical", 3), ("normal", 120), ("bulk", 4000),
        ("timer", 9),
        ("refused", 0), ("whatsapp-dlq", 0), ("voice-dlq", 0), ("probe-dlq", 0), ("events-dlq", 0),
    )
]  # fmt: skip


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output is one of 80 columns, without colours."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("NO_COLOR", "1")


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert run(words) == 0
    return capsys.readouterr().out.splitlines()


def fits(lines: list[str]) -> None:
    # A row is left for the prompt.
    assert len(lines) < ROWS, "\n".join(lines)
    assert max(map(len, lines)) <= COLUMNS
    text = "\n".join(lines)
    for name in ("whatsapp/template/appointment_moved", "template_rejected", "unreachable", "openai_voice"):
        assert name in text, f"{name} is broken: {text}"


def test_panic_status_with_two_panics(
    function: Function, terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    function.answers["panic.status"] = {"at": AT, "panic": True, "scopes": SCOPES}
    lines = shown(capsys, "panic", "status")
    fits(lines)
    told = " ".join(" ".join(lines).split())
    assert told.count("last 8 probes: 8 failed, latest (09:00:00 UTC): reachability: connection refused") == 2
    assert "6 sends in a row did not reach the service" in told
    assert "run: lifeline panic status whatsapp" in told


def test_status_with_two_panics(
    function: Function, terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    function.answers["status.show"] = {
        **STATUS, "scopes": SCOPES, "queues": QUEUES,
        "notes": ["whatsapp is in panic: the backlog is held until recovery"],
    }  # fmt: skip
    lines = shown(capsys, "status")
    fits(lines)
    assert "9 other queues and lanes are empty" in "\n".join(lines)
    for flag in (SCOPES[0], SCOPES[2]):
        assert f"run        {flag['run']}" in lines


def test_a_name_that_does_not_fit_is_broken_and_never_cut_off(
    function: Function, terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"whatsapp/template/{'reminder_' * 20}"
    function.answers["panic.status"] = {"at": AT, "panic": True, "scopes": [{**SCOPES[2], "scope": name}]}
    lines = shown(capsys, "panic", "status")
    assert max(map(len, lines)) <= COLUMNS
    table = "".join(line.split("  ")[0].strip() for line in lines)
    assert name in table
