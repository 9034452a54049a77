"""Who is subscribed to the notices."""

from __future__ import annotations

import pytest
from lifeline.adapters.notices import Subscriptions
from lifeline.errors import UnavailableError

from tests.support.aws import stubbed

TOPIC = "arn:aws:sns:eu-west-1:000000000000:lifeline-ops"


def test_subscriptions_are_counted_without_our_own_functions() -> None:
    sns, stub = stubbed("sns")
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
