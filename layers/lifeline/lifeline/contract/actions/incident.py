"""Operator actions that look back on incidents."""

from __future__ import annotations

from typing import Final

from lifeline.contract.actions.action import SCOPE, SPAN, WORD, Action

ACTIONS: Final[dict[str, Action]] = {
    "incident.list": Action(
        description="Incidents, newest first: one for each panic, with its returns within the settle time.",
        answer="at, incidents: [incident_id, scope, state (panic, recovering, over), cause, reason, "
        "opened_at, opened_by, left_panic_at, closed_by, over_at, duration_seconds, panic_seconds, flaps, "
        "probes]",
        fields={
            "scope": SCOPE,
            "since_seconds": {**SPAN, "description": "How far back; default: 90 days"},
            "limit": {"type": "number", "minimum": 1, "maximum": 1000, "description": "At most; default 50"},
        },
    ),
    "incident.report": Action(
        description="The report of an incident, from history, ledger and counters.",
        answer="as incident.list, and opened, closed, causes, first_failure_at, detection_seconds, probes, "
        "messages (by outcome), people, delivery_unknown: {sends, since}, delay, fallback, drain, "
        "failures, traffic, spike, cost, post_mortem, checklist, timeline, "
        "complete (false: too many messages to read), kept (true: as it was told)",
        fields={"incident_id": {**WORD, "description": "The incident, or last for the newest one"}},
        required=("incident_id",),
    ),
}
