"""The ``ops`` topic: what people must be told, addressed by ``audience``.

Each notification has two texts under one message: mail gets plain text, every other protocol (SQS, Lambda,
https) the same as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.aws import unavailable
from lifeline.domain.notification import plain, runbook
from lifeline.domain.text import clean, clean_json
from lifeline.domain.text import subject as subject_line

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


class Notices:
    """Publishes to the ``ops`` topic; subscriptions filter on the attributes."""

    def __init__(self, client: SNSClient, topic_arn: str, runbook_url: str = "") -> None:
        """``runbook_url``: where people read the runbook; empty: it is named instead."""
        self._client = client
        self._topic = topic_arn
        self._runbook_url = runbook_url

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
        automatic: str = "",
        run: str = "",
        section: str = "",
    ) -> None:
        """One notice to ``audience`` (of engineering, marketing, meta-support).

        ``data["event"]`` goes into an attribute as well: ``entered``, ``left``, ``promotions_affected``,
        ``promotions_resume``, ``token_refresh_failed``, ``summary``, ... ``automatic``: what Lifeline does by
        itself; ``run``: the one command to run; ``section``: of the runbook.
        Raises :class:`UnavailableError`.
        """
        attributes: Any = {
            "audience": {"DataType": "String.Array", "StringValue": json.dumps(audience)},
            "scope": _attribute(scope),
            "cause": _attribute(cause),
            "severity": _attribute(severity),
            "event": _attribute(str(data.get("event") or "notice")),
        }
        link = runbook(self._runbook_url, section)
        machines = {
            "subject": subject,
            "text": text,
            "automatic": automatic,
            "run": run,
            "runbook": link,
            "severity": severity,
            "scope": scope,
            "cause": cause,
            **data,
        }
        people = clean(plain(text, automatic=automatic, run=run, link=link))
        # "default" is what every protocol without a text of its own gets.
        body = json.dumps(
            {"default": json.dumps(clean_json(machines)), "email": people or subject_line(subject)}
        )
        try:
            self._client.publish(
                TopicArn=self._topic,
                Subject=subject_line(subject),
                Message=body,
                MessageStructure="json",
                MessageAttributes=attributes,
            )
        except (ClientError, BotoCoreError) as error:
            raise unavailable("SNS", "telling people", error) from error


def _attribute(value: str) -> dict[str, str]:
    # SNS refuses an attribute without a value.
    return {"DataType": "String", "StringValue": clean(value) or "none"}


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
                raise unavailable("SNS", "reading subscriptions", error) from error
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
