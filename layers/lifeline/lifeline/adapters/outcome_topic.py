"""The ``outcomes`` topic: what became of each message, for its producer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.batches import calls_of
from lifeline.contract.outcomes import OutcomeEvent

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

ENTRIES_PER_CALL: Final = 10
BYTES_PER_CALL: Final = 262_144
"""PublishBatch's limits (SNS API reference): entries of one call, and all their bodies and attributes."""
ATTRIBUTE_BYTES: Final = 64
"""What an attribute's name and type take besides its value, and some more."""
WORKERS: Final = 8


@dataclass(frozen=True, slots=True)
class Publication:
    """One event, and the attributes that filter policies may ask for; those without a value are left out."""

    event: OutcomeEvent
    filters: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class _Entry:
    body: str
    attributes: Mapping[str, str]
    size: int


class OutcomeTopic:
    """Publishes outcomes in batches."""

    def __init__(self, client: SNSClient, topic_arn: str) -> None:
        self._client = client
        self._topic = topic_arn

    def publish(self, publications: Sequence[Publication]) -> list[bool]:
        """Whether SNS took each one; what got no answer may have been taken all the same. Never raises."""
        entries = map(_entry, publications)
        calls = list(calls_of(((entry, entry.size) for entry in entries), ENTRIES_PER_CALL, BYTES_PER_CALL))
        if len(calls) < 2:
            taken = list(map(self._call, calls))
        else:
            with ThreadPoolExecutor(min(WORKERS, len(calls)), thread_name_prefix="outcomes") as pool:
                taken = list(pool.map(self._call, calls))
        return [flag for flags in taken for flag in flags]

    def _call(self, entries: Sequence[_Entry]) -> list[bool]:
        wanted: Any = [
            {
                "Id": str(number),
                "Message": entry.body,
                "MessageAttributes": {
                    name: {"DataType": "String", "StringValue": value}
                    for name, value in entry.attributes.items()
                },
            }
            for number, entry in enumerate(entries)
        ]
        try:
            answer = self._client.publish_batch(TopicArn=self._topic, PublishBatchRequestEntries=wanted)
        except (ClientError, BotoCoreError):
            return [False] * len(entries)
        taken = {item["Id"] for item in answer.get("Successful", ())}
        return [str(number) in taken for number in range(len(entries))]


def _entry(publication: Publication) -> _Entry:
    body = publication.event.to_body()
    # SNS refuses an attribute without a value.
    attributes = {name: value for name, value in publication.filters.items() if value}
    size = len(body.encode()) + sum(len(value.encode()) + ATTRIBUTE_BYTES for value in attributes.values())
    return _Entry(body, attributes, size)


class NoTopic:
    """Producers are not told: nothing is published, and nothing is owed."""

    def publish(self, publications: Sequence[Publication]) -> list[bool]:
        """As if all had been taken."""
        return [True] * len(publications)
