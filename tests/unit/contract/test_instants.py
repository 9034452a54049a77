from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from lifeline.contract.instants import duration, exact_duration, format_instant, parse_instant


@given(st.floats(0, 4e9))
def test_instants_survive_a_round_trip(epoch: float) -> None:
    assert abs(parse_instant(format_instant(epoch)) - epoch) < 0.001


def test_a_span_is_told_in_its_two_largest_units() -> None:
    assert [duration(value) for value in (None, 0, 59, 75, 3600, 93784)] == [
        "-",
        "0 s",
        "59 s",
        "1 min 15 s",
        "1 h",
        "1 d 2 h",
    ]
    assert [exact_duration(value) for value in (None, 0.123, 1.26, 9.96, 10.4, 75.2)] == [
        "-",
        "0.12 s",
        "1.3 s",
        "10.0 s",
        "10 s",
        "1 min 15 s",
    ]
