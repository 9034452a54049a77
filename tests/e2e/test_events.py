"""Every event of the functions that SQS, schedules and functions trigger, fed to the deployed function."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.system import System

EVENTS = Path(__file__).parents[2] / "events"
NAMES = {
    "sender": "Sender",
    "prober": "Prober",
    "drainer": "Drainer",
    "token_keeper": "TokenKeeper",
    "feedback": "Feedback",
    "voice": "Voice",
}
FILES = sorted(p for name in NAMES for p in (EVENTS / name).glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_function_takes_its_event(system: System, path: Path) -> None:
    name = NAMES[path.parent.name]
    answer = system.functions.invoke(
        FunctionName=system.out[f"{name}FunctionName"], Payload=path.read_bytes()
    )
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    if name == "Feedback":
        assert payload == {"marked": 1 if path.stem in ("ses_bounce", "ses_complaint", "push_failure") else 0}
    elif "Records" in json.loads(path.read_text()):
        assert payload == {"batchItemFailures": []}
