"""What strangers wrote is shown escaped: on a terminal, in a pipe, as JSON, in reports."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from lifeline_cli import main
from lifeline_cli.client import Client
from lifeline_cli.main import run

from tests.support.incident_report import found
from tests.support.incidents import ID
from tests.support.operator_answers import AUDIT, DRILL, RATE, ROW, STATUS, VOLUME
from tests.support.operator_function import CHANGE, FLAG, MOVED, PEEK
from tests.support.proofs import SAMPLE

NASTY: Final = "\x1b]0;owned\x07\x9b2J\u202e\u2066\u200f\u061c\x7f\u2028\ufeff"
"""Sets a window's title, clears the screen (as C1), turns the direction, breaks the line."""
INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT.*Z")
COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
FORBIDDEN: Final = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)
KEPT: Final = frozenset({"state", "verdict", "status", "kind", "name", "scope", "cause", "id", "incident_id"})
"""Words of Lifeline's own that drawing chooses by; mutated in a second round, on their own."""
AT: Final = str(FLAG["since"])
ANSWERS: Final[dict[str, dict[str, Any]]] = {
    "panic.status": {"at": AT, "panic": True, "scopes": [FLAG], "planned": []},
    "panic.enable": CHANGE,
    "panic.disable": CHANGE,
    "panic.history": {
        "at": AT,
        "events": [
            {
                "at": AT,
                "scope": "whatsapp",
                "kind": "entered",
                "cause": "account",
                "reason": "why",
                "actor": "ana",
                "source": "operator",
                "incident_id": "i-1",
                "state": "panic",
                "evidence": {"reason": "Meta says", "list": ["a", {"b": "c"}]},
            }
        ],
    },
    "queue.peek": {
        **PEEK,
        "sample": [{**PEEK["sample"][0], "body": "a body of a stranger", "template": "reminder"}],
    },
    "queue.redrive": MOVED,
    "message.show": {
        **ROW,
        "waits_for": "its time",
        "cause": "bad_request",
        "note": "note",
        "tried": "push X",
        "unspoken": "why",
        "template": "reminder",
        "campaign": "c",
        "trail": [{"at": AT, "status": "SENT", "note": "webhook: sent"}],
    },
    "errors.list": {
        "at": AT,
        "since": AT,
        "failures": 1,
        "accepted": 0,
        "causes": [
            {
                "cause": "bad_request",
                "count": 1,
                "codes": [{"code": 100, "count": 1, "last_at": AT, "known": True, "note": "Invalid"}],
                "last_at": AT,
                "remedy": "Fix it.",
                "sample": {"code": 100, "details": "details of a stranger", "by": "webhook", "at": AT},
            }
        ],
        "elsewhere": [
            {
                "channel": "email",
                "cause": None,
                "code": "code of a stranger",
                "count": 1,
                "last_at": AT,
                "remedy": "Look.",
            }
        ],
        "outcomes": [{"status": "SENT", "count": 1}],
    },
    "audit.run": {**AUDIT, "findings": [{"what": "w", "count": 2, "command": "c"}]},
    "status.show": STATUS,
    "drill.run": DRILL,
    "incident.report": found(),
    "incident.list": {
        "at": AT,
        "incidents": [
            {
                "incident_id": "i-1",
                "scope": "whatsapp",
                "state": "panic",
                "cause": "account",
                "reason": "why",
                "opened_at": AT,
                "opened_by": "ana",
                "closed_by": "bob",
                "flaps": 1,
                "duration_seconds": 60.0,
            }
        ],
    },
    "whatsapp.rate_status": RATE,
    "whatsapp.volume": VOLUME,
}
COMMANDS: Final = [
    ["panic", "status"],
    ["panic", "history"],
    ["panic", "enable", "whatsapp", "why"],
    ["panic", "disable", "whatsapp", "why"],
    ["queue", "redrive", "--queue", "whatsapp-dlq", "--dry-run"],
    ["message", "m-1"],
    ["errors"],
    ["audit"],
    ["status"],
    ["drill"],
    ["incident", "list"],
    ["incident", "report", ID],
    ["incident", "report", ID, "--markdown"],
    ["whatsapp", "rate-status"],
    ["whatsapp", "volume"],
]


class Near(Client):
    """Answers as OperatorFunction would, had strangers written every text of it."""

    prove = staticmethod(lambda request: SAMPLE)
    words = ""

    def _invoke(self, request: dict[str, Any]) -> object:
        answer = ANSWERS[request["action"]]
        return {"ok": True, "action": request["action"], "result": soiled(answer, self.words)}


def soiled(value: Any, nasty: str, key: str = "") -> Any:
    if isinstance(value, str) and not INSTANT.fullmatch(value) and key not in KEPT:
        return value + nasty
    if isinstance(value, dict):
        return {name: soiled(item, nasty, name) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [soiled(item, nasty, key) for item in value]
    return value


class Terminal(io.StringIO):
    """A screen: strict, and a terminal if it says so."""

    def __init__(self, tty: bool) -> None:
        super().__init__()
        self._tty = tty

    def isatty(self) -> bool:
        return self._tty


@pytest.fixture
def near(monkeypatch: pytest.MonkeyPatch) -> type[Near]:
    monkeypatch.setattr(main, "Client", Near)
    monkeypatch.setenv("COLUMNS", "2000")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(Near, "words", NASTY)
    return Near


def shown(monkeypatch: pytest.MonkeyPatch, words: list[str], tty: bool) -> str:
    screens = Terminal(tty), Terminal(tty)
    monkeypatch.setattr(sys, "stdout", screens[0])
    monkeypatch.setattr(sys, "stderr", screens[1])
    assert run(words) in (0, 1)
    text = screens[0].getvalue() + screens[1].getvalue()
    text.encode()
    return text


@pytest.mark.parametrize("tty", [False, True], ids=["pipe", "terminal"])
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_nothing_steers_the_terminal(
    near: type[Near], monkeypatch: pytest.MonkeyPatch, words: list[str], tty: bool
) -> None:
    text = shown(monkeypatch, words, tty)
    plain = COLOUR.sub("", text)
    assert not FORBIDDEN.search(plain), ascii(FORBIDDEN.search(plain))
    assert "\\u001b]0;owned\\u0007\\u009b2J\\u202e" in re.sub(r"\s+", "", plain) or "--markdown" in words
    if not tty:
        assert plain == text, "a pipe gets no colours"


@pytest.mark.parametrize("words", [words for words in COMMANDS if "--markdown" not in words], ids=" ".join)
def test_json_is_escaped_and_means_the_same(
    near: type[Near], monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    text = shown(monkeypatch, [*words, "--json"], tty=True)
    assert not FORBIDDEN.search(text)
    assert NASTY in json.dumps(json.loads(text), ensure_ascii=False).replace("\\u001b", "\x1b").replace(
        "\\u0007", "\x07"
    )


@pytest.mark.parametrize("tty", [False, True], ids=["pipe", "terminal"])
@pytest.mark.parametrize("as_json", [False, True])
def test_a_refusal_is_escaped(
    near: type[Near], monkeypatch: pytest.MonkeyPatch, tty: bool, as_json: bool
) -> None:
    error = {"code": f"x{NASTY}", "message": f"no {NASTY}", "valid": [f"a{NASTY}"]}
    monkeypatch.setattr(Near, "_invoke", lambda *_: {"ok": False, "action": "x", "error": error})
    text = shown(monkeypatch, ["panic", "status", *(["--json"] if as_json else [])], tty)
    assert not FORBIDDEN.search(COLOUR.sub("", text))
    assert "\\u001b]0;owned" in text


def test_files_of_a_report_hold_none_of_it(
    near: type[Near], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    shown(monkeypatch, ["incident", "report", ID, "--html", str(file)], tty=False)
    assert not FORBIDDEN.search(file.read_text(encoding="utf-8"))
