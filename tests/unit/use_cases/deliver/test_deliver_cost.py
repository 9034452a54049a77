"""What a batch of normal messages costs: as many requests and writes as in version 1, and no more.

Counted there too (commit 18403fa): two writes of each row, in calls of 25, and one request each for flags,
tokens, the window and the counters; no read and no SQS request.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from lifeline.adapters.ledger import STATEMENTS_PER_CALL
from lifeline.adapters.whatsapp import Accepted
from lifeline.contract.messages import Message
from lifeline.domain.message.status import Status
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry
from lifeline.use_cases.deliver import SqsRecord
from lifeline.wiring import sender

from tests.support.services import Services


class Counted:
    """Counts the calls of what it stands before; ``rows`` are the changes that were written."""

    def __init__(self, of: Any, calls: Counter[str]) -> None:
        self._of, self._calls = of, calls

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._of, name)

        def call(*given: Any, **named: Any) -> Any:
            if name == "write":
                self._calls["rows"] += len(given[0])
                self._calls["calls"] += math.ceil(len(given[0]) / STATEMENTS_PER_CALL)
            elif name != "operators_rate":  # remembered from the reservation before
                self._calls[name] += 1
            return method(*given, **named)

        return call


class Meta:
    last_usage = None

    def reaches(self, within: float) -> None:
        """Whoever asks gets an answer."""

    def send(self, message: Message, *_: Any, **__: Any) -> Accepted:
        return Accepted(f"wamid.{message.id}", False, None)


def record(number: int) -> SqsRecord:
    body = {"id": f"m{number}", "to": "+4915112345678", "type": "text", "text": "At ten."}
    return SqsRecord(f"sqs-{number}", json.dumps(body))


@pytest.mark.parametrize("size", [1, 100])
def test_a_batch_of_normal_messages_costs_what_it_cost_before(size: int) -> None:
    calls: Counter[str] = Counter()
    world = Services(Settings(wake_queue_url="queue/wake"))
    memory = world.ledger
    counted: dict[str, Any] = {
        name: Counted(getattr(world, name), calls) for name in ("control", "queues", "ledger")
    }
    with ThreadPoolExecutor(4) as pool:
        counted |= {"whatsapp": Meta(), "pool": lambda *_: pool, "pause": lambda seconds: None}
        adapters = world.adapters("sender", **counted)
        deliver = sender.build(adapters)
        assert deliver([record(number) for number in range(size)], lambda: 60.0) == []
    assert {row.status for row in memory.rows.values()} == {Status.SENT}
    assert len(memory.rows) == size
    once = ("flags", "reserve", "record_outcomes", "count")
    assert calls == {
        "calls": 2 * math.ceil(size / STATEMENTS_PER_CALL),
        "rows": 2 * size,
        **dict.fromkeys(once, 1),
    }


@pytest.mark.parametrize("size", [1, 100])
def test_a_batch_is_one_line_of_the_log_and_one_of_metrics(
    size: int, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    world = Services(Settings(wake_queue_url="queue/wake"))
    adapters = world.adapters("sender", whatsapp=Meta(), telemetry=Telemetry("sender"))
    assert sender.build(adapters)([record(number) for number in range(size)], lambda: 60.0) == []
    (metrics,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]
    assert len(metrics) < 400, "bytes: CloudWatch bills them, whatever the batch's size"
    assert [entry.message for entry in caplog.records] == ["batch done"]
