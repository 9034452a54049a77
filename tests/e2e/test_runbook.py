"""The runbook, typed: every block of commands, in a terminal, on the deployed system."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import shlex
import signal
import struct
import subprocess
import sys
import termios
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.runbook import ROOT, Block, blocks, fault
from tests.support.system import System, eventually

START = (
    # A test run in the background of a shell ignores Ctrl-C, and its children would as well.
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "from lifeline_cli.main import run; sys.exit(run())"
)
WITHIN = 240.0
_UP = re.compile(r"\x1b\[\d*A")
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A terminal of 100 columns in which a person types, says yes when asked, and ends what repeats."""

    def __init__(self, system: System, folder: Path) -> None:
        self.system = system
        self.folder = folder

    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT / 'cli'}{os.pathsep}{ROOT / 'layers' / 'lifeline'}",
            "HOME": str(self.folder),
            "TERM": "xterm-256color",
            "AWS_EC2_METADATA_DISABLED": "true",
            "LIFELINE_STACK": self.system.stack.name,
            **self.system.stack.environment(),
        }

    def type(self, command: str) -> tuple[int, str]:
        """Exit code and what was on the screen."""
        words = shlex.split(command)[1:]
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        process = subprocess.Popen(
            [sys.executable, "-c", START, *words],
            cwd=self.folder,
            env=self.environment(),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        try:
            screen = self._follow(process, ours, "--watch" in words)
            return process.wait(10), _ESCAPE.sub("", _UP.sub("\n", screen))
        finally:
            process.kill()
            process.wait()
            os.close(ours)

    @staticmethod
    def _follow(process: subprocess.Popen[bytes], ours: int, watched: bool) -> str:
        screen, answered = b"", 0
        deadline = time.monotonic() + WITHIN
        while time.monotonic() < deadline:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    screen += os.read(ours, 65_536)
                except OSError:  # Linux: the other side has closed
                    return screen.decode()
            elif process.poll() is not None:
                return screen.decode()
            if screen.count(b"[y/N]") > answered:
                answered += 1
                os.write(ours, b"y\n")
            if watched and b"Ctrl-C ends" in screen:
                process.send_signal(signal.SIGINT)
                watched = False
        raise AssertionError(f"not over within {WITHIN:.0f} s:\n{screen.decode(errors='replace')}")


@pytest.fixture
def terminal(system: System, tmp_path: Path) -> Terminal:
    system.fresh()
    return Terminal(system, tmp_path)


def in_panic(scope: str) -> Callable[[Terminal], None]:
    """Somebody has put the scope in panic and keeps it there."""

    def prepare(terminal: Terminal) -> None:
        assert terminal.type(f"lifeline panic enable {scope} 'rehearsal' --hold")[0] == 0

    return prepare


def a_message(terminal: Terminal) -> None:
    """The message that the runbook looks up."""
    terminal.system.dynamodb.delete_item(
        TableName=terminal.system.out["MessagesTableName"], Key={"id": {"S": "appointment-4711"}}
    )
    terminal.system.produce(terminal.system.person("appointment-4711"))
    terminal.system.wait_for(["appointment-4711"], "DELIVERED")


def a_later_message(terminal: Terminal) -> None:
    """The message that the runbook moves and takes back."""
    name, system = "appointment-4712", terminal.system
    system.dynamodb.delete_item(TableName=system.out["MessagesTableName"], Key={"id": {"S": name}})
    later = (datetime.now(UTC) + timedelta(days=3)).isoformat(timespec="seconds")
    system.produce(system.person(name, send_after=later))
    eventually(lambda: system.row(name).get("phase") == "waiting", 30, "the message for later")


def refused_messages(terminal: Terminal) -> None:
    """Messages that Meta refuses for good, of the template and the cause that the runbook names."""
    system = terminal.system
    system.fault("code", code=132000, count=3)
    names = [f"refused-{uuid.uuid4().hex[:6]}" for _ in range(3)]
    system.produce(*(system.person(name) for name in names))
    system.wait_for(names, "REJECTED")
    system.faults_off()


def all_accounted_for(terminal: Terminal) -> None:
    """A tick has run, and nothing waits for a person."""
    terminal.system.invoke("Drainer", {"source": "lifeline.minute"})
    eventually(lambda: terminal.type("lifeline audit")[0] == 0, 60, "all is accounted for")


def a_dead_letter(terminal: Terminal) -> None:
    """A message that broke the contract."""
    terminal.system.sqs.send_message(QueueUrl=terminal.system.out["WhatsappDlqUrl"], MessageBody="{}")


def contacts_file(terminal: Terminal) -> None:
    """The file that the runbook imports."""
    lines = "user_id,push_endpoint,email\npatient-17,,patient-17@example.org\n"
    (terminal.folder / "contacts.csv").write_text(lines)


def approved_templates(terminal: Terminal) -> None:
    """The templates that the runbook maps, both approved at Meta."""
    for name in ("appointment_reminder", "appointment_reminder_v2"):
        terminal.system.template(name, status="APPROVED")


def an_incident(terminal: Terminal) -> None:
    """An incident that is over."""
    in_panic("whatsapp")(terminal)
    assert terminal.type("lifeline panic disable whatsapp 'rehearsal over'")[0] == 0


NEEDS: list[tuple[str, Callable[[Terminal], None]]] = [
    (r"panic disable whatsapp", in_panic("whatsapp")),
    (r"panic disable openai_voice", in_panic("openai_voice")),
    (r"message appointment-4711", a_message),
    (r"message appointment-4712", a_later_message),
    (r"--queue refused", refused_messages),
    (r"lifeline audit", all_accounted_for),
    (r"(redrive|discard) --queue whatsapp-dlq", a_dead_letter),
    (r"contacts import contacts\.csv", contacts_file),
    (r"templates --map", approved_templates),
    (r"incident", an_incident),
]
"""What has to be so before a block makes sense."""


def filled(terminal: Terminal, command: str) -> str:
    """The command with what a reader puts in place of words in capitals."""
    if "INCIDENT" not in command:
        return command
    code, screen = terminal.type("lifeline incident list --json")
    assert code == 0, screen
    found = re.search(r"\d{8}-\d{6}-[0-9a-f]{6}", screen)
    assert found, screen
    return command.replace("INCIDENT", found[0])


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
