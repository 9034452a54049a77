"""The ``inbound`` topic: what people write and say to us, for the application."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.aws import code_of
from lifeline.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


class InboundTopic:
    """Publishes notices; subscriptions filter on the attribute ``kind``."""

    def __init__(self, client: SNSClient, topic_arn: str) -> None:
        self._client = client
        self._topic = topic_arn

    def publish(self, notice: Mapping[str, Any]) -> None:
        """One notice (``docs/inbound.md``). Raises :class:`UnavailableError`."""
        attributes: Any = {"kind": {"DataType": "String", "StringValue": str(notice["kind"])}}
        try:
            self._client.publish(
                TopicArn=self._topic,
                Message=json.dumps(notice, ensure_ascii=False),
                MessageAttributes=attributes,
            )
        except (ClientError, BotoCoreError) as error:
            raise UnavailableError("SNS", "publishing what came in", code_of(error)) from error
