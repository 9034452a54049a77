"""The ``ops`` topic: what people must be told, addressed by ``audience``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.aws import code_of
from lifeline.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


class Notices:
    """Publishes to the ``ops`` topic; subscriptions filter on the attributes."""

    def __init__(self, client: SNSClient, topic_arn: str) -> None:
        self._client = client
        self._topic = topic_arn

    def tell(
        self,
        *,
        audience: tuple[str, ...],
        subject: str,
        text: str,
        scope: str,
        cause: str,
        severity: str,
        data: Mapping[str, Any],
    ) -> None:
        """One notice to ``audience`` (of engineering, marketing, meta-support).

        ``data["event"]`` goes into an attribute as well: ``entered``, ``left``, ``promotions_affected``,
        ``promotions_resume``, ``token_refresh_failed``, ``summary``, ...
        Raises :class:`UnavailableError`.
        """
        attributes: Any = {
            "audience": {"DataType": "String.Array", "StringValue": json.dumps(audience)},
            "scope": {"DataType": "String", "StringValue": scope},
            "cause": {"DataType": "String", "StringValue": cause or "none"},
            "severity": {"DataType": "String", "StringValue": severity},
            "event": {"DataType": "String", "StringValue": str(data.get("event") or "notice")},
        }
        body = json.dumps(
            {"subject": subject, "text": text, "scope": scope, "cause": cause, **data}, indent=1
        )
        try:
            self._client.publish(
                TopicArn=self._topic, Subject=subject[:100], Message=body, MessageAttributes=attributes
            )
        except (ClientError, BotoCoreError) as error:
            raise UnavailableError("SNS", "telling people", code_of(error)) from error


class Subscriptions:
    """Who listens to a topic."""

    def __init__(self, client: SNSClient) -> None:
        self._client = client

    def counts(self, topic_arn: str) -> tuple[int, int]:
        """Subscriptions of people or their systems: confirmed, and still waiting to be confirmed.

        Our own functions do not count. Raises :class:`UnavailableError`.
        """
        confirmed = pending = 0
        arguments: Any = {"TopicArn": topic_arn}
        while True:
            try:
                answer = self._client.list_subscriptions_by_topic(**arguments)
            except (ClientError, BotoCoreError) as error:
                raise UnavailableError("SNS", "reading subscriptions", code_of(error)) from error
            for item in answer["Subscriptions"]:
                if item["Protocol"] == "lambda":
                    continue
                # SNS writes "PendingConfirmation" where the ARN will stand.
                if item["SubscriptionArn"].startswith("arn:"):
                    confirmed += 1
                else:
                    pending += 1
            if not answer.get("NextToken"):
                return confirmed, pending
            arguments["NextToken"] = answer["NextToken"]
