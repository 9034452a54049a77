"""The drain keeps its rate, and hot items stay below their limit: the big form is ``benchmarks/wide.py``."""

from __future__ import annotations

import pytest
from lifeline.domain.shards import NARROW, WIDE

from benchmarks.wide import LIMIT, ROWS, deviation, drain, live


@pytest.mark.parametrize(("rate", "minutes"), [(10, 3), (50, 2)])
def test_no_minute_of_the_drain_is_far_from_its_rate(rate: int, minutes: int) -> None:
    assert deviation(drain(rate, minutes), minutes) <= 0.02


def test_no_item_of_live_traffic_is_hot() -> None:
    most = live(80, 3).most()
    assert most["limiter whatsapp"] > 0
    assert set(ROWS) & set(most) >= {"limiter whatsapp", "limiter bulk", "window whatsapp", "stats"}
    assert max(most.values()) <= LIMIT


def test_writes_spread_over_the_keys_of_an_item() -> None:
    """Without them, each of these would be one item."""
    world = live(300, 2)
    minutes = {pk for _, pk, _ in world.client.writes if pk.partition("#")[0] == "stats"}
    assert len(minutes) == WIDE.minute
    timers = {key for _, name, key in world.ledger.index if name == "agenda"}
    assert len(timers) > NARROW.timer, "critical messages are on the agenda from their claim on"
