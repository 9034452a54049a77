"""Single calls on the control table. An item's key is ``pk`` (its kind) and ``sk`` (which one)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.aws import code_of, unavailable
from lifeline.domain.shards import NARROW, Spread
from lifeline.errors import ConflictError, UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = Mapping[str, Any]
"""An item with DynamoDB's types: ``{"at": {"N": "1"}}``."""
EXPIRES: Final = "expires_ttl"
"""When DynamoDB may remove the item (epoch seconds)."""


class LostError(ConflictError):
    """A condition did not hold; ``item``: what DynamoDB has instead."""

    def __init__(self, text: str, item: Item) -> None:
        super().__init__(text)
        self.item = item


class ControlTable:
    """Raises :class:`UnavailableError`, and for a condition that did not hold :class:`LostError`."""

    def __init__(self, client: DynamoDBClient, name: str) -> None:
        self._client = client
        self._name = name

    def get(self, pk: str, sk: str, doing: str) -> Item:
        """One item, strongly consistent; empty where there is none."""
        try:
            answer = self._client.get_item(TableName=self._name, Key=key(pk, sk), ConsistentRead=True)
        except (ClientError, BotoCoreError) as error:
            raise unavailable("DynamoDB", doing, error) from error
        return answer.get("Item", {})

    def put(self, pk: str, sk: str, values: Item, doing: str) -> None:
        """Write an item whatever was there."""
        try:
            self._client.put_item(TableName=self._name, Item={**key(pk, sk), **values})
        except (ClientError, BotoCoreError) as error:
            raise unavailable("DynamoDB", doing, error) from error

    def delete(self, pk: str, sk: str, doing: str) -> None:
        """Remove an item; one that is not there stays away."""
        try:
            self._client.delete_item(TableName=self._name, Key=key(pk, sk))
        except (ClientError, BotoCoreError) as error:
            raise unavailable("DynamoDB", doing, error) from error

    def update(
        self,
        pk: str,
        sk: str,
        expression: str,
        names: Mapping[str, str],
        values: Item,
        doing: str,
        condition: str | None = None,
    ) -> Item:
        """Change an item in one write, and get the whole of it back."""
        arguments: dict[str, Any] = {
            "TableName": self._name,
            "Key": key(pk, sk),
            "UpdateExpression": expression,
            "ExpressionAttributeNames": dict(names),
            "ReturnValues": "ALL_NEW",
        }
        if values:
            arguments["ExpressionAttributeValues"] = dict(values)
        if condition:
            arguments["ConditionExpression"] = condition
            arguments["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        try:
            return self._client.update_item(**arguments)["Attributes"]
        except (ClientError, BotoCoreError) as error:
            if code_of(error) == "ConditionalCheckFailedException":
                answer: Any = error.response if isinstance(error, ClientError) else {}
                raise LostError(
                    f"{pk} {sk} was changed by somebody else meanwhile", answer.get("Item", {})
                ) from error
            raise unavailable("DynamoDB", doing, error) from error

    def query(
        self,
        pk: str,
        doing: str,
        *,
        range_condition: str = "",
        values: Item | None = None,
        keep: str = "",
        names: Mapping[str, str] | None = None,
        newest_first: bool = False,
        consistent: bool = False,
    ) -> Iterator[Item]:
        """The items of a kind in the order of their ``sk``, page by page.

        ``range_condition``: on ``sk``; ``keep``: a filter; ``values`` and ``names``: what both stand on.
        """
        arguments: dict[str, Any] = {
            "TableName": self._name,
            "KeyConditionExpression": "pk = :pk" + (f" AND {range_condition}" if range_condition else ""),
            "ExpressionAttributeValues": {":pk": {"S": pk}, **(values or {})},
            "ScanIndexForward": not newest_first,
            "ConsistentRead": consistent,
        }
        if keep:
            arguments["FilterExpression"] = keep
        if names:
            arguments["ExpressionAttributeNames"] = dict(names)
        while True:
            try:
                answer = self._client.query(**arguments)
            except (ClientError, BotoCoreError) as error:
                raise unavailable("DynamoDB", doing, error) from error
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def put_together(self, puts: Sequence[Mapping[str, Any]], what: str, doing: str) -> None:
        """Write several items or none. ``puts``: as ``Put`` of TransactWriteItems, without the table.

        The SDK gives the call a token of its own, so that its repetition after a lost answer is no second
        write. Raises :class:`ConflictError` where a condition did not hold: somebody else changed ``what``.
        """
        try:
            self._client.transact_write_items(
                TransactItems=[{"Put": {"TableName": self._name, **put}} for put in puts]  # type: ignore[typeddict-item]
            )
        except (ClientError, BotoCoreError) as error:
            reasons: Any = error.response if isinstance(error, ClientError) else {}
            codes = [
                str(reason["Code"]) for reason in reasons.get("CancellationReasons", ()) if "Code" in reason
            ]
            if "ConditionalCheckFailed" in codes or "TransactionConflict" in codes:
                raise ConflictError(f"{what} was changed by somebody else meanwhile") from error
            code = code_of(error)
            raise UnavailableError("DynamoDB", doing, ", ".join([code, *codes]), code) from error


class OnTable:
    """Base of what has its items on the control table. ``spread``: into how many some kinds are written;
    ``monotonic``: seconds, from anywhere.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        spread: Spread = NARROW,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table = ControlTable(client, table)
        self._spread = spread
        self._monotonic = monotonic


def key(pk: str, sk: str) -> dict[str, Any]:
    """The key of an item."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def which(item: Item) -> str:
    """Which one of its kind an item is: its ``sk``."""
    return str(item["sk"]["S"])


def fields(item: Item) -> dict[str, Item]:
    """What an item holds beside its key and its end."""
    return {name: value for name, value in item.items() if name not in ("pk", "sk", EXPIRES)}


def attributes(values: Mapping[str, str | bool | float | None]) -> dict[str, Any]:
    """Values with DynamoDB's types; ``None`` is left out."""
    typed: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, bool):
            typed[name] = {"BOOL": value}
        elif isinstance(value, str):
            typed[name] = {"S": str(value)}
        elif value is not None:
            typed[name] = {"N": repr(value).removesuffix(".0")}
    return typed


def plain(item: Item) -> dict[str, str | bool | float]:
    """Texts, booleans and numbers of an item; what is of another type is left out."""
    held: dict[str, str | bool | float] = {}
    for name, value in item.items():
        if "N" in value:
            held[name] = float(value["N"])
        elif "S" in value or "BOOL" in value:
            held[name] = value.get("S", value.get("BOOL"))
    return held


def number(item: Item, name: str) -> float | None:
    """One number of an item; ``None`` where it has none."""
    return float(item[name]["N"]) if name in item else None
