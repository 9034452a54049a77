"""Ledger, agenda and queues as one: in memory, and on the local AWS. For the suite that holds them alike."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError
from lifeline.adapters.agenda import Agenda
from lifeline.adapters.ledger import Ledger
from lifeline.adapters.queues import Queues

from local.stack import LocalStack
from tests.support import template
from tests.support.memory import Clock, Fault, MemoryAgenda, MemoryLedger, MemoryQueues, Script

RETENTION = 1000.0
PAGE = 2


class Stores(Protocol):
    """What the suite asks of both."""

    ledger: Any
    agenda: Any
    queues: Any
    url: str

    def lose_requests(self, calls: int, of: str = "") -> None:
        """The next so many writes (of the row ``of``, the first of its call) never arrive."""

    def lose_answers(self, calls: int) -> None:
        """The next so many calls that write the ledger are carried out, and their answers are lost."""

    def pause(self) -> None:
        """Some time passes, for what waits."""


class MemoryStores:
    """In memory."""

    def __init__(self) -> None:
        self.faults, self.clock = Script(), Clock()
        self.ledger = MemoryLedger(self.faults)
        self.agenda = MemoryAgenda(self.ledger, PAGE)
        self.queues = MemoryQueues(self.clock, self.faults)
        self.url = "queue"

    def lose_requests(self, calls: int, of: str = "") -> None:
        self.faults.add("ledger.write.before", *[Fault.LOSE] * calls)

    def lose_answers(self, calls: int) -> None:
        self.faults.add("ledger.write.after", *[Fault.LOSE] * calls)

    def pause(self) -> None:
        self.clock.advance(0.5)


def table_definition() -> dict[str, Any]:
    """The messages table as ``template.yaml`` defines it, for ``CreateTable``."""
    properties = template.source()["Resources"]["MessagesTable"]["Properties"]
    names = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    return {name: properties[name] for name in names}


class LocalAws:
    """A local AWS of its own; every :class:`AwsStores` gets a fresh table and queue on it."""

    def __init__(self, folder: Path) -> None:
        self._stack = LocalStack(folder, name="conformance", quiet=True)
        self._stack.started_at = time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)
        self._stack.start_aws()
        self._numbers = itertools.count(1)

    def client(self, service: str, attempts: int = 1) -> Any:
        """A client that makes each call so often at most."""
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self._stack.aws_url,
            region_name="eu-west-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(
                retries={"mode": "standard", "total_max_attempts": attempts}, max_pool_connections=16
            ),
        )

    def stores(self, attempts: int = 1) -> AwsStores:
        """A fresh table and a fresh queue."""
        return AwsStores(self, f"conformance-{next(self._numbers)}", attempts)

    def stop(self) -> None:
        self._stack.stop()


class AwsStores:
    """On the local AWS, with the production adapters."""

    def __init__(self, aws: LocalAws, name: str, attempts: int) -> None:
        self.name = name
        self.client = aws.client("dynamodb", attempts)
        self.client.create_table(TableName=name, **table_definition())
        sqs = aws.client("sqs")
        self.url = sqs.create_queue(QueueName=name)["QueueUrl"]
        numbers = itertools.count(1)
        self.ledger = Ledger(
            self.client,
            name,
            RETENTION,
            pause=lambda seconds: None,
            jitter=lambda: 0.0,
            new_op=lambda: f"op{next(numbers)}",
        )
        self.agenda = Agenda(self.client, name, page=PAGE)
        self.queues = Queues(sqs)
        self._session: Any = self.client._endpoint.http_session
        self._send: Callable[[Any], Any] = self._session.send

    def lose_requests(self, calls: int, of: str = "") -> None:
        self._lose(calls, carried_out=False, of=of)

    def lose_answers(self, calls: int) -> None:
        self._lose(calls, carried_out=True)

    def _lose(self, calls: int, *, carried_out: bool, of: str = "") -> None:
        """Beneath botocore: a read time-out, after the request went through or instead of it."""
        left = [calls]

        def send(request: Any) -> Any:
            writes = request.headers["X-Amz-Target"].endswith(b"BatchExecuteStatement")
            if left[0] and writes and (not of or f'"{of}"'.encode() in request.body):
                left[0] -= 1
                if carried_out:
                    assert self._send(request).status_code == 200
                raise ReadTimeoutError(endpoint_url=request.url)
            return self._send(request)

        self._session.send = send

    def pause(self) -> None:
        time.sleep(0.05)

    def item(self, message_id: str) -> dict[str, Any]:
        """The item as it is stored."""
        found = self.client.get_item(TableName=self.name, Key={"id": {"S": message_id}}, ConsistentRead=True)
        return dict(found["Item"])

    def set(self, message_id: str, name: str, value: dict[str, Any]) -> None:
        """Set one attribute as another version of Lifeline might."""
        self.client.update_item(
            TableName=self.name,
            Key={"id": {"S": message_id}},
            UpdateExpression="SET #n = :v",
            ExpressionAttributeNames={"#n": name},
            ExpressionAttributeValues={":v": value},
        )
