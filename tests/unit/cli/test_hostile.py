"""Arguments and files with text that breaks encoders: a reason and exit code 1 or 2, never a traceback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lifeline.contract.messages import ContractError, parse_message
from lifeline.contract.operator_actions import OPERATOR_ACTIONS
from lifeline.contract.schema import violations
from lifeline.use_cases.operate.messages import CONTACT_SCHEMA
from lifeline_cli import main
from lifeline_cli.client import Client
from lifeline_cli.main import run

from tests.support.proofs import SAMPLE

NASTY = ["\x00", "\x1b", "\x0b", "\x7f", "\x85", "\ufffe", "\uffff"]


class Near(Client):
    """Answers as OperatorFunction does: by the contract."""

    prove = staticmethod(lambda request: SAMPLE)

    def _invoke(self, request: dict[str, Any]) -> dict[str, Any]:
        request = json.loads(json.dumps(request).encode())
        action = request["action"]
        faults = [*violations(request, OPERATOR_ACTIONS[action].schema, "request")]
        result: dict[str, Any] = {"found": False}
        if action == "message.send" and not faults:
            try:
                parse_message(json.dumps({"id": "a", **request["message"]}))
            except ContractError as error:
                faults += error.reasons
        if action == "campaign.check":
            result = {"reachable": 0, "faults": []}
            for item in request["lines"]:
                try:
                    parse_message(json.dumps(item["message"]))
                except ContractError as error:
                    result["faults"].append({"line": item["line"], "fault": str(error)})
        if action == "contacts.import":
            result = {"saved": 0, "rejected": []}
            for item in request["contacts"]:
                line = item.pop("line")
                found = "; ".join(violations(item, CONTACT_SCHEMA, "contact"))
                result["rejected"] += [{"line": line, "fault": found}] if found else []
        if faults:
            refusal = {"code": "invalid_request", "message": "; ".join(faults), "valid": []}
            return {"ok": False, "action": action, "error": refusal}
        return {"ok": True, "action": action, "result": result}


class Screen:
    """What was told on both outputs. Both are strict, as in a terminal: half a character raises."""

    def __init__(self, captured: pytest.CaptureFixture[str]) -> None:
        self._captured = captured

    def told(self) -> str:
        found = self._captured.readouterr()
        return found.out + found.err


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Screen:
    monkeypatch.setattr(main, "Client", Near)
    return Screen(capsys)


COMMANDS = [
    ["send", "--to", "+4915112345678", "--text", "cut {}"],
    ["send", "--to", "{}", "--text", "x"],
    ["send", "--to", "+4915112345678", "--text", "x", "--id", "{}"],
    ["send", "--to", "+4915112345678", "--text", "x", "--user", "{}"],
    ["send", "--to", "+4915112345678", "--text", "x", "--priority", "{}"],
    ["send", "--to", "+4915112345678", "--text", "x", "--at", "{}"],
    ["send", "--to", "+4915112345678", "--text", "x", "--wait", "{}"],
    ["send", "--to", "+4915112345678", "--template", "a", "--parameter", "{}"],
    ["send", "--to", "+4915112345678", "--type", "image", "--link", "{}", "--caption", "{}"],
    ["send", "--to", "+4915112345678", "--type", "{}"],
    ["send", "--message", "{}"],
    ["message", "{}"],
    ["message", "a", "--cancel", "{}"],
    ["panic", "enable", "whatsapp", "{}"],
    ["panic", "history", "{}"],
    ["queue", "status", "--queue", "{}"],
    ["queue", "set-rate", "--queue", "{}", "--rate", "1/s"],
    ["queue", "redrive", "--queue", "{}", "--yes"],
    ["whatsapp", "test", "--to", "{}"],
    ["campaign", "pause", "{}"],
    ["campaign", "send", "{}", "--template", "a", "--over", "1h"],
    ["contacts", "import", "{}"],
    ["{}"],
]


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("nasty", ["\udcff", "\x1b[2J\x85"], ids=ascii)
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_an_argument_is_refused_in_words(words: list[str], nasty: str, as_json: bool, screen: Screen) -> None:
    arguments = [word.replace("{}", nasty) for word in words]
    assert run([*arguments, *(["--json"] if as_json else [])]) in (1, 2)
    told = screen.told()
    assert told.strip()
    assert nasty not in told
    if as_json:
        document = json.loads(told[told.index("{") :])
        assert not document["ok"]
        assert document["error"]["message"]


@pytest.mark.parametrize("nasty", NASTY, ids=ascii)
@pytest.mark.parametrize("column", ["user_id", "email", "push_endpoint"])
def test_a_contact_is_named_by_its_line(column: str, nasty: str, tmp_path: Path, screen: Screen) -> None:
    values = {
        "user_id": "u1",
        "email": "a@b",
        "push_endpoint": "arn:aws:sns:eu-west-1:123456789012:endpoint/GCM/app/1",
    }
    values[column] = values[column].replace("1:", f"1{nasty}:") + f"{nasty}x"
    file = tmp_path / "people.csv"
    file.write_text(",".join(values) + "\n" + ",".join(values.values()) + "\n", encoding="utf-8")
    assert run(["contacts", "import", str(file)]) == 1
    assert "line 2: contact." in screen.told()


@pytest.mark.parametrize("nasty", NASTY, ids=ascii)
@pytest.mark.parametrize("column", ["to", "text", "parameter_1", "user_id", "email", "time_zone"])
def test_a_campaign_line_is_named_and_nothing_is_sent(
    column: str, nasty: str, tmp_path: Path, screen: Screen
) -> None:
    values = {"to": "+4915112345678", "text": "x", "parameter_1": "a", "user_id": "u", "email": "a@b"}
    values |= {"time_zone": "Europe/Berlin"}
    values[column] += f"{nasty}x"
    file = tmp_path / "spring.csv"
    file.write_text(",".join(values) + "\n" + ",".join(values.values()) + "\n", encoding="utf-8")
    assert run(["campaign", "send", str(file), "--template", "a", "--over", "1h"]) == 1
    told = screen.told()
    assert "1 invalid lines, nothing was sent: line 2: message." in told
    assert f"(U+{ord(nasty):04X})" in told


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x00",
        b"\xed\xa0\xbd,to\n",
        b"to\n\xed\xa0\xbd\n",
        b"to,\x1b[2J\n1,2\n",
        b"to,parameter_1\n+4915112345678,\n",
        b"to\n" + b"9" * 200_000 + b"\n",
        b"\x00" * 10,
        b"",
    ],
    ids=range(8),
)
@pytest.mark.parametrize("kind", ["campaign", "contacts"])
def test_a_file_that_is_none_is_refused_in_words(
    kind: str, content: bytes, tmp_path: Path, screen: Screen
) -> None:
    file = tmp_path / "f.csv"
    file.write_bytes(content)
    rest = ["--template", "a", "--over", "1h"] if kind == "campaign" else []
    assert run([kind, "send" if kind == "campaign" else "import", str(file), *rest]) == 1
    assert "\x1b[2J" not in screen.told()


def test_a_path_with_nul_is_no_file(screen: Screen) -> None:
    assert run(["contacts", "import", "a\x00b"]) in (1, 2)
    assert run(["campaign", "send", "a\x00b", "--template", "a", "--over", "1h"]) in (1, 2)
