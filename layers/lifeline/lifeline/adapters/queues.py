"""SQS: put messages back with a delay, move them between queues, look at what waits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.aws import code_of, unavailable
from lifeline.adapters.batches import calls_of
from lifeline.contract.names import REASON_ATTRIBUTE
from lifeline.domain.pace.pace import MAX_DELAY
from lifeline.domain.redact import redact
from lifeline.domain.text import clean

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

ENTRIES_PER_CALL: Final = 10
"""Messages per batch call (SQS quotas)."""
BYTES_PER_CALL: Final = 1_000_000
"""Kept just under SQS's 1 MiB for a whole batch call (SQS quotas)."""
_ONE_IS_BAD: Final = frozenset(
    {
        "InvalidMessageContents",
        "InvalidAttributeValue",
        "InvalidParameterValue",
        "InvalidParameterCombination",
        "MissingParameter",
        "MessageTooLong",
        "BatchRequestTooLong",
        "ValidationError",
    }
)
"""Errors of a whole batch call for which one entry is enough (SQS, "SendMessageBatch"). None was taken."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to put on a queue. ``delay`` in whole seconds; ``reason`` says why it is a dead letter."""

    body: str
    delay: int = 0
    reason: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Incoming:
    """One received message."""

    id: str
    body: str
    receipt: str
    reason: str | None = None
    sent_at: float = 0.0
    receive_count: int = 1


@dataclass(frozen=True, slots=True)
class Depth:
    """What waits on a queue: approximate counts of messages."""

    visible: int
    in_flight: int
    delayed: int

    @property
    def total(self) -> int:
        return self.visible + self.in_flight + self.delayed


class Queues:
    """The queues. Raises :class:`UnavailableError` when SQS does not answer or refuses an entry."""

    def __init__(self, client: SQSClient) -> None:
        self._client = client

    def send(self, url: str, messages: Sequence[Outgoing]) -> list[bool]:
        """Put messages on a queue; one flag per message, False where SQS refused or failed that one.

        Characters that SQS refuses become U+FFFD. Never raises for single entries, and one that SQS refuses
        does not take the others of its call along: the caller keeps the original of each failed one.
        """
        sent = [False] * len(messages)
        for batch in calls_of(_entries(messages), ENTRIES_PER_CALL, BYTES_PER_CALL):
            self._send_batch(url, batch, sent)
        return sent

    def _send_batch(self, url: str, entries: list[Any], sent: list[bool]) -> None:
        try:
            answer = self._client.send_message_batch(QueueUrl=url, Entries=entries)
        except (ClientError, BotoCoreError) as error:
            # "AWS.SimpleQueueService.BatchRequestTooLong" in the older form of its answers.
            if len(entries) > 1 and code_of(error).rpartition(".")[2] in _ONE_IS_BAD:
                for entry in entries:
                    self._send_batch(url, [entry], sent)
            return
        for item in answer.get("Successful", []):
            sent[int(item["Id"])] = True

    def receive(self, url: str, at_most: int, visibility: int) -> list[Incoming]:
        """Up to ``at_most`` (1-10) messages, hidden from others for ``visibility`` seconds."""
        try:
            answer = self._client.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=max(1, min(10, at_most)),
                VisibilityTimeout=visibility,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
            )
        except (ClientError, BotoCoreError) as error:
            raise unavailable("SQS", "receiving messages", error) from error
        return [incoming(item) for item in answer.get("Messages", [])]

    def delete(self, url: str, receipts: Sequence[str]) -> list[bool]:
        """Delete received messages; False where SQS did not (the message comes again)."""
        done = [False] * len(receipts)
        for start in range(0, len(receipts), ENTRIES_PER_CALL):
            chunk = receipts[start : start + ENTRIES_PER_CALL]
            entries: Any = [{"Id": str(start + i), "ReceiptHandle": text} for i, text in enumerate(chunk)]
            try:
                answer = self._client.delete_message_batch(QueueUrl=url, Entries=entries)
            except (ClientError, BotoCoreError):
                continue
            for item in answer.get("Successful", []):
                done[int(item["Id"])] = True
        return done

    def show_again(self, url: str, receipts: Sequence[str]) -> None:
        """Let received messages be received again at once; on a failure they come back by themselves."""
        for start in range(0, len(receipts), ENTRIES_PER_CALL):
            chunk = receipts[start : start + ENTRIES_PER_CALL]
            entries: Any = [
                {"Id": str(index), "ReceiptHandle": text, "VisibilityTimeout": 0}
                for index, text in enumerate(chunk)
            ]
            try:
                self._client.change_message_visibility_batch(QueueUrl=url, Entries=entries)
            except (ClientError, BotoCoreError):
                continue

    def depth(self, url: str) -> Depth:
        """How much waits (approximate, as SQS counts)."""
        try:
            answer = self._client.get_queue_attributes(
                QueueUrl=url,
                AttributeNames=[
                    "ApproximateNumberOfMessages",
                    "ApproximateNumberOfMessagesNotVisible",
                    "ApproximateNumberOfMessagesDelayed",
                ],
            )
        except (ClientError, BotoCoreError) as error:
            raise unavailable("SQS", "reading queue attributes", error) from error
        values = answer.get("Attributes", {})
        return Depth(
            visible=int(values.get("ApproximateNumberOfMessages", 0)),
            in_flight=int(values.get("ApproximateNumberOfMessagesNotVisible", 0)),
            delayed=int(values.get("ApproximateNumberOfMessagesDelayed", 0)),
        )


def _entries(messages: Sequence[Outgoing]) -> Iterator[tuple[Any, int]]:
    """Each message's entry and its bytes; none of what cannot be written."""
    for index, message in enumerate(messages):
        try:
            weighed = _entry(index, message)
        except (TypeError, ValueError, RecursionError):
            continue
        yield weighed


def _entry(index: int, message: Outgoing) -> tuple[dict[str, Any], int]:
    """One entry of a batch call and its size in bytes. SQS refuses an attribute without a value."""
    texts = {name: clean(value) for name, value in message.attributes.items() if value}
    if message.reason:
        texts[REASON_ATTRIBUTE] = clean(redact(message.reason)[:1024])
    body = clean(message.body)
    weight = len(body.encode()) + sum(len(name) + len(text.encode()) + 64 for name, text in texts.items())
    entry = {
        "Id": str(index),
        "MessageBody": body,
        "DelaySeconds": max(0, min(MAX_DELAY, message.delay)),
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": text} for name, text in texts.items()
        },
    }
    return entry, weight


def incoming(item: Mapping[str, Any]) -> Incoming:
    """One message of ``ReceiveMessage``."""
    attributes = item.get("MessageAttributes", {})
    system = item.get("Attributes", {})
    return Incoming(
        id=item["MessageId"],
        body=item["Body"],
        receipt=item["ReceiptHandle"],
        reason=(attributes.get(REASON_ATTRIBUTE) or {}).get("StringValue"),
        sent_at=float(system.get("SentTimestamp", 0)) / 1000,
        receive_count=int(system.get("ApproximateReceiveCount", 1)),
    )
