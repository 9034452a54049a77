"""The runbook, typed: every block of commands, in a terminal, on the deployed system."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.runbook import Block, blocks, fault
from tests.support.system import System
from tests.support.terminal import NEEDS, Terminal, filled


@pytest.fixture
def terminal(system: System, tmp_path: Path) -> Terminal:
    system.fresh()
    return Terminal(system, tmp_path)


@pytest.mark.parametrize("block", blocks(), ids=str)
def test_the_block_works_as_it_is_written(terminal: Terminal, block: Block) -> None:
    for pattern, prepare in NEEDS:
        if any(re.search(pattern, command) for command in block.commands):
            prepare(terminal)
    missing = [text for text in map(fault, block.commands) if text]
    for command in block.commands:
        if fault(command):
            continue
        code, screen = terminal.type(filled(terminal, command))
        assert code == 0, f"{command}\n{screen}"
        assert screen.strip(), f"{command} said nothing"
        assert "Traceback" not in screen
        # A watched view is drawn anew over itself: blanks may then follow what stood there.
        assert max(len(line.rstrip()) for line in re.split(r"[\r\n]+", screen)) <= 100, (
            f"{command}: too wide\n{screen}"
        )
    assert missing == []


def test_quick_actions_do_what_they_say(terminal: Terminal) -> None:
    first = blocks()[0]
    screens = [terminal.type(command)[1] for command in first.commands]
    assert "normal" in screens[0]
    assert "PANIC" in screens[1]
    assert terminal.system.history()[0]["kind"] == "entered"
    assert "whatsapp-critical-queue" in screens[2]
    assert "backlog" in screens[2]


def test_json_is_the_same_in_a_terminal(terminal: Terminal) -> None:
    code, screen = terminal.type("lifeline panic status --json")
    assert code == 0
    assert json.loads(screen)["result"]["scopes"][0]["scope"] == "whatsapp"
