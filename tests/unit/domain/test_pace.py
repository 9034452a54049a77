"""Pace: never more than the rate and the burst in any span, nothing planned twice or left out."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.domain.pace import (
    MAX_RATE,
    MIN_RATE,
    backoff,
    delays,
    eta,
    format_rate,
    lease,
    pair_wait,
    parse_rate,
    plan_minute,
    ramp_rate,
    reserve,
)

T0 = 1_800_000_000.0
RATES = st.floats(MIN_RATE, 1000)
BURSTS = st.integers(1, 200)
LANES = ("critical", "normal", "bulk")
# Instants are near 1.8e9, where a float is exact to about 2e-7 s.
EXACT = 1e-5


def worst_excess(used: list[float], rate: float, burst: int) -> float:
    """By how much the tokens in any closed span exceed ``rate * T + burst`` (0 or less: never).

    With x_k = k - rate * t_k over the sorted instants, a span from i to k holds k - i + 1 tokens and allows
    rate * (t_k - t_i) + burst: the excess is x_k - min(x_i) + 1 - burst.
    """
    worst, lowest = -math.inf, math.inf
    for k, at in enumerate(sorted(used)):
        x = k - rate * (at - T0)
        lowest = min(lowest, x)
        worst = max(worst, x - lowest + 1 - burst)
    return worst


def test_a_fresh_limiter_gives_its_burst_and_then_the_rate() -> None:
    got = reserve(0.0, T0, 6, rate_per_s=2.0, burst=3)
    assert [slot - T0 for slot in got.slots] == pytest.approx([0, 0, 0, 0.5, 1.0, 1.5])
    assert got.new_tat == pytest.approx(T0 + 3)
    later = reserve(got.new_tat, T0, 1, 2.0, 3)
    assert later.slots[0] - T0 == pytest.approx(2.0)


def test_a_pause_does_not_save_up_more_than_the_burst() -> None:
    tat = reserve(0.0, T0, 100, 10.0, 5).new_tat
    got = reserve(tat, T0 + 3600, 6, 10.0, 5)
    assert sum(slot <= T0 + 3600 for slot in got.slots) == 5


def test_nothing_reserved_changes_nothing() -> None:
    assert reserve(T0 - 50, T0, 0, 1.0, 1) == (type(reserve(T0, T0, 0, 1.0, 1)))(T0 - 50, ())


@pytest.mark.parametrize(
    ("n", "rate", "burst"),
    [(1, 0.0, 1), (1, -1.0, 1), (1, math.inf, 1), (1, math.nan, 1), (1, 1.0, 0), (-1, 1.0, 1)],
)
def test_a_limiter_that_makes_no_sense_is_refused(n: int, rate: float, burst: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        reserve(0.0, T0, n, rate, burst)


@given(RATES, BURSTS, st.lists(st.tuples(st.floats(0, 30), st.integers(0, 60)), max_size=30))
def test_never_more_than_rate_and_burst_in_any_span(
    rate: float, burst: int, batches: list[tuple[float, int]]
) -> None:
    tat, now = 0.0, T0
    used: list[float] = []
    for pause, n in batches:
        now += pause
        got = reserve(tat, now, n, rate, burst)
        assert len(got.slots) == n
        assert all(slot >= now for slot in got.slots)
        assert list(got.slots) == sorted(got.slots)
        tat = got.new_tat
        used += got.slots
    assert worst_excess(used, rate, burst) <= rate * EXACT + EXACT


@given(RATES, BURSTS, st.integers(1, 500))
def test_a_busy_limiter_wastes_nothing(rate: float, burst: int, n: int) -> None:
    slots = reserve(0.0, T0, n, rate, burst).slots
    assert slots[-1] - T0 == pytest.approx(max(0, n - burst) / rate, abs=EXACT)


@given(
    st.floats(1, 500),
    st.integers(1, 100),
    st.floats(0.05, 1),
    st.lists(st.tuples(st.floats(0, 5), st.integers(0, 30), st.integers(0, 30)), max_size=20),
)
def test_a_lease_keeps_both_limits(
    rate: float, burst: int, share: float, batches: list[tuple[float, int, int]]
) -> None:
    tat = bulk_tat = 0.0
    now = T0
    shared: list[float] = []
    bulk_turns: list[float] = []
    for pause, live, bulk in batches:
        now += pause
        got = lease(tat, bulk_tat, now, live=live, bulk=bulk, rate_per_s=rate, burst=burst, bulk_share=share)
        assert (len(got.live), len(got.bulk)) == (live, bulk)
        turns = reserve(bulk_tat, now, bulk, rate * share, max(1, math.floor(burst * share + 1e-9))).slots
        due = sum(turn <= now for turn in turns)
        shared += [*got.live, *got.bulk[:due]]
        bulk_turns += turns
        assert all(a >= b for a, b in zip(got.bulk, turns, strict=True))
        if got.live and due:
            assert got.bulk[0] >= got.live[-1], "live first"
        # Bulk that waits for its own turn does not book the shared limiter ahead.
        assert got.new_tat == pytest.approx(reserve(tat, now, live + due, rate, burst).new_tat)
        tat, bulk_tat = got.new_tat, got.new_bulk_tat
    assert worst_excess(shared, rate, burst) <= rate * EXACT + EXACT
    assert (
        worst_excess(bulk_turns, rate * share, max(1, math.floor(burst * share + 1e-9)))
        <= rate * EXACT + EXACT
    )


def test_a_share_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="bulk_share"):
        lease(0.0, 0.0, T0, live=1, bulk=1, rate_per_s=1.0, burst=1, bulk_share=0.0)


def test_the_ramp_doubles_to_the_ceiling_halves_on_a_limit_and_stops_at_a_trip() -> None:
    rates, rate = [], None
    for _ in range(6):
        rate = ramp_rate(rate, 10.0)
        rates.append(rate)
    assert rates == [1, 2, 4, 8, 10, 10]
    assert ramp_rate(10.0, 10.0, rate_limited=True) == 5
    assert ramp_rate(0.3, 10.0, rate_limited=True) == MIN_RATE
    assert ramp_rate(8.0, 10.0, tripped=True) == 0
    assert ramp_rate(0.0, 10.0) == 1
    assert ramp_rate(None, 0.5) == 0.5
    assert ramp_rate(8.0, 0.0) == 0
    assert ramp_rate(8.0, 2.0) == 2, "a lowered ceiling holds at once"
    assert ramp_rate(8.0, 2.0, rate_limited=True) == 2


@given(st.one_of(st.none(), st.floats(0, 500)), st.floats(0, 500), st.booleans(), st.booleans())
def test_the_ramp_stays_below_the_ceiling(
    previous: float | None, ceiling: float, rate_limited: bool, tripped: bool
) -> None:
    rate = ramp_rate(previous, ceiling, rate_limited=rate_limited, tripped=tripped)
    assert 0 <= rate <= ceiling
    if previous and rate_limited:
        assert rate <= max(previous / 2, MIN_RATE)
    assert rate <= max(1.0, 2 * (previous or 0.0))


def test_a_minute_serves_the_first_lane_first() -> None:
    plan = plan_minute(1.0, 60, (("critical", 20), ("normal", 100), ("bulk", 5)))
    assert plan.moves == (("critical", 20), ("normal", 40))
    assert plan.total == 60
    assert plan_minute(1.0, 60, (("critical", 0), ("bulk", 5))).moves == (("bulk", 5),)
    assert plan_minute(0.0, 60, (("critical", 5),)).moves == ()


def test_a_share_bounds_its_lane() -> None:
    waiting = (("critical", 10), ("bulk", 500))
    assert plan_minute(1.0, 60, waiting, shares={"bulk": 0.5}).moves == (("critical", 10), ("bulk", 25))


@given(st.integers(12, 30_000), st.integers(1, 240), st.integers(1, 120))
def test_over_minutes_the_carry_makes_any_rate_exact(per_minute: int, minutes: int, seconds: int) -> None:
    rate, moved, carry = per_minute / 60, 0, 0.0
    for _ in range(minutes):
        plan = plan_minute(rate, seconds, (("normal", 10**9),), carry)
        moved, carry = moved + plan.total, plan.carry
    assert abs(moved - rate * seconds * minutes) < 1 + EXACT
    if per_minute * seconds * minutes % 60 == 0:
        assert moved == per_minute * seconds * minutes // 60


@given(
    st.floats(0, 500),
    st.integers(1, 60),
    st.lists(st.integers(0, 40_000), min_size=3, max_size=3),
    st.floats(0, 1, exclude_max=True),
)
def test_a_plan_moves_what_waits_and_what_the_rate_allows(
    rate: float, seconds: int, counts: list[int], carry: float
) -> None:
    waiting = tuple(zip(LANES, counts, strict=True))
    plan = plan_minute(rate, seconds, waiting, carry)
    assert plan.total <= rate * seconds + carry + 1e-6
    assert all(0 < count <= dict(waiting)[lane] for lane, count in plan.moves)
    if rate:
        assert plan.total == min(sum(counts), math.floor(rate * seconds + carry + 1e-9))
    assert 0 <= plan.carry < 1
    order = [LANES.index(lane) for lane, _ in plan.moves]
    assert order == sorted(order)
    for lane in order[:-1]:
        assert dict(plan.moves)[LANES[lane]] == counts[lane], "a lane is served before the next one"


def test_plans_with_negative_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        plan_minute(-1.0, 60, ())
    with pytest.raises(ValueError, match="negative"):
        plan_minute(1.0, 60, (("normal", -1),))


@given(st.integers(0, 30_000), st.integers(0, 800), st.integers(1, 60))
def test_delays_spread_evenly_over_the_span(count: int, offset: int, seconds: int) -> None:
    spread = delays(count, offset, seconds)
    assert len(spread) == count
    assert spread == sorted(spread)
    assert all(offset <= delay < offset + seconds for delay in spread)
    per_second = Counter(spread)
    assert max(per_second.values(), default=0) <= math.ceil(count / seconds)
    if count >= seconds:
        assert min(per_second.values()) >= count // seconds
        assert len(per_second) == seconds


def test_delays_of_a_slow_minute() -> None:
    assert delays(4, 0, 60) == [0, 15, 30, 45]
    assert delays(3, 5, 1) == [5, 5, 5]
    with pytest.raises(ValueError, match="900"):
        delays(1, 850, 60)
    with pytest.raises(ValueError, match="above 0"):
        delays(1, 0, 0)


def test_the_eta_honours_the_ramp() -> None:
    # 1, 2, 4, 8 messages/s for a minute each are 900 messages; 100 more at 10/s.
    assert eta((("critical", 60), ("normal", 940)), 0.0, 10.0).lanes == (
        ("critical", 60.0),
        ("normal", 250.0),
    )
    assert eta((("normal", 100),), 10.0, 10.0).last == 10
    assert eta((("normal", 100),), 80.0, 10.0).last == 10
    assert eta((("critical", 0), ("normal", 0)), 0.0, 10.0).last == 0
    assert eta((("critical", 0), ("normal", 5)), 0.0, 0.0).lanes == (("critical", 0.0), ("normal", None))
    assert eta((("critical", 0), ("normal", 5)), 0.0, 0.0).last is None


def test_a_lane_with_a_limit_of_its_own_takes_longer() -> None:
    waiting = (("normal", 100), ("bulk", 100))
    assert eta(waiting, 10.0, 10.0, {"bulk": 5.0}).lanes == (("normal", 10.0), ("bulk", 30.0))
    # 1/s for a minute, 2/s of which bulk takes 1.5, and then it takes no more of the ramp.
    assert eta((("bulk", 180),), 0.0, 8.0, {"bulk": 1.5}).last == pytest.approx(60 + 120 / 1.5)


@given(st.lists(st.integers(0, 600_000), min_size=3, max_size=3), st.floats(MIN_RATE, 500))
def test_the_eta_agrees_with_the_plans(counts: list[int], ceiling: float) -> None:
    """Run the drain minute by minute; the last message leaves in the minute that the ETA names."""
    expected = eta(tuple(zip(LANES, counts, strict=True)), 0.0, ceiling).last
    assert expected is not None
    left, rate, carry, minutes = sum(counts), ramp_rate(None, ceiling), 0.0, 0
    while left and minutes < 20:
        plan = plan_minute(rate, 60, (("all", left),), carry)
        left, carry, minutes = left - plan.total, plan.carry, minutes + 1
        rate = ramp_rate(rate, ceiling)
    if left:
        assert expected > (minutes - 1) * 60
    else:
        assert (minutes - 1) * 60 - 60 <= expected <= minutes * 60 + EXACT


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
        ("0.1/s", "0.2/s to 500/s"),
        ("501/s", "0.2/s to 500/s"),
        ("11/min", "0.2/s to 500/s"),
    ],
)
def test_what_is_no_rate_is_refused_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_rate(text)


@given(st.one_of(st.just(0.0), st.floats(MIN_RATE, MAX_RATE)))
def test_a_written_rate_reads_back(rate: float) -> None:
    assert parse_rate(format_rate(rate)) == pytest.approx(rate, abs=1e-8)


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
    left, rate, carry, minute = 576_000, 0.0, 0.0, 0
    per_second: list[int] = []
    while left:
        rate = ramp_rate(rate, 50.0)
        plan = plan_minute(rate, 60, (("backlog", left),), carry)
        left, carry = left - plan.total, plan.carry
        spread = delays(plan.total, 0, 60)
        per_second += [bisect_left(spread, s + 1) - bisect_left(spread, s) for s in range(60)]
        minute += 1
    assert sum(per_second) == 576_000
    assert max(per_second) <= 50
    steady = per_second[6 * 60 : -60]
    assert sum(steady) / len(steady) == pytest.approx(50, rel=0.01)
    expected = eta((("backlog", 576_000),), 0.0, 50.0).last
    assert expected is not None
    assert (minute - 1) * 60 < expected <= minute * 60
