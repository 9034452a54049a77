"""Operator actions on panic mode."""

from __future__ import annotations

from typing import Final

from lifeline.contract.actions.action import ACTOR, REASON, SCOPE, SPAN, WORD, Action
from lifeline.contract.instants import INSTANT

ACTIONS: Final[dict[str, Action]] = {
    "panic.status": Action(
        description="The panic flag of each scope, or of one.",
        answer="at, panic (any scope is), scopes: [flag with since, incident_id, probe_successes, ...], "
        "planned: [id, scope, reason, actor, at, until]",
        fields={"scope": SCOPE},
    ),
    "panic.enable": Action(
        description="Put a scope in panic, or change reason, hold and end of a panic under way.",
        answer="changed, incident_id, flag, warnings; with at: plan: {id, scope, reason, actor, at, until}",
        fields={
            "scope": SCOPE,
            "reason": REASON,
            "actor": ACTOR,
            "hold": {"type": "boolean", "description": "Ends only by an operator or at until, not by probes"},
            "auto": {
                "type": "boolean",
                "description": "Good probes may end it at once; default: not in the first 15 minutes "
                "(setting panic.manual_seconds)",
            },
            "until": {
                "type": "string",
                "pattern": INSTANT,
                "description": "Ends at this instant (ISO 8601)",
            },
            "for_seconds": {**SPAN, "description": "Ends after so many seconds, instead of until"},
            "at": {
                "type": "string",
                "pattern": INSTANT,
                "description": "Planned: begins at this instant by itself; needs until or for_seconds",
            },
        },
        required=("scope", "reason", "actor"),
        changes=True,
    ),
    "panic.cancel_plan": Action(
        description="Cancel a planned panic before it begins.",
        answer="plan: {id, scope, reason, actor, at, until}",
        fields={
            "plan": {**WORD, "description": "The plan's id, as panic.status shows it"},
            "reason": REASON,
            "actor": ACTOR,
        },
        required=("plan", "reason", "actor"),
        changes=True,
    ),
    "panic.disable": Action(
        description="End a panic: into recovering with a slow drain, or straight to normal.",
        answer="changed, incident_id, flag, alarms (still in ALARM), drain_started, warnings",
        fields={
            "scope": SCOPE,
            "reason": REASON,
            "actor": ACTOR,
            "ramp": {
                "type": "boolean",
                "description": "Default true: drain slowly; false: at the set rate at once",
            },
        },
        required=("scope", "reason", "actor"),
        changes=True,
    ),
    "panic.history": Action(
        description="The history of panic mode, newest first: who, what, why, when, evidence.",
        answer="at, events: [at, kind, scope, incident_id, actor, source, cause, reason, evidence]",
        fields={
            "scope": SCOPE,
            "incident_id": {**WORD, "description": "One incident only"},
            "since_seconds": {**SPAN, "description": "How far back; default: 30 days"},
            "limit": {"type": "number", "minimum": 1, "maximum": 1000, "description": "At most; default 50"},
            "probes": {"type": "boolean", "description": "Default false: without the single probes"},
        },
    ),
    "panic.shadow": Action(
        description="Put a scope in shadow (it reports when it would panic, and does not), or take it out.",
        answer="changed, flag, warnings",
        fields={
            "scope": SCOPE,
            "on": {"type": "boolean", "description": "true: in shadow; false: panic works again"},
            "reason": REASON,
            "actor": ACTOR,
        },
        required=("scope", "on", "reason", "actor"),
        changes=True,
    ),
}
