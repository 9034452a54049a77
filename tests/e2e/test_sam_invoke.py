"""`sam remote invoke` with the events that lie here, and what `sam local invoke` is given.

`sam local invoke` itself needs Docker, so what it would run with is held against the deployed functions.
SAM's exit code says nothing about an error of the function: the payload is judged.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.build import SAM, tool_environment
from tests.support.system import System

ROOT = Path(__file__).parents[2]
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "AlarmFunction": ("alarm/not_a_trip_alarm.json", {}),
    "DrainerFunction": ("drainer/minute.json", {}),
    "FeedbackFunction": ("feedback/ses_bounce_transient.json", {"marked": 0}),
    "OperatorFunction": ("operator/panic_status.json", {"ok": True, "action": "panic.status"}),
    "OperatorReadFunction": ("operator_read/status_show.json", {"ok": True, "action": "status.show"}),
    "ProberFunction": ("prober/probe.json", {"batchItemFailures": []}),
    "SenderFunction": ("sender/text.json", {"batchItemFailures": []}),
    "TokenKeeperFunction": ("token_keeper/hour.json", {}),
    "VoiceFunction": ("voice/speech.json", {"batchItemFailures": []}),
    "WebhookEventsFunction": ("webhook_events/statuses.json", {"batchItemFailures": []}),
    "WebhookFunction": ("webhook/handshake_wrong_token.json", {"statusCode": 403}),
}


def functions(system: System) -> list[str]:
    return sorted(name.removesuffix("Name") for name in system.out if name.endswith("FunctionName"))


def test_each_function_has_a_case(system: System) -> None:
    assert functions(system) == sorted(CASES)


@pytest.mark.parametrize("function", sorted(CASES))
def test_sam_remote_invoke(system: System, function: str) -> None:
    file, expected = CASES[function]
    done = subprocess.run(
        [
            *(str(SAM), "remote", "invoke", function, "--stack-name", system.stack.name),
            *("--event-file", f"events/{file}", "--config-env", "local"),
        ],
        cwd=ROOT,
        env=tool_environment() | system.stack.environment(),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    payload = json.loads(done.stdout.strip().splitlines()[-1])
    assert "errorType" not in payload, payload
    assert {name: payload[name] for name in expected} == expected


def test_sam_local_invoke_gets_each_functions_environment(system: System) -> None:
    given = json.loads((system.stack.folder / "env.local.json").read_text())
    assert sorted(given) == functions(system)
    for name, variables in given.items():
        deployed = system.functions.get_function_configuration(FunctionName=system.out[f"{name}Name"])
        assert deployed["Environment"]["Variables"].items() <= variables.items()
        assert variables["AWS_ENDPOINT_URL"] == system.stack.aws_url
