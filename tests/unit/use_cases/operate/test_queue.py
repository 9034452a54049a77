"""Operator actions on queues: what waits, how long, and the rate at which it leaves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from lifeline.adapters.queues import Depth
from lifeline.contract.instants import format_instant
from lifeline.contract.names import ENTRY_QUEUES, LANES, QUEUES
from lifeline.domain.message.row import BACKLOG, Lane, Row
from lifeline.domain.message.status import Status
from lifeline.domain.pace.records import DrainRate, DrainState, LaneSizes

from tests.support.operating import ACTOR, World, url


@pytest.fixture
def world() -> World:
    return World()


def test_disable_without_ramp_goes_straight_to_normal_and_to_the_set_rate(world: World) -> None:
    world.control.keep(DrainRate(25.0), actor="x", reason="x", now=1.0)
    world.trip()
    assert world.disable(ramp=False)["flag"]["state"] == "normal"
    assert world.control.kept(DrainState).value.rate == 25.0


def wait(world: World, lane: str, count: int, ago: float = 100.0, **fields: Any) -> None:
    """So many messages in a lane, the first of them due ``ago`` seconds ago."""
    for number in range(count):
        row = Row(f"{lane}-{number}", Status.PARKED, lane=lane, due=world.clock() - ago + number / 1000)
        world.ledger.put(replace(row, **fields))


def drains(world: World, rate: float = 10.0, **more: Any) -> None:
    state = DrainState(rate=rate, why="releasing", **more)
    world.control.keep(state, actor="d", reason="", now=world.clock.now)


def by_name(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {queue["name"]: queue for queue in result["queues"]}


def test_queue_status_of_all_queues_and_lanes(world: World) -> None:
    result = world.ask("queue.status")
    names = [queue["name"] for queue in result["queues"]]
    assert set(names) == {*QUEUES, *LANES}
    assert names[:3] == list(ENTRY_QUEUES), "what producers fill comes first"
    kinds = {queue["kind"] for queue in result["queues"]}
    assert kinds == {"live", "backlog", "refused", "timer", "dead-letter"}
    assert (result["waiting"], result["refused"], result["unreadable"], result["eta_seconds"]) == (0, 0, 0, 0)
    assert result["drain"]["ceiling"] == 10.0


def test_the_lanes_of_the_contract_are_those_of_the_agenda() -> None:
    assert set(LANES) == {str(lane) for lane in Lane}
    assert [lane for lane in LANES if lane in BACKLOG] == list(BACKLOG)


@pytest.mark.parametrize("name", ["whatsapp-queue", "lifeline-test-whatsapp-queue"])
def test_the_whatsapp_queue_means_the_entry_queues_and_all_lanes(world: World, name: str) -> None:
    world.may_hold("reminder", "spring")
    wait(world, "template:reminder", 2)
    shown = [queue["name"] for queue in world.ask("queue.status", queue=name)["queues"]]
    assert shown == [*ENTRY_QUEUES, *LANES, "template:reminder"]


@pytest.mark.parametrize("name", ["voice-dlq", "wake-queue", "refused", "timer", "bulk", "template:reminder"])
def test_one_other_queue_or_lane_alone(world: World, name: str) -> None:
    assert [queue["name"] for queue in world.ask("queue.status", queue=name)["queues"]] == [name]


def test_an_unknown_queue_is_refused_with_what_there_is(world: World) -> None:
    error = world.refused("queue.status", queue="sms-queue")
    assert error["code"] == "unknown_queue"
    assert error["valid"] == [*QUEUES, *LANES]


def test_queue_status_says_how_old_the_backlog_is_and_when_it_will_be_gone(world: World) -> None:
    wait(world, "critical", 100, ago=321)
    wait(world, "normal", 300)
    drains(world)
    result = world.ask("queue.status")
    found = by_name(result)
    assert (found["critical"]["visible"], found["critical"]["eta_seconds"]) == (100, 10)
    assert found["normal"]["eta_seconds"] == 40
    assert found["critical"]["oldest_age_seconds"] == 321.0, "exact, and at once"
    assert result["eta"] == format_instant(world.clock.now + 40)
    assert (result["waiting"], result["drain"]["rate"]) == (400, 10.0)


def test_messages_that_sleep_are_told_apart(world: World) -> None:
    wait(world, "normal", 3, ago=-3600)
    wait(world, "bulk", 1)
    result = world.ask("queue.status")
    found = by_name(result)["normal"]
    assert (found["visible"], found["delayed"], found["oldest_age_seconds"]) == (0, 3, None)
    assert any("3 of the backlog wait for the end of quiet hours" in note for note in result["notes"])


def test_what_is_released_already_is_on_its_way_and_the_rest_leaves_after_it(world: World) -> None:
    world.control.marks["drain"] = world.clock.now + 45
    wait(world, "timer", 30, ago=-10, status=Status.CLAIMED, phase="waiting", drained=True)
    world.ledger.put(Row("retry", lane="timer", due=world.clock.now + 5, phase="waiting"))
    result = world.ask("queue.status")
    assert (result["waiting"], result["released"], result["eta_seconds"]) == (0, 30, 45)
    wait(world, "normal", 100)
    drains(world)
    assert world.ask("queue.status")["eta_seconds"] == 55
    world.clock.advance(60)
    assert world.ask("queue.status")["released"] == 0, "waits for another reason"


def test_in_panic_nothing_leaves_and_status_says_why(world: World) -> None:
    wait(world, "normal", 5)
    world.trip()
    result = world.ask("queue.status")
    assert result["eta_seconds"] is None
    assert any("panic" in note for note in result["notes"])


def test_queue_status_points_at_what_needs_a_person(world: World) -> None:
    world.queues.depths[url("whatsapp-dlq")] = Depth(3, 0, 0)
    wait(world, "refused", 2, status=Status.REJECTED)
    result = world.ask("queue.status", queue="normal")
    assert (result["refused"], result["unreadable"]) == (2, 3)
    for name in ("whatsapp-dlq", "refused"):
        assert any(f"lifeline queue redrive --queue {name} --dry-run" in note for note in result["notes"])


def test_ages_of_queues_come_from_cloudwatch_or_are_said_to_be_unknown(world: World) -> None:
    world.queues.depths[url("whatsapp-critical-queue")] = Depth(5, 0, 0)
    world.queues.depths[url("whatsapp-queue")] = Depth(5, 0, 0)
    world.metrics.ages = {"lifeline-test-whatsapp-critical-queue": 321.0}
    result = world.ask("queue.status", queue="whatsapp-queue")
    assert by_name(result)["whatsapp-critical-queue"]["oldest_age_seconds"] == 321.0
    assert by_name(result)["whatsapp-queue"]["oldest_age_seconds"] is None
    assert any("oldest message of whatsapp-queue" in note for note in result["notes"])
    world.metrics.ages["lifeline-test-whatsapp-queue"] = 0.0
    result = world.ask("queue.status", queue="whatsapp-queue")
    assert by_name(result)["whatsapp-queue"]["oldest_age_seconds"] is None, "measured before these came"
    world.metrics.broken = True
    assert any("unknown" in note for note in world.ask("queue.status")["notes"])


@pytest.mark.parametrize(
    ("given", "rate"), [("10/s", 10.0), ("600/min", 10.0), ("0", 0.0), (2, 2.0), (0.5, 0.5), (0, 0.0)]
)
def test_set_rate_stores_the_ceiling_with_who_and_why(world: World, given: Any, rate: float) -> None:
    result = world.ask("queue.set_rate", queue="whatsapp-queue", rate=given, reason="slow down", actor=ACTOR)
    assert (result["rate"], result["before"]) == (rate, 10.0)
    assert result["effective_within_seconds"] <= 75
    stored = world.control.kept(DrainRate)
    assert (stored.value.rate, stored.actor, stored.reason) == (rate, ACTOR, "slow down")
    event = world.ask("panic.history")["events"][0]
    assert (event["kind"], event["actor"]) == ("noted", ACTOR)
    assert "slow down" in event["reason"]


@pytest.mark.parametrize("rate", ["fast", "10", "0.1/s", "1001/s", "-1/s", "", 0.01, 1001, True])
def test_a_wrong_rate_is_refused(world: World, rate: Any) -> None:
    error = world.refused("queue.set_rate", queue="whatsapp-queue", rate=rate, reason="x", actor=ACTOR)
    assert error["code"] in ("bad_rate", "invalid_request")
    assert DrainRate.NAME not in world.control.values


def test_a_large_lane_is_told_as_the_tick_counted_it(world: World) -> None:
    """In as many queries as for an empty one: nobody waits while a million entries are read."""
    world.agenda.counted = 5
    wait(world, "normal", 400)
    world.control.keep(LaneSizes({"normal": 398}), actor="d", reason="counted", now=world.clock())
    result = world.ask("queue.status")
    assert (by_name(result)["normal"]["visible"], result["waiting"]) == (398, 398)
    assert any("normal: as the tick counted last" in note for note in result["notes"])
    world.agenda.counted = 4_000
    result = world.ask("queue.status")
    assert (by_name(result)["normal"]["visible"], result["waiting"]) == (400, 400), "exact where it can be"
    assert not any("as the tick counted" in note for note in result["notes"])


@pytest.mark.parametrize("name", ["voice-queue", "whatsapp-bulk-queue", "bulk"])
def test_only_the_whatsapp_queue_has_a_rate(world: World, name: str) -> None:
    error = world.refused("queue.set_rate", queue=name, rate="1/s", reason="x", actor=ACTOR)
    assert error["valid"] == ["whatsapp-queue"]


def test_rate_zero_holds_and_status_says_so(world: World) -> None:
    wait(world, "normal", 5)
    world.ask("queue.set_rate", queue="whatsapp-queue", rate="0", reason="wait", actor=ACTOR)
    result = world.ask("queue.status")
    assert result["eta_seconds"] is None
    assert any("set-rate" in note for note in result["notes"])


def test_a_rate_above_the_accounts_throughput_is_meant_or_refused_and_told(world: World) -> None:
    limit = world.settings.limiter.rate
    fields: dict[str, Any] = {
        "queue": "whatsapp-queue",
        "rate": limit + 1,
        "reason": "faster",
        "actor": ACTOR,
    }
    error = world.refused("queue.set_rate", **fields)
    assert error["code"] == "unsure"
    assert "above the account's throughput, 65/s" in error["message"]
    assert "drain_rate" not in world.control.values
    assert "65/s" in world.ask("queue.set_rate", **fields, sure=True)["warnings"][0]
    assert world.ask("queue.set_rate", **fields | {"rate": limit})["warnings"] == []
