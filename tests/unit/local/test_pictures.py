"""The pictures of README.md, made from a report and from what a terminal shows."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from local import demo_view, pictures
from local.build import LocalError
from tests.support.incident_report import found


def texts(svg: str) -> list[str]:
    root = ET.fromstring(svg)
    return [
        "".join(node.itertext()).replace("\xa0", " ")
        for node in root.iter("{http://www.w3.org/2000/svg}text")
    ]


def test_an_outage_has_its_sentence_its_figures_and_its_chart() -> None:
    shown = texts(pictures.outage(found()))
    assert "panic mode" in shown[0]
    assert {"time to detect", "people not reached", "State", "Parked backlog, messages"} <= set(shown)


def test_a_terminal_loads_no_font_from_elsewhere() -> None:
    svg = demo_view.terminal("\x1b[31mPANIC\x1b[0m whatsapp", "lifeline status")
    assert "@font-face" not in svg
    assert "PANIC" in texts(svg)
    assert "lifeline status" in texts(svg)


def test_both_are_written_from_what_the_demo_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "FROM", tmp_path)
    monkeypatch.setattr(pictures, "TO", tmp_path / "pictures")
    with pytest.raises(LocalError, match=r"report\.json is missing; run: make demo"):
        pictures.main()
    (tmp_path / "report.json").write_text(json.dumps(found()))
    (tmp_path / "status.svg").write_text("<svg/>")
    pictures.main()
    assert (tmp_path / "pictures" / "status.svg").read_text() == "<svg/>"
    assert "panic mode" in (tmp_path / "pictures" / "outage.svg").read_text()
