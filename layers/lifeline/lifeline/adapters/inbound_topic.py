"""The ``inbound`` topic: what people write and say to us, for the application."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.aws import unavailable
from lifeline.domain.text import clean_json

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


class InboundTopic:
    """Publishes notifications; subscriptions filter on the attributes ``kind``, ``phone_number_id`` and
    ``group_id``, which is there for messages to a group only."""

    def __init__(self, client: SNSClient, topic_arn: str) -> None:
        self._client = client
        self._topic = topic_arn

    def publish(self, notice: Mapping[str, Any]) -> None:
        """One notice (``docs/inbound.md``). Raises :class:`UnavailableError`."""
        whole = clean_json(notice)
        filters = {
            "kind": whole["kind"],
            "phone_number_id": whole["number"]["phone_number_id"],
            "group_id": whole["group_id"],
        }
        # SNS refuses an attribute without a value.
        attributes: Any = {
            name: {"DataType": "String", "StringValue": str(value)}
            for name, value in filters.items()
            if value
        }
        try:
            self._client.publish(
                TopicArn=self._topic,
                Message=json.dumps(whole, ensure_ascii=False),
                MessageAttributes=attributes,
            )
        except (ClientError, BotoCoreError) as error:
            raise unavailable("SNS", "publishing what came in", error) from error
