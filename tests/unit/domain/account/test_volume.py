"""Volume: nothing counted is lost, the chart covers the span, and a spike names its traffic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.domain.account.counters import TrafficKind
from lifeline.domain.account.volume import BARS, Peak, step_for, summarise

NOW = 1_790_000_040.0
LAST = int(NOW // 60) * 60
LIVE = "normal|appointment|reminder"
PROMO = "bulk|promotion|promo_offer"


def minutes(*counts: dict[str, int]) -> dict[int, dict[str, int]]:
    """The last minutes, the newest last."""
    return {LAST - 60 * (len(counts) - 1 - index): found for index, found in enumerate(counts)}


def test_messages_are_counted_by_each_kind() -> None:
    found = summarise(
        minutes(
            {f"o|SENT|{LIVE}": 4, "o|DELIVERED|critical|-|-": 1, "acc": 5, "e|rate_limit|130429": 2},
            {f"o|PARKED|{PROMO}": 3, "sts": 9},
        ),
        NOW - 3600,
        NOW,
    )
    assert (found.total, found.accepted) == (8, 5)
    assert dict(found.outcomes) == {"SENT": 5, "PARKED": 3}
    assert dict(found.priorities) == {"normal": 4, "bulk": 3, "critical": 1}
    assert dict(found.categories) == {"appointment": 4, "promotion": 3, "-": 1}
    assert list(found.templates) == ["reminder", "promo_offer", "-"]
    assert sum(bar.limited for bar in found.bars) == 2


def test_a_spike_names_the_traffic_that_made_it() -> None:
    usual = {f"o|SENT|{LIVE}": 30}
    found = summarise(minutes(*[usual] * 58, {**usual, f"o|SENT|{PROMO}": 400}, usual), NOW - 3600, NOW)
    assert found.peak is not None
    assert found.peak.start == LAST - 60
    assert found.peak.count == 430
    assert found.peak.is_spike
    first = found.peak.parts[0]
    assert first.kind == TrafficKind("bulk", "promotion", "promo_offer")
    assert first.share > 0.98
    assert first.usual == 0


@pytest.mark.parametrize(
    ("count", "usual", "spike"), [(60, 20.0, True), (59, 20.0, False), (20, 0.0, True), (19, 0.0, False)]
)
def test_a_spike_is_three_times_the_usual_and_twenty_above_it(count: int, usual: float, spike: bool) -> None:
    assert Peak(LAST, count, usual, ()).is_spike is spike


def test_the_largest_of_many_alike_is_no_spike() -> None:
    found = summarise(minutes(*[{f"o|SENT|{LIVE}": 100 + n} for n in range(60)]), NOW - 3600, NOW)
    assert found.peak is not None
    assert not found.peak.is_spike
    few = summarise(minutes({f"o|SENT|{LIVE}": 5}), NOW - 3600, NOW)
    assert few.peak is not None
    assert not few.peak.is_spike, "small numbers jump"


def test_nothing_is_nothing() -> None:
    found = summarise({}, NOW - 3600, NOW)
    assert (found.total, found.peak) == (0, None)
    assert all(bar.count == 0 for bar in found.bars)


@given(
    hours=st.floats(0.05, 720),
    found=st.dictionaries(st.integers(0, 43_000), st.integers(1, 1000), max_size=30),
)
def test_every_message_is_in_one_bar(hours: float, found: dict[int, int]) -> None:
    since = NOW - hours * 3600
    first = int(since // 60) * 60  # as the control table is asked: the minute in which the span begins
    inside = {
        LAST - 60 * ago: {f"o|SENT|{LIVE}": count} for ago, count in found.items() if LAST - 60 * ago >= first
    }
    volume = summarise(inside, since, NOW)
    assert sum(bar.count for bar in volume.bars) == volume.total
    assert volume.total == sum(sum(counts.values()) for counts in inside.values())
    assert len(volume.bars) <= max(BARS, 30) + 1, "a month has a bar a day"


@pytest.mark.parametrize(("hours", "step"), [(0.05, 60), (1, 300), (6, 900), (24, 3600), (720, 86_400)])
def test_a_bar_stands_for_a_round_time(hours: float, step: int) -> None:
    assert step_for(hours * 3600) == step
