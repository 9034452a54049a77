"""Outcomes from the adapter to a subscriber, under the policy and filter that docs/producers.md shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from lifeline.adapters.outcome_topic import OutcomeTopic, Publication
from lifeline.contract.outcomes import OutcomeEvent, parse_outcome

from tests.support.producers import configured
from tests.support.stores import LocalAws


@pytest.fixture(scope="module")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    running = LocalAws(tmp_path_factory.mktemp("outcomes"))
    yield running
    running.stop()


def publication(name: str, status: str, category: str) -> Publication:
    event = OutcomeEvent(
        event_id=f"{name}#2",
        sequence=2,
        id=name,
        status=status,
        time=1_790_000_000.0,
        metadata={"words": "“ä” \U0001f600", "n": 7},
    )
    return Publication(event, {"status": status, "category": category, "campaign": None})


def subscribed(aws: LocalAws, topic: str) -> str:
    """A queue that subscribes as the document says; its address."""
    sqs = aws.client("sqs")
    url: str = sqs.create_queue(QueueName="clinic-outcomes")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    shown = configured()
    policy = json.dumps(shown["OutcomesQueuePolicy"]["Properties"]["PolicyDocument"])
    for reference, value in (
        ('{"Fn::GetAtt": ["OutcomesQueue", "Arn"]}', arn),
        ('{"Ref": "LifelineOutcomesTopicArn"}', topic),
    ):
        assert reference in policy
        policy = policy.replace(reference, json.dumps(value))
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    wanted = shown["OutcomesSubscription"]["Properties"]
    aws.client("sns").subscribe(
        TopicArn=topic,
        Protocol=wanted["Protocol"],
        Endpoint=arn,
        Attributes={
            "FilterPolicy": json.dumps(wanted["FilterPolicy"]),
            "RawMessageDelivery": json.dumps(wanted["RawMessageDelivery"]),
        },
    )
    return url


def test_a_subscriber_gets_what_its_filter_asks_for_and_nothing_else(local_aws: LocalAws) -> None:
    topic = local_aws.client("sns").create_topic(Name="shop-outcomes")["TopicArn"]
    url = subscribed(local_aws, topic)
    others = [publication(f"o{n}", "DELIVERED", "promotion") for n in range(11)]
    mine = publication("m", "DELIVERED", "appointment")
    published = [*others, mine, publication("s", "SENT", "appointment")]
    assert OutcomeTopic(local_aws.client("sns"), topic).publish(published) == [True] * 13
    answer: Any = local_aws.client("sqs").receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5, MessageAttributeNames=["All"]
    )
    (message,) = answer["Messages"]
    assert parse_outcome(message["Body"]) == mine.event
    attributes = {name: item["StringValue"] for name, item in message["MessageAttributes"].items()}
    assert attributes == {"status": "DELIVERED", "category": "appointment"}


def test_a_topic_that_is_not_there_takes_nothing(local_aws: LocalAws) -> None:
    gone = OutcomeTopic(local_aws.client("sns"), "arn:aws:sns:eu-west-1:000000000000:none")
    assert gone.publish([publication("m", "SENT", "x")]) == [False]
