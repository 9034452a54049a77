"""Forged wake-ups and jobs: whatever lies on a queue of Lifeline's own, it only makes somebody look."""

from __future__ import annotations

import copy
import json
from typing import Any, Final

import pytest
from lifeline.contract.names import WAKE_QUEUE
from lifeline.domain.message.row import Row, waiting
from lifeline.domain.message.status import Status

from tests.support.hostile import World, good
from tests.support.statuses import PUSHED

BODIES: Final = {
    "nothing": "",
    "a blank": " ",
    "an unknown id": "nobody",
    "a reserved id": "lifeline:probe",
    "half a character": "\ud83d",
    "NUL": "\x00",
    "escape": "\x1b[2J",
    "C1": "\x9b2J",
    "a line feed": "due\nlater",
    "3,000 characters": "x" * 3000,
    "600 emojis": "\U0001f600" * 600,
    "300 KB": "x" * 300_000,
    "a message": good(),
    "a message of another's id": good(id="later", text="forged"),
    "JSON null": "null",
    "JSON list": '["due"]',
    "JSON text": '"due"',
    "20,000 brackets": "[" * 20_000,
    "a status": json.dumps({"id": "later", "status": "DELIVERED"}),
    "a carrier of version 1": json.dumps({"id": "later", "lifeline": {"slot": "now", "rounds": 1e9}}),
    "an act": "later#1",
    "two ids": "due later",
    "a wildcard": "*",
    "PartiQL": "' OR '1'='1",
    "a path": "../../etc/passwd",
    "another key": '{"S": "due"}',
}
"""What a wake-up may hold, were somebody able to put one there. None names a row that is due."""
STATES: Final = {
    "later": Status.CLAIMED,
    "parked": Status.PARKED,
    "refused": Status.REJECTED,
    "delivered": Status.DELIVERED,
    "failed": Status.FAILED,
    "pushed": PUSHED,
    "cancelled": Status.CANCELLED,
    "expired": Status.EXPIRED,
    "held": Status.HELD,
}


@pytest.fixture(params=[False, True], ids=["health", "panic"])
def world(request: pytest.FixtureRequest) -> World:
    made = World()
    if request.param:
        made.trip()
    for name, status in STATES.items():
        row = Row(name, status, body=good(id=name), priority="normal", rev=1)
        if name == "later":
            row = waiting(row, made.clock() + 600)
        if name == "parked":
            row = Row(name, status, rev=1, body=good(id=name), lane="normal", due=made.clock() + 600)
        made.ledger.put(row)
    return made


def test_names_are_many() -> None:
    assert len(BODIES) + len(STATES) >= 35


@pytest.mark.parametrize("name", BODIES)
def test_a_forged_wake_up_changes_nothing_and_the_canary_sings(world: World, name: str) -> None:
    canary = due(world)
    before = copy.deepcopy(world.ledger.rows)
    assert world.invoke(BODIES[name], canary, BODIES[name], queue=WAKE_QUEUE) == []
    assert world.sings(canary)
    after = {key: row for key, row in world.ledger.rows.items() if key != canary}
    assert after == {key: row for key, row in before.items() if key != canary}
    assert world.dead == []
    assert len(world.meta.sent) + len(world.push.sent) == 1
    assert "exception" not in {level for level, _, _ in world.log.lines}


@pytest.mark.parametrize("name", STATES)
@pytest.mark.parametrize("copies", [1, 9])
def test_a_wake_up_for_what_is_not_due_sends_nothing(world: World, name: str, copies: int) -> None:
    canary = due(world)
    before = world.row(name)
    assert world.invoke(*[name] * copies, canary, queue=WAKE_QUEUE) == []
    assert world.row(name) == before
    assert world.told(name) == []
    assert world.sings(canary)


def test_a_forged_wake_up_among_ten_is_read_alone(world: World) -> None:
    """One that DynamoDB would refuse as a key must not cost the others their time."""
    canaries = [due(world) for _ in range(5)]
    assert world.invoke("", "x" * 3000, "\ud83d", *canaries, queue=WAKE_QUEUE) == []
    assert all(world.sings(name) for name in canaries)


def test_a_wake_up_that_comes_ten_times_sends_once(world: World) -> None:
    canary = due(world)
    for _ in range(10):
        assert world.invoke(*[canary] * 10, queue=WAKE_QUEUE) == []
    assert world.sings(canary)


def due(world: World) -> str:
    """A good critical message that waits for its wake-up."""
    name, body = world.canary()
    row = Row(name, body=body, priority="critical", rev=1)
    world.ledger.put(waiting(row, world.clock()))
    return name


JOBS: Final[dict[str, Any]] = {
    "nothing": "",
    "null": "null",
    "a list": "[]",
    "another kind": json.dumps({"kind": "delete", "id": "later"}),
    "no kind": json.dumps({"id": "later"}),
    "a kind that is a list": json.dumps({"kind": ["speech"]}),
    "speech of nobody": json.dumps({"kind": "speech", "id": "nobody"}),
    "speech of an empty id": json.dumps({"kind": "speech", "id": ""}),
    "speech of a long id": json.dumps({"kind": "speech", "id": "x" * 3000}),
    "speech of half a character": json.dumps({"kind": "speech", "id": "\ud83d"}),
    "speech of a row that does not wait": json.dumps({"kind": "speech", "id": "delivered"}),
    "a voice note without fields": json.dumps({"kind": "inbound_voice"}),
    "a voice note of the year 1e300": json.dumps(
        {"kind": "inbound_voice", "wamid": "w", "phone": "", "user_id": "", "name": "", "received_at": 1e300}
    ),
    "a voice note with turn abc": json.dumps({"kind": "inbound_voice", "wamid": "w", "turn": "abc"}),
    "900 levels": '{"kind": ' + "[" * 900 + "]" * 900 + "}",
    "20,000 brackets": "[" * 20_000,
    "5,000 digits": '{"kind": ' + "9" * 5000 + "}",
    "a message": good(),
}


@pytest.mark.parametrize("name", JOBS)
def test_a_forged_job_of_the_voice_queue_changes_nothing(world: World, name: str) -> None:
    before = copy.deepcopy(world.ledger.rows)
    world.listen(JOBS[name])
    assert world.ledger.rows == before
    assert world.topic.sent == []
    assert "exception" not in {level for level, _, _ in world.log.lines}
