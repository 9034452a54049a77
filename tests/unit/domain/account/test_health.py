"""The account: tokens of the limiter, when headers are worth a write, what an operator should look at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.domain.account.health import (
    WRITE_EVERY,
    advice,
    meta_support,
    number_words,
    tokens,
    usage_words,
    worth_writing,
)
from lifeline.domain.failure.usage import Quota, Usage

NOW = 1_790_000_000.0
QUOTA = Quota("whatsapp", 20, 10, 5, 0)


def usage(percent: float = 20, regain: float = 0) -> Usage:
    return Usage((replace(QUOTA, call_count=percent, regain_seconds=regain),))


def number(**more: Any) -> dict[str, Any]:
    return number_words(
        {
            "status": "CONNECTED",
            "quality_rating": "GREEN",
            "throughput": {"level": "STANDARD"},
            "whatsapp_business_manager_messaging_limit": "TIER_10K",
            **more,
        }
    )


def taken(count: int, rate: float, burst: int) -> float:
    """The limiter after ``count`` tokens in one moment, as the control table keeps it."""
    return NOW - burst / rate + count / rate


def test_a_fresh_limiter_has_its_burst() -> None:
    assert (tokens(None, NOW, 65, 10).available, tokens(NOW - 3600, NOW, 65, 10).available) == (10, 10)


@given(
    count=st.integers(0, 300), rate=st.sampled_from([0.5, 1.0, 10.0, 64.0, 80.0]), burst=st.integers(1, 50)
)
def test_tokens_are_what_a_burst_leaves(count: int, rate: float, burst: int) -> None:
    found = tokens(taken(count, rate, burst), NOW, rate, burst)
    assert found.available == max(0, burst - count)
    assert found.booked == max(0, count - burst)
    assert found.free_at == pytest.approx(NOW + max(0.0, (count - burst + 1) / rate), abs=1e-4)


def test_headers_are_written_now_and_then_and_when_they_say_something_new() -> None:
    assert worth_writing(None, 0, usage(), NOW)
    assert not worth_writing(usage(20), NOW, usage(25), NOW + 1)
    assert worth_writing(usage(20), NOW, usage(20), NOW + WRITE_EVERY)
    assert worth_writing(usage(20), NOW, usage(35), NOW + 1)
    assert worth_writing(usage(20), NOW, usage(20, regain=600), NOW + 1), "throttling has begun"
    assert worth_writing(usage(20, regain=600), NOW, usage(20), NOW + 1), "and ended"
    assert not worth_writing(usage(20, regain=600), NOW, usage(20, regain=540), NOW + 1)


def test_what_is_kept_of_headers_makes_the_same_headers() -> None:
    assert Usage(tuple(Quota(**quota) for quota in usage_words(usage(33, 120)))) == usage(33, 120)


@pytest.mark.parametrize(
    ("tier", "people"),
    [
        ("TIER_250", 250),
        ("TIER_2K", 2000),
        ("TIER_100K", 100_000),
        ("TIER_UNLIMITED", None),
        ("TIER_X", None),
    ],
)
def test_tiers_in_numbers(tier: str, people: int | None) -> None:
    found = number(whatsapp_business_manager_messaging_limit=tier)
    assert (found["tier"], found["tier_people_per_day"]) == (tier, people)


def test_an_answer_that_says_little_is_no_fault() -> None:
    found = number_words({"id": "1"})
    assert set(found.values()) == {None}
    assert advice(found, (None,), 65, 10) == []


def test_what_an_operator_should_look_at() -> None:
    assert advice(number(), (usage(),), 65, 10) == []
    assert "lower limiter.rate" in advice(number(), (), 100, 10)[0]
    assert advice(number(throughput={"level": "HIGH"}), (), 100, 10) == []
    assert "pause promotions" in advice(number(quality_rating="RED"), (), 65, 10)[0]
    assert "FLAGGED" in advice(number(status="FLAGGED"), (), 65, 10)[0]
    assert "95 %" in advice(None, (usage(10), usage(95)), 65, 10)[0]


def test_meta_support_is_told_what_it_asks_for() -> None:
    words = meta_support("102290129340398", "20260301-090000-abcdef", ("unpaid",))
    for part in ("102290129340398", "20260301-090000-abcdef", "unpaid", "direct-support"):
        assert part in words
    assert "Account  at" not in meta_support("", "i")
