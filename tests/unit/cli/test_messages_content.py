"""``lifeline send`` for all kinds: options and files become messages that the contract takes."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from lifeline_cli.main import run

from tests.support.kinds import HOST, SAMPLES, WAMID
from tests.support.operator_function import Function

TO = "+4915112345678"
SENT = {"id": "m-1", "queue": "whatsapp-queue", "to": "+49***", "known": False}


def sent(function: Function, *words: str) -> dict[str, Any]:
    function.answers["message.send"] = SENT
    assert run(["send", "--no-follow", *words]) == 0
    found: dict[str, Any] = function.requests[0]["message"]
    return found


@pytest.mark.parametrize(
    ("words", "content"),
    [
        (
            ["--type", "image", "--link", f"{HOST}/a.jpg", "--caption", "A picture."],
            SAMPLES["image"].fields,
        ),
        (
            ["--type", "document", "--media", "12", "--filename", "a.pdf", "--text", "An invoice."],
            {"type": "document", "document": {"id": "12", "filename": "a.pdf"}, "text": "An invoice."},
        ),
        (["--type", "voice", "--text", "Hello"], {"type": "voice", "text": "Hello"}),
        (["--text", "Hello", "--reply-to", WAMID], {"type": "text", "text": "Hello", "reply_to": WAMID}),
        (
            ["--template", "a", "--parameter", "x"],
            {"type": "template", "template": {"name": "a", "language": "en_US", "parameters": ["x"]}},
        ),
    ],
    ids=range(5),
)
def test_options_make_a_message(function: Function, words: list[str], content: dict[str, Any]) -> None:
    assert sent(function, "--to", TO, *words) == {"to": TO, "priority": "normal", **content}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_may_hold_a_message_of_any_kind(function: Function, tmp_path: Path, name: str) -> None:
    file = tmp_path / "message.json"
    file.write_text(json.dumps({"to": "1", "priority": "bulk", **SAMPLES[name].fields}))
    more = ["--to", TO, "--id", "x", "--user", "u"]
    assert sent(function, "--message", str(file), *more) == {
        **SAMPLES[name].fields,
        "to": TO,
        "id": "x",
        "priority": "bulk",
        "recipient": {"user_id": "u"},
    }


def test_a_message_from_standard_input(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    document = {"to": TO, **SAMPLES["reaction"].fields}
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(document)))
    assert sent(function, "--message", "-", "--priority", "critical") == {**document, "priority": "critical"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--type", "fax", "--text", "x"], "'fax' is not a kind of message"),
        (["--type", "contacts"], "a message of type contacts needs a JSON file"),
        (["--text", "x", "--caption", "y"], "a message of type text has no media"),
        (["--type", "voice"], "nothing to send"),
        (["--type", "template"], "--type template needs --template"),
        (["--type", "image", "--template", "a"], "--type template needs --template"),
        (["--message", "x.json", "--text", "x"], "--message has the content"),
    ],
    ids=range(7),
)
def test_what_does_not_go_together_is_wrong_usage(
    function: Function, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert run(["send", "--to", TO, *words]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
    assert function.requests == []


def test_a_message_needs_somebody(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["send", "--text", "x"]) == 2
    assert "no recipient" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["{", "[]", '"x"', None])
def test_a_file_that_holds_no_message(function: Function, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "message.json"
    if content is not None:
        file.write_text(content)
    assert run(["send", "--to", TO, "--message", str(file)]) == 1
    assert function.requests == []
