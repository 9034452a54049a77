"""That statuses come in at all, and those of test sends."""

from __future__ import annotations

import pytest
from lifeline.domain.inbound.records import TESTS_KEPT, ProbeReported, ReportsOfTests, WebhookSeen
from lifeline.domain.message.status import Status

from tests.support.meta import failed, status
from tests.support.webhooks import World


@pytest.fixture
def world() -> World:
    return World()


# --- Seen ----------------------------------------------------------------------------------------------


def test_webhooks_seen_are_remembered_and_statuses_counted_by_the_minute_of_the_send(world: World) -> None:
    first = world.clock.now
    world.sent("a", attempted_at=first - 120)
    world.statuses(status("a", "sent"))
    world.clock.advance(400)
    world.statuses(status("a", "delivered"))
    world.statuses(status("a", "read"))
    assert world.control.kept(WebhookSeen).value == WebhookSeen(first, first + 400)
    minute = int((first - 120) // 60) * 60
    assert world.control.minutes[minute] == {"sts": 1, "std": 1}


def test_statuses_of_test_sends_are_kept_for_the_prober(world: World) -> None:
    world.statuses(status("lifeline:probe", "failed", errors=[{"code": 131000}]))
    assert world.control.kept(ProbeReported).value.at is None
    world.statuses(status("lifeline:probe", "sent"))
    assert world.control.kept(ProbeReported).value.at == world.clock.now
    assert ("StatusUpdates", "unknown_message") not in world.log.metrics


# --- an operator's test sends -----------------------------------------------------------------------------


def test_statuses_of_test_sends_are_kept_for_who_waits(world: World) -> None:
    assert world.statuses(status("lifeline:test:1", "delivered"), status("lifeline:test:1", "sent")) == 200
    assert world.statuses(status("lifeline:test:1", "delivered")) == 200
    assert world.statuses(failed("lifeline:test:2", 131026)) == 200
    known = world.control.kept(ReportsOfTests).value.of
    assert known["lifeline:test:1"].states == ("delivered", "sent")
    assert (known["lifeline:test:2"].states, known["lifeline:test:2"].code) == (("failed",), 131026)
    assert world.woken == [], "nobody's fallback"
    assert world.control.kept(WebhookSeen).value.at == world.clock(), "it proves the webhook like any status"
    for n in range(30):
        world.statuses(status(f"lifeline:test:{n + 3}", "sent"))
    assert len(world.control.kept(ReportsOfTests).value.of) == TESTS_KEPT


def test_a_producers_message_with_such_an_id_is_settled(world: World) -> None:
    world.sent("lifeline:test:mine")
    world.statuses(status("lifeline:test:mine", "delivered"))
    assert world.status_of("lifeline:test:mine") is Status.DELIVERED
