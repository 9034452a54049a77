"""``token-status`` and ``refresh-token`` as people read them."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from lifeline.contract.operator_actions import OPERATOR_ACTIONS
from lifeline.contract.schema import violations
from lifeline_cli import main
from lifeline_cli.client import Client
from lifeline_cli.main import run

from tests.support.proofs import SAMPLE

AT = "2026-03-01T09:00:00.000Z"
STATUS: dict[str, Any] = {
    "at": AT, "state": "fine", "valid": True, "expires_at": "2026-04-30T09:00:00.000Z", "days_left": 60.0,
    "renew_days": 10.0, "renews_at": "2026-04-20T09:00:00.000Z", "why_invalid": None, "subcode": None,
    "app_id": "12", "type": "SYSTEM_USER", "scopes": ["whatsapp_business_messaging"],
    "missing_scopes": ["whatsapp_business_management"], "keeper": None,
}  # fmt: skip
KEEPER = {
    "at": "2026-03-01T08:30:00.000Z", "outcome": "failed", "step": "exchange", "detail": "auth: code 190",
    "remedy": "Check Meta Business Manager.", "renewed_at": "2026-02-01T08:30:00.000Z", "source": "",
}  # fmt: skip
REFRESH = {
    "at": AT, "outcome": "renewed", "refreshed": True, "state": "fine", "notes": [],
    "expires_at": "2026-04-30T09:00:00.000Z", "days_left": 60.0, "previous_kept": True,
}  # fmt: skip


class Function:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.requests: list[dict[str, Any]] = []
        self.answer: dict[str, Any] = {}

        class Near(Client):
            prove = staticmethod(lambda request: SAMPLE)
            _invoke = staticmethod(self)

        monkeypatch.setattr(main, "Client", Near)

    def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        self.requests.append(request)
        assert [*violations(request, OPERATOR_ACTIONS[request["action"]].schema, "request")] == []
        if "code" in self.answer:
            return {"ok": False, "action": request["action"], "error": self.answer}
        return {"ok": True, "action": request["action"], "result": self.answer}


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Function:
    return Function(monkeypatch)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {},
            [
                "is valid.",
                "60.0 days are left",
                "10 days ahead, from 2026-04-20",
                "Missing permissions",
                "not checked it yet",
            ],
        ),
        ({"state": "never_expires", "expires_at": None, "renews_at": None}, ["valid and never expires"]),
        (
            {"state": "invalid", "why_invalid": "it was revoked (subcode 467)", "days_left": 0.0},
            [
                "NOT VALID",
                "it was revoked (subcode 467)",
                "it has expired",
                "Next: lifeline whatsapp refresh-token",
            ],
        ),
        (
            {"state": "to_renew", "days_left": 2.0, "keeper": KEEPER},
            [
                "due for renewal",
                "30 min ago: failed",
                "last renewal 2026-02-01",
                "Step exchange failed",
                "Check",
            ],
        ),
    ],
)
def test_status(
    function: Function, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], words: list[str]
) -> None:
    function.answer = {**STATUS, **changes}
    assert run(["whatsapp", "token-status"]) == 0
    out = capsys.readouterr().out
    for part in words:
        assert part in out
    assert run(["whatsapp", "token-status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["result"] == function.answer


def test_refresh(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    function.answer = REFRESH
    assert run(["whatsapp", "refresh-token", "--reason", "before the holidays"]) == 0
    assert "refreshed and verified; it expires at 2026-04-30" in capsys.readouterr().out
    assert run(["whatsapp", "refresh-token", "--force"]) == 0
    assert [request.get("force") for request in function.requests] == [None, True]
    assert function.requests[0]["reason"] == "before the holidays"
    assert function.requests[0]["proof"] == SAMPLE


def test_nothing_refreshed_is_no_failure(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    function.answer = {
        **REFRESH,
        "refreshed": False,
        "expires_at": None,
        "notes": ["an exchange would give 60"],
    }
    assert run(["whatsapp", "refresh-token"]) == 0
    out = capsys.readouterr().out
    assert "No refresh was needed" in out
    assert "an exchange would give 60" in out


def test_a_failed_refresh_is_one(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    function.answer = {"code": "refresh_failed", "message": "step exchange failed", "valid": []}
    assert run(["whatsapp", "refresh-token"]) == 1
    assert "step exchange failed" in capsys.readouterr().err


def test_after_a_failed_refresh_the_next_step_is_not_another_one(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    function.answer = {**STATUS, "state": "invalid", "days_left": 0.0, "keeper": KEEPER}
    assert run(["whatsapp", "token-status"]) == 0
    out = capsys.readouterr().out
    assert "Step exchange failed" in out
    assert "Next: lifeline whatsapp refresh-token" not in out
    assert "Next: lifeline whatsapp set-token" in out


NEW = "EAAbroughttoken0000000000002"
SET: dict[str, Any] = {
    "at": AT, "outcome": "set", "state": "never_expires", "expires_at": None, "days_left": None,
    "previous_kept": True, "notes": [],
}  # fmt: skip


def piped(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(words))


def test_a_new_token_comes_by_a_pipe(
    function: Function, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    function.answer = SET
    piped(monkeypatch, f"{NEW}\n")
    assert run(["whatsapp", "set-token", "--yes", "--reason", "it was revoked"]) == 0
    (request,) = function.requests
    assert (request["token"], request["sure"], request["reason"]) == (NEW, True, "it was revoked")
    assert request["proof"] == SAMPLE
    captured = capsys.readouterr()
    assert "was verified at Meta and is current; it never expires" in captured.out
    assert "AWSPREVIOUS" in captured.out
    assert NEW not in captured.out + captured.err


def test_a_new_token_comes_from_a_prompt_after_a_yes(
    function: Function, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    function.answer = SET

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    asked: list[str] = []

    def typed(prompt: str) -> str:
        asked.append(prompt)
        return NEW

    monkeypatch.setattr("lifeline_cli.whatsapp_token.getpass", typed)
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    assert run(["whatsapp", "set-token"]) == 1
    assert (asked, function.requests) == ([], [])
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert run(["whatsapp", "set-token"]) == 0
    assert "not shown" in asked[0]
    assert function.requests[0]["token"] == NEW
    assert "every send uses the new token from now on" in capsys.readouterr().err.lower()


def test_without_a_yes_or_a_token_nothing_is_asked(
    function: Function, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    piped(monkeypatch, NEW)
    assert run(["whatsapp", "set-token"]) == 1
    assert "Use --yes" in capsys.readouterr().err
    for words in ("", " \n", "short", "EAA with spaces in between", "EAAä" + "x" * 30):
        piped(monkeypatch, words)
        assert run(["whatsapp", "set-token", "--yes"]) == 2
        err = capsys.readouterr().err
        assert not words.strip() or words not in err
    assert function.requests == []


def test_a_token_is_no_argument(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["whatsapp", "set-token", NEW]) == 2
    assert function.requests == []


def test_a_new_token_that_meta_refuses(
    function: Function, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    function.answer = {"code": "token_refused", "message": "the new token was not taken", "valid": []}
    piped(monkeypatch, NEW)
    assert run(["whatsapp", "set-token", "--yes"]) == 1
    assert "was not taken" in capsys.readouterr().err
