"""``lifeline status`` and ``lifeline drill`` as people and scripts read them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lifeline.contract.operator_actions import OPERATOR_ACTIONS
from lifeline.contract.schema import violations
from lifeline_cli import main, ready
from lifeline_cli.client import Client
from lifeline_cli.main import run

from tests.support.operator_answers import DRILL, STATUS
from tests.support.proofs import SAMPLE

AT = "2026-03-01T09:00:00.000Z"
FLAG = {
    "scope": "whatsapp", "state": "panic", "cause": "unreachable", "since": "2026-03-01T08:58:00.000Z",
    "probe_successes": 1, "probes_needed": 3,
}  # fmt: skip
STARTED: dict[str, Any] = {
    "incident_id": "20260301-090000-abcdef",
    "messages": [{"id": "drill-1-email", "way": "email", "expected": "EMAILED"}],
    "until_seconds": 600,
}


class Function:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.requests: list[dict[str, Any]] = []
        self.answers: dict[str, Any] = {}

        class Near(Client):
            prove = staticmethod(lambda request: SAMPLE)
            _invoke = staticmethod(self)

        monkeypatch.setattr(main, "Client", Near)
        monkeypatch.setattr(ready, "LOOK_EVERY", 0.0)
        monkeypatch.setattr(ready, "LIVE_WITHIN", 0.05)

    def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        self.requests.append(request)
        assert [*violations(request, OPERATOR_ACTIONS[request["action"]].schema, "request")] == []
        answer = self.answers[request["action"]]
        if "code" in answer:
            return {"ok": False, "action": request["action"], "error": answer}
        return {"ok": True, "action": request["action"], "result": answer}

    @property
    def actions(self) -> list[str]:
        return [request["action"] for request in self.requests]


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Function:
    return Function(monkeypatch)


def test_status_on_one_screen(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    function.answers["status.show"] = STATUS
    assert run(["status"]) == 0
    text = capsys.readouterr().out
    for words in (
        "PANIC", "1 of 3", "whatsapp-queue", "1 min 30 s", "0/s of 10/s: held by panic", "12 accepted",
        "unreachable 6, openai_voice 4", "3 by push, 1 by email (2 failed)",
        "fine, checked 30 min ago", "ran 20 s ago",
        "! whatsapp is in panic", "65/s, no wait",
    ):  # fmt: skip
        assert words in text, words
    assert max(len(line) for line in text.splitlines()) <= 100


def test_status_says_how_long_the_next_message_waits(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    function.answers["status.show"] = {**STATUS, "limiter": {"rate": 10.0, "booked_seconds": 2.54}}
    assert run(["status"]) == 0
    assert "limiter    10/s, next message waits 2.5 s" in capsys.readouterr().out


def test_status_with_parts_missing(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    gone = dict.fromkeys(("scopes", "queues", "drain", "limiter", "last_hour", "token"))
    prober = {"age_seconds": None, "last_at": None}
    function.answers["status.show"] = {**STATUS, **gone, "prober": prober, "notes": ["queues unknown: SQS"]}
    assert run(["status"]) == 0
    text = capsys.readouterr().out
    assert "has not run yet" in text
    assert "queues unknown" in text


def test_status_watched_as_json_is_a_line_a_look(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    function.answers["status.show"] = STATUS
    assert run(["status", "--watch", "1", "--count", "1", "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["result"] == STATUS


@pytest.mark.parametrize("words", [["--watch"], ["--watch", "--json"], ["--json", "--watch"]])
def test_a_bare_watch_is_enough(
    function: Function, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    function.answers["status.show"] = STATUS
    assert run(["status", "--count", "1", *words]) == 0
    assert "whatsapp-queue" in capsys.readouterr().out


@pytest.mark.parametrize(("verdict", "code"), [("ready", 0), ("not_ready", 1), ("unclear", 1)])
def test_a_drill_exits_0_only_when_ready(
    function: Function, capsys: pytest.CaptureFixture[str], verdict: str, code: int
) -> None:
    steps = [
        *DRILL["steps"],
        {"name": "alarms", "state": "unknown", "found": "a stand-in", "fix": ""},
        {"name": "mail account", "state": "fail", "found": "sandbox", "fix": "request production access"},
    ]
    function.answers["drill.run"] = {**DRILL, "verdict": verdict, "steps": steps}
    assert run(["drill"]) == code
    text = capsys.readouterr().out
    for words in ("ok       prober", "UNKNOWN  alarms", "FAIL     mail account", "request production access"):
        assert words in text
    assert run(["drill", "--json"]) == code
    assert json.loads(capsys.readouterr().out)["result"]["verdict"] == verdict


def test_a_live_drill_ends_its_panic(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    function.answers |= {
        "drill.start": STARTED,
        "message.show": {"status": "EMAILED"},
        "panic.disable": {"flag": {"state": "recovering"}},
    }
    assert run(["drill", "--live", "--yes", "--email", "a@example.org"]) == 0
    assert function.actions == ["drill.start", "message.show", "panic.disable"]
    assert function.requests[0]["email"] == "a@example.org"
    text = capsys.readouterr().out
    assert "The fallback works." in text
    assert STARTED["incident_id"] in text


def test_a_live_drill_that_fails_ends_its_panic_as_well(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    function.answers |= {
        "drill.start": STARTED,
        "message.show": {"status": "CLAIMED"},
        "panic.disable": {"flag": {"state": "recovering"}},
    }
    assert run(["drill", "--live", "--yes", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["result"]["passed"] is False
    function.answers["message.show"] = {"code": "unavailable", "message": "DynamoDB", "valid": []}
    function.requests.clear()
    assert run(["drill", "--live", "--yes"]) == 1
    assert function.actions[-1] == "panic.disable"


def test_a_refused_live_drill_ends_nothing(function: Function) -> None:
    function.answers["drill.start"] = {"code": "prod", "message": "not in prod", "valid": []}
    assert run(["drill", "--live", "--yes"]) == 1
    assert function.actions == ["drill.start"]


def test_options_of_a_live_drill_need_it(function: Function) -> None:
    assert run(["drill", "--email", "a@example.org"]) == 2
    assert function.requests == []


def test_a_live_drill_asks_first(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(["drill", "--live"]) == 1
    assert function.requests == []


def test_errors_of_other_channels_are_failures_too(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    mail = {
        "channel": "email", "cause": None, "code": "MessageRejected", "count": 3, "last_at": AT,
        "remedy": "Look at SES.",
    }  # fmt: skip
    function.answers["errors.list"] = {
        "at": AT, "since": AT, "failures": 0, "accepted": 9, "causes": [], "elsewhere": [mail],
        "outcomes": [],
    }  # fmt: skip
    assert run(["errors"]) == 0
    text = capsys.readouterr().out
    assert "No failures" not in text
    for words in ("email", "MessageRejected", "email: Look at SES."):
        assert words in text
