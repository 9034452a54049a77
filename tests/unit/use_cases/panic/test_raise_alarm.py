"""Alarms: every event shape, the scope in the name, and nothing done twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lifeline.contract.instants import parse_instant
from lifeline.contract.scopes import OPENAI_VOICE, WHATSAPP
from lifeline.domain.panic.ending import disable
from lifeline.domain.panic.flag import By, State
from lifeline.errors import UnavailableError
from lifeline.settings import Settings
from lifeline.wiring import alarm

from tests.support.memory import Clock
from tests.support.services import Services

EVENTS = Path(__file__).parents[4] / "events" / "alarm"


CHANGED = parse_instant("2026-03-01T09:00:05.101+00:00")


def event(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return found


class World(Services):
    def __init__(self) -> None:
        settings = Settings(alarm_prefix="lifeline-", probe_queue_url="queue/probe")
        super().__init__(settings, clock=Clock(CHANGED + 2))
        adapters = self.adapters("alarm")
        self.panic = adapters.panic
        self.alarm = alarm.build(adapters)


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        ("cloudwatch_direct", WHATSAPP),
        ("cloudwatch_composite", OPENAI_VOICE),
        ("sns_wrapped", WHATSAPP),
        ("sns_composite", WHATSAPP),
    ],
)
def test_every_shape_enters_panic_on_its_scope(world: World, name: str, scope: str) -> None:
    answer = world.alarm(event(name))
    flag = world.control.flag(scope)
    assert (flag.state, flag.cause, flag.source) == (State.PANIC, "alarm", "alarm")
    assert flag.evidence["changed_at"] == CHANGED
    assert answer["alarms"][0]["did"] == "entered"
    assert len(world.control.stored) == 1
    assert len(world.queues.sent["queue/probe"]) == 4


@pytest.mark.parametrize("name", ["cloudwatch_ok", "cloudwatch_insufficient_data", "not_a_trip_alarm"])
def test_other_states_and_other_alarms_do_nothing(world: World, name: str) -> None:
    assert world.alarm(event(name))["alarms"][0]["did"] == "nothing"
    assert not world.control.stored


@pytest.mark.parametrize(
    "odd",
    [{}, {"Records": []}, {"Records": [1, {"Sns": {"Message": "text"}}, {"Sns": 3}]}, {"alarmData": "x"}],
)
def test_events_of_no_alarm_do_nothing(world: World, odd: dict[str, Any]) -> None:
    assert world.alarm(odd) == {"alarms": []}
    assert not world.control.stored


def test_repeated_and_late_notifications_leave_one_incident(world: World) -> None:
    for name in ("cloudwatch_direct", "sns_wrapped", "cloudwatch_direct"):
        world.alarm(event(name))
    assert world.control.kinds(WHATSAPP) == ["entered"]
    world.clock.advance(60)
    world.panic.change(
        WHATSAPP, lambda flag: disable(flag, By("me", "operator", "checked", world.clock.now), ramp=False)
    )
    world.alarm(event("cloudwatch_direct"))
    assert world.control.flag(WHATSAPP).state is State.NORMAL, "it tells of the panic that is over"


def test_a_flag_that_cannot_be_written_makes_lambda_try_again(world: World) -> None:
    world.control.broken = True
    with pytest.raises(UnavailableError):
        world.alarm(event("cloudwatch_direct"))


def test_a_lost_race_is_decided_anew(world: World) -> None:
    world.control.races = 2
    world.alarm(event("cloudwatch_direct"))
    assert world.control.kinds(WHATSAPP) == ["entered"]
