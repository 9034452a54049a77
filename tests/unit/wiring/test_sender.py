"""The sender as it is wired: how often a batch asks AWS."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from lifeline.adapters.whatsapp import Accepted
from lifeline.contract.messages import Message
from lifeline.settings import Limiter, Settings
from lifeline.use_cases.deliver import Deliver, SqsRecord
from lifeline.wiring import sender
from lifeline.wiring.adapters import Adapters

from benchmarks.answers import answer
from tests.support.memory import Clock, Recorder


class Counted:
    """A client of AWS: all goes well, and each request is counted."""

    def __init__(self, requests: Counter[str]) -> None:
        self._requests = requests

    def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
        operation = "".join(part.title() for part in name.split("_"))

        def call(**asked: Any) -> dict[str, Any]:
            self._requests[operation] += 1
            return answer(operation, asked)

        return call


class Takes:
    """A Meta that takes everything."""

    last_usage = None

    def reaches(self, within: float) -> None:
        """Nobody asks: nothing fails."""

    def send(self, message: Message, *_: Any, **__: Any) -> Accepted:
        return Accepted(f"wamid.{message.id}", False, None)


def deliver(clock: Clock, requests: Counter[str]) -> Deliver:
    client = Counted(requests)
    given = {
        "settings": Settings(limiter=Limiter(rate=1000, burst=1000)),
        "clock": clock,
        "pause": clock.advance,
        "telemetry": Recorder(),
        "whatsapp": Takes(),
        "_client": lambda *_: client,
        "_late": lambda *_, **__: client,
    }
    return sender.build(Adapters("sender", given))


def records(size: int, name: str = "m") -> list[SqsRecord]:
    body = '{"id": "%s-%d", "to": "+4915112345678", "type": "text", "text": "At ten."}'
    return [SqsRecord(f"{name}-{number}", body % (name, number)) for number in range(size)]


@pytest.mark.parametrize(("size", "claims_and_outcomes"), [(1, 2), (5, 2), (10, 2), (25, 2), (100, 8)])
def test_a_batch_asks_for_flags_tokens_window_and_counters_once(size: int, claims_and_outcomes: int) -> None:
    clock, requests = Clock(time.time()), Counter[str]()  # the limiter is idle by the time of day
    worker = deliver(clock, requests)
    worker(records(1, "warm"), lambda: 50.0)
    requests.clear()
    assert worker(records(size), lambda: 50.0) == []
    own = {"BatchExecuteStatement": claims_and_outcomes, "UpdateItem": 3}
    assert requests == own, "the limiter, the window and the counters; flags are read once a second"
    requests.clear()
    clock.advance(1.0)
    assert worker(records(size, "later"), lambda: 50.0) == []
    assert requests == {**own, "Query": 1}
