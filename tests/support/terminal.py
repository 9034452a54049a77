"""A terminal in which a person types what a page says, and what has to be so before it makes sense."""

from __future__ import annotations

import fcntl
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
from typing import Final

from tests.support.runbook import ROOT
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


def refused_messages(terminal: Terminal) -> list[str]:
    """Ids of messages that Meta refuses for good, of the template and the cause that the runbook names."""
    system = terminal.system
    system.fault("code", code=132000, count=3)
    names = [f"refused-{uuid.uuid4().hex[:6]}" for _ in range(3)]
    system.produce(*(system.person(name) for name in names))
    system.wait_for(names, "REJECTED")
    system.faults_off()
    return names


def all_accounted_for(terminal: Terminal) -> None:
    """A tick has run, and nothing waits for a person."""
    terminal.system.invoke("Drainer", {"source": "lifeline.minute"})
    eventually(lambda: terminal.type("lifeline audit")[0] == 0, 60, "all is accounted for")


def a_dead_letter(terminal: Terminal) -> None:
    """A message that broke the contract."""
    terminal.system.sqs.send_message(QueueUrl=terminal.system.out["WhatsappDlqUrl"], MessageBody="{}")


def a_dead_webhook(terminal: Terminal) -> None:
    """A webhook that failed before the fix; it says nothing that concerns us."""
    terminal.system.sqs.send_message(QueueUrl=terminal.system.out["WebhookDlqUrl"], MessageBody="{}")


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


NEEDS: Final[list[tuple[str, Callable[[Terminal], object]]]] = [
    (r"panic disable whatsapp", in_panic("whatsapp")),
    (r"panic disable openai_voice", in_panic("openai_voice")),
    (r"message appointment-4711", a_message),
    (r"message appointment-4712", a_later_message),
    (r"--queue refused", refused_messages),
    (r"lifeline audit", all_accounted_for),
    (r"(redrive|discard) --queue whatsapp-dlq", a_dead_letter),
    (r"(redrive|discard) --queue webhook-dlq", a_dead_webhook),
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
