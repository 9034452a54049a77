"""Held messages: into the backlog when their template or campaign is free, or taken back with a campaign."""

from __future__ import annotations

import pytest
from lifeline.contract.scopes import template_scope
from lifeline.domain.account.records import TemplateMap
from lifeline.domain.campaign.campaign import Campaign, CampaignState
from lifeline.domain.message.row import CAMPAIGN_LANE, TEMPLATE_LANE, Lane
from lifeline.domain.message.status import Status
from lifeline.errors import UnavailableError
from lifeline.use_cases.tick import held

from tests.support.ticking import World

SPRING = f"{CAMPAIGN_LANE}spring"
REMINDER = f"{TEMPLATE_LANE}reminder"


def campaigning(state: CampaignState, page: int = 100) -> World:
    world = World(page=page)
    world.campaigns.create(Campaign("spring", state, "promo", 100, 1e12, 60.0))
    return world


def hold(world: World, lane: str, count: int, priority: str = "normal", **more: object) -> None:
    for number in range(count):
        world.park(f"h{number}", priority, age=float(count - number), lane=lane, **more)


def test_held_messages_wait_while_their_template_is_blocked() -> None:
    world = World()
    hold(world, REMINDER, 3, template="reminder")
    world.blocked(template_scope("reminder"))
    answer = world.run()
    assert (answer["held"], answer["released"]) == ({}, {})
    assert world.log.metrics["Backlog", "held"] == 3


@pytest.mark.parametrize(
    ("priority", "lane"), [("critical", "critical"), ("normal", "normal"), ("bulk", "bulk")]
)
def test_once_it_is_free_they_leave_with_the_backlog_of_their_priority(priority: str, lane: str) -> None:
    world = World()
    hold(world, REMINDER, 3, priority, template="reminder")
    world.blocked(template_scope("reminder"))
    world.run()
    world.clock.advance(60)
    world.freed(template_scope("reminder"))
    answer = world.run()
    assert answer["held"] == {REMINDER: 3}
    assert answer["released"] == {lane: 3}


def test_a_replacement_frees_them_unless_it_is_blocked_itself() -> None:
    world = World()
    hold(world, REMINDER, 3, template="reminder")
    world.blocked(template_scope("reminder"))
    world.blocked(template_scope("reminder_2"))
    world.control.keep(TemplateMap({"reminder": "reminder_2"}), actor="ada", reason="", now=0.0)
    assert world.run()["held"] == {}
    world.freed(template_scope("reminder_2"))
    assert world.run()["held"] == {REMINDER: 3}


def test_in_panic_they_move_and_nothing_leaves() -> None:
    world = World()
    hold(world, REMINDER, 3, template="reminder")
    world.template_flag("reminder")
    world.blocked()
    answer = world.run()
    assert (answer["held"], answer["why"]) == ({REMINDER: 3}, "panic")
    assert {world.ledger.rows[f"h{n}"].lane for n in range(3)} == {Lane.NORMAL}


def test_a_paused_campaign_holds_a_running_one_does_not() -> None:
    world = campaigning(CampaignState.PAUSED)
    hold(world, SPRING, 3, "bulk", campaign="spring")
    assert world.run()["held"] == {}
    world.campaigns.set("spring", CampaignState.RUNNING)
    world.clock.advance(60)
    answer = world.run()
    assert (answer["held"], answer["released"]) == ({SPRING: 3}, {"bulk": 3})


def test_with_its_campaign_they_are_taken_back_and_counted_once() -> None:
    world = campaigning(CampaignState.CANCELLED, page=1)
    hold(world, SPRING, 3, "bulk", campaign="spring", category="promo", template="promo")
    world.park("reported", "bulk", lane=SPRING, campaign="spring", wamid="w")
    for _ in range(2):
        world.run()
    assert world.statuses() == {Status.CANCELLED: 4}
    assert world.campaigns.items["spring"].counts == {"cancelled": 4, "sent": -1}
    assert world.control.counted("o|CANCELLED|bulk|promo|promo") == 3
    assert world.log.metrics["Outcomes", "CANCELLED"] == 4
    assert world.woken == {}


def test_so_many_in_one_tick_the_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "AT_MOST", 25)
    monkeypatch.setattr(held, "AT_ONCE", 10)
    world = World(rate=0, page=3)
    hold(world, REMINDER, 60, template="reminder")
    world.template_flag("reminder")
    assert world.run()["held"] == {REMINDER: 25}
    assert world.waiting == {f"h{number}" for number in range(25)}
    assert [world.run()["held"].get(REMINDER, 0) for _ in range(3)] == [25, 10, 0]


def test_time_is_left_for_the_release() -> None:
    world = World()
    hold(world, REMINDER, 3, template="reminder")
    world.template_flag("reminder")
    world.park("p")
    answer = world.run(remaining=10.0)
    assert (answer["held"], answer["released"]) == ({}, {"normal": 1})


def test_without_the_campaigns_table_the_backlog_leaves_all_the_same() -> None:
    world = World()
    world.park("p", age=5)
    world.campaigns.broken = True
    with pytest.raises(UnavailableError):
        world.run()
    assert set(world.woken) == {"p"}
