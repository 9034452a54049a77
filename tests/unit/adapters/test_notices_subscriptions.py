"""Who is subscribed to the notices."""

from __future__ import annotations

from typing import Any, cast

import boto3
import pytest
from botocore.stub import Stubber
from lifeline.adapters.notices import Subscriptions
from lifeline.errors import UnavailableError

TOPIC = "arn:aws:sns:eu-west-1:000000000000:lifeline-ops"


def client(service: str) -> tuple[Any, Stubber]:
    made = cast(Any, boto3.client)(
        service, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    stub = Stubber(made)
    stub.activate()
    return made, stub


def test_subscriptions_are_counted_without_our_own_functions() -> None:
    sns, stub = client("sns")
    entries = [
        {"Protocol": "email", "SubscriptionArn": TOPIC + ":1"},
        {"Protocol": "email", "SubscriptionArn": "PendingConfirmation"},
        {"Protocol": "lambda", "SubscriptionArn": TOPIC + ":2"},
    ]
    stub.add_response("list_subscriptions_by_topic", {"Subscriptions": entries, "NextToken": "more"})
    stub.add_response("list_subscriptions_by_topic", {"Subscriptions": entries[:1]})
    assert Subscriptions(sns).counts(TOPIC) == (2, 1)
    stub.add_client_error("list_subscriptions_by_topic", "NotFound")
    with pytest.raises(UnavailableError):
        Subscriptions(sns).counts(TOPIC)
