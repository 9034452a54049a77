"""Detection: outages are found at every volume, one bad send never trips, and the past trips only once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.domain.detection import (
    COUNTED,
    Thresholds,
    Window,
    add,
    judge,
    judge_silent,
    judge_template,
    tally,
)
from lifeline.domain.failures import Cause

T0 = 1_800_000_000.0
LIMITS = Thresholds()
U, R, S = Cause.UNREACHABLE, Cause.RATE_LIMIT, Cause.SPAM_LIMIT
OTHERS = st.sampled_from([Cause.INVALID_PHONE, Cause.BAD_REQUEST, Cause.PAIR_RATE_LIMIT, Cause.UNDELIVERABLE])
OUTCOMES = st.one_of(st.none(), st.sampled_from(list(COUNTED)), OTHERS)


def filled(*batches: tuple[float, Sequence[str | None]], forget_before: float = 0.0) -> Window:
    window = Window()
    for at, outcomes in batches:
        window = add(window, tally(outcomes), T0 + at, LIMITS, forget_before)
    return window


def test_a_total_outage_is_found_with_the_first_batch() -> None:
    verdict = judge(filled((0, [U] * 5)), LIMITS, T0)
    assert verdict is not None
    assert verdict.cause is U
    assert "5 sends in a row" in verdict.reason
    assert verdict.evidence["consecutive_unreachable"] == 5


def test_an_outage_at_a_message_an_hour_is_found() -> None:
    batches = [(3600.0 * hour, [U]) for hour in range(5)]
    assert judge(filled(*batches[:4]), LIMITS, T0 + 3600 * 3) is None
    verdict = judge(filled(*batches), LIMITS, T0 + 3600 * 4)
    assert verdict is not None
    assert verdict.evidence["rule"] == "streak"


@pytest.mark.parametrize("cause", [*COUNTED, Cause.INVALID_PHONE, Cause.BAD_REQUEST])
def test_one_bad_send_never_trips(cause: Cause) -> None:
    assert judge(filled((0, [cause])), LIMITS, T0) is None
    # Nor with all the attempts that one message has.
    assert judge(filled(*[(2.0**n, [cause]) for n in range(4)]), LIMITS, T0 + 16) is None


def test_any_answer_breaks_a_streak() -> None:
    for answer in (None, Cause.INVALID_PHONE, R):
        assert judge(filled((0, [U] * 4 + [answer] + [U] * 4)), LIMITS, T0) is None
        assert filled((0, [U] * 4), (1, [answer])).consecutive_unreachable == 0
    assert filled((0, [None, U, U]), (1, [U])).consecutive_unreachable == 3


def test_a_partial_outage_needs_volume_and_share() -> None:
    mixed: list[str | None] = [None, U]
    assert judge(filled((0, mixed * 9)), LIMITS, T0) is None
    verdict = judge(filled((0, mixed * 10)), LIMITS, T0)
    assert verdict is not None
    assert (verdict.cause, verdict.evidence["share"]) == (U, 0.5)
    assert judge(filled((0, (mixed * 9) + [None] * 4)), LIMITS, T0) is None


def test_a_partial_outage_is_found_although_the_minute_was_good() -> None:
    window = filled((0, [None] * 4000), (45, [None, U, U] * 30))
    verdict = judge(window, LIMITS, T0 + 46)
    assert verdict is not None
    assert verdict.evidence["window_seconds"] == 20


def test_rate_limits_trip_at_a_lower_share() -> None:
    verdict = judge(filled((0, [None] * 16 + [R] * 4)), LIMITS, T0)
    assert verdict is not None
    assert (verdict.cause, verdict.evidence["rule"]) == (R, "limits")
    assert judge(filled((0, [None] * 17 + [R] * 3)), LIMITS, T0) is None


def test_limits_at_low_volume_trip_when_nothing_passes() -> None:
    verdict = judge(filled((0, [S] * 5)), LIMITS, T0)
    assert verdict is not None
    assert verdict.cause is S
    assert judge(filled((0, [S] * 5 + [None])), LIMITS, T0) is None


def test_failures_of_people_and_messages_never_count() -> None:
    window = filled(
        (0, [Cause.INVALID_PHONE, Cause.BAD_REQUEST, Cause.UNDELIVERABLE, Cause.PAIR_RATE_LIMIT] * 50)
    )
    assert judge(window, LIMITS, T0) is None
    assert window.buckets[0].failed == {}


def test_what_is_older_than_the_window_is_forgotten() -> None:
    window = filled((0, [None, U] * 20), (61, [None]))
    assert [bucket.start for bucket in window.buckets] == [int(T0) + 60]
    stale = filled((0, [None, U] * 20))
    assert judge(stale, LIMITS, T0 + 10) is not None
    assert judge(stale, LIMITS, T0 + 60) is None


def test_failures_of_a_past_panic_do_not_trip_again() -> None:
    window = filled((0, [U] * 30))
    after = add(window, tally([U]), T0 + 50, LIMITS, forget_before=T0 + 45)
    assert after.consecutive_unreachable == 1
    assert judge(after, LIMITS, T0 + 50) is None
    # A window written after panic was left goes on as usual.
    for n in range(4):
        after = add(after, tally([U]), T0 + 51 + n, LIMITS, forget_before=T0 + 45)
    assert judge(after, LIMITS, T0 + 55) is not None


def test_a_worker_whose_clock_is_behind_adds_to_its_own_bucket() -> None:
    window = filled((20, [None]), (5, [U]))
    assert [bucket.start - int(T0) for bucket in window.buckets] == [0, 20]
    assert window.updated == T0 + 20


def test_a_batch_without_failures_needs_no_judgement() -> None:
    assert tally([None, None]).all_well
    assert not tally([None, U]).all_well
    assert tally([]).says_nothing
    assert not tally([Cause.BAD_REQUEST]).says_nothing


def template(outcomes: list[str | None]) -> Window:
    return add(Window(), tally(outcomes, counted=(Cause.TEMPLATE_REJECTED,)), T0, LIMITS)


def test_a_template_trips_by_its_own_share() -> None:
    rejected = Cause.TEMPLATE_REJECTED
    assert judge_template(template([rejected] * 2), LIMITS, T0) is None
    verdict = judge_template(template([rejected] * 3), LIMITS, T0)
    assert verdict is not None
    assert verdict.cause is rejected
    assert judge_template(template([rejected] * 3 + [None] * 4), LIMITS, T0) is None
    assert judge(template([rejected] * 50), LIMITS, T0) is None, "a template never trips the channel"


def test_silence_counts_only_where_webhooks_were_seen() -> None:
    silent: dict[str, Any] = {"webhooks_seen_before": True, "age": 300.0}
    verdict = judge_silent(20, 4, **silent)
    assert verdict is not None
    assert (verdict.cause, verdict.evidence["share"]) == (Cause.SILENT, 0.8)
    assert judge_silent(20, 5, **silent) is None
    assert judge_silent(19, 0, **silent) is None
    assert judge_silent(20, 0, webhooks_seen_before=False, age=300.0) is None
    assert judge_silent(20, 0, webhooks_seen_before=True, age=299.0) is None
    assert judge_silent(20, 30, **silent) is None


@given(st.lists(st.lists(OUTCOMES, max_size=30), max_size=12))
def test_nothing_is_lost_and_the_streak_is_right(batches: list[list[str | None]]) -> None:
    window = Window()
    for outcomes in batches:
        window = add(window, tally(outcomes), T0 + 3, LIMITS)
    flat = [outcome for batch in batches for outcome in batch]
    assert sum(bucket.ok for bucket in window.buckets) == flat.count(None)
    for cause in COUNTED:
        assert sum(bucket.failed.get(cause, 0) for bucket in window.buckets) == flat.count(cause)
    streak = next((n for n, outcome in enumerate(reversed(flat)) if outcome is not U), len(flat))
    assert window.consecutive_unreachable == streak


@given(st.lists(st.tuples(st.floats(0, 500), OUTCOMES), max_size=60))
def test_a_verdict_always_has_failures_that_carry_it(timed: list[tuple[float, str | None]]) -> None:
    window = Window()
    for at, outcome in timed:
        window = add(window, tally([outcome]), T0 + at, LIMITS)
    verdict = judge(window, LIMITS, window.updated)
    counted = [outcome for _, outcome in timed if outcome in COUNTED]
    if verdict is not None:
        assert verdict.cause in counted
        assert len(counted) >= min(
            LIMITS.consecutive_failures, LIMITS.minimum_volume * LIMITS.rate_limit_share
        )
    starts = [bucket.start for bucket in window.buckets]
    assert starts == sorted(set(starts))
    assert len(starts) <= LIMITS.window_seconds // 10 + 1


@given(st.lists(st.one_of(st.none(), OTHERS), max_size=200))
def test_a_healthy_channel_never_trips(outcomes: list[str | None]) -> None:
    assert judge(filled((0, outcomes)), LIMITS, T0) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"window_seconds": 5},
        {"short_window_seconds": 90},
        {"failure_ratio": 0.0},
        {"failure_ratio": float("nan")},
        {"consecutive_failures": 1},
        {"silent_share": 1.5},
    ],
)
def test_thresholds_out_of_bounds_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Thresholds(**wrong)
