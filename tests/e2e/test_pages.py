"""Every command of the other pages, typed: in a terminal, on the deployed system.

The runbook has a test of its own, block by block; here each command of the rest, and each that the runbook's
prose names, is run once.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.runbook import ROOT, RUNBOOK, blocks, fault, is_whole, mentioned
from tests.support.system import System
from tests.support.terminal import NEEDS, Terminal, filled, refused_messages

PAGES: Final = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
    ROOT / "local" / "README.md",
]
PICTURE: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001"
    "e221bc330000000049454e44ae426082"
)
"""The smallest PNG: one pixel."""
FILLED: Final = [
    (r"incident report ID", "incident report INCIDENT"),
    (r"message ID --(at|cancel)", r"message appointment-4712 --\1"),
    (r"message ID", "message appointment-4711"),
    (r"media upload FILE", "media upload offer.png"),
    (r"--message FILE", "--message message.json"),
    (r"send FILE\.csv --template NAME", "send spring.csv --template spring_offer"),
    (r"--unpause NAME", "--unpause appointment_reminder"),
    (r"--caption TEXT", "--caption 'See you'"),
    (r"campaign (\w+) NAME", r"campaign \1 spring"),
    (r"\bNUMBER\b", "+4915112345678"),
    (r"\bURL\b", "https://lifeline.example/offer.png"),
    (r"\bTIME\b", "2026-03-01T09:00:00Z"),
]
"""What a reader puts in place of words in capitals, where it is known before the run."""
_DATE: Final = re.compile(r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ")
NOT_RUN: Final = [
    (r"whatsapp set-token", "it waits for a token to be typed"),
]
"""Commands that cannot be run here, with the reason."""
SAYS_NO: Final = (r"lifeline drill$",)
"""Commands whose right answer here is no: nobody has subscribed to a local system's notifications."""


def commands() -> Iterator[str]:
    """Each whole command of the pages, as it is written, once."""
    typed = {command for block in blocks() for command in block.commands}
    seen: set[str] = set()
    for page in [*PAGES, RUNBOOK]:
        shown = [] if page == RUNBOOK else [line for block in blocks(page) for line in block.commands]
        for command in [*shown, *mentioned(page.read_text())]:
            if command in seen | typed or not command.startswith("lifeline ") or fault(command):
                continue
            seen.add(command)
            if is_whole(with_values(command)):
                yield command


def with_values(command: str) -> str:
    """The command with what a reader puts in it, and its dates from the day after tomorrow on."""
    for pattern, value in FILLED:
        command = re.sub(pattern, value, command)
    days = count(2)
    return _DATE.sub(
        lambda _: f"{datetime.now(UTC) + timedelta(days=next(days)):%Y-%m-%dT%H:%M:%SZ}", command
    )


def answer(terminal: Terminal, command: str) -> Any:
    """What a command answers, as JSON."""
    code, screen = terminal.type(f"{command} --json")
    assert code == 0, screen
    return json.loads(screen)["result"]


def a_campaign(terminal: Terminal) -> None:
    """The file and the template that the guide sends, and a campaign called spring."""
    terminal.system.template("spring_offer", status="APPROVED")
    (terminal.folder / "spring.csv").write_text("to\n+4915112345601\n+4915112345602\n")


def a_running_campaign(terminal: Terminal) -> None:
    """A campaign called spring that has a while to go."""
    a_campaign(terminal)
    code, screen = terminal.type(
        "lifeline campaign send spring.csv --template spring_offer --over 2h --name spring"
    )
    assert code == 0, screen


def a_paused_template(terminal: Terminal) -> None:
    """The template that is sent again, paused by Meta."""
    terminal.system.template("appointment_reminder", status="PAUSED")


def files(terminal: Terminal) -> None:
    """A picture, and a message of any kind."""
    (terminal.folder / "offer.png").write_bytes(PICTURE)
    message = {"to": "+4915112345678", "type": "text", "text": "Hi"}
    (terminal.folder / "message.json").write_text(json.dumps(message))


def an_upload(terminal: Terminal) -> str:
    """The id of a file that Meta has."""
    files(terminal)
    return str(answer(terminal, "lifeline media upload offer.png")["id"])


def a_plan(terminal: Terminal) -> str:
    """The id of a planned panic."""
    command = with_values("lifeline panic enable whatsapp why --at TIME --until TIME")
    return str(answer(terminal, command)["plan"]["id"])


def a_refused_message(terminal: Terminal) -> str:
    """The id of a message that Meta refused for good."""
    return refused_messages(terminal)[0]


BEFORE: Final[list[tuple[str, Callable[[Terminal], object]]]] = [
    *NEEDS,
    (r"spring\.csv", a_campaign),
    (r"campaign \w+ spring$", a_running_campaign),
    (r"offer\.png|message\.json", files),
    (r"unpause", a_paused_template),
]
KNOWN_LATE: Final[list[tuple[str, Callable[[Terminal], str]]]] = [
    (r"(?<=media delete )ID\b", an_upload),
    (r"\bPLAN\b", a_plan),
    (r"(?<=--id )ID\b", a_refused_message),
]
"""Words in capitals whose value the system has to give first."""


@pytest.fixture
def terminal(system: System, tmp_path: Path) -> Iterator[Terminal]:
    system.fresh()
    terminal = Terminal(system, tmp_path)
    yield terminal
    for plan in answer(terminal, "lifeline panic status").get("planned", []):
        answer(terminal, f"lifeline panic cancel {plan['id']}")


@pytest.mark.parametrize("written", list(commands()))
def test_the_command_works_as_it_is_written(terminal: Terminal, written: str) -> None:
    for pattern, why in NOT_RUN:
        if re.search(pattern, written):
            pytest.skip(why)
    command = with_values(written)
    for needed, prepare in BEFORE:
        if re.search(needed, command):
            prepare(terminal)
    for unknown, ask in KNOWN_LATE:
        if re.search(unknown, command):
            command = re.sub(unknown, ask(terminal), command)
    words = shlex.split(filled(terminal, command))
    if "--stack" in words:
        words[words.index("--stack") + 1] = terminal.system.stack.name
    code, screen = terminal.type(shlex.join(words))
    wanted = 1 if any(re.search(pattern, written) for pattern in SAYS_NO) else 0
    assert code == wanted, f"{command}\n{screen}"
    assert screen.strip(), f"{command} said nothing"
    assert "Traceback" not in screen
