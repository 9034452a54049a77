"""Recordings that lie at Meta, by what they say: ``pk`` ``recording``, ``sk`` the digest, in ``control``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.aws import code_of, unavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Recordings:
    """Raises :class:`UnavailableError` when DynamoDB does not answer."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def find(self, key: str, now: float) -> str | None:
        """The media id of a recording that Meta still has."""
        try:
            answer = self._client.get_item(
                TableName=self._table, Key={"pk": {"S": "recording"}, "sk": {"S": key}}
            )
        except (ClientError, BotoCoreError) as error:
            raise unavailable("DynamoDB", "finding a recording", error) from error
        item = answer.get("Item")
        # DynamoDB removes what has expired hours later.
        return item["media_id"]["S"] if item and float(item["expires_ttl"]["N"]) > now else None

    def keep(self, key: str, media_id: str, until: float) -> None:
        """Keep a media id until then (epoch seconds)."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item={
                    "pk": {"S": "recording"},
                    "sk": {"S": key},
                    "media_id": {"S": media_id},
                    "expires_ttl": {"N": str(int(until))},
                },
            )
        except (ClientError, BotoCoreError) as error:
            raise unavailable("DynamoDB", "keeping a recording", error) from error

    def delete(self, key: str) -> bool:
        """Delete the entry of a recording; whether there was one."""
        try:
            answer = self._client.delete_item(
                TableName=self._table,
                Key={"pk": {"S": "recording"}, "sk": {"S": key}},
                ReturnValues="ALL_OLD",
            )
        except (ClientError, BotoCoreError) as error:
            raise unavailable("DynamoDB", "deleting a recording", error) from error
        return "Attributes" in answer

    def forget(self, key: str, media_id: str, now: float) -> None:
        """End a recording's time, if this is still its media id; a newer one stays."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": "recording"}, "sk": {"S": key}},
                UpdateExpression="SET expires_ttl = :now",
                ConditionExpression="media_id = :dead",
                ExpressionAttributeValues={":now": {"N": str(int(now))}, ":dead": {"S": media_id}},
            )
        except (ClientError, BotoCoreError) as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise unavailable("DynamoDB", "forgetting a recording", error) from error
