"""``lifeline person``: every part is asked for, each number too; nothing is claimed that did not happen."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from lifeline_cli.main import run

from tests.support.operator_function import Function
from tests.support.proofs import SAMPLE

NUMBER = "+4915155544433"
ROW = {"where": "messages", "data": {"id": "a", "text": "hello"}}
LAST: dict[str, Any] = {"numbers": [], "waiting": 0, "next": None}
ERASED: dict[str, Any] = {
    **LAST,
    "removed": {"rows": 1},
    "busy": 0,
    "kept": ["backups, 35 days"],
    "warnings": [],
}


def exported(*found: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**LAST, "found": list(found), **more}


def test_an_export_asks_until_there_is_no_more_and_for_each_number_once(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    function.answers["person.export"] = [
        exported(ROW, numbers=[NUMBER], next={"step": "rows", "at": "a"}),
        exported({**ROW, "data": {"id": "b"}}, numbers=[NUMBER]),
        exported({**ROW, "data": {"id": "c"}}, next={"step": "inbox", "at": "x"}),
        exported(),
    ]
    assert run(["--json", "person", "export", "patient-77", "--reason", "asked"]) == 0
    shown = json.loads(capsys.readouterr().out)["result"]["found"]
    assert [item["data"]["id"] for item in shown] == ["a", "b", "c"]
    asked = {"action": "person.export", "proof": SAMPLE, "who": "patient-77", "reason": "asked"}
    assert function.requests == [
        asked,
        {**asked, "step": "rows", "at": "a"},
        {**asked, "who": NUMBER},
        {**asked, "who": NUMBER, "step": "inbox", "at": "x"},
    ]


def test_a_file_is_for_its_owner_alone_and_never_overwritten(
    function: Function, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    function.answers["person.export"] = exported(ROW)
    file = tmp_path / "person.json"
    words = ["person", "export", NUMBER, "--reason", "asked", "--file", str(file)]
    assert run(words) == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())["found"] == [ROW]
    assert "hello" not in capsys.readouterr().out
    file.write_text("mine")
    assert run(words) == 1
    assert file.read_text() == "mine"
    assert str(file) in capsys.readouterr().err


def test_nothing_kept_is_said(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    function.answers["person.export"] = exported()
    assert run(["person", "export", NUMBER, "--reason", "asked"]) == 0
    assert "has no data" in capsys.readouterr().out


def test_an_erase_adds_up_its_parts_and_says_what_stays(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    function.answers["person.erase"] = [
        {**ERASED, "next": {"step": "dead_letters"}},
        {**ERASED, "removed": {"rows": 2, "dead_letters": 1}, "waiting": 3},
    ]
    words = ["person", "erase", NUMBER, "--reason", "asked", "--user-id", "--deep", "--yes"]
    assert run(words) == 0
    out = capsys.readouterr().out
    assert "rows            3" in out
    assert "dead letters    1" in out
    assert "backups, 35 days" in out
    assert "3 messages" in out
    assert all(request["sure"] and request["deep"] and request["as_user_id"] for request in function.requests)


def test_without_a_yes_nothing_is_erased(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    function.answers["person.erase"] = ERASED
    assert run(["person", "erase", NUMBER, "--reason", "asked"]) == 1
    assert function.requests == []


def test_what_was_busy_is_not_called_erased(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    function.answers["person.erase"] = [{**ERASED, "busy": 2, "next": {"step": "rows", "at": "a"}}, ERASED]
    assert run(["person", "erase", NUMBER, "--reason", "asked", "--yes"]) == 1
    said = capsys.readouterr()
    assert "2 of their messages" in said.err
    assert "Run the command again" in said.err
