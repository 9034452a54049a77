"""Usage headers cost at most a write per batch, and few in all."""

from __future__ import annotations

import pytest
from lifeline.domain.account.records import UsageReading

from tests.support.account import World, usage


@pytest.fixture
def world() -> World:
    return World()


def test_headers_cost_at_most_a_write_per_batch_and_few_in_all(world: World) -> None:
    keeper = world.usage_seen()
    for _ in range(100):
        world.meta.last_usage = usage()
        keeper()
        keeper()
        world.clock.advance(1)
    assert world.control.kept(UsageReading).version == 4, "one each 30 seconds"
    world.control.broken = True
    world.meta.last_usage = usage(90)
    keeper()
    assert world.log.lines[-1][:2] == ("warning", "usage headers could not be kept")
    world.control.broken = False
    world.meta.last_usage = usage(90)
    keeper()
    assert world.control.kept(UsageReading).value.usage == usage(90)
