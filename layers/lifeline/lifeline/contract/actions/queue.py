"""Operator actions on queues, lanes, and what needs a person."""

from __future__ import annotations

from typing import Any, Final

from lifeline.contract.actions.action import ACTOR, HELD, ONLY, QUEUE, REASON, SURE, Action
from lifeline.contract.patterns import LINE

_MANY: Final[dict[str, Any]] = {
    "queue": HELD,
    "limit": {"type": "number", "minimum": 1, "maximum": 100_000, "description": "At most; default all"},
    **ONLY,
    "reason": REASON,
    "actor": ACTOR,
}
"""Which held messages, and why."""

ACTIONS: Final[dict[str, Action]] = {
    "queue.status": Action(
        description="What waits, its age, its rate and its ETA.",
        answer="at, queues: [name, kind (live, dead-letter, backlog, held, refused, timer), visible (due "
        "now), in_flight, delayed (due later), oldest_age_seconds, rate, eta_seconds, eta], drain: {rate, "
        "ceiling, state}, waiting (in the backlog), released (on its way), refused, unreadable (on "
        "whatsapp-dlq), "
        "eta_seconds, eta, notes",
        fields={
            "queue": {
                **QUEUE,
                "description": "One queue or lane; whatsapp-queue means the entry queues and all lanes",
            }
        },
    ),
    "queue.set_rate": Action(
        description="Set the drain rate of the backlog, within a minute.",
        answer="queue, rate, text, before, effective_by, effective_within_seconds, warnings",
        fields={
            "queue": QUEUE,
            "rate": {
                "type": ["string", "number"],
                "maxLength": 40,
                "pattern": LINE,
                "description": "10/s, 600/min, 0 (hold); a number is messages per second",
            },
            "sure": {**SURE, "description": "Needed for a rate above the account's throughput"},
            "reason": REASON,
            "actor": ACTOR,
        },
        required=("queue", "rate", "reason", "actor"),
        changes=True,
    ),
    "queue.peek": Action(
        description="A sample of the refused messages, or of a dead-letter queue, with the reasons.",
        answer="queue, to, waiting, seen, reasons: [reason, count], "
        "sample: [id, type, priority, template, cause, status, reason, since, age_seconds, receive_count, "
        "body]",
        fields={
            "queue": HELD,
            "sample": {"type": "number", "minimum": 1, "maximum": 50, "description": "At most; default 10"},
            **ONLY,
        },
        required=("queue",),
    ),
    "queue.redrive": Action(
        description="Send refused messages again, or move dead letters back to where they are handled.",
        answer="queue, to, moved, accounted (dead letters whose message was settled meanwhile: deleted), "
        "failed, waiting, complete (false: ask again for the rest), warnings",
        fields=_MANY,
        required=("queue", "reason", "actor"),
        changes=True,
        danger="people get these messages now, however old they are; a sent message cannot be recalled",
    ),
    "queue.discard": Action(
        description="Discard refused messages or dead letters; the history records which.",
        answer="queue, discarded, failed, waiting, ids (some), complete (false: ask again for the rest), "
        "warnings",
        fields=_MANY,
        required=("queue", "reason", "actor"),
        changes=True,
        danger="nobody gets these messages any more; a discarded message cannot be restored",
    ),
}
