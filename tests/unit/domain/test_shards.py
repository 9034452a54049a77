"""Keys that items are spread over."""

from __future__ import annotations

import pytest
from lifeline.domain.message.row import BACKLOG, Lane
from lifeline.domain.shards import LANE, NARROW, WIDE, WIDE_ABOVE, of_lane, shard_of, spread_at


@pytest.mark.parametrize("shards", sorted({LANE, *NARROW, *WIDE}))
def test_shards_spread_evenly(shards: int) -> None:
    counts = [0] * shards
    for number in range(1000 * shards):
        counts[shard_of(f"appointment-{number}", shards)] += 1
    assert min(counts) > 800
    assert shard_of("a", shards) == shard_of("a", shards)


def test_the_timer_lane_has_more_than_the_others() -> None:
    assert of_lane(Lane.TIMER) == WIDE.timer
    assert of_lane(Lane.TIMER, NARROW) == NARROW.timer
    assert {of_lane(lane) for lane in (*BACKLOG, Lane.REFUSED, "template:timer")} == {LANE}


def test_a_deployment_that_needs_no_more_writes_what_the_version_before_reads() -> None:
    """So that it can be taken back: that one asks eight keys of a lane or an incident, one of a minute."""
    assert spread_at(65.0) == spread_at(WIDE_ABOVE) == NARROW == (8, 8, 1)
    assert spread_at(WIDE_ABOVE + 1) == WIDE
    assert all(few <= many for few, many in zip(NARROW, WIDE, strict=True)), "what is written is read"
