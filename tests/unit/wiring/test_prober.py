"""The prober as it is wired: whatever panics for whatever cause, its questions have an answer."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import pytest
from botocore.exceptions import EndpointConnectionError
from lifeline.contract.scopes import SCOPES, template_scope
from lifeline.domain.failure.causes import Cause
from lifeline.domain.panic.entering import enable
from lifeline.domain.panic.flag import By
from lifeline.errors import UnavailableError
from lifeline.settings import Settings
from lifeline.wiring import prober
from lifeline.wiring.adapters import Adapters

from tests.support.memory import Clock, MemoryControl, MemoryNotices, MemoryQueues, Recorder


class Down:
    """A service, or a client of AWS, of which nothing answers."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        def call(*_: object, **__: object) -> NoReturn:
            raise self._error

        return call


@pytest.mark.parametrize("cause", list(Cause))
@pytest.mark.parametrize("scope", [*SCOPES, template_scope("reminder")])
def test_every_question_of_a_probe_is_answered(scope: str, cause: Cause) -> None:
    clock, control = Clock(), MemoryControl()
    adapters = Adapters(
        "prober",
        {
            "settings": Settings(),
            "clock": clock,
            "control": control,
            "queues": MemoryQueues(),
            "notices": MemoryNotices(),
            "telemetry": Recorder(),
            "whatsapp": Down(UnavailableError("Meta", "asking", "it is down")),
            "openai": lambda *_: Down(UnavailableError("OpenAI", "asking", "it is down")),
            "_client": lambda *_, **__: Down(EndpointConnectionError(endpoint_url="https://aws.test")),
        },
    )
    by = By("ada", "operator", "x", clock.now)
    change = enable(control.flag(scope), by, new_incident_id="i-1", cause=cause)
    assert change is not None
    control.write(change, 0)
    body = {"scope": scope, "incident_id": "i-1", "slot": int(clock.now // 15) * 15}
    result = prober.build(adapters).slot(json.dumps(body))
    assert (result["probed"], result["ok"]) == (True, False)
