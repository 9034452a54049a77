"""A command that a document or an alarm names exists, with the options that it is shown with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.runbook import ROOT, RUNBOOK, Block, anchors, blocks, fault, headings, mentioned

DOCUMENTS = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"]


def test_the_runbook_keeps_its_situations_and_their_order() -> None:
    order = [
        "Trigger",
        "Severity: HIGH",
        "Quick Actions",
        "Diagnosis Steps",
        "Step 1: Identify Failure Type",
        "Step 2: Check Meta Status",
        "Step 3: Check Rate Limits",
        "Resolution by Cause",
        "Rate Limited",
        "Token Expired (401/403)",
        "Template Issues",
        "Meta API Unreachable",
        "Fallback Behavior",
        "Recovery",
        "Automatic Recovery",
        "Manual Recovery",
        "Post-Recovery Queue Management",
        "Special Considerations",
        "Voice AI (WhatsApp Voice Messages)",
        "High-Volume Events",
        "Post-Incident",
        "If Meta Issue",
        "If Rate Limit Issue",
        "If Token/Auth Issue",
        "Contacts",
    ]
    assert [heading for heading in headings(RUNBOOK.read_text()) if heading in order] == order


def test_every_link_inside_the_runbook_leads_somewhere() -> None:
    text = RUNBOOK.read_text()
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= anchors(text)


@pytest.mark.parametrize("block", blocks(), ids=str)
def test_what_the_runbook_lets_people_type_is_lifeline_and_nothing_else(block: Block) -> None:
    for command in block.commands:
        assert command.startswith("lifeline "), command
        assert fault(command) is None


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_named_in_a_document_exists(document: Path) -> None:
    if not document.exists():
        pytest.skip(f"{document.name} is not written")
    commands = [*mentioned(document.read_text()), *(c for b in blocks(document) for c in b.commands)]
    faults = [fault(command) for command in commands if command.startswith("lifeline")]
    assert [text for text in faults if text] == []


def test_every_command_named_in_an_alarm_exists() -> None:
    text = (ROOT / "template.yaml").read_text()
    commands = [*mentioned(text)]
    assert commands, "alarms say what to type"
    assert [text for text in map(fault, commands) if text] == []


def test_every_section_named_in_an_alarm_is_in_the_runbook() -> None:
    template = " ".join((ROOT / "template.yaml").read_text().split())
    named = set(re.findall(r'section "([^"]+)"', template))
    assert named
    assert named <= set(headings(RUNBOOK.read_text()))
