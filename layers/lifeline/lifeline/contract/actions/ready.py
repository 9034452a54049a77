"""Operator actions that look at the whole, and the drill."""

from __future__ import annotations

from typing import Final

from lifeline.contract.actions.action import ACTOR, WORD, Action
from lifeline.contract.ways import WAYS

_WAYS: Final = ", ".join(way.name for way in WAYS)

ACTIONS: Final[dict[str, Action]] = {
    "status.show": Action(
        description="Everything at a glance: flags, queues, drain, the last hour, token, prober.",
        answer="at, panic, scopes (as panic.status), queues, waiting, refused, drain (as queue.status), "
        "dead_letters, limiter: {rate, booked_seconds}, last_hour: {accepted, last_accepted_at, failures, "
        f"failures_elsewhere (by channel), fallbacks: {{{_WAYS}}}, parked, expired}}, "
        "token (the keeper's last look), prober: {age_seconds, last_at}, "
        "notes; a part that cannot be read is null",
    ),
    "drill.run": Action(
        description="Check the readiness for an outage, without changes: who is reached, what is armed.",
        answer="at, stage, verdict (ready, not_ready, unclear), sampled, critical_today, recipients: "
        f"[priority, people, {_WAYS}, waits], "
        "steps: [name, state (ok, warn, fail, unknown), found, fix]",
    ),
    "drill.start": Action(
        description="Begin a live rehearsal: panic, ten minutes at most, and test messages. Never in prod.",
        answer="incident_id, messages: [id, way, expected], until_seconds",
        fields={
            "to": {**WORD, "maxLength": 64, "description": "Number of the test messages; default fictional"},
            **{
                way.field: {
                    **WORD,
                    "maxLength": way.address["maxLength"],
                    "description": way.sample_help[0].upper() + way.sample_help[1:],
                }
                for way in WAYS
            },
            "actor": ACTOR,
        },
        required=("actor",),
        changes=True,
    ),
}
