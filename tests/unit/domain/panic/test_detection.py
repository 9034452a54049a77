"""Detection: outages are found at every volume, one bad send never trips, and the past trips only once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.domain.failure.causes import COUNTED, Cause
from lifeline.domain.panic.detection import (
    Bucket,
    Thresholds,
    Window,
    bucket_start,
    judge,
    judge_templates,
    tally,
)

T0 = 1_800_000_000.0
LIMITS = Thresholds()
U, R, S = Cause.UNREACHABLE, Cause.RATE_LIMIT, Cause.SPAM_LIMIT
OUTCOMES = st.one_of(st.none(), st.sampled_from(list(COUNTED)))


def filled(*batches: tuple[float, Sequence[str | None]]) -> Window:
    """The window after batches that ended so many seconds after T0, as the control table adds them up."""
    buckets: dict[int, Bucket] = {}
    streak = 0
    for at, outcomes in batches:
        batch, start = tally(outcomes), bucket_start(T0 + at)
        old = buckets.get(start, Bucket(start))
        buckets[start] = Bucket(start, old.ok + batch.ok, Counter(old.failed) + Counter(batch.failed))
        answered = len(outcomes) > batch.failed.get(U, 0)
        streak = batch.trailing_unreachable + (0 if answered else streak)
    return Window(tuple(buckets[start] for start in sorted(buckets)), streak)


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


@pytest.mark.parametrize("cause", COUNTED)
def test_one_bad_send_never_trips(cause: Cause) -> None:
    assert judge(filled((0, [cause])), LIMITS, T0) is None
    # Nor with all the attempts that one message has.
    assert judge(filled(*[(2.0**n, [cause]) for n in range(4)]), LIMITS, T0 + 16) is None


def test_any_answer_breaks_a_streak() -> None:
    for answer in (None, R):
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


def test_what_is_older_than_the_window_is_not_judged() -> None:
    stale = filled((0, [None, U] * 20))
    assert judge(stale, LIMITS, T0 + 10) is not None
    assert judge(stale, LIMITS, T0 + 60) is None


MINUTE = int(T0 // 60) * 60


def refusing(minutes: Mapping[int, tuple[int, int]], since: float = 0.0, **changes: Any) -> dict[str, Any]:
    """``minutes``: by how many minutes ago, sends asked and refused, judged half a minute into the newest."""
    counts = {
        MINUTE - 60 * ago: {"ta|x": asked, "tr|x": bad, "tf|x": bad} for ago, (asked, bad) in minutes.items()
    }
    found = judge_templates(counts, now=MINUTE + 30.0, since={"x": since}, thresholds=Thresholds(**changes))
    return {name: verdict.evidence for name, verdict in found.items()}


def test_a_template_trips_by_its_own_share() -> None:
    assert refusing({0: (2, 2)}) == {}, "too few"
    assert refusing({0: (3, 3)}) == {"x": {"rule": "template", "asked": 3, "refused": 3, "share": 1.0}}
    assert refusing({0: (7, 3)}) == {}, "most go through"
    assert set(refusing({0: (6, 3)})) == {"x"}
    assert set(refusing({1: (3, 2), 0: (2, 1)})) == {"x"}, "minutes add up"
    assert set(refusing({0: (0, 3)})) == {"x"}, "reports of sends of an earlier minute"


def test_the_settings_of_templates_have_an_effect() -> None:
    assert set(refusing({0: (2, 2)}, template_minimum=2)) == {"x"}
    assert refusing({0: (3, 3)}, template_minimum=4) == {}
    assert set(refusing({0: (10, 3)}, template_ratio=0.3)) == {"x"}
    assert refusing({0: (4, 3)}, template_ratio=0.8) == {}


def test_old_minutes_say_nothing_of_a_template() -> None:
    assert refusing({2: (5, 5)}) == {}
    assert set(refusing({2: (5, 5)}, window_seconds=120)) == {"x"}
    assert refusing({1: (5, 5)}, since=MINUTE - 59.0) == {}, "before it left panic"


def test_a_template_is_not_blamed_for_people() -> None:
    counts = {MINUTE: {"ta|x": 9, "tf|x": 9}}
    assert judge_templates(counts, now=T0, since={}) == {}


def test_each_template_is_judged_by_itself() -> None:
    counts = {MINUTE: {"ta|bad": 3, "tr|bad": 3, "ta|good": 90, "tr|good": 1}}
    assert set(judge_templates(counts, now=T0, since={})) == {"bad"}


@given(st.lists(st.lists(OUTCOMES, max_size=30), max_size=12))
def test_nothing_is_lost_and_the_streak_is_right(batches: list[list[str | None]]) -> None:
    window = filled(*[(3.0, outcomes) for outcomes in batches])
    flat = [outcome for batch in batches for outcome in batch]
    assert sum(bucket.ok for bucket in window.buckets) == flat.count(None)
    for cause in COUNTED:
        assert sum(bucket.failed.get(cause, 0) for bucket in window.buckets) == flat.count(cause)
    streak = next((n for n, outcome in enumerate(reversed(flat)) if outcome is not U), len(flat))
    assert window.consecutive_unreachable == streak


@given(st.lists(st.tuples(st.floats(0, 500), OUTCOMES), max_size=60))
def test_a_verdict_always_has_failures_that_carry_it(timed: list[tuple[float, str | None]]) -> None:
    window = filled(*[(at, [outcome]) for at, outcome in timed])
    verdict = judge(window, LIMITS, T0 + max((at for at, _ in timed), default=0.0))
    counted = [outcome for _, outcome in timed if outcome in COUNTED]
    if verdict is not None:
        assert verdict.cause in counted
        assert len(counted) >= min(
            LIMITS.consecutive_failures, LIMITS.minimum_volume * LIMITS.rate_limit_share
        )


@given(st.integers(0, 200))
def test_a_healthy_channel_never_trips(sends: int) -> None:
    assert judge(filled((0, [None] * sends)), LIMITS, T0) is None


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
