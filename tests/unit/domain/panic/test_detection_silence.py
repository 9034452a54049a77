"""Silence: accepted sends of which no status webhook comes."""

from __future__ import annotations

import re
from pathlib import Path

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
    assert "after 540 seconds" in verdict.reason, "since the end of the youngest minute"


@pytest.mark.parametrize(
    "found",
    [
        {},
        minutes(m10={"acc": 19}),
        minutes(m10={"acc": 30, "sts": 30}),
        minutes(m10={"acc": 30, "std": 10}),
        minutes(m10={"acc": 30, "sts": 3, "std": 25}),
        minutes(m0={"acc": 900}, m1={"acc": 900}, m4={"acc": 20}),
        minutes(m2={"acc": 100, "sts": 21}, m6={"acc": 10}),
        minutes(m10={"sts": 50}),
    ],
    ids=[
        "nothing",
        "few",
        "sent",
        "enough delivered",
        "delivered without sent",
        "too young",
        "most were reported",
        "no sends",
    ],
)
def test_what_is_no_silence(found: dict[int, dict[str, int]]) -> None:
    assert not judge(found)


@pytest.mark.parametrize(("ago", "sends"), [(2, 100), (3, 50), (4, 34), (5, 25), (6, 20)])
def test_n_times_as_many_sends_need_an_nth_of_the_time(ago: int, sends: int) -> None:
    assert judge({MINUTE - 60 * ago: {"acc": sends}})
    assert not judge({MINUTE - 60 * ago: {"acc": sends - 1}})
    assert not judge({MINUTE - 60 * ago: {"acc": sends, "sts": sends // 4}})


def _seconds_until_seen(a_minute: int, began: int, looks_at: int) -> int:
    """From the outage's begin, a second of its minute, to the prober's look that sees it."""
    for minute in range(1, 60):
        now = MINUTE + 60 * minute + looks_at
        found = {MINUTE - 60 * ago: {"acc": a_minute, "sts": a_minute} for ago in range(1, 40)}
        found[MINUTE] = {"acc": a_minute, "sts": round(a_minute * began / 60)}
        found |= {MINUTE + 60 * later: {"acc": a_minute} for later in range(1, minute)}
        if judge_silence(found, now=now, since=0):
            return now - MINUTE - began
    return 3600


def test_the_time_to_detect_by_messages_per_minute_is_what_the_documents_say() -> None:
    text = (Path(__file__).parents[4] / "docs" / "failures.md").read_text()
    rows = re.findall(r"^\| ([\d,]+) \| ([\d.]+) to ([\d.]+) min \|$", text, re.MULTILINE)
    assert len(rows) == 6
    for rate, soonest, latest in rows:
        times = [
            _seconds_until_seen(int(rate.replace(",", "")), began, looks_at) / 60
            for began in range(0, 60, 5)
            for looks_at in range(0, 60, 5)
        ]
        assert (round(min(times), 1), round(max(times), 1)) == (float(soonest), float(latest)), rate


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
