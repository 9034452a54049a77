"""The operator action that asks whether every message is accounted for."""

from __future__ import annotations

from typing import Final

from lifeline.contract.actions.action import Action

ACTIONS: Final[dict[str, Action]] = {
    "audit.run": Action(
        description="Is every message accounted for? By agenda and queues; with deep by the ledger too.",
        answer="at, verdict (accounted, look), command (the one to run, or null), findings: [what, count, "
        "command], timers: {waiting, overdue, ages: [over_seconds, count], oldest: {id, seconds}}, doubts: "
        "{open, ages, complete}, lanes: [name, count, oldest_age_seconds], refused, dead_letters, tick: "
        "{last_at, age_seconds}, deep (null, or {ids, found, woken, next (segment to go on from, or null)})",
        fields={
            "deep": {"type": "boolean", "description": "Read the ledger too: open messages off the agenda"},
            "wake": {"type": "boolean", "description": "With deep: let a worker look at those it finds"},
            "segment": {
                "type": "number",
                "minimum": 0,
                "maximum": 63,
                "description": "With deep: go on from here (next of the answer before)",
            },
        },
    ),
}
