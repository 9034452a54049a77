"""Another writer was faster: what our act comes to on the row as it stands now. Pure."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, Final

from lifeline.domain.failure.classify import Failure
from lifeline.domain.fallback.policy import final_status
from lifeline.domain.message.outcome import Taken, Unknown
from lifeline.domain.message.proof import disprove, prove
from lifeline.domain.message.row import WHATSAPP, Change, Row
from lifeline.domain.message.status import Status

_OWN: Final = frozenset({"id", "rev", "ops", "trail", "created_at", "updated_at", "doubts"})
"""Fields that a merge does not take over as they are."""


def still_ours(mine: Row, current: Row) -> bool:
    """Whether the row is still at the act that we had claimed: others only wrote beside it."""
    return mine.in_flight and current.in_flight and current.act == mine.act


def beside(change: Change, current: Row) -> Change:
    """The same step on the row as it stands now: it is still our claim, another writer wrote beside it."""
    before, after = change.before, change.after
    values: dict[str, Any] = {
        item.name: getattr(after, item.name)
        for item in fields(Row)
        if item.name not in _OWN and getattr(after, item.name) != getattr(before, item.name)
    }
    settled = set(before.doubts) - set(after.doubts)
    kept = [doubt for doubt in current.doubts if doubt not in settled]
    added = [doubt for doubt in after.doubts if doubt not in before.doubts]
    merged = replace(current, **values, doubts=(*kept, *added))
    if merged.status is Status.IN_DOUBT and not merged.doubts:
        merged = replace(merged, status=Status.CLAIMED)
    return replace(change, before=current, after=merged)


def with_outcome(current: Row, mine: Row, outcome: object) -> Row:
    """``current`` with what we know of the act that ``mine`` had claimed."""
    match outcome:
        case Taken():
            over_whatsapp = mine.way == WHATSAPP
            status = Status.SENT if over_whatsapp else final_status([mine.way or ""])
            return prove(current, mine.act, status, outcome.reference if over_whatsapp else None)
        case Unknown():
            return current
        case Failure() if outcome.may_have_left:
            return current
        case _:
            return disprove(current, mine.act)
