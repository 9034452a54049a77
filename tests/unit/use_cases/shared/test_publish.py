"""Marks on rows are taken off when their outcomes were told, whoever moves the row meanwhile."""

from __future__ import annotations

from dataclasses import replace

from lifeline.domain.message.row import Lane, Mark, Row, Watch
from lifeline.domain.message.status import Status
from lifeline.settings import Settings
from lifeline.use_cases.shared.publish import Publish, ToTell
from lifeline.wiring import messages

from tests.support.memory import Clock, Fault
from tests.support.rows import row
from tests.support.sending import World


def publisher(world: World) -> Publish:
    return messages.publish(world.adapters("sender", panic=world.panic))


def owing_row(world: World) -> Row:
    mark = Mark(2, "SENT", world.clock(), Watch.AGENDA)
    values = {"status": Status.SENT, "lane": Lane.TIMER, "due": world.clock(), "onward": "off"}
    return world.ledger.put(row(id="m", rev=2, outcomes=(mark,), phase=None, **values))


def test_nothing_to_tell_asks_nobody() -> None:
    world = World(Settings(outcomes_topic_arn="topic/outcomes"))
    assert publisher(world)([]) == {}
    assert world.outcome_topic.calls == 0


def test_a_mark_is_taken_off_the_row_as_another_writer_left_it() -> None:
    world = World(Settings(outcomes_topic_arn="topic/outcomes"))
    mine = owing_row(world)

    def moves() -> None:
        now = world.row("m")
        further = Mark(3, "READ", world.clock(), Watch.WEBHOOK)
        world.ledger.put(
            replace(now, rev=3, ops=("other",), status=Status.READ, outcomes=(*now.outcomes, further))
        )

    world.outcome_topic.before = moves
    noted = publisher(world)([ToTell(mine, frozenset({2}))])
    assert [mark.rev for mark in world.row("m").outcomes] == [3]
    assert world.row("m").lane is None
    assert noted["m"] == world.row("m")


def test_a_mark_that_cannot_be_taken_off_is_told_again() -> None:
    world = World(Settings(outcomes_topic_arn="topic/outcomes"))
    mine = owing_row(world)
    world.faults.add("ledger.write.before", *[Fault.LOSE] * 8)
    assert publisher(world)([ToTell(mine, frozenset({2}))]) == {}
    world.faults.clear()
    assert world.row("m").lane == Lane.TIMER
    world.serve()
    assert [event.event_id for event in world.outcome_topic.events] == ["m#2", "m#2"]
    assert world.row("m").lane is None


def test_what_could_not_be_told_counts() -> None:
    world = World(Settings(outcomes_topic_arn="topic/outcomes"))
    mine = owing_row(world)
    world.outcome_topic.script = [False]
    publisher(world)([ToTell(mine, frozenset({2}))])
    assert world.log.metrics["OutcomesDelayed", "whatsapp"] == 1
    assert (world.row("m").due or 0) > Clock().now
