"""Traffic and failures around an incident, from the counters of each minute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from lifeline.domain.account import counters
from lifeline.domain.incident.outcomes import ON_WHATSAPP
from lifeline.domain.incident.people import Impact

BEFORE: Final = 900.0
"""Seconds of traffic before the incident that it is compared with."""
BASELINE: Final = 3600.0
"""Seconds before the incident in which a spike is looked for."""
RECENT: Final = 600
"""The last seconds of those: a spike is a rise of these over the rest."""
SPIKE: Final = 1.5
"""From which ratio on a rise is called a spike."""


def minutes_of(
    minutes: Mapping[int, Mapping[str, int]], start: float, end: float
) -> dict[int, Mapping[str, int]]:
    """The minutes that overlap the stretch from ``start`` to ``end``."""
    return {minute: counts for minute, counts in minutes.items() if minute + 60 > start and minute < end}


def failures(minutes: Mapping[int, Mapping[str, int]], start: float, end: float) -> list[dict[str, Any]]:
    by_code: Counter[tuple[str, str | None]] = Counter()
    for counts in minutes_of(minutes, start, end).values():
        for cause, code, count in counters.failures(counts):
            by_code[(cause, code)] += count
    return [{"cause": cause, "code": code, "count": count} for (cause, code), count in by_code.most_common()]


def _kinds(counts: Mapping[str, int], only: frozenset[str] | None = None) -> Counter[tuple[str, str]]:
    """Outcomes of one minute by category and template."""
    kinds: Counter[tuple[str, str]] = Counter()
    for status, kind, count in counters.outcomes(counts):
        if only is None or status in only:
            kinds[(kind.category, kind.template)] += count
    return kinds


def traffic(minutes: Mapping[int, Mapping[str, int]], impact: Impact, now: float) -> dict[str, Any]:
    """Messages a minute before, by the counters, and during, by the messages that the incident touched."""
    start = impact.from_
    first = int(start // 60) * 60
    before: Counter[tuple[str, str]] = Counter()
    covered = 0.0
    known = sorted(minute for minute in minutes if first - BEFORE <= minute < first)
    for minute in known:
        before.update(_kinds(minutes[minute]))
    if known:
        covered = first - known[0]
    left = impact.known.left or now
    if start - first >= 5 and left >= first + 60:
        # What was sent in the minute of the first failure was sent before it.
        before.update(_kinds(minutes.get(first, {}), _SENT))
        covered += start - first
    during = impact.known.panic_seconds(now)
    rows: list[dict[str, Any]] = [
        {
            "category": category,
            "template": template,
            "before": before[(category, template)],
            "before_per_minute": round(before[(category, template)] * 60 / covered, 2) if covered else None,
            "during": impact.kinds[(category, template)],
            "during_per_minute": round(impact.kinds[(category, template)] * 60 / max(1.0, during), 2),
        }
        for category, template in sorted({*before, *impact.kinds})
    ]
    rows.sort(key=lambda row: (-row["during"], -row["before"]))
    return {
        "before_seconds": round(covered, 3),
        "before": sum(before.values()),
        "during_seconds": round(during, 3),
        "during": impact.total,
        "rows": rows,
    }


_SENT: Final = frozenset(map(str, ON_WHATSAPP))


def spike(minutes: Mapping[int, Mapping[str, int]], start: float) -> dict[str, Any] | None:
    """How much traffic rose in the last ten minutes over the hour before, and what rose most."""
    end = int(start // 60) * 60
    old = {minute for minute in minutes if end - BASELINE <= minute < end - RECENT}
    new = {minute for minute in minutes if end - RECENT <= minute < end}
    if not old or not new or end - RECENT - min(old) < RECENT:
        return None

    def per_minute(chosen: set[int], seconds: float) -> dict[tuple[str, str], float]:
        total: Counter[tuple[str, str]] = Counter()
        for minute in chosen:
            total.update(_kinds(minutes[minute]))
        return {kind: count * 60 / seconds for kind, count in total.items()}

    baseline = per_minute(old, end - RECENT - min(old))
    recent = per_minute(new, RECENT)
    rises = {kind: recent.get(kind, 0.0) - baseline.get(kind, 0.0) for kind in {*baseline, *recent}}
    most = max(rises, key=lambda kind: rises[kind], default=None)
    before, after = sum(baseline.values()), sum(recent.values())
    ratio = after / before if before else None
    return {
        "baseline_per_minute": round(before, 2),
        "recent_per_minute": round(after, 2),
        "ratio": None if ratio is None else round(ratio, 2),
        "is_spike": ratio is not None and ratio >= SPIKE,
        "category": most[0] if most else None,
        "template": most[1] if most else None,
        "rise_per_minute": round(rises[most], 2) if most else None,
    }
