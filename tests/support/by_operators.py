"""A deployed stack as an operator has it: the command line, panic by hand, marks of addresses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from lifeline.adapters.contacts import mark_key

from tests.support.runbook import ROOT
from tests.support.system import System

START = "import sys; from lifeline_cli.main import run; sys.exit(run())"


def lifeline(system: System, *words: str) -> tuple[int, dict[str, Any]]:
    """Exit code and what ``--json`` printed."""
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT / 'cli'}{os.pathsep}{ROOT / 'layers' / 'lifeline'}",
        "AWS_EC2_METADATA_DISABLED": "true",
        "LIFELINE_STACK": system.stack.name,
        **system.stack.environment(),
    }
    done = subprocess.run(
        [sys.executable, "-c", START, *words, "--json"],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def panic(system: System) -> None:
    """Somebody puts whatsapp in panic and keeps it there."""
    request = {"action": "panic.enable", "scope": "whatsapp", "reason": "test", "actor": "test", "hold": True}
    assert system.invoke("Operator", request)["ok"]
    system.flags_are_read()


def mark(system: System, way: str, address: str) -> str:
    """Why an address is refused; empty where it is not."""
    answer = system.dynamodb.get_item(
        TableName=system.out["ContactsTableName"],
        Key={"user_id": {"S": mark_key(way, address)}},
        ConsistentRead=True,
    )
    return str(answer.get("Item", {}).get(f"{way}_refused", {}).get("S", ""))
