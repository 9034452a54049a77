"""``rate-status``, ``volume``, ``test`` and ``templates`` as people read them, and their exit codes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lifeline_cli.main import run

from tests.support.operator_answers import RATE, VOLUME
from tests.support.operator_function import AT, Function


def step(name: str, ok: bool | None, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "ok": ok,
        "seconds": 0.1,
        "detail": "as it is",
        "remedy": "",
        "warnings": [],
        **more,
    }


def outcome(*steps: dict[str, Any]) -> dict[str, Any]:
    ok = all(item["ok"] is not False for item in steps)
    return {"at": AT, "ok": ok, "to": None, "seconds": 1.0, "steps": list(steps), "panic": True}


def test_rate_status_says_what_is_used_and_when_it_is_regained(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    function.answers["whatsapp.rate_status"] = RATE
    assert run(["whatsapp", "rate-status"]) == 0
    out = capsys.readouterr().out
    for words in (
        "65/s, burst 10; 1200 used in the last minute (31 %)",
        "no token free, 7 messages wait",
        "throughput STANDARD (80 messages/s), tier TIER_10K (10,000 people in 24 h)",
        "by sends, 1 min 15 s ago",
        "Meta restores access in 9 min, at 09:09:00 UTC",
        "! the number's quality is YELLOW",
    ):
        assert words in out


def test_rate_status_of_an_account_in_trouble(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    error = {
        "cause": "auth",
        "message": "auth: code 190: expired",
        "remedy": "lifeline whatsapp refresh-token",
    }
    function.answers["whatsapp.rate_status"] = RATE | {"meta": None, "error": error, "usage": []}
    assert run(["whatsapp", "rate-status"]) == 0
    out = capsys.readouterr().out
    assert "! Lifeline cannot read them: auth: code 190: expired" in out
    assert "refresh-token" in out
    assert "none yet" in out


def test_volume_has_a_chart_and_names_the_spike(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    function.answers["whatsapp.volume"] = VOLUME
    assert run(["whatsapp", "volume", "--hours", "1"]) == 0
    assert function.requests == [{"action": "whatsapp.volume", "hours": 1.0}]
    out = capsys.readouterr().out
    lines = out.splitlines()
    long, short = (next(line for line in lines if line.strip().startswith(at)) for at in ("08:50", "08:55"))
    assert long.count("\u2588") == 40
    assert short.count("\u2588") == 1
    assert "3 rate-limit errors" in long
    assert "A spike: 430 messages (7.17/s) at 08:51 UTC" in out
    assert "98 %  430 (1 usually)  bulk, no category, template promo_offer" in out
    assert "(none)" in out


def test_volume_of_nothing(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    function.answers["whatsapp.volume"] = VOLUME | {"total": 0, "bars": [], "peak": None}
    assert run(["whatsapp", "volume"]) == 0
    assert "No messages since 2026-03-01 08:00:00 UTC." in capsys.readouterr().out
    assert run(["whatsapp", "volume", "--hours", "0"]) == 2


def test_the_exit_code_says_the_whole(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    function.answers["whatsapp.test"] = outcome(step("connection", True), step("token", True))
    assert run(["whatsapp", "test"]) == 0
    said = capsys.readouterr()
    assert "WhatsApp works" in said.out
    assert "panic disable" in said.out
    bad = step("token", False, detail="not valid", remedy="refresh it")
    function.answers["whatsapp.test"] = outcome(step("connection", True), bad, step("send", None))
    assert run(["whatsapp", "test"]) == 1
    said = capsys.readouterr()
    assert "FAILED  token" in said.out
    assert "refresh it" in said.out
    assert "WhatsApp does not work: token" in said.err
    assert run(["whatsapp", "test", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["ok"], "the question was answered"
    assert not document["result"]["ok"]


def test_a_number_to_test_with_goes_along(function: Function) -> None:
    function.answers["whatsapp.test"] = outcome(step("send", True))
    assert run(["whatsapp", "test", "--to", "+4915112345678", "--wait", "10"]) == 0
    request = function.requests[0]
    assert (request["to"], request["wait_seconds"]) == ("+4915112345678", 10)
    assert run(["whatsapp", "test", "--template", "x"]) == 2


def test_templates_show_reasons_and_failures(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    row = {
        "name": "rejected_offer",
        "language": "en_US",
        "category": "MARKETING",
        "status": "REJECTED",
        "reason": "SCAM",
        "meaning": "it looks like fraud",
        "quality": None,
        "sends": 40,
        "failures": 10,
        "failure_share": 0.25,
        "parameters": {"body": 1},
        "panic": True,
        "replacement": "order_update",
    }
    function.answers["whatsapp.templates"] = {"templates": [row], "mapped": {}, "hours": 24.0}  # fmt: skip
    assert run(["whatsapp", "templates", "--category", "marketing"]) == 0
    assert function.requests[0]["category"] == "marketing"
    out = capsys.readouterr().out
    assert "! rejected_offer (en_US) REJECTED: SCAM: it looks like fraud" in out
    assert "25 %" in out
    assert "replaced by order_update" in out


def test_unpause_is_asked_with_a_reason(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    function.answers["whatsapp.unpause_template"] = {
        "template": "a", "unpaused": ["en_US"], "warnings": ["it is paced"],
    }  # fmt: skip
    assert run(["whatsapp", "templates", "--unpause", "a", "--reason", "gentler"]) == 0
    assert function.requests[0]["reason"] == "gentler"
    assert "Meta sends a again (en_US)." in capsys.readouterr().out
    assert run(["whatsapp", "templates", "--unpause", "a", "--map", "a=b"]) == 2
