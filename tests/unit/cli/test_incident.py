"""Reports as people read them: terminal, Markdown, page and picture."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from lifeline.contract.operator_actions import OPERATOR_ACTIONS
from lifeline.contract.schema import violations
from lifeline.domain.incident.report import overview, report
from lifeline.domain.panic.flag import Kind
from lifeline_cli import main
from lifeline_cli.client import Client
from lifeline_cli.incident_html import page
from lifeline_cli.incident_markdown import markdown
from lifeline_cli.incident_svg import picture
from lifeline_cli.main import run

from tests.support.incident_report import found
from tests.support.incidents import ID, START, event, facts, outage, pushed

NASTY = '<script>alert(1)</script> | `x` & "y"'


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the command line asked; it is answered from :func:`found`."""
    requests: list[dict[str, Any]] = []

    class Near(Client):
        def _invoke(self, request: dict[str, Any]) -> dict[str, Any]:
            requests.append(request)
            assert not [*violations(request, OPERATOR_ACTIONS[request["action"]].schema, "request")]
            result: Any = found()
            if request["action"] == "incident.list":
                result = {"at": "2026-03-01T09:20:00.000Z", "incidents": overview(outage(), START + 1000)}
            return {"ok": True, "action": request["action"], "result": result}

    monkeypatch.setattr(main, "Client", Near)
    monkeypatch.setenv("COLUMNS", "100")
    return requests


def test_the_list(asked: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["incident", "list", "--since", "7d", "--scope", "whatsapp"]) == 0
    shown = capsys.readouterr().out
    assert asked[0] == {
        "action": "incident.list",
        "since_seconds": 604800.0,
        "limit": 50,
        "scope": "whatsapp",
    }
    for words in (ID, "2026-03-01 09:00:00 UTC", "unreachable for 4 min, flaps: 1", "SenderFunction"):
        assert words in shown


def test_the_report_answers_the_questions_in_a_terminal_of_100_columns(
    asked: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["incident", "report", ID]) == 0
    shown = capsys.readouterr().out
    assert asked == [{"action": "incident.report", "incident_id": ID}]
    assert max(map(len, shown.splitlines())) <= 100
    for words in (
        "A post-mortem is needed",
        "reached by push",
        "95th percentile",
        "drain time after recovery",
        "before, per min",
        "SQS requests",
        "[x] Document the outage's duration",
        "[ ] Review whether the fallbacks worked",
        "last failed probe",
    ):
        assert words in shown


def test_json_is_the_whole_answer(asked: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["incident", "report", "last", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "ok": True,
        "action": "incident.report",
        "result": found(),
    }


def test_markdown_has_tables_that_stay_tables(
    asked: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["incident", "report", ID, "--markdown"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"# Incident {ID}\n")
    for table in re.findall(r"(?:^\|.*\n)+", shown, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1
    assert "- [x] Document the outage's duration" in shown


def test_the_page_is_written_and_its_place_is_said(
    asked: list[dict[str, Any]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    assert run(["incident", "report", ID, "--html", str(file)]) == 0
    assert str(file) in capsys.readouterr().out
    assert file.read_text(encoding="utf-8") == page(found())


def test_a_page_that_cannot_be_written_is_said(
    asked: list[dict[str, Any]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(["incident", "report", ID, "--html", str(tmp_path / "no" / "where.html")]) == 1
    assert "could not be written" in capsys.readouterr().err


class _Checker(HTMLParser):
    VOID = frozenset({"meta", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.links += [value or "" for name, value in attributes if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_else() -> None:
    checker = _Checker()
    checker.feed(page(found()))
    assert checker.open == []
    (policy,) = re.findall('Content-Security-Policy" content="([^"]+)"', page(found()))
    assert policy.startswith("default-src 'none'"), "the page loads nothing"
    assert not checker.seen & {"script", "link", "img", "iframe"}
    assert checker.links == []


def test_a_report_that_was_kept_before_there_was_a_way_is_drawn_without_it() -> None:
    old = found(kept=True)
    del old["messages"]["email"], old["cost"]["requests"]["ses_emails"]
    for step in old["timeline"]["series"]:
        del step["email"]
    assert "SES emails" in markdown(old)
    assert page(old).count("<svg") == page(found()).count("<svg")


def test_words_from_outside_are_only_words() -> None:
    events = [
        event(Kind.ENTERED, 0, 1, reason=NASTY, actor=NASTY),
        event(Kind.RECOVERING, 60, 2, reason=NASTY),
    ]
    messages = [pushed("a", 1, category=NASTY, template=NASTY)]
    bad = {**report(facts(events, messages)), "complete": False, "kept": True}
    assert "<script" not in page(bad)
    text = markdown(bad)
    assert "<script" not in text.replace("\\<script", "")
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1
    assert "counts are too low" in page(bad)


@pytest.mark.parametrize("width", [360, 916])
def test_the_picture_stays_in_its_frame_and_every_chart_has_units(width: int) -> None:
    root = ET.fromstring(picture(found()["timeline"], width))
    space = "{http://www.w3.org/2000/svg}"
    height = float(root.attrib["height"])
    for rect in root.iter(f"{space}rect"):
        x, y = float(rect.attrib["x"]), float(rect.attrib["y"])
        assert 0 <= x <= x + float(rect.attrib["width"]) <= width + 0.5
        assert 0 <= y <= y + float(rect.attrib["height"]) <= height
    words = [text.text or "" for text in root.iter(f"{space}text")]
    assert any("messages per minute" in text for text in words)
    assert any(re.search(r"Fallbacks, messages per \d+ s", text) for text in words)
    assert any("backlog, messages" in text for text in words)
    assert any("UTC" in text for text in words)
    for text in root.iter(f"{space}text"):
        # Letters of 12 pixels are about 6.5 wide.
        x, length = float(text.attrib["x"]), 6.5 * len(text.text or "")
        anchor = text.attrib.get("text-anchor", "start")
        start = x - {"start": 0.0, "middle": length / 2, "end": length}[anchor]
        assert start >= -8, text.text
        assert start + length <= width + 8, text.text


def test_an_incident_without_messages_has_a_picture_too() -> None:
    events = [event(Kind.ENTERED, 0, 1, cause="operator", source="operator")]
    empty = {**report(facts(events, [], now=5)), "complete": True, "kept": False}
    ET.fromstring(picture(empty["timeline"], 360))
    assert "not yet" in markdown(empty)
    assert "no fallback failed" in page(empty)


def test_sends_of_unknown_delivery_are_named() -> None:
    from lifeline_cli import incident_parts

    known = found(delivery_unknown={"sends": 29, "since": "2026-03-01T08:53:00.000Z"})
    (part,) = [part for part in incident_parts.parts(known) if part.title == "Messages by outcome"]
    assert "Delivery unknown: Meta accepted 29 messages" in part.note
