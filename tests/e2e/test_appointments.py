"""The example of a producer: what its own table says in the end is what became of each message."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.support.producers import built_wheel
from tests.support.system import System, eventually
from tests.support.template import ROOT

SCRIPT = ROOT / "examples" / "appointments" / "appointments.py"
COUNT = 50


@pytest.mark.timeout(900)
def test_a_clinic_knows_of_each_appointment_what_became_of_it(system: System, tmp_path: Path) -> None:
    clinic = f"clinic-{system.fresh()}"
    environment = system.stack.environment() | {
        "PYTHONPATH": str(built_wheel(tmp_path)),
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "LIFELINE_GRAPH_CONTROL": system.stack.endpoints["graph_control"],
    }
    words = [sys.executable, str(SCRIPT), system.stack.name, "--clinic", clinic, "--outage"]
    try:
        done = subprocess.run(
            [*words, "--count", str(COUNT), "--database", "own.db", "--within", "300"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=840,
        )
    finally:
        system.faults_off()
    assert done.returncode == 0, done.stdout + done.stderr
    with sqlite3.connect(tmp_path / "own.db") as table:
        own = dict(table.execute("SELECT id, status FROM appointments").fetchall())
        ways = Counter(way for (way,) in table.execute("SELECT via FROM appointments").fetchall())
    assert len(own) == COUNT
    eventually(lambda: system.statuses(own) == own or None, 10, "the ledger says what the clinic's says")
    assert Counter(system.accepted(clinic)) == Counter(
        name for name, status in own.items() if status != "EMAILED"
    )
    assert ways["email"] == 5, "today's appointments of the second half"
    assert ways["whatsapp"] == COUNT - 5
    assert "PARKED" not in done.stdout
