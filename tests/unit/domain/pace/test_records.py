"""What is kept of the drain."""

from __future__ import annotations

import json

import pytest
from lifeline.domain.pace.records import DrainRate, DrainState


def test_all_of_it_comes_back() -> None:
    state = DrainState(8.0, 100.0, 0.5, "releasing", 10.0, 7.5, {"1790000000": 2})
    for record in (DrainRate(2.5), DrainRate(0.0), DrainRate(), state, DrainState()):
        assert type(record).from_item(json.loads(json.dumps(record.to_item()))) == record


@pytest.mark.parametrize(("rate", "ceiling"), [(None, 10.0), (0.0, 0.0), (2.5, 2.5)])
def test_the_operators_rate_or_the_deployments(rate: float | None, ceiling: float) -> None:
    assert DrainRate(rate).ceiling(10.0) == ceiling


def test_a_state_that_lacks_much_stands_at_the_bottom() -> None:
    found = DrainState.from_item({"why": "no ramp", "carry": 1, "limits": {"1": 2, "2": "x"}})
    assert found == DrainState(why="no ramp", limits={"1": 2})
