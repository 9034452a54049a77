"""An incident as a report: facts in, answers out.

The facts are the history's events of one incident, the ledger's rows that carry its id, and the per-minute
counters around it. Everything here is arithmetic on them: :func:`report` for one incident and
:func:`overview` for the list.

All times are epoch seconds and all spans seconds; answers hold instants as ISO 8601 in UTC, spans in fields
that end in ``_seconds``, and positions on the timeline as ``t``, seconds after its ``from``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from lifeline.contract.instants import format_instant
from lifeline.domain.failure.causes import Cause
from lifeline.domain.incident.checklist import checklist
from lifeline.domain.incident.course import WITH_CAUSE, Course, course, is_probe, probe_results
from lifeline.domain.incident.facts import Facts
from lifeline.domain.incident.people import Impact
from lifeline.domain.incident.timeline import timeline
from lifeline.domain.incident.traffic import failures, minutes_of, spike, traffic
from lifeline.domain.incident.words import instant, many
from lifeline.domain.panic.detection import Unreported, unreported
from lifeline.domain.panic.flag import Event, Kind

LIST_SECONDS: Final = 90 * 86_400.0
"""How far back incidents are listed where nobody says."""
BY_HAND: Final = ("operator", "schedule")
"""Sources of what people decided: who enables panic again does not say that the service failed again."""


def overview(events: Iterable[Event], now: float) -> list[dict[str, Any]]:
    """One line per incident, the newest first."""
    by_id: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event.incident_id:
            by_id[event.incident_id].append(event)
    courses = [known for known in map(course, by_id.values()) if known]
    return [_line(known, now) for known in sorted(courses, key=lambda known: known.began, reverse=True)]


def _line(known: Course, now: float) -> dict[str, Any]:
    opened, closed = known.opened, known.closed
    return {
        "incident_id": known.incident_id,
        "scope": known.scope,
        "state": known.state,
        "cause": known.cause,
        "reason": opened.reason,
        "opened_at": format_instant(known.began),
        "opened_by": opened.actor or opened.source,
        "left_panic_at": instant(known.left),
        "closed_by": (closed.actor or closed.source) if closed else None,
        "over_at": instant(known.over),
        "duration_seconds": round((known.left or now) - known.began, 3),
        "panic_seconds": round(known.panic_seconds(now), 3),
        "flaps": sum(event.kind is Kind.REENTERED and event.source not in BY_HAND for event in known.events),
        "probes": sum(is_probe(event) for event in known.events),
    }


def report(facts: Facts) -> dict[str, Any]:
    """Everything that the runbook asks after an incident. Raises ``ValueError`` where there is none."""
    known = course(facts.events)
    if known is None:
        raise ValueError("these events hold no beginning of an incident")
    now = facts.now
    impact = Impact(known, now, facts.minutes)
    for message in facts.messages:
        impact.add(message)
    unknown = _unreported(known, facts)
    if unknown and known.opened.cause == Cause.SILENT:
        impact.first_failure = float(unknown.since)
    line = _line(known, now)
    opened, closed = known.opened, known.closed
    first = impact.first_failure
    left = known.left
    drained = impact.drained_at
    answer: dict[str, Any] = {
        **line,
        "at": format_instant(now),
        "complete": facts.complete,
        "opened": who(opened),
        "closed": who(closed) if closed else None,
        "causes": [
            {"at": format_instant(event.at), "cause": str(event.cause), "reason": event.reason}
            for event in known.events
            if event.kind in WITH_CAUSE
        ],
        "first_failure_at": instant(first),
        "detection_seconds": None if first is None else round(known.began - first, 3),
        "probes": probe_results(known),
        "messages": impact.messages(),
        "people": impact.people(),
        "delivery_unknown": {
            "sends": unknown.sends if unknown else 0,
            "since": format_instant(unknown.since) if unknown else None,
        },
        "delay": impact.delay(),
        "fallback": impact.fallback(),
        "drain": {
            "parked": impact.parked,
            "waiting": impact.waiting,
            "done_at": instant(drained),
            "seconds": None if drained is None or left is None else round(drained - left, 3),
        },
        "failures": failures(facts.minutes, impact.from_, left or now),
        "traffic": traffic(facts.minutes, impact, now),
        "spike": spike(facts.minutes, impact.from_),
        "cost": impact.cost(len(minutes_of(facts.minutes, impact.from_, left or now))),
        "timeline": timeline(known, impact, facts.minutes, now),
    }
    answer["post_mortem"] = post_mortem(answer)
    answer["checklist"] = checklist(answer)
    return answer


def _unreported(known: Course, facts: Facts) -> Unreported | None:
    """Sends before a panic for silence of which Meta reported nothing by now: did they arrive?"""
    if Cause.SILENT not in [event.cause for event in known.events if event.kind in WITH_CAUSE]:
        return None
    return unreported(facts.minutes, known.began + 60)


def who(event: Event) -> dict[str, Any]:
    return {
        "at": format_instant(event.at),
        "actor": event.actor,
        "source": event.source,
        "reason": event.reason,
        "evidence": dict(event.evidence),
    }


def post_mortem(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The runbook: no post-mortem needed unless a fallback failed."""
    reasons = []
    failed = answer["fallback"]["failed"]
    if failed:
        detail = ", ".join(f"{f['count']} {f['way']} {f['code']}" for f in answer["fallback"]["failures"])
        reasons.append(f"{many(failed, 'fallback')} failed ({detail})")
    missed = answer["people"]["not_reached"]
    if missed:
        reasons.append(f"{many(missed, 'person', 'people')} not reached")
    unknown = answer["delivery_unknown"]["sends"]
    if unknown:
        reasons.append(f"delivery of {many(unknown, 'message')} is unknown")
    return {"needed": bool(reasons), "reasons": reasons}
