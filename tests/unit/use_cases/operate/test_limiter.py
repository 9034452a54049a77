"""The limiter as operators set it: at once, for a span, told in the history."""

from __future__ import annotations

from typing import Any

import pytest
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.pace.pace import SetRate

from tests.support.operating import ACTOR, World


@pytest.fixture
def world() -> World:
    return World()


def set_rate(world: World, rate: Any = "30/s", **fields: Any) -> dict[str, Any]:
    return world.ask("limiter.set", rate=rate, reason="Meta limits us", actor=ACTOR, **fields)


def test_without_an_operator_the_deployment_has_its_way(world: World) -> None:
    shown = world.ask("limiter.show")
    assert (shown["rate"], shown["deployed"], shown["set"]) == (65.0, 65.0, None)


def test_a_rate_holds_at_once_and_ends_by_itself(world: World) -> None:
    answer = set_rate(world, for_seconds=3600)
    assert (answer["rate"], answer["before"], answer["warnings"]) == (30.0, 65.0, [])
    assert world.control.operators_rate() == SetRate(30.0, world.clock() + 3600)
    assert world.ask("limiter.show")["set"] == {"rate": 30.0, "until": answer["until"]}
    assert world.ask("status.show")["limiter"]["rate"] == 30.0
    world.clock.now += 3600
    assert world.ask("limiter.show")["rate"] == 65.0
    assert world.ask("limiter.show")["set"] is None


def test_it_is_told_in_the_history_with_name_and_reason(world: World) -> None:
    set_rate(world)
    (event,) = world.ask("panic.history", scope=WHATSAPP)["events"]
    assert event["actor"] == ACTOR
    assert event["reason"] == "limiter 65/s to 30/s: Meta limits us"
    assert event["evidence"]["after"] == 30.0


def test_without_a_rate_the_deployments_holds_again(world: World) -> None:
    set_rate(world)
    answer = world.ask("limiter.set", reason="enough", actor=ACTOR)
    assert (answer["rate"], answer["before"]) == (65.0, 30.0)
    assert world.control.operators_rate() is None


def test_a_rate_above_the_deployments_must_be_meant(world: World) -> None:
    fields = {"rate": "80/s", "reason": "why", "actor": ACTOR}
    error = world.refused("limiter.set", **fields)
    assert error["code"] == "unsure"
    assert world.control.operators_rate() is None
    assert set_rate(world, "80/s", sure=True)["warnings"]


@pytest.mark.parametrize(
    ("rate", "says"), [("0", "panic mode"), ("fast", "is not a rate"), ("1001/s", "1000/s")]
)
def test_a_rate_that_is_none_is_refused_in_words(world: World, rate: str, says: str) -> None:
    error = world.refused("limiter.set", rate=rate, reason="why", actor=ACTOR)
    assert error["code"] == "bad_rate"
    assert says in error["message"]


def test_a_span_goes_with_a_rate(world: World) -> None:
    error = world.refused("limiter.set", for_seconds=60, reason="why", actor=ACTOR)
    assert "for_seconds needs a rate" in error["message"]
