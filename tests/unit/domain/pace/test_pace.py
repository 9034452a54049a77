"""Pace: never more than the rate and the burst in any span, nothing planned twice or left out."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lifeline.contract.rates import MIN_RATE
from lifeline.domain.pace.pace import (
    Slots,
    Stretch,
    backoff,
    climb,
    eta,
    pair_wait,
    ramp_rate,
)

T0 = 1_800_000_000.0
LANES = ("critical", "normal", "bulk")
# Instants are near 1.8e9, where a float is exact to about 2e-7 s.
EXACT = 1e-5


def test_the_ramp_doubles_to_the_ceiling_halves_on_a_limit_and_stops_at_a_trip() -> None:
    rates, rate = [], None
    for _ in range(6):
        rate = ramp_rate(rate, 10.0)
        rates.append(rate)
    assert rates == [1, 2, 4, 8, 10, 10]
    assert ramp_rate(10.0, 10.0, rate_limited=True) == 5
    assert ramp_rate(0.3, 10.0, rate_limited=True) == MIN_RATE
    assert ramp_rate(0.0, 10.0) == 1
    assert ramp_rate(None, 0.5) == 0.5
    assert ramp_rate(8.0, 0.0) == 0
    assert ramp_rate(8.0, 2.0) == 2, "a lowered ceiling holds at once"
    assert ramp_rate(8.0, 2.0, rate_limited=True) == 2


@given(st.one_of(st.none(), st.floats(0, 500)), st.floats(0, 500), st.booleans())
def test_the_ramp_stays_below_the_ceiling(previous: float | None, ceiling: float, rate_limited: bool) -> None:
    rate = ramp_rate(previous, ceiling, rate_limited=rate_limited)
    assert 0 <= rate <= ceiling
    if previous and rate_limited:
        assert rate <= max(previous / 2, MIN_RATE)
    assert rate <= max(1.0, 2 * (previous or 0.0))


def stretch(start: float, seconds: float, rate: float) -> Stretch:
    return Stretch(T0 + start, T0 + start + seconds, rate, T0)


def turns(slots: Slots, most: int = 10**9, share: float = 1.0) -> list[float]:
    """When up to ``most`` messages leave, in seconds from T0."""
    found: list[float] = []
    while len(found) < most and (at := slots.next()) is not None:
        found.append(at - T0)
        slots.take(share)
    return found


def test_turns_are_spread_evenly_and_follow_the_ramp() -> None:
    assert turns(Slots([stretch(0, 3, 2.0)])) == [0, 0.5, 1, 1.5, 2, 2.5]
    assert turns(Slots([stretch(0, 2, 1.0), stretch(2, 1, 4.0)])) == [0, 1, 2, 2.25, 2.5, 2.75]
    assert turns(Slots([stretch(0, 60, 0.0)])) == []
    assert turns(Slots([stretch(0, 2, 9.0)], limit=1.0)) == [0, 1], "live traffic leaves no more"


def test_a_share_bounds_its_lane() -> None:
    assert turns(Slots([stretch(0, 6, 1.0)]), share=0.5) == [0, 2, 4]
    slots = Slots([stretch(0, 6, 1.0)])
    assert turns(slots, most=2) + turns(slots, share=0.5) == [0, 1, 2, 4], "others first"


def test_a_turn_that_was_not_used_is_the_next_ones() -> None:
    slots = Slots([stretch(0, 3, 1.0)])
    first = turns(slots)
    slots.give_back(T0 + 2)
    slots.give_back(T0 + 1)
    assert first == [0, 1, 2]
    assert turns(slots) == [1, 2]


def test_turns_for_which_nothing_waited_are_not_saved_up() -> None:
    slots = Slots([stretch(0, 60, 1.0)])
    turns(slots, most=5)
    assert slots.owed == 0


def test_a_plan_that_makes_no_sense_is_refused() -> None:
    wrongs: list[dict[str, Any]] = [{"stretches": []}, {"limit": -1.0}, {"owed": -0.1}]
    for wrong in wrongs:
        with pytest.raises(ValueError, match="must not be negative"):
            Slots(**{"stretches": [stretch(0, 1, 1.0)], **wrong})


@given(st.integers(12, 30_000), st.integers(1, 240), st.integers(1, 120), st.floats(0.05, 1))
@example(19_076, 2, 22, 0.7756771966750007)  # the last turn lies less than a float's step before the end
def test_over_minutes_any_rate_is_exact(per_minute: int, plans: int, seconds: int, share: float) -> None:
    rate, moved, owed = per_minute / 60, 0, 0.0
    plans = min(plans, 1 + 20_000 // max(1, int(rate * seconds)))
    for number in range(plans):
        slots = Slots([stretch(number * seconds, seconds, rate)], owed=owed)
        found = turns(slots, share=share)
        assert all(number * seconds <= at < (number + 1) * seconds for at in found)
        moved, owed = moved + len(found), slots.owed
    assert abs(moved - rate * share * seconds * plans) < 1 + EXACT * plans


@given(
    st.lists(st.tuples(st.floats(0.2, 500), st.floats(1, 60)), min_size=1, max_size=4), st.floats(0.3, 300)
)
def test_no_second_has_more_than_the_rate(parts: list[tuple[float, float]], limit: float) -> None:
    at, stretches = 0.0, []
    for rate, seconds in parts:
        stretches.append(stretch(at, seconds, rate))
        at += seconds
    found = turns(Slots(stretches, limit))
    assert found == sorted(found)
    most = min(limit, max(rate for rate, _ in parts))
    assert all(bisect_left(found, one + 1 - EXACT) - n <= most + 1 for n, one in enumerate(found))


def test_the_ramp_climbs_a_step_a_minute_and_answers_a_limit_at_once() -> None:
    def rates(*given: float, **more: bool) -> list[tuple[float, float]]:
        rate, stepped, start, end = given
        found = climb(rate, T0 + stepped, T0 + start, T0 + end, 10.0, **more)
        assert [item.start for item in found[1:]] == [item.end for item in found[:-1]]
        assert (found[0].start, found[-1].end) == (T0 + start, T0 + end)
        return [(item.end - item.start, item.rate) for item in found]

    assert rates(0.0, -9e8, 0, 75) == [(60, 1.0), (15, 2.0)]
    assert rates(2.0, 0, 15, 75) == [(45, 2.0), (15, 4.0)]
    assert rates(8.0, 0, 30, 60, rate_limited=True) == [(30, 4.0)]
    assert rates(8.0, -9e8, 0, 60) == [(60, 10.0)]
    assert [item.rate for item in climb(8.0, T0, T0 + 1, T0 + 9, 2.0)] == [2.0], "lowered ceilings at once"
    assert [item.rate for item in climb(8.0, T0, T0 + 1, T0 + 9, 0.0)] == [0.0]
    with pytest.raises(ValueError, match="after start"):
        climb(1.0, T0, T0, T0, 1.0)


def test_the_eta_honours_the_ramp() -> None:
    # 1, 2, 4, 8 messages/s for a minute each are 900 messages; 100 more at 10/s.
    assert eta((("critical", 60), ("normal", 940)), 0.0, 10.0).lanes == (
        ("critical", 60.0),
        ("normal", 250.0),
    )
    assert eta((("normal", 100),), 10.0, 10.0).lanes == (("normal", 10.0),)
    assert eta((("normal", 100),), 80.0, 10.0).lanes == (("normal", 10.0),)
    assert eta((("critical", 0), ("normal", 0)), 0.0, 10.0).lanes == (("critical", 0.0), ("normal", 0.0))
    assert eta((("critical", 0), ("normal", 5)), 0.0, 0.0).lanes == (("critical", 0.0), ("normal", None))


def test_a_lane_with_a_limit_of_its_own_takes_longer() -> None:
    waiting = (("normal", 100), ("bulk", 100))
    assert eta(waiting, 10.0, 10.0, {"bulk": 5.0}).lanes == (("normal", 10.0), ("bulk", 30.0))
    # 1/s for a minute, 2/s of which bulk takes 1.5, and then it takes no more of the ramp.
    ((name, seconds),) = eta((("bulk", 180),), 0.0, 8.0, {"bulk": 1.5}).lanes
    assert name == "bulk"
    assert seconds == pytest.approx(60 + 120 / 1.5)


@given(st.lists(st.integers(0, 600_000), min_size=3, max_size=3), st.floats(MIN_RATE, 500))
def test_the_eta_agrees_with_the_plans(counts: list[int], ceiling: float) -> None:
    """Run the drain minute by minute; the last message leaves in the minute that the ETA names."""
    expected = max(at or 0.0 for _, at in eta(tuple(zip(LANES, counts, strict=True)), 0.0, ceiling).lanes)
    left, rate, minutes = float(sum(counts)), ramp_rate(None, ceiling), 0
    while left > 0 and minutes < 20:
        left, minutes = left - rate * 60, minutes + 1
        rate = ramp_rate(rate, ceiling)
    if left > 0:
        assert expected > (minutes - 1) * 60
    else:
        assert (minutes - 1) * 60 - 60 <= expected <= minutes * 60 + EXACT


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True), st.floats(0.1, 60), st.floats(0.1, 900))
def test_backoff_stays_within_its_cap(attempt: int, draw: float, base: float, cap: float) -> None:
    wait = backoff(attempt, draw, base, cap)
    assert 0 <= wait <= cap
    assert wait <= base * 2.0 ** min(attempt, 64)
    assert wait == pytest.approx(draw * min(cap, base * 2.0 ** min(attempt, 64)))


def test_backoff_and_pair_wait_by_example() -> None:
    assert [backoff(n, 0.5, base=2.0, cap=10.0) for n in range(4)] == [1, 2, 4, 5]
    assert [pair_wait(n) for n in range(6)] == [1, 4, 16, 64, 256, 900]
    assert pair_wait(10_000) == 900
    for attempt, draw in ((-1, 0.5), (0, 1.0), (0, -0.1)):
        with pytest.raises(ValueError, match="attempt"):
            backoff(attempt, draw)
    with pytest.raises(ValueError, match="attempt"):
        pair_wait(-1)


def test_two_hours_of_backlog_leave_at_the_set_rate() -> None:
    """A 2 h outage at 80/s parks 576,000 messages; at 50/s beside live traffic no second exceeds 50."""
    left, rate, stepped, owed, start = 576_000, 0.0, 0.0, 0.0, 0.0
    per_second: list[int] = []
    while left:
        slots = Slots(climb(rate, stepped, T0 + start, T0 + start + 60, 50.0), owed=owed)
        found = turns(slots, most=left)
        left -= len(found)
        rate, stepped, owed = slots.stretch.rate, slots.stretch.stepped_at, slots.owed
        per_second += [bisect_left(found, start + s + 1) - bisect_left(found, start + s) for s in range(60)]
        start += 60
    assert sum(per_second) == 576_000
    assert max(per_second) <= 50
    steady = per_second[6 * 60 : -60]
    assert sum(steady) / len(steady) == pytest.approx(50, rel=0.01)
    ((_, expected),) = eta((("backlog", 576_000),), 0.0, 50.0).lanes
    assert expected is not None
    assert start - 60 < expected <= start
