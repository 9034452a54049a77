"""Volume: how much was handled, of which kind, and what made the busiest minute. Pure.

Everything comes from the counters of each minute in the control table, see
:mod:`lifeline.domain.account.counters`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lifeline.domain.account.counters import ACCEPTED, Counts, TrafficKind, failures, handled, outcomes, total
from lifeline.domain.failure.causes import LIMITS

SPIKE_FACTOR: Final = 3.0
"""A minute with so many times the usual is a spike,"""
SPIKE_MINIMUM: Final = 20
"""if it has at least so many messages more than usual: small numbers jump."""
BARS: Final = 24
"""At most so many rows in the chart, but a row for each day of a month."""
STEPS: Final = (60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400)
"""Seconds that one row of the chart may stand for."""

_SENT: Final = frozenset({"SENT", "DELIVERED", "READ"})


@dataclass(frozen=True, slots=True)
class Part:
    """A kind of traffic in the busiest minute."""

    kind: TrafficKind
    count: int
    usual: float
    """Messages of this kind in a usual minute of the span."""
    share: float
    """Its part of what the minute had above the usual, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Peak:
    """The busiest minute. ``usual``: messages in the other minutes of the span, on average."""

    start: int
    count: int
    usual: float
    parts: tuple[Part, ...]
    """Those that had most above their usual come first."""

    @property
    def is_spike(self) -> bool:
        """Whether it stands out, and is not just the largest of many alike."""
        return self.count >= SPIKE_FACTOR * self.usual and self.count - self.usual >= SPIKE_MINIMUM


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of the chart."""

    start: int
    count: int
    limited: int
    """Answers that limited us: rate limits of the number, the account or the app, and spam limits."""


@dataclass(frozen=True, slots=True)
class Volume:
    """What went through in a span of time."""

    total: int
    accepted: int
    outcomes: Mapping[str, int]
    """By status as the sender left it; ``SENT`` includes those that Meta had reported on by then."""
    priorities: Mapping[str, int]
    categories: Mapping[str, int]
    templates: Mapping[str, int]
    step: int
    """Seconds of one bar."""
    bars: tuple[Bar, ...]
    peak: Peak | None


def summarise(minutes: Counts, since: float, until: float) -> Volume:
    """Add up the minutes from ``since`` to ``until`` (epoch seconds).

    A message that was parked and left later counts once for each: this is work done, not messages.
    """
    totals: dict[int, int] = {}
    limited: Counter[int] = Counter()
    for start, counts in minutes.items():
        if count := handled(counts):
            totals[start] = count
        limited[start] += sum(count for cause, _, count in failures(counts) if cause in LIMITS)
    by_name = total(minutes)
    by_status: Counter[str] = Counter()
    priorities: Counter[str] = Counter()
    categories: Counter[str] = Counter()
    templates: Counter[str] = Counter()
    for status, kind, count in outcomes(by_name):
        by_status["SENT" if status in _SENT else status] += count
        priorities[kind.priority] += count
        categories[kind.category] += count
        templates[kind.template] += count
    step = step_for(until - since)
    return Volume(
        total=sum(totals.values()),
        accepted=by_name.get(ACCEPTED, 0),
        outcomes=_ordered(by_status),
        priorities=_ordered(priorities),
        categories=_ordered(categories),
        templates=_ordered(templates),
        step=step,
        bars=_bars(totals, limited, since, until, step),
        peak=_peak(minutes, by_name, totals, since, until),
    )


def step_for(seconds: float) -> int:
    """How many seconds one bar stands for, so that a span fits into :data:`BARS` of them."""
    return next((step for step in STEPS if seconds / step <= BARS), STEPS[-1])


def _bars(
    totals: Mapping[int, int], limited: Mapping[int, int], since: float, until: float, step: int
) -> tuple[Bar, ...]:
    first = int(since // step) * step
    starts = range(first, int(until) + 1, step)
    counts: Counter[int] = Counter()
    limits: Counter[int] = Counter()
    for start, count in totals.items():
        counts[(start - first) // step] += count
    for start, count in limited.items():
        limits[(start - first) // step] += count
    return tuple(Bar(start, counts[index], limits[index]) for index, start in enumerate(starts))


def _peak(
    minutes: Counts, by_name: Mapping[str, int], totals: Mapping[int, int], since: float, until: float
) -> Peak | None:
    if not totals:
        return None
    # The first of equals: what came first is more likely the cause.
    start = min(totals, key=lambda minute: (-totals[minute], minute))
    others = max(1.0, (until - since) / 60 - 1)
    here = _kinds(minutes[start])
    usual = {kind: (count - here[kind]) / others for kind, count in _kinds(by_name).items()}
    above = {kind: max(0.0, count - usual[kind]) for kind, count in here.items()}
    whole = sum(above.values()) or 1.0
    parts = [Part(kind, here[kind], usual[kind], extra / whole) for kind, extra in above.items()]
    parts.sort(key=lambda part: (-part.share, -part.count, str(part.kind)))
    return Peak(start, totals[start], sum(usual.values()), tuple(parts))


def _kinds(counts: Mapping[str, int]) -> Counter[TrafficKind]:
    kinds: Counter[TrafficKind] = Counter()
    for _, kind, count in outcomes(counts):
        kinds[kind] += count
    return kinds


def _ordered(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
