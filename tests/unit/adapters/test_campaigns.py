"""Campaigns: what is paused is kept without end, since its messages wait in a lane that only it names."""

from __future__ import annotations

from typing import Any

import pytest
from lifeline.adapters.campaigns import KEPT_SECONDS, Campaigns
from lifeline.domain.campaign.campaign import Campaign, CampaignState

from tests.support.aws import stand_in

NOW = 1_790_000_000.0


class Client:
    """Keeps what DynamoDB was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def update_item(self, **arguments: Any) -> dict[str, Any]:
        self.asked.append(arguments)
        return {}


@pytest.fixture
def client() -> Client:
    return Client()


def move(client: Client, state: CampaignState, to: CampaignState, paused_at: float | None) -> dict[str, Any]:
    campaign = Campaign("spring", state, "reminder", 100, NOW - 100, 600.0)
    campaigns = Campaigns(stand_in("dynamodb", client), "control", lambda: NOW)
    campaigns.move(campaign, to, NOW - 100, paused_at)
    (asked,) = client.asked
    return asked


def test_a_paused_campaign_has_no_end(client: Client) -> None:
    asked = move(client, CampaignState.RUNNING, CampaignState.PAUSED, NOW)
    assert "REMOVE #e" in asked["UpdateExpression"]
    assert asked["ExpressionAttributeNames"]["#e"] == "expires_ttl"


@pytest.mark.parametrize("to", [CampaignState.RUNNING, CampaignState.CANCELLED])
def test_one_that_goes_on_is_kept_for_a_while_after_its_end(client: Client, to: CampaignState) -> None:
    asked = move(client, CampaignState.PAUSED, to, None)
    assert int(asked["ExpressionAttributeValues"][":e"]["N"]) == NOW - 100 + 600 + KEPT_SECONDS
    assert "#e = :e" in asked["UpdateExpression"]
    assert "REMOVE #p" in asked["UpdateExpression"]
