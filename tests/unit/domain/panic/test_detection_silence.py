"""Silence: accepted sends of which no status webhook comes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.domain.panic.detection import STATUS_WITHIN, Thresholds, Unreported, judge_silence, unreported

NOW = 1_790_000_040.0
MINUTE = int(NOW // 60) * 60
AFTER = Thresholds(silent_minimum=20, silent_share=0.8, silent_after_seconds=300)


def minutes(**ago: dict[str, int]) -> dict[int, dict[str, int]]:
    """Counters by ``m<minutes ago>``."""
    return {MINUTE - 60 * int(name[1:]): counts for name, counts in ago.items()}


def judge(found: dict[int, dict[str, int]], since: float = 0.0) -> bool:
    return judge_silence(found, now=NOW, since=since, thresholds=AFTER) is not None


def test_sends_without_a_status_are_silence() -> None:
    verdict = judge_silence(minutes(m10={"acc": 30, "sts": 2}), now=NOW, since=0, thresholds=AFTER)
    assert verdict is not None
    assert verdict.cause == "silent"
    assert verdict.evidence["accepted"] == 30
    assert verdict.evidence["with_status"] == 2


@pytest.mark.parametrize(
    "found",
    [
        {},
        minutes(m10={"acc": 19}),
        minutes(m10={"acc": 30, "sts": 30}),
        minutes(m10={"acc": 30, "std": 10}),
        minutes(m10={"acc": 30, "sts": 3, "std": 25}),
        minutes(m1={"acc": 500}, m4={"acc": 500}),
        minutes(m10={"sts": 50}),
    ],
    ids=["nothing", "few", "sent", "enough delivered", "delivered without sent", "too young", "no sends"],
)
def test_what_is_no_silence(found: dict[int, dict[str, int]]) -> None:
    assert not judge(found)


def test_a_few_sends_an_hour_are_gathered() -> None:
    slow = {MINUTE - 60 * ago: {"acc": 1} for ago in range(6, 46, 2)}
    assert len(slow) == 20
    assert judge(slow)


def test_the_newest_sends_decide() -> None:
    assert not judge(minutes(m6={"acc": 25, "sts": 25}, m20={"acc": 1000}))
    assert judge(minutes(m6={"acc": 25}, m20={"acc": 1000, "sts": 1000}))


def test_what_lies_before_is_left_out() -> None:
    found = minutes(m10={"acc": 30})
    assert judge(found, since=MINUTE - 600)
    assert not judge(found, since=MINUTE - 599), (
        "the minute began before: before webhooks, or in the last panic"
    )


@given(
    st.dictionaries(
        st.integers(0, 70).map(lambda ago: MINUTE - 60 * ago),
        st.fixed_dictionaries(
            {"acc": st.integers(0, 50), "sts": st.integers(0, 200), "std": st.integers(0, 200)}
        ),
    )
)
def test_no_silence_where_every_send_has_a_status(found: dict[int, dict[str, int]]) -> None:
    told = {start: {**counts, "sts": max(counts["sts"], counts["acc"])} for start, counts in found.items()}
    assert not judge(told)


def test_the_newest_sends_without_a_status_are_counted_back_to_the_last_one_that_had_one() -> None:
    found = minutes(m9={"acc": 9, "sts": 9}, m8={"acc": 4}, m6={"acc": 5, "sts": 1}, m0={"acc": 50})
    silence = unreported(found, NOW - STATUS_WITHIN)
    assert silence == Unreported(8, MINUTE - 480)
    assert silence.is_strange(NOW)
    assert unreported(found, NOW - STATUS_WITHIN, seen=MINUTE - 400) == Unreported(4, MINUTE - 360)
    assert unreported(found, NOW - STATUS_WITHIN, seen=NOW) is None
    assert unreported(minutes(m3={"acc": 5, "std": 5}), NOW) is None
    assert unreported({}, NOW) is None


def test_one_send_without_a_status_is_strange_only_after_a_while() -> None:
    assert not Unreported(1, int(NOW) - 300).is_strange(NOW)
    assert Unreported(1, int(NOW) - 700).is_strange(NOW)
    assert Unreported(3, int(NOW) - 180).is_strange(NOW)
