"""Volume: how much was handled, of which kind, and what made the busiest minute. Pure.

Everything comes from the counters of each minute in the control table:

- ``o|STATUS|PRIORITY|CATEGORY|TEMPLATE``: messages that came to an end, or to a backlog
- ``acc``: sends that Meta accepted; ``drained``: those of them that the drain had released
- ``e|CAUSE|CODE``: failed sends
- ``possible``: acts of people who were reached whose outcome was unknown; ``duplicate``: those of them that
  were proven to have reached the person as well
- ``ta|TEMPLATE``, ``tf|TEMPLATE``: sends with a template, and those of them that failed for the template, the
  person or the message (not for the channel)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lifeline.domain.message.row import Row
from lifeline.domain.message.status import Status

Counts = Mapping[int, Mapping[str, int]]
"""Counters by the start of their minute (epoch seconds)."""

ACCEPTED: Final = "acc"
DRAINED: Final = "drained"
POSSIBLE: Final = "possible"
DUPLICATE: Final = "duplicate"
TEMPLATE_ASKED: Final = "ta|"
TEMPLATE_FAILED: Final = "tf|"
NONE: Final = "-"
"""Stands for a category or a template that a message does not have."""
SPIKE_FACTOR: Final = 3.0
"""A minute with so many times the usual is a spike,"""
SPIKE_MINIMUM: Final = 20
"""if it has at least so many messages more than usual: small numbers jump."""
BARS: Final = 24
"""At most so many rows in the chart, but a row for each day of a month."""
STEPS: Final = (60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400)
"""Seconds that one row of the chart may stand for."""

_SENT: Final = frozenset({"SENT", "DELIVERED", "READ"})


def outcome(row: Row) -> str:
    """The ``o|`` counter of a message that comes to stand at its row's status."""
    return f"o|{row.status}|{row.priority}|{row.category or NONE}|{row.template or NONE}"


def settles(before: Row, after: Row) -> bool:
    """Whether a write brings a message to an end or to a backlog: whoever writes it counts :func:`outcome`.

    So each is counted once, whichever of sender, webhook and feedback is the first to know.
    """
    if before.rev and not before.open:
        return False
    if after.status is Status.PARKED:
        return before.status is not Status.PARKED or before.lane != after.lane
    return not after.open


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of traffic; ``-`` where a message has no category or no template."""

    priority: str
    category: str
    template: str


@dataclass(frozen=True, slots=True)
class Part:
    """A kind of traffic in the busiest minute."""

    kind: Kind
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
    by_name: dict[str, int] = {}
    totals: dict[int, int] = {}
    limited: Counter[int] = Counter()
    accepted = 0
    # A month has 43,200 minutes: names are taken apart once, after they were added up.
    for start, counts in minutes.items():
        total = 0
        for name, count in counts.items():
            if name.startswith("o|"):
                by_name[name] = by_name.get(name, 0) + count
                total += count
            elif name.startswith(("e|rate_limit|", "e|spam_limit|")):
                limited[start] += count
        if total:
            totals[start] = total
        accepted += counts.get("acc", 0)
    outcomes: Counter[str] = Counter()
    priorities: Counter[str] = Counter()
    categories: Counter[str] = Counter()
    templates: Counter[str] = Counter()
    for name, count in by_name.items():
        status, kind = _parts(name)
        outcomes["SENT" if status in _SENT else status] += count
        priorities[kind.priority] += count
        categories[kind.category] += count
        templates[kind.template] += count
    step = step_for(until - since)
    return Volume(
        total=sum(totals.values()),
        accepted=accepted,
        outcomes=_ordered(outcomes),
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


def failure_shares(minutes: Counts) -> dict[str, tuple[int, int]]:
    """By template: sends that used it, and those of them that failed for template, person or message."""
    asked: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for counts in minutes.values():
        for name, count in counts.items():
            if name.startswith(TEMPLATE_ASKED):
                asked[name.removeprefix(TEMPLATE_ASKED)] += count
            elif name.startswith(TEMPLATE_FAILED):
                failed[name.removeprefix(TEMPLATE_FAILED)] += count
    return {name: (asked[name], failed[name]) for name in sorted({*asked, *failed})}


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


def _kinds(counts: Mapping[str, int]) -> Counter[Kind]:
    found: Counter[Kind] = Counter()
    for name, count in counts.items():
        if name.startswith("o|"):
            found[_parts(name)[1]] += count
    return found


def _parts(name: str) -> tuple[str, Kind]:
    """Status and kind of an ``o|`` counter."""
    _, status, priority, category, template = name.split("|", 4)
    return status, Kind(priority, category, template)


def _ordered(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
