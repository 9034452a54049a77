"""A command that a document or an alarm names exists, with the options that it is shown with."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import ServiceModel

from tests.support.runbook import ROOT, RUNBOOK, Block, anchors, blocks, fault, headings, mentioned

DOCUMENTS = [
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "local/README.md", "producer/README.md")),
]
FENCE = re.compile(r"^ *```([^\n]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def scripts(document: Path) -> list[str]:
    """The document's blocks of shell commands."""
    return [body for language, body in FENCE.findall(document.read_text()) if language == "bash"]


def every_script() -> str:
    """All of them; a line that goes on is one line, and a comment is none."""
    text = "\n".join(script for document in DOCUMENTS for script in scripts(document))
    return re.sub(r"\s#.*", "", text.replace("\\\n", " "))


def aws_calls() -> list[list[str]]:
    """Each call of AWS's own command line: service, operation, and its options up to a nested call."""
    found = re.findall(r"\baws ([a-z0-9-]+ [a-z0-9-]+)(?=([^|)}\n]*))", every_script())
    return [[*name.split(), *re.findall(r" (--[a-z-]+)", rest.partition("$(")[0])] for name, rest in found]


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


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_block_says_its_language_and_the_shell_understands_its_commands(document: Path) -> None:
    languages = [language for language, _ in FENCE.findall(document.read_text())]
    assert "" not in languages, "a block without a language is looked at by no test"
    for script in scripts(document):
        done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{script}\n{done.stderr}"


def test_each_make_target_and_each_environment_of_sam_exists() -> None:
    text = every_script()
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    lines = re.findall(r"^\s*make ([^\n;&]+)", text, re.MULTILINE)
    assert lines
    for line in lines:
        words = line.split()
        assert {word for word in words if "=" not in word} <= targets, line
        assert all(f"$({word.partition('=')[0]})" in makefile for word in words if "=" in word), line
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    named = re.findall(r"--config-env (\w+)", text)
    assert named
    assert set(named) <= config.keys()


def test_each_call_of_aws_has_operations_and_options_that_aws_knows() -> None:
    calls = aws_calls()
    assert calls
    for service, operation, *options in calls:
        if service == "s3":  # the command line's own: cp
            assert operation in ("cp", "sync")
            continue
        model = ServiceModel(Loader().load_service_model(service, "service-2"))
        (name,) = (name for name in model.operation_names if xform_name(name, "-") == operation)
        shape = model.operation_model(name).input_shape
        assert shape
        known = {f"--{xform_name(member, '-')}" for member in shape.members}
        # --endpoint-url is the command line's own, so it renames this one.
        known |= {"--notification-endpoint"} if operation == "subscribe" else set()
        assert set(options) <= known | {"--query", "--output", "--region", "--profile"}, (service, operation)
