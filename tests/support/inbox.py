"""An inbox for notices: a queue that a filter policy subscribes to the ``ops`` topic."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.support.system import System, eventually


class Inbox:
    """What came in, kept."""

    def __init__(self, system: System, url: str) -> None:
        self._system = system
        self._url = url
        self.notices: list[dict[str, Any]] = []

    def look(self) -> list[dict[str, Any]]:
        """All notices until now."""
        answer = self._system.sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            self.notices.append(json.loads(json.loads(message["Body"])["Message"]))
            self._system.sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return self.notices

    def told(self, event: str, within: float = 30.0) -> dict[str, Any]:
        """Wait for a notice of ``event``."""
        return eventually(
            lambda: next((found for found in self.look() if found.get("event") == event), None),
            within,
            f"a notice of {event}",
        )


def subscribed(system: System, name: str, topic: str, attributes: Mapping[str, str]) -> tuple[str, str]:
    """A new queue that gets what a topic publishes: its URL, and the subscription's ARN."""
    url = system.sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = system.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    system.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document})
    subscription = system.sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=arn,
        Attributes=dict(attributes),
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    return str(url), str(subscription)


@contextlib.contextmanager
def inbox(system: System, policy: Mapping[str, Sequence[str]]) -> Iterator[Inbox]:
    """An inbox for as long as the block lasts, with the filter ``policy`` of a subscription."""
    name = f"{system.stack.name}-inbox-{time.time_ns()}"
    filters = {"FilterPolicy": json.dumps(policy)}
    url, subscription = subscribed(system, name, system.out["OpsTopicArn"], filters)
    try:
        yield Inbox(system, url)
    finally:
        system.sns.unsubscribe(SubscriptionArn=subscription)
        system.sqs.delete_queue(QueueUrl=url)
