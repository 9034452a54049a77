"""Ledger, agenda and queues as one: in memory, and on the local AWS. For the suite that holds them alike."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from botocore.config import Config
from botocore.exceptions import ReadTimeoutError
from lifeline.adapters.agenda import Agenda
from lifeline.adapters.ledger import Ledger
from lifeline.adapters.queues import Queues

from local.stack import LocalStack
from tests.support import aws, template
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


def table_definition(resource: str = "MessagesTable") -> dict[str, Any]:
    """A table as ``template.yaml`` defines it, for ``CreateTable``."""
    properties = template.source()["Resources"][resource]["Properties"]
    names = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    return {name: template.chosen(properties[name]) for name in names if name in properties}


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
        retries: Any = {"mode": "standard", "total_max_attempts": attempts}
        return aws.client(
            service, self._stack.aws_url, config=Config(retries=retries, max_pool_connections=16)
        )

    def stores(self, attempts: int = 1) -> AwsStores:
        """A fresh table and a fresh queue."""
        return AwsStores(self, f"conformance-{next(self._numbers)}", attempts)

    def table(self, resource: str) -> str:
        """The name of a fresh table, as ``template.yaml`` defines this one."""
        name = f"{resource}-{next(self._numbers)}"
        self.client("dynamodb").create_table(TableName=name, **table_definition(resource))
        return name

    @property
    def url(self) -> str:
        """Where it listens, for clients that a test does not make."""
        return self._stack.aws_url

    def stop(self) -> None:
        self._stack.stop()


def lose(client: Any, operation: str, calls: int, *, carried_out: bool, of: str = "") -> None:
    """The next so many calls of ``operation`` (of the row ``of``) get no answer, carried out or not.

    Beneath botocore: a read time-out, after the request went through or instead of it.
    """
    session: Any = client._endpoint.http_session
    before: Callable[[Any], Any] = type(session).send.__get__(session)
    left = [calls]

    def send(request: Any) -> Any:
        meant = request.headers["X-Amz-Target"].endswith(operation.encode())
        if left[0] and meant and (not of or f'"{of}"'.encode() in request.body):
            left[0] -= 1
            if carried_out:
                assert before(request).status_code == 200
            raise ReadTimeoutError(endpoint_url=request.url)
        return before(request)

    session.send = send


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

    def lose_requests(self, calls: int, of: str = "") -> None:
        lose(self.client, "BatchExecuteStatement", calls, carried_out=False, of=of)

    def lose_answers(self, calls: int) -> None:
        lose(self.client, "BatchExecuteStatement", calls, carried_out=True)

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
