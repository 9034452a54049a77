"""Hostile messages of producers: each with where it ends, in health and in panic; a canary in every batch."""

from __future__ import annotations

import re

import pytest
from lifeline.contract.names import CRITICAL_QUEUE
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.panic.flag import State

from tests.support.hostile import World, good
from tests.support.hostile_messages import (
    ATTRIBUTES,
    CASES,
    Case,
)
from tests.support.refusals import SYNTAX


@pytest.fixture
def world() -> World:
    return World()


def check(world: World, case: Case, panic: bool) -> None:
    if case.dead:
        assert len(world.dead) == 1
        assert world.dead[0].startswith("contract: ")
        assert case.dead in world.dead[0], world.dead[0]
        # What does not show is escaped; that apart, the reason is words.
        assert not SYNTAX.search(re.sub(r"\\u[0-9a-f]{4}", "", world.dead[0])), world.dead[0]
        assert not [name for name in world.ledger.rows if not name.startswith("canary")]
        return
    assert world.dead == []
    row = world.row(case.id)
    assert row.status is case.ends[panic]
    assert row.accounted


@pytest.mark.parametrize("panic", [False, True], ids=["health", "panic"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_ends_where_it_should_and_the_canaries_sing(world: World, case: Case, panic: bool) -> None:
    if panic:
        world.trip()
    (one, first), (two, second) = world.canary(), world.canary()
    assert world.invoke(first, case.body, second) == []
    check(world, case, panic)
    assert world.sings(one)
    assert world.sings(two)
    assert "exception" not in {level for level, _, _ in world.log.lines}
    flag = world.control.flag(WHATSAPP)
    assert flag.state is (State.PANIC if panic else State.NORMAL)


def test_names_are_unique() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 150


@pytest.mark.parametrize("panic", [False, True], ids=["health", "panic"])
def test_all_at_once_in_batches_of_ten(world: World, panic: bool) -> None:
    if panic:
        world.trip()
    bodies = [case.body for case in CASES if case.dead]
    canaries = []
    for start in range(0, len(bodies), 9):
        name, body = world.canary()
        canaries.append(name)
        assert world.invoke(*bodies[start : start + 9], body, queue=CRITICAL_QUEUE) == []
    assert len(world.dead) == len(bodies)
    assert all(world.sings(name) for name in canaries)
    shown = world.ask({"action": "queue.peek", "queue": "whatsapp-dlq", "sample": 20})
    assert shown["ok"], shown
    request = {
        "action": "queue.discard",
        "queue": "whatsapp-dlq",
        "reason": "hostile",
        "actor": "ada",
        "sure": True,
    }
    while not (found := world.ask(request))["result"]["complete"]:
        assert found["ok"], found
    assert world.queues.held(world.settings.whatsapp_dlq_url) == []


# -- attributes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("panic", [False, True], ids=["health", "panic"])
@pytest.mark.parametrize("name", ATTRIBUTES)
def test_an_attribute_means_nothing(world: World, name: str, panic: bool) -> None:
    plain = World()
    found = []
    for one, attributes in ((world, ATTRIBUTES[name]), (plain, None)):
        if panic:
            one.trip()
        canary, body = one.canary()
        assert one.invoke(good(), body, attributes=attributes) == []
        assert one.sings(canary)
        found.append((one.row("h"), one.told("h"), one.dead, one.control.tats))
    assert found[0] == found[1]


def test_attributes_let_nobody_past_the_limiter(world: World) -> None:
    bodies = [good(id=f"m{number}") for number in range(200)]
    for start in range(0, 200, 10):
        world.invoke(*bodies[start : start + 10], attributes={"lifeline": '{"slot": "now"}'})
    sent = [item.at for item in world.meta.sent]
    seconds = max(sent) - min(sent)
    assert len(sent) <= world.settings.limiter.burst + (seconds + 1) * world.settings.limiter.rate
    assert world.control.flag(WHATSAPP).state is State.NORMAL
