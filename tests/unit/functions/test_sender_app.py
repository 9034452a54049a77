"""The sender's handler: records by the queue that they come from; ids of those that must come again."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from lifeline.contract.names import ENTRY_QUEUES, WAKE_QUEUE
from lifeline.use_cases.deliver import SqsRecord
from lifeline.wiring import sender

from functions.sender import app

EVENTS = Path(__file__).parents[3] / "events" / "sender"
ARN = "arn:aws:sqs:eu-west-1:000000000000:"


class Context(LambdaContext):
    """Lambda's context of an invocation with 12.5 seconds left."""

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 12_500


class Spy:
    """Stands for the use case."""

    def __init__(self) -> None:
        self.records: list[SqsRecord] = []
        self.remaining = 0.0
        self.back: list[str] = []

    def __call__(self, records: Sequence[SqsRecord], remaining: Callable[[], float]) -> list[str]:
        self.records += records
        self.remaining = remaining()
        return self.back


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Spy:
    found = Spy()
    monkeypatch.setattr(sender, "use_case", lambda: found)
    return found


def event(*queues: str, **more: Any) -> dict[str, Any]:
    records = [
        {
            "messageId": f"sqs-{number}",
            "body": f"body {number}",
            "attributes": {"ApproximateReceiveCount": str(number + 1)},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": ARN + queue,
            **more,
        }
        for number, queue in enumerate(queues)
    ]
    return {"Records": records}


def handle(found: dict[str, Any]) -> dict[str, Any]:
    return app.handler(found, Context())


def test_a_queue_says_whether_it_is_a_body_or_a_wake_up(spy: Spy) -> None:
    handle(event(*(f"lifeline-dev-{name}" for name in (*ENTRY_QUEUES, WAKE_QUEUE))))
    assert [record.wake_up for record in spy.records] == [False, False, False, True]
    assert [record.receive_count for record in spy.records] == [1, 2, 3, 4]
    assert [record.id for record in spy.records] == ["sqs-0", "sqs-1", "sqs-2", "sqs-3"]
    assert spy.records[0].body == "body 0"
    assert spy.remaining == 12.5


@pytest.mark.parametrize("name", ["lifeline-not-a-wake-queue-whatsapp-queue", "awake-queue", "wake-queue-2"])
def test_a_name_that_only_looks_like_the_wake_queue_is_none(spy: Spy, name: str) -> None:
    handle(event(name))
    assert [record.wake_up for record in spy.records] == [False]


def test_message_attributes_decide_nothing(spy: Spy) -> None:
    forged = {"lifeline": {"dataType": "String", "stringValue": '{"wake": true}'}}
    handle(event("lifeline-whatsapp-queue", messageAttributes=forged))
    assert spy.records == [SqsRecord("sqs-0", "body 0", 1, False)]


def test_only_what_must_come_again_is_named(spy: Spy) -> None:
    spy.back = ["sqs-1"]
    answer = handle(event("lifeline-whatsapp-queue", "lifeline-whatsapp-queue"))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "sqs-1"}]}
    spy.back = []
    assert handle(event("lifeline-whatsapp-queue")) == {"batchItemFailures": []}


@pytest.mark.parametrize("path", sorted(EVENTS.glob("*.json")), ids=lambda path: path.stem)
def test_every_event_is_read(spy: Spy, path: Path) -> None:
    assert handle(json.loads(path.read_text())) == {"batchItemFailures": []}
    assert spy.records
    assert all(record.wake_up == (path.stem == "wake_up") for record in spy.records)
