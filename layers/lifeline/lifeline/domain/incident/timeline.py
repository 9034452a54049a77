"""The timeline of an incident: positions are ``t``, seconds after its ``from``."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from math import ceil
from typing import Any, Final

from lifeline.contract.instants import format_instant
from lifeline.contract.scopes import WHATSAPP
from lifeline.contract.ways import WAYS
from lifeline.domain.account.counters import ACCEPTED
from lifeline.domain.incident.course import PROBES, Course, is_probe, probe_ok
from lifeline.domain.incident.people import Impact
from lifeline.domain.incident.traffic import minutes_of

POINTS: Final = 120
"""At most so many steps on the timeline."""
STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400)


def timeline(
    known: Course, impact: Impact, minutes: Mapping[int, Mapping[str, int]], now: float
) -> dict[str, Any]:
    busy = [at for at, _ in impact.ticks]
    ends = [known.left or now, impact.drained_at or 0.0, max(busy, default=0.0) + 1]
    last = max(end for end in ends if end <= now + 1)
    length = last - impact.from_
    pad = max(15.0, 0.08 * length)
    start, end = impact.from_ - pad, min(max(now, last), last + pad)
    step = next((step for step in STEPS if (end - start) / step <= POINTS), STEPS[-1])
    steps: dict[int, Counter[str]] = defaultdict(Counter)
    for (at, what), count in impact.ticks.items():
        steps[max(0, int((at - start) // step))][what] += count
    backlog = 0
    series = []
    for index in range(ceil((end - start) / step)):
        counts = steps.get(index, Counter())
        backlog += counts["parked"] - counts["unparked"]
        series.append(
            {
                "t": index * step,
                **{way.name: counts[way.name] for way in WAYS},
                WHATSAPP: counts[WHATSAPP],
                "backlog": backlog,
            }
        )
    return {
        "from": format_instant(start),
        "seconds": round(end - start, 3),
        "step_seconds": step,
        "first_failure_t": None if impact.first_failure is None else round(impact.first_failure - start, 3),
        "states": [
            {
                "t": round(begin - start, 3),
                "until_t": round(min(until or end, end) - start, 3),
                "state": str(state),
            }
            for begin, until, state in known.spans
            if begin < end
        ],
        "probes": [
            {"t": round(event.at - start, 3), "ok": probe_ok(event)}
            for event in known.events
            if is_probe(event) and event.at <= end
        ],
        "events": [
            {
                "at": format_instant(event.at),
                "t": round(event.at - start, 3),
                "kind": str(event.kind),
                "actor": event.actor,
                "cause": str(event.cause),
                "reason": event.reason,
            }
            for event in known.events
            if event.kind not in PROBES
        ],
        "sends_per_minute": [
            {"t": round(minute - start, 3), "count": counts.get(ACCEPTED, 0)}
            for minute, counts in sorted(minutes_of(minutes, start, end).items())
        ],
        "series": series,
    }
