"""Operator actions on single messages, on failures, and on how people can be reached."""

from __future__ import annotations

from typing import Final

from lifeline.contract.actions.action import ACTOR, REASON, WORD, Action
from lifeline.contract.instants import INSTANT
from lifeline.contract.ways import WAYS, joined

OF_CONTACT: Final = ("bsuid", "time_zone", "quiet_hours", "language")
"""What a contact may have beside addresses; fields of a message's ``recipient``."""

ACTIONS: Final[dict[str, Action]] = {
    "errors.list": Action(
        description="Failures of every channel by cause, with codes, a masked sample, and the remedy.",
        answer="at, since, failures, causes: [cause, count, codes: [code, count, last_at], last_at, remedy, "
        "sample], elsewhere (channels other than WhatsApp): [channel, cause, code, count, last_at, remedy], "
        "outcomes: [status, count]",
        fields={
            "since_seconds": {
                "type": "number",
                "minimum": 60,
                "maximum": 2_592_000,
                "description": "How far back, whole minutes; default 15 minutes",
            }
        },
    ),
    "message.send": Action(
        description="Put one message on the queue of its priority, as a producer would.",
        answer="id, queue, to (masked), known (the id was seen before: it is not sent again)",
        fields={
            "message": {
                "type": "object",
                "description": "The message; see docs/producers.md. No id: a new one",
            },
            "actor": ACTOR,
        },
        required=("message", "actor"),
        changes=True,
    ),
    "message.show": Action(
        description="One message's whole history, from the ledger.",
        answer="found, id, status, final, waits_for (in words, or null), type, to (masked), acts, attempts, "
        "doubts: [act, way, at], possible_duplicates, duplicates (acts), escalated (its fallback was taken "
        "since no device had it in time), told_by_both, also (by which status it was told as well, or null), "
        "conflicts (the same id came with other content), trail: [at, status, note], ...",
        fields={"id": {**WORD, "description": "The message's id"}},
        required=("id",),
    ),
    "message.cancel": Action(
        description="Cancel a message at any moment before it is sent: while it waits, or is parked.",
        answer="id, status (CANCELLED), changed, in_doubt (an earlier send of it may have arrived)",
        fields={"id": {**WORD, "description": "The message's id"}, "reason": REASON, "actor": ACTOR},
        required=("id", "reason", "actor"),
        changes=True,
    ),
    "message.reschedule": Action(
        description="Send a message that waits, or is parked, at another time within a year.",
        answer="id, status, at",
        fields={
            "id": {**WORD, "description": "The message's id"},
            "at": {"type": "string", "pattern": INSTANT, "description": "Its new send_after"},
            "actor": ACTOR,
        },
        required=("id", "at", "actor"),
        changes=True,
    ),
    "contacts.import": Action(
        description="Register addresses for fallbacks; safe to repeat.",
        answer="saved, rejected: [line, fault]",
        fields={
            "contacts": {
                "type": "array",
                "minItems": 1,
                "maxItems": 100,
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["line"],
                    "properties": {
                        "line": {"type": "number", "description": "Where it stands in the file"},
                        "user_id": {"type": "string"},
                        **{
                            way.field: {"type": ["string", "array"] if way.most > 1 else "string"}
                            for way in WAYS
                        },
                        **{name: {"type": "string"} for name in OF_CONTACT},
                        "quiet_hours": {"type": ["object", "string"]},
                    },
                },
                "description": "user_id with at least one of "
                + joined([*(way.field for way in WAYS), *OF_CONTACT], "and")
                + "; what is given replaces all that was registered of that field",
            },
            "actor": ACTOR,
        },
        required=("contacts", "actor"),
        changes=True,
    ),
}
