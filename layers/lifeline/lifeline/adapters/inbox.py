"""What came in from people: which message was handled, which voice notes wait, who was asked to type.

All in the ``control`` table: ``pk`` ``inbound#N`` (one item per message and stage, eight partitions),
``pending_voice`` (``sk``: when it is due, then the wamid), ``voice_person`` (``sk``: a digest of the person).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.aws import code_of, unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SHARDS: Final = 8
KEPT_SECONDS: Final = 9 * 86_400
"""Longer than Meta repeats a webhook (7 days) and longer than any voice note may wait."""
_PENDING: Final = "pending_voice"
_PERSON: Final = "voice_person"


class Ownership(StrEnum):
    """Whose a message is."""

    MINE = "mine"
    DONE = "done"
    BUSY = "busy"
    """Another worker has it at this moment."""


@dataclass(frozen=True, slots=True)
class Pending:
    """One voice note that waits. ``key`` is its place in the table."""

    key: str
    body: str


class Inbox:
    """Raises :class:`UnavailableError` when DynamoDB does not answer."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    # -- once per message ------------------------------------------------------------------------------

    def begin(self, name: str, now: float, lease: float) -> Ownership:
        """Claim a message for ``lease`` seconds; a worker that dies loses it after that."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_message(name),
                UpdateExpression="SET #l = :l, #t = if_not_exists(#t, :t)",
                ConditionExpression="attribute_not_exists(#d) AND (attribute_not_exists(#l) OR #l < :n)",
                ExpressionAttributeNames={"#l": "lease_until", "#t": "expires_ttl", "#d": "done_at"},
                ExpressionAttributeValues={
                    ":l": {"N": f"{now + lease:.3f}"},
                    ":t": {"N": str(int(now + KEPT_SECONDS))},
                    ":n": {"N": f"{now:.3f}"},
                },
            )
        except (ClientError, BotoCoreError) as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise unavailable("DynamoDB", "claiming a message", error) from error
        else:
            return Ownership.MINE
        try:
            item = self._client.get_item(TableName=self._table, Key=_message(name), ConsistentRead=True)
        except (ClientError, BotoCoreError) as error:
            raise unavailable("DynamoDB", "reading a message's claim", error) from error
        return Ownership.DONE if "done_at" in item.get("Item", {}) else Ownership.BUSY

    def finish(self, name: str, now: float) -> None:
        """It is done: repetitions change nothing."""
        self._change(
            _message(name),
            "SET #d = :n, #t = if_not_exists(#t, :t) REMOVE #l",
            {"#d": "done_at", "#l": "lease_until", "#t": "expires_ttl"},
            {":n": {"N": f"{now:.3f}"}, ":t": {"N": str(int(now + KEPT_SECONDS))}},
            "finishing a message",
        )

    def release(self, name: str) -> None:
        """Give a claim back, for the next attempt."""
        self._change(_message(name), "REMOVE #l", {"#l": "lease_until"}, {}, "releasing a message")

    # -- what waits --------------------------------------------------------------------------------------

    def keep(self, wamid: str, body: str, due: float, now: float) -> None:
        """Keep a voice note until ``due`` (epoch seconds) or later."""
        item: dict[str, Any] = {
            "pk": {"S": _PENDING},
            "sk": {"S": f"{int(due * 1000):015d}#{wamid}"},
            "body": {"S": body},
            "expires_ttl": {"N": str(int(now + KEPT_SECONDS))},
        }
        try:
            self._client.put_item(TableName=self._table, Item=item)
        except (ClientError, BotoCoreError) as error:
            raise unavailable("DynamoDB", "keeping a voice note", error) from error

    def pending(self, now: float, limit: int) -> list[Pending]:
        """Up to ``limit`` voice notes that are due, the longest due first."""
        try:
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :p AND sk < :n",
                ExpressionAttributeValues={":p": {"S": _PENDING}, ":n": {"S": f"{int(now * 1000) + 1:015d}"}},
                ConsistentRead=True,
                Limit=limit,
            )
        except (ClientError, BotoCoreError) as error:
            raise unavailable("DynamoDB", "reading pending voice notes", error) from error
        return [Pending(item["sk"]["S"], item["body"]["S"]) for item in answer["Items"]]

    def all_pending(self, after: str | None) -> tuple[list[Pending], str | None]:
        """A page of all voice notes that wait, and the key after which to go on, ``None`` at the end."""
        more: Any = {"ExclusiveStartKey": {"pk": {"S": _PENDING}, "sk": {"S": after}}} if after else {}
        try:
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :p",
                ExpressionAttributeValues={":p": {"S": _PENDING}},
                ConsistentRead=True,
                **more,
            )
        except (ClientError, BotoCoreError) as error:
            raise unavailable("DynamoDB", "reading pending voice notes", error) from error
        last = answer.get("LastEvaluatedKey")
        waiting = [Pending(item["sk"]["S"], item["body"]["S"]) for item in answer["Items"]]
        return waiting, last["sk"]["S"] if last else None

    def forget(self, key: str) -> None:
        """A voice note no longer waits."""
        try:
            self._client.delete_item(TableName=self._table, Key={"pk": {"S": _PENDING}, "sk": {"S": key}})
        except (ClientError, BotoCoreError) as error:
            raise unavailable("DynamoDB", "forgetting a voice note", error) from error

    # -- people ------------------------------------------------------------------------------------------

    def may_ask(self, person: str, wamid: str, now: float, quiet: float) -> bool:
        """Whether this voice note is the one because of which a person is asked, once in ``quiet`` seconds.

        The answer is the same however often it is asked for the same note.
        """
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": _PERSON}, "sk": {"S": person}},
                UpdateExpression="SET #a = :n, #w = :w, #t = :t",
                ConditionExpression="attribute_not_exists(#a) OR #a < :q OR #w = :w",
                ExpressionAttributeNames={"#a": "asked_at", "#w": "asked_for", "#t": "expires_ttl"},
                ExpressionAttributeValues={
                    ":n": {"N": f"{now:.3f}"},
                    ":q": {"N": f"{now - quiet:.3f}"},
                    ":w": {"S": wamid},
                    ":t": {"N": str(int(now + 400 * 86_400))},
                },
            )
        except (ClientError, BotoCoreError) as error:
            if code_of(error) == "ConditionalCheckFailedException":
                return False
            raise unavailable("DynamoDB", "noting whom we ask", error) from error
        return True

    def language(self, person: str) -> str:
        """The language that a person last spoke; empty where none is known."""
        try:
            answer = self._client.get_item(
                TableName=self._table, Key={"pk": {"S": _PERSON}, "sk": {"S": person}}
            )
        except (ClientError, BotoCoreError) as error:
            raise unavailable("DynamoDB", "reading a person's language", error) from error
        return answer.get("Item", {}).get("language", {}).get("S", "")

    def remember_language(self, person: str, language: str, now: float) -> None:
        """Keep the language that a person spoke."""
        self._change(
            {"pk": {"S": _PERSON}, "sk": {"S": person}},
            "SET #l = :l, #t = :t",
            {"#l": "language", "#t": "expires_ttl"},
            {":l": {"S": language}, ":t": {"N": str(int(now + 400 * 86_400))}},
            "remembering a person's language",
        )

    def forget_person(self, person: str) -> bool:
        """Delete what is remembered of a person (a digest); whether there was anything."""
        try:
            answer = self._client.delete_item(
                TableName=self._table,
                Key={"pk": {"S": _PERSON}, "sk": {"S": person}},
                ReturnValues="ALL_OLD",
            )
        except (ClientError, BotoCoreError) as error:
            raise unavailable("DynamoDB", "forgetting a person", error) from error
        return "Attributes" in answer

    def _change(
        self, key: Any, expression: str, names: dict[str, str], values: dict[str, Any], doing: str
    ) -> None:
        arguments: dict[str, Any] = {"ExpressionAttributeValues": values} if values else {}
        try:
            self._client.update_item(
                TableName=self._table,
                Key=key,
                UpdateExpression=expression,
                ExpressionAttributeNames=names,
                **arguments,
            )
        except (ClientError, BotoCoreError) as error:
            raise unavailable("DynamoDB", doing, error) from error


def _message(name: str) -> Any:
    shard = zlib.crc32(name.encode()) % SHARDS
    return {"pk": {"S": f"inbound#{shard}"}, "sk": {"S": name}}
