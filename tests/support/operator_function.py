"""The operator function as command-line tests want it, in the place of the deployed one."""

from __future__ import annotations

from typing import Any

import pytest
from lifeline.contract.operator_actions import OPERATOR_ACTIONS
from lifeline.contract.schema import violations
from lifeline_cli import main
from lifeline_cli.client import Client
from lifeline_cli.options import Options

from tests.support.proofs import SAMPLE

AT = "2026-03-01T09:00:00.000Z"
FLAG: dict[str, Any] = {
    "scope": "whatsapp", "state": "panic", "cause": "rate_limit", "reason": "too fast",
    "actor": "SenderFunction",
    "since": "2026-03-01T08:58:00.000Z", "incident_id": "i-1", "probe_successes": 1, "probes_needed": 3,
    "shadow": False, "ends": "ends after 3 successful probes in a row", "remedy": "Lower the sending rate.",
    "probes": [{"at": AT, "ok": False, "found": "token: not valid"}],
}  # fmt: skip
CHANGE: dict[str, Any] = {
    "changed": True,
    "event": "entered",
    "flag": FLAG,
    "incident_id": "i-1",
    "warnings": ["an alarm is still in ALARM"],
}
PEEK: dict[str, Any] = {
    "queue": "whatsapp-dlq", "to": "whatsapp-queue", "waiting": 2, "seen": 2,
    "reasons": [{"reason": "bad_request: code 100", "count": 2}],
    "sample": [{"id": "m-1", "type": "text", "priority": "normal", "template": None, "cause": "bad_request",
                "status": "REJECTED", "age_seconds": 60, "reason": "bad_request: code 100", "body": None}],
}  # fmt: skip
MOVED: dict[str, Any] = {
    "queue": "whatsapp-dlq", "to": "whatsapp-queue", "moved": 2, "accounted": 0, "failed": 0, "waiting": 0,
    "complete": True, "warnings": ["a sent message cannot be recalled"],
}  # fmt: skip


class Function:
    """OperatorFunction as the tests want it. Each request is held against the contract."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.answers: dict[str, Any] = {
            "panic.status": {"at": AT, "panic": True, "scopes": [FLAG]},
            "panic.enable": CHANGE,
            "panic.disable": CHANGE,
            "panic.shadow": CHANGE,
            "queue.peek": PEEK,
            "queue.redrive": MOVED,
        }  # fmt: skip

    def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        self.requests.append(request)
        faults = [*violations(request, OPERATOR_ACTIONS[request["action"]].schema, "request")]
        assert not faults
        answer = self.answers[request["action"]]
        if isinstance(answer, list):
            answer = answer.pop(0)
        if "refuse" in answer:
            return {"ok": False, "action": request["action"], "error": answer["refuse"]}
        return {"ok": True, "action": request["action"], "result": answer}


def put_in(monkeypatch: pytest.MonkeyPatch) -> Function:
    """From now on the command line asks this one."""
    made = Function()

    class Near(Client):
        prove = staticmethod(lambda request: SAMPLE)

        def __init__(self, options: Options) -> None:
            super().__init__(options)

        def _invoke(self, request: dict[str, Any]) -> dict[str, Any]:
            return made(request)

    monkeypatch.setattr(main, "Client", Near)
    monkeypatch.setattr("lifeline_cli.messages.POLL_SECONDS", 0.0)
    return made
