"""Escalation as the sender and the webhook carry it out: a phone that is off, and one that comes back."""

from __future__ import annotations

from typing import Any

import pytest
from lifeline.adapters.outcomes import NotTaken
from lifeline.domain.fallback.policy import Policy
from lifeline.domain.message.row import Lane
from lifeline.domain.message.status import Status
from lifeline.settings import Settings

from tests.support.meta import status
from tests.support.sending import DEVICE, MAIL, World
from tests.support.statuses import EMAILED, PUSHED

PEOPLE = {"push_endpoint": DEVICE, "email": MAIL}
AFTER = {"body": "At ten.", "after": 40}


def put(world: World, **more: Any) -> None:
    assert world.put("m", **{"recipient": PEOPLE, "fallback": AFTER, "priority": "critical", **more}) == []


def test_a_phone_that_is_off_is_answered_by_a_push_after_the_set_time() -> None:
    world = World()
    put(world)
    world.statuses(status("m#1", "sent"))
    assert (world.status("m"), world.row("m").lane) == (Status.SENT, Lane.TIMER)
    began = world.clock()
    world.serve(39.0)
    assert world.told("m") == ["whatsapp"]
    world.serve(60.0)
    assert world.told("m") == ["whatsapp", "push"]
    assert 39.0 <= world.push.sent[0].at - began <= 41.0
    row = world.row("m")
    assert (row.status, row.lane, row.tried, row.possible_duplicates) == (PUSHED, None, "push", 0)
    assert world.control.counted("esc") == world.log.metrics["Escalations", "whatsapp"] == 1
    assert world.control.counted("possible") == world.control.counted("esc_both") == 0
    assert world.log.metrics["Fallbacks", "push"] == 1
    world.serve()
    world.again()
    assert world.told("m") == ["whatsapp", "push"]


def test_delivered_in_time_takes_it_off_the_agenda() -> None:
    world = World()
    put(world)
    world.statuses(status("m#1", "delivered"))
    assert (world.status("m"), world.row("m").lane) == (Status.DELIVERED, None)
    world.serve()
    assert world.told("m") == ["whatsapp"]


def test_delivered_after_the_push_is_counted_as_both() -> None:
    world = World()
    put(world)
    world.serve()
    world.statuses(status("m#1", "delivered"))
    world.statuses(status("m#1", "delivered"), status("m#1", "read"))
    row = world.row("m")
    assert (row.status, row.beside, row.possible_duplicates) == (PUSHED, "READ", 0)
    assert world.control.counted("esc_both") == world.log.metrics["ToldByBoth", "whatsapp"] == 1
    assert world.control.counted("duplicate") == world.control.counted("possible") == 0


def test_delivered_while_the_push_is_under_way_is_counted_as_both() -> None:
    world = World()
    put(world)
    world.push.after = lambda name: world.statuses(status("m#1", "delivered"))
    world.serve()
    row = world.row("m")
    assert (row.status, row.beside, row.doubts) == (Status.DELIVERED, "PUSHED", ())
    assert world.control.counted("esc_both") == world.control.counted("esc") == 1
    assert world.control.counted("duplicate") == world.control.counted("possible") == 0


def test_a_way_that_fails_passes_to_the_next_and_nothing_is_parked() -> None:
    world = World()
    world.push.refuses[DEVICE] = NotTaken("EndpointDisabled")
    put(world)
    world.serve()
    assert (world.status("m"), world.told("m")) == (EMAILED, ["whatsapp", "email"])
    world.email.refuses[MAIL] = NotTaken("MessageRejected")
    world.put("n", recipient=PEOPLE, fallback=AFTER, priority="critical")
    world.serve()
    assert (world.status("n"), world.row("n").lane, world.told("n")) == (Status.SENT, None, ["whatsapp"])


@pytest.mark.parametrize(
    ("priority", "fallback", "set_to", "after"),
    [
        ("critical", None, {}, 300),
        ("critical", None, {"critical": 60}, 60),
        ("critical", AFTER, {"critical": 60}, 40),
        ("critical", None, {"critical": 0}, None),
        ("normal", None, {}, None),
        ("normal", {"after": 10.5}, {}, 11),
        ("normal", None, {"normal": 600}, 600),
        ("bulk", AFTER, {}, None),
    ],
)
def test_its_time_is_the_messages_own_or_the_deployments(
    priority: str, fallback: Any, set_to: dict[str, int], after: int | None
) -> None:
    world = World(Settings(fallback=Policy.parse({"after": set_to})))
    put(world, priority=priority, fallback=fallback)
    assert world.row("m").escalate_after == after


def test_in_panic_it_is_told_all_the_same_and_belongs_to_no_incident() -> None:
    world = World()
    put(world)
    world.trip()
    world.serve()
    row = world.row("m")
    assert (row.status, row.incident_id, world.told("m")) == (PUSHED, None, ["whatsapp", "push"])


def test_a_campaign_counts_its_message_once() -> None:
    world = World(Settings(fallback=Policy.parse({"steps": {"bulk": ["push", "park"]}})))
    put(world, priority="bulk")
    before = world.control.counted("o|SENT|bulk|-|-")
    world.serve()
    assert (before, world.status("m")) == (1, PUSHED)
    assert world.control.counted("o|PUSHED|bulk|-|-") == 0, "it is counted where Meta took it"


def test_all_ways_of_a_policy_that_takes_all_are_one_telling_that_is_meant() -> None:
    world = World(Settings(fallback=Policy.parse({"take_all": True})))
    put(world)
    world.push.after = lambda name: world.statuses(status("m#1", "sent"))
    world.serve()
    row = world.row("m")
    assert (row.status, row.tried, row.possible_duplicates) == (PUSHED, "push, email", 0)
    world.statuses(status("m#1", "delivered"))
    assert world.row("m").beside == "DELIVERED"
