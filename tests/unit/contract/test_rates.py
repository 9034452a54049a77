"""Rates as operators write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.contract.rates import MAX_RATE, MIN_RATE, format_rate, parse_rate


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("10/s", 10),
        ("600/min", 10),
        ("0.5/s", 0.5),
        ("0", 0),
        ("0/s", 0),
        (" 12 / MIN ", 0.2),
        ("3600/h", 1),
        ("500/s", 500),
        ("1000/s", 1000),
    ],
)
def test_rates_are_read(text: str, rate: float) -> None:
    assert parse_rate(text) == pytest.approx(rate)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a rate"),
        ("fast", "not a rate"),
        ("-1/s", "not a rate"),
        ("1e3/s", "not a rate"),
        ("nan/s", "not a rate"),
        ("٣/s", "not a rate"),
        ("10/day", "not a rate"),
        ("10", "no unit"),
        ("0.1/s", "0.2/s to 1000/s"),
        ("1001/s", "0.2/s to 1000/s"),
        ("11/min", "0.2/s to 1000/s"),
    ],
)
def test_what_is_no_rate_is_refused_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_rate(text)


@given(st.one_of(st.just(0.0), st.floats(MIN_RATE, MAX_RATE)))
def test_a_written_rate_reads_back(rate: float) -> None:
    assert parse_rate(format_rate(rate)) == pytest.approx(rate, abs=1e-8)
