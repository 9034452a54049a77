"""Webhooks of another account or number: counted, told once a day, and nothing else."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.inbound.records import ForeignTold
from lifeline.domain.message.status import Status
from lifeline.domain.panic.flag import State
from lifeline.use_cases.webhook.bodies import Body
from lifeline.use_cases.webhook.inbound import Passed
from lifeline.wiring import webhook_events

from tests.support.memory import StoredRecord
from tests.support.meta import (
    WABA_ID,
    change,
    failed,
    inbound,
    post,
    status,
    statuses,
    template_update,
)
from tests.support.webhooks import HOOKS, World

OTHER_NUMBER, OTHER_WABA = "100000000000009", "200000000000009"
WROTE = {"from": "491700000001", "id": "wamid.in", "type": "text", "text": {"body": "hi"}}
RESTRICTED = change(
    "account_update",
    {
        "event": "ACCOUNT_RESTRICTION",
        "restriction_info": [{"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING"}],
    },
)
CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "a status of another number": (statuses([status("m", "read", act=1)], OTHER_NUMBER), WABA_ID),
    "a status of another account": (statuses([status("m", "read", act=1)]), OTHER_WABA),
    "a failure": (statuses([failed("m", 131026, act=1)], OTHER_NUMBER), WABA_ID),
    "a status of a probe": (statuses([status("lifeline:probe", "delivered")], OTHER_NUMBER), WABA_ID),
    "an inbound message": (inbound(WROTE, number=OTHER_NUMBER), WABA_ID),
    "an error": (change("messages", {"errors": [{"code": 190}]}), OTHER_WABA),
    "a restriction": (RESTRICTED, OTHER_WABA),
    "a ban": (change("account_update", {"ban_info": {"waba_ban_state": "DISABLE"}}), OTHER_WABA),
    "a template": (template_update("promo", "PAUSED"), OTHER_WABA),
    "a quality": (change("phone_number_quality_update", {"event": "FLAGGED"}), OTHER_WABA),
}


class Taken:
    """What people wrote, handed on."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    def __call__(self, messages: Any) -> list[Passed]:
        self.messages += messages
        return [Passed.DONE] * len(messages)


@pytest.fixture
def taken() -> Taken:
    return Taken()


@pytest.fixture
def world(taken: Taken) -> World:
    found = World(taken)
    found.sent("m")
    found.sent("parked", Status.PARKED)
    return found


def everything(world: World) -> Any:
    kept = {name: value for name, value in world.control.values.items() if name != ForeignTold.NAME}
    parts = (world.ledger.rows, world.control.stored, world.control.events, world.control.windows)
    led_to = {url: sent for url, sent in world.queues.sent.items() if url != HOOKS}
    return copy.deepcopy((*parts, kept, dict(world.control.minutes), led_to))


@pytest.mark.parametrize("what", CHANGES)
def test_it_is_counted_and_changes_nothing(world: World, what: str) -> None:
    found, waba = CHANGES[what]
    before = everything(world)
    for _ in range(3):
        assert world.post(found, waba=waba) == 200
    assert everything(world) == before
    assert world.log.metrics[("StatusUpdates", "foreign")] == 3
    assert [key for key in world.log.metrics if key[0] == "StatusUpdates"] == [("StatusUpdates", "foreign")]
    (notice,) = world.notices.told
    assert notice["audience"] == ("engineering",)
    assert notice["data"]["event"] == "foreign_webhook"
    assert (OTHER_NUMBER if waba == WABA_ID else OTHER_WABA) in notice["text"]


def test_the_same_of_ours_changes_what_it_should(taken: Taken, world: World) -> None:
    """The stand-ins above would change something, were they ours."""
    assert world.post(RESTRICTED) == 200
    assert world.control.flag(WHATSAPP).state is State.PANIC
    assert world.post(statuses([status("m", "read", act=1)]), inbound(WROTE)) == 200
    assert world.status_of("m") is Status.READ
    (message,) = taken.messages
    assert (message.number.id, message.number.display) == ("100000000000001", "+15550783881")
    assert world.notices.told[-1]["data"]["event"] != "foreign_webhook"


def test_a_listed_number_is_ours() -> None:
    taken = Taken()
    world = World(taken, numbers=(OTHER_NUMBER,))
    assert world.post(inbound(WROTE, number=OTHER_NUMBER)) == 200
    assert [message.number.id for message in taken.messages] == [OTHER_NUMBER]
    assert world.notices.told == []


def test_people_are_told_once_a_day_by_all_workers(world: World) -> None:
    found, waba = CHANGES["a restriction"]
    raw = post(found, waba=waba)
    more = {"inbox": None, "inbound_topic": None}
    workers = [world.worker, webhook_events.build(world.adapters("webhook_events", **more))]
    for day in (1, 2):
        for worker in (*workers, *workers):
            assert not worker([Body("b", raw.decode())], lambda: 20.0)
        assert len(world.notices.told) == day
        world.clock.advance(86_400)
    warnings = [event for level, event, _ in world.log.lines if level == "warning"]
    assert sum("another account" in event for event in warnings) == 2


@pytest.mark.parametrize("broken", ["control", "notices", "record"])
def test_trouble_with_telling_does_not_make_meta_come_again(world: World, broken: str) -> None:
    world.control.broken, world.notices.broken = broken == "control", broken == "notices"
    if broken == "record":
        world.control.values[ForeignTold.NAME] = StoredRecord('{"at": "?"}', "", "", 0.0, 1)
    found, waba = CHANGES["a restriction"]
    assert world.post(found, waba=waba) == 200
    assert world.log.metrics[("StatusUpdates", "foreign")] == 1


def test_a_good_status_beside_it_goes_on(world: World) -> None:
    mine = statuses([status("m", "read", act=1)])
    assert world.post(statuses([status("parked", "read", act=1)], OTHER_NUMBER), mine) == 200
    assert (world.status_of("m"), world.status_of("parked")) == (Status.READ, Status.PARKED)
