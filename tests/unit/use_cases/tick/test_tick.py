"""The minute as a whole: what fails holds up nothing else; what waits is shown."""

from __future__ import annotations

import pytest
from lifeline.domain.campaign.campaign import Campaign, CampaignState
from lifeline.domain.message.row import CAMPAIGN_LANE, Lane, Row
from lifeline.domain.message.status import Status
from lifeline.domain.pace.records import LaneSizes
from lifeline.errors import UnavailableError

from tests.support.services import instead
from tests.support.ticking import BULK, World


def test_a_lane_that_cannot_be_read_holds_up_nothing_else() -> None:
    world = World()
    world.timer("t", 5.0)
    world.park("p", age=5)
    real = world.agenda.due

    def due(lane: str, until: float) -> object:
        if lane == Lane.TIMER:
            raise UnavailableError("DynamoDB", "reading the agenda", "broken on purpose")
        return real(lane, until)

    instead(world.agenda, due=due)
    with pytest.raises(UnavailableError):
        world.run()
    assert set(world.woken) == {"p"}


def test_a_fault_of_our_own_in_one_part_holds_up_nothing_else() -> None:
    world = World()
    world.park("p", age=5)

    def timers(remaining: object) -> None:
        raise KeyError("a fault")

    instead(world.tick, _timers=timers)
    with pytest.raises(KeyError):
        world.run()
    assert set(world.woken) == {"p"}
    assert "exception" in {level for level, _, _ in world.log.lines}


def test_what_waits_is_shown_by_lane() -> None:
    world = World(rate=0, page=1)
    world.campaigns.create(Campaign("spring", CampaignState.PAUSED, "promo", 100, 1e12, 60.0))
    world.campaigns.create(Campaign("summer", CampaignState.PAUSED, "promo", 100, 1e12, 60.0))
    for priority, count in {"critical": 1, "normal": 2, "bulk": 3}.items():
        world.park_many(count, priority, priority)
    for number in range(4):
        world.timer(f"t{number}", 9999.0)
        world.park(f"s{number}", "bulk", lane=f"{CAMPAIGN_LANE}spring", campaign="spring")
    world.park("u", "bulk", lane=f"{CAMPAIGN_LANE}summer", campaign="summer")
    world.ledger.put(Row("r", Status.REJECTED, lane=Lane.REFUSED, due=1.0))
    world.run()
    shown = {names[1]: count for names, count in world.log.metrics.items() if names[0] == "Backlog"}
    assert shown == {"critical": 1, "normal": 2, "bulk": 3, "timer": 4, "refused": 1, "held": 5}
    sizes = world.control.kept(LaneSizes).value.sizes
    assert sizes == {"critical": 1, "normal": 2, "bulk": 3, "timer": 4, "refused": 1} | {
        f"{CAMPAIGN_LANE}spring": 4,
        f"{CAMPAIGN_LANE}summer": 1,
    }
    assert world.log.metrics["DrainCeiling", "whatsapp"] == 0


def test_campaigns_put_their_lines_on_the_queue_for_bulk() -> None:
    world = World()
    world.campaigns.create(Campaign("spring", CampaignState.RUNNING, "promo", 2, world.clock(), 60.0))
    world.campaigns.put_chunk("spring", 0, ["one", "two"], 0.0)
    assert world.run()["campaigns"] == {"spring": 2}
    assert [item.body for item in world.queues.sent[BULK]] == ["one", "two"]
