"""Contents leave rows a set time after their end; ids, counts and conflicts stay."""

from __future__ import annotations

from dataclasses import replace

from lifeline.domain.message.content import DAY
from lifeline.domain.message.records import ContentSweep
from lifeline.domain.message.row import Change
from lifeline.domain.message.status import Status
from lifeline.use_cases.tick.contents import RemoveContents

from tests.support.sending import World


def remover(world: World) -> RemoveContents:
    on = world.adapters("drainer")
    return RemoveContents(
        settings=on.settings,
        control=on.control,
        ledger=on.ledger,
        clock=on.clock,
        telemetry=on.telemetry,
    )


def delivered(world: World, *names: str) -> None:
    world.put(*names)
    rows = [world.row(name) for name in names]
    world.ledger.write([Change(row, replace(row, status=Status.DELIVERED)) for row in rows], world.clock())


def test_a_content_leaves_after_its_days_and_not_before() -> None:
    world = World()
    delivered(world, "a", "b", "c")
    world.put("sent")
    world.clock.advance(6.9 * DAY)
    assert remover(world)(lambda: 60.0) == 0
    world.clock.advance(DAY)
    assert remover(world)(lambda: 60.0) == 3
    assert all(world.row(name).bare and not world.row(name).body for name in "abc")
    assert world.row("sent").body, (
        "Meta may still report that it failed: a fallback needs to know what to say"
    )
    world.clock.advance(30 * DAY)
    assert remover(world)(lambda: 60.0) == 1


def test_a_repetition_is_known_and_other_content_is_a_conflict() -> None:
    world = World()
    delivered(world, "a")
    world.clock.advance(8 * DAY)
    remover(world)(lambda: 60.0)
    sends = len(world.told("a"))
    world.put("a")
    assert world.row("a").conflicts == 0
    world.put("a", text="something else")
    assert world.row("a").conflicts == 1
    assert len(world.told("a")) == sends


def test_what_waits_keeps_its_content() -> None:
    world = World()
    world.trip()
    world.put("parked")
    world.clock.advance(60 * DAY)
    assert remover(world)(lambda: 60.0) == 0
    assert world.row("parked").body


def test_without_time_it_goes_on_where_it_stood() -> None:
    world = World()
    delivered(world, *map(str, range(20)))
    world.clock.advance(8 * DAY)
    left = iter([60.0] * 30)
    removed = remover(world)(lambda: next(left, 0.0))
    stood = world.control.kept(ContentSweep).value
    assert not stood.done
    assert stood.part > 0
    assert removed + remover(world)(lambda: 60.0) == 20
    assert world.control.kept(ContentSweep).value.done


def test_a_pass_begins_a_seventh_of_the_days_after_the_last_one() -> None:
    world = World()
    world.clock.advance(8 * DAY)
    remover(world)(lambda: 60.0)
    began = world.control.kept(ContentSweep).value.began
    world.clock.advance(DAY - 1)
    remover(world)(lambda: 60.0)
    assert world.control.kept(ContentSweep).value.began == began
    world.clock.advance(2)
    remover(world)(lambda: 60.0)
    assert world.control.kept(ContentSweep).value.began > began
