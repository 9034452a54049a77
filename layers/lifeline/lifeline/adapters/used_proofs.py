"""Proofs that were used: ``pk`` ``proof``, ``sk`` the signature, in ``control``. Each serves one request."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.aws import code_of, unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class UsedProofs:
    """Raises :class:`UnavailableError` when DynamoDB does not answer."""

    def __init__(self, client: DynamoDBClient, table: str, new_op: Callable[[], str]) -> None:
        """``new_op`` marks each write: the SDK's own repeat is recognised."""
        self._client = client
        self._table = table
        self._new_op = new_op

    def use(self, signature: str, until: float) -> bool:
        """Whether it was unused; it is not any more. ``until``: when it ends anyway (epoch seconds)."""
        op = self._new_op()
        try:
            self._client.put_item(
                TableName=self._table,
                Item={
                    "pk": {"S": "proof"},
                    "sk": {"S": signature},
                    "op": {"S": op},
                    "expires_ttl": {"N": str(int(until) + 1)},
                },
                ConditionExpression="attribute_not_exists(pk)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except (ClientError, BotoCoreError) as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise unavailable("DynamoDB", "using a proof", error) from error
            there = getattr(error, "response", {}).get("Item", {})
            return bool(there.get("op", {}).get("S") == op)
        return True
