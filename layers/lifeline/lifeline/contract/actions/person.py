"""Operator actions on one person's data. They show or change such data: only OperatorFunction takes them."""

from __future__ import annotations

from typing import Any, Final

from lifeline.contract.actions.action import ACTOR, REASON, WORD, Action

STEPS: Final = ("known", "campaigns", "letters", "rows", "ledger")
"""Where a person's data are looked for, in this order. ``known``: contact, marks of addresses, voice notes;
``letters``: dead letters; ``rows``: of the ledger, by the index; ``ledger``: by reading it whole."""

_WHOSE: Final[dict[str, Any]] = {
    "who": {
        **WORD,
        "maxLength": 512,
        "description": "A phone number, or a user id (the producer's or Meta's)",
    },
    "as_user_id": {
        "type": "boolean",
        "description": "true: who is a user id, although it looks like a number",
    },
    "deep": {
        "type": "boolean",
        "description": "true: read the whole ledger as well, for rows that bear no digest, or one of another "
        "key. Always so for a user id",
    },
    "step": {**WORD, "description": f"Where an earlier answer says to go on: {', '.join(STEPS)}"},
    "at": {**WORD, "maxLength": 512, "description": "The place in that step"},
    "reason": REASON,
    "actor": ACTOR,
}
_ON: Final = (
    "next: {step, at} to ask again with, or null, numbers (of a user id: ask again with each), waiting "
    "(on the entry queues and voice-queue, in which nobody can look)"
)

ACTIONS: Final[dict[str, Action]] = {
    "person.export": Action(
        description="What Lifeline keeps of one person; written into the history, without the number.",
        answer=f"found: [where, data], {_ON}",
        fields=_WHOSE,
        required=("who", "reason", "actor"),
        changes=True,
    ),
    "person.erase": Action(
        description="Remove what Lifeline keeps of one person; open messages end CANCELLED. May be repeated.",
        answer="removed: {rows, cancelled, contacts, marks, voice_notes, memories, campaign_lines, "
        "dead_letters, recordings}, busy (rows with an act in flight: repeat in two minutes), "
        f"{_ON}, kept (in words, what stays)",
        fields=_WHOSE,
        required=("who", "reason", "actor"),
        changes=True,
        danger="erased data cannot be restored, and waiting messages are not sent",
    ),
}
