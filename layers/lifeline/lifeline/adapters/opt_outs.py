"""Who wants no promotional messages: marks in the ``contacts`` table, under digests of number and user id.

Marks have no end. Who resumes keeps the mark, with that wish: a stop that comes late changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.aws import code_of, unavailable
from lifeline.adapters.batches import items_of
from lifeline.domain.inbound.opting_out import Statement, Wish

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class OptOuts:
    """Raises :class:`UnavailableError` when DynamoDB does not answer."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def state(self, keys: Sequence[str], statement: Statement, source: str) -> None:
        """Keep a person's wish under each key by which that person is known.

        ``source``: what said so (``user_preferences``, ``word``). An older statement changes nothing. A key
        that was once stated together with these gets the wish as well: who stops by number and resumes by
        user id is one person.
        """
        waiting, done = list(keys), set[str]()
        while waiting:
            key = waiting.pop()
            done.add(key)
            others = self._write(key, [one for one in keys if one != key], statement, source)
            waiting += [one for one in others if one not in done and one not in waiting]

    def _write(self, key: str, others: Sequence[str], statement: Statement, source: str) -> Sequence[str]:
        """The keys that are known to be the same person's."""
        values: dict[str, Any] = {
            ":w": {"S": str(statement.wish)},
            ":a": {"N": f"{statement.at:.3f}"},
            ":s": {"S": source},
        }
        together = ""
        if others:
            together = " ADD #o :o"
            values[":o"] = {"SS": sorted(others)}
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key={"user_id": {"S": key}},
                UpdateExpression=f"SET #w = :w, #a = :a, #s = :s{together}",
                ConditionExpression="attribute_not_exists(#a) OR #a <= :a",
                ExpressionAttributeNames={
                    "#w": "wish",
                    "#a": "stated_at",
                    "#s": "stated_by",
                    **({"#o": "same_person"} if others else {}),
                },
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
            )
        except (ClientError, BotoCoreError) as error:
            if code_of(error) == "ConditionalCheckFailedException":
                return []
            raise unavailable("DynamoDB", "keeping an opt-out", error) from error
        return answer["Attributes"].get("same_person", {}).get("SS", [])

    def of(self, keys: Iterable[str]) -> Mapping[str, Statement]:
        """The statements that are kept under these keys, read consistently."""
        items = items_of(self._client, self._table, "user_id", keys, "reading opt-outs", consistent=True)
        return {item["user_id"]["S"]: _statement(item) for item in items}


def _statement(item: Mapping[str, Any]) -> Statement:
    """A mark; a wish of another version counts as stop: rather one message too few."""
    wish = item.get("wish", {}).get("S", "")
    resumed = wish == Wish.RESUME
    return Statement(Wish.RESUME if resumed else Wish.STOP, float(item.get("stated_at", {}).get("N", 0)))
