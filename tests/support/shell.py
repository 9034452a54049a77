"""The command line as an operator starts it: a process of its own, with an operator's credentials."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from tests.support.system import System
from tests.support.template import ROOT

START = "import sys; from lifeline_cli.main import run; sys.exit(run())"


class Shell:
    """Types ``lifeline`` commands with the credentials of ``keys`` (root unless given)."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.keys: dict[str, str] = {}

    def __call__(
        self, *words: str, code: int | None = 0, stdin: str = "", **extra: str
    ) -> subprocess.CompletedProcess[str]:
        """``stdin``: what comes by a pipe."""
        done = subprocess.run(
            [sys.executable, "-c", START, *words],
            env=self.environment() | extra,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        if code is not None:
            assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def environment(self) -> dict[str, str]:
        """Of the command's process."""
        env = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT / 'cli'}{os.pathsep}{ROOT / 'layers' / 'lifeline'}",
            "LIFELINE_STACK": self.system.stack.name,
            "AWS_EC2_METADATA_DISABLED": "true",
            "HOME": str(self.system.stack.folder),
        }
        return env | self.system.stack.environment() | self.keys

    def answer(self, *words: str, code: int = 0) -> dict[str, Any]:
        """The JSON document that a command prints."""
        document = json.loads(self(*words, "--json", code=code).stdout)
        assert set(document) == ({"ok", "action", "error"} if code else {"ok", "action", "result"})
        return dict(document["error" if code else "result"])
