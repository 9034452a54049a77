"""SQS: put messages back with a delay, move them between queues, look at what waits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.aws import code_of
from lifeline.contract import ATTRIBUTE, REASON_ATTRIBUTE, read_note
from lifeline.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MAX_DELAY: Final = 900
"""Longest delay of one SQS message, in seconds (SQS quotas)."""
ENTRIES_PER_CALL: Final = 10
"""Messages per batch call (SQS quotas)."""
BYTES_PER_CALL: Final = 1_000_000
"""Kept just under SQS's 1 MiB for a whole batch call (SQS quotas)."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to put on a queue. ``note`` is Lifeline's own attribute; ``delay`` in whole seconds."""

    body: str
    note: Mapping[str, Any] | None = None
    delay: int = 0
    reason: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Incoming:
    """One received message."""

    id: str
    body: str
    receipt: str
    note: Mapping[str, Any] | None
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

        Never raises for single entries: the caller keeps the original message of each failed one.
        """
        sent = [False] * len(messages)
        batch: list[int] = []
        size = 0
        for index, message in enumerate(messages):
            weight = len(message.body.encode()) + 1024
            if batch and (len(batch) == ENTRIES_PER_CALL or size + weight > BYTES_PER_CALL):
                self._send_batch(url, messages, batch, sent)
                batch, size = [], 0
            batch.append(index)
            size += weight
        if batch:
            self._send_batch(url, messages, batch, sent)
        return sent

    def _send_batch(self, url: str, messages: Sequence[Outgoing], batch: list[int], sent: list[bool]) -> None:
        entries: list[Any] = [self._entry(index, messages[index]) for index in batch]
        try:
            answer = self._client.send_message_batch(QueueUrl=url, Entries=entries)
        except (ClientError, BotoCoreError):
            return
        for item in answer.get("Successful", []):
            sent[int(item["Id"])] = True

    @staticmethod
    def _entry(index: int, message: Outgoing) -> dict[str, Any]:
        attributes: dict[str, Any] = {
            name: {"DataType": "String", "StringValue": value} for name, value in message.attributes.items()
        }
        if message.note is not None:
            text = json.dumps(message.note, separators=(",", ":"))
            attributes[ATTRIBUTE] = {"DataType": "String", "StringValue": text}
        if message.reason:
            attributes[REASON_ATTRIBUTE] = {"DataType": "String", "StringValue": message.reason[:1024]}
        return {
            "Id": str(index),
            "MessageBody": message.body,
            "DelaySeconds": max(0, min(MAX_DELAY, message.delay)),
            "MessageAttributes": attributes,
        }

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
            raise UnavailableError("SQS", "receiving messages", code_of(error)) from error
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
            raise UnavailableError("SQS", "reading queue attributes", code_of(error)) from error
        values = answer.get("Attributes", {})
        return Depth(
            visible=int(values.get("ApproximateNumberOfMessages", 0)),
            in_flight=int(values.get("ApproximateNumberOfMessagesNotVisible", 0)),
            delayed=int(values.get("ApproximateNumberOfMessagesDelayed", 0)),
        )


def incoming(item: Mapping[str, Any]) -> Incoming:
    """One message of ``ReceiveMessage``."""
    attributes = item.get("MessageAttributes", {})
    system = item.get("Attributes", {})
    return Incoming(
        id=item["MessageId"],
        body=item["Body"],
        receipt=item["ReceiptHandle"],
        note=read_note((attributes.get(ATTRIBUTE) or {}).get("StringValue")),
        reason=(attributes.get(REASON_ATTRIBUTE) or {}).get("StringValue"),
        sent_at=float(system.get("SentTimestamp", 0)) / 1000,
        receive_count=int(system.get("ApproximateReceiveCount", 1)),
    )
