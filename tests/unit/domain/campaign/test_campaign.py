"""The rules of a campaign: its pace, its pause, its counts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.domain.campaign.campaign import STEP, Campaign, CampaignState, due, resumed_start, tally
from lifeline.domain.message.status import Status

from tests.support.statuses import PUSHED


@given(st.integers(1, 100_000), st.floats(1, 86_400), st.lists(st.floats(1, 600), min_size=1, max_size=60))
def test_never_more_than_there_is_and_never_a_burst(total: int, over: float, steps: list[float]) -> None:
    campaign = Campaign("c", CampaignState.RUNNING, "t", total, 1000.0, over)
    now = 900.0
    for step in steps:
        now += step
        count = due(campaign, now)
        assert 0 <= count <= total - campaign.released
        assert count <= 2 * STEP * campaign.pace + 1
        if now < campaign.start:
            assert count == 0
        campaign = replace(campaign, released=campaign.released + count)
        for state in (CampaignState.PAUSED, CampaignState.CANCELLED, CampaignState.LOADING):
            assert due(replace(campaign, state=state), now) == 0


@pytest.mark.parametrize(
    ("status", "counter"),
    [
        (Status.SENT, "sent"),
        (PUSHED, "fallback"),
        (Status.FAILED, "failed"),
        (Status.REJECTED, "failed"),
        (Status.EXPIRED, "expired"),
        (Status.CANCELLED, "cancelled"),
    ],
)
def test_what_became_of_a_message_is_counted_for_its_campaign(status: Status, counter: str) -> None:
    assert tally(status, accepted=False, reported=False) == {counter: 1}
    assert not tally(Status.PARKED, accepted=False, reported=False), "it is on the way"


def test_a_pause_before_the_start_costs_nothing() -> None:
    campaign = Campaign("c", CampaignState.PAUSED, "t", 10, 1000.0, 60.0, paused_at=500.0)
    assert resumed_start(campaign, 900.0) == 1000.0
    assert resumed_start(campaign, 1100.0) == 1100.0
