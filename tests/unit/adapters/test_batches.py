"""Calls that take several things: none too long or too large, none lost, in their order."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from lifeline.adapters.batches import calls_of

SIZE = 100


@given(st.lists(st.integers(1, 150)))
def test_calls_are_as_full_as_they_may_be(weights: list[int]) -> None:
    calls = list(calls_of(((weight, weight) for weight in weights), 4, SIZE))
    assert [weight for call in calls for weight in call] == weights
    for call in calls:
        assert 1 <= len(call) <= 4
        assert sum(call) <= SIZE or len(call) == 1
    for call, following in pairwise(calls):
        assert len(call) == 4 or sum(call) + following[0] > SIZE, "the next one would have had room"
