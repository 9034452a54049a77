"""Voice notes that waited: they go back spread over the minute, and none is lost on the way."""

from __future__ import annotations

import pytest

from tests.support.voice_notes import VOICE, World


@pytest.fixture
def world() -> World:
    return World()


def test_what_could_not_be_put_back_waits_for_the_next_minute(world: World) -> None:
    world.panic = True
    world.run(world.note())
    world.panic = False
    world.queues.broken = {VOICE}
    assert world.release() == 0
    assert len(world.inbox.waiting) == 1
    world.queues.broken = set()
    world.inbox.broken = {"forget"}
    world.release()
    world.inbox.broken = {"pending"}
    assert world.release() == 0
    world.inbox.broken = set()
    world.settle(2)
    assert world.kinds == ["voice_pending", "voice"], "put back twice, heard once"


def test_pending_notes_are_spread_over_the_minute() -> None:
    world = World(release_per_minute=4)
    world.panic = True
    for number in range(6):
        world.run(world.note(f"w{number}"))
    world.panic = False
    assert world.release() == 4
    assert [item.delay for item in world.queued()] == [0, 15, 30, 45]
    assert world.release() == 2


def test_a_kept_note_that_cannot_be_read_holds_up_no_other() -> None:
    world = World()
    world.panic = True
    assert world.run(world.note())
    world.inbox.waiting["000000000000000#broken"] = "{"
    world.clock.advance(100 * 3600)
    assert world.release() == 2
    assert next(message.body for message in world.queues.sent[VOICE]) == "{", "a person looks at it"
