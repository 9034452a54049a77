"""What to do with one message now: :func:`next_step`. Pure; all rules before an effect are here.

A wake-up, a producer's message and a repetition of either lead here alike: they say *look*, the row says
what.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from lifeline.contract.ways import collapses
from lifeline.domain.campaign.campaign import CampaignState
from lifeline.domain.failure.causes import Cause
from lifeline.domain.message.row import (
    CAMPAIGN_LANE,
    TEMPLATE_LANE,
    WHATSAPP,
    Lane,
    Phase,
    Row,
    changed,
    doubted,
    known,
    parked,
    waiting,
)
from lifeline.domain.message.status import Status
from lifeline.domain.message.ways import given_up

SPEECH_SECONDS: Final = 180.0
"""How long a recording is waited for; after that the words go as text."""
QUIET: Final = "quiet hours"
"""Why a row was written that waits for its recipient's morning; incidents' reports tell such rows by it."""
SEND_AFTER: Final = "send_after"
"""Why a row was written that waits for its own time."""
ESCALATED: Final = "not delivered in time"
"""Why a fallback is taken although Meta took the message."""
OPTED_OUT: Final = "the recipient opted out of promotional messages"
"""Why a row ended as ``SUPPRESSED``."""
OTHER_CONTENT: Final = "the same id came with other content"
"""Why a row was written that only counts a conflict: it waits on as it did."""


class Do(StrEnum):
    """What happens next."""

    SEND = "send"
    """Take a token, write the claim (:func:`claim`), send over WhatsApp."""
    FALL_BACK = "fall_back"
    """Look up this person's ways and take the next one."""
    SPEAK = "speak"
    """Write the row, then ask the voice function for a recording."""
    WRITE = "write"
    """Write the row: it waits, is parked, or has come to its end."""
    NOTHING = "nothing"
    """Nothing is owed now."""
    EARLY = "early"
    """Its time has not come; it is on the agenda."""
    BUSY = "busy"
    """Another worker has claimed it."""
    LEAVE = "leave"
    """Another version of Lifeline wrote it: leave it as it is, and count it."""


@dataclass(frozen=True, slots=True)
class Step:
    """``row``: what to write (``WRITE``, ``SPEAK``), or the row as the act starts from it."""

    do: Do
    row: Row
    why: str
    cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """The facts around one decision. Times: epoch seconds and seconds."""

    now: float
    channel_blocked: bool
    template_blocked: bool
    """The template panics and none stands in for it."""
    valid_phone: bool
    grace: float
    lease: float
    """A worker that claimed an act longer ago than this has ended (function time-out plus a margin)."""
    campaign: str = ""
    quiet_until: float | None = None
    """It is quiet where the recipient is, and the message can wait."""
    speech: bool = False
    """A recording can be asked for now."""
    opted_out: bool = False
    """The message is promotional, and its recipient wants none."""
    parks_only: bool = False
    """The policy takes no way for this priority: it only parks."""


def next_step(row: Row, at: Situation) -> Step:
    """Decide on a row that was just read, or on a fresh one (``rev`` 0)."""
    if not known(row):
        return Step(Do.LEAVE, row, f"phase {row.phase}, lane {row.lane}: written by another version")
    if row.rev and not row.open:
        return Step(Do.NOTHING, row, f"already {row.status}")
    if row.lane is not None and row.lane != Lane.TIMER:
        return Step(Do.NOTHING, row, f"waits in lane {row.lane}")
    if row.in_flight:
        if (row.attempted_at or 0.0) + at.lease > at.now:
            return Step(Do.BUSY, row, "another worker has it")
        row = doubted(row)
    elif row.lane == Lane.TIMER and (row.due or 0.0) > at.now:
        return Step(Do.EARLY, row, "not due yet")
    return _due(row, at)


def _due(row: Row, at: Situation) -> Step:
    if row.reached:
        return _escalate(row, at)
    if row.expires_at is not None and row.expires_at <= at.now:
        return Step(Do.WRITE, given_up(row, Status.EXPIRED), "expired")
    early = row.send_after is not None and row.send_after > at.now
    doubt = row.doubts[-1] if row.doubts else None
    if doubt:
        settles = doubt.at + at.grace
        urgent = at.channel_blocked and row.priority == "critical"
        if not collapses(doubt.way) and settles > at.now and not (doubt.way == WHATSAPP and urgent):
            return Step(Do.WRITE, waiting(row, settles), f"in doubt ({doubt.way}): waits for a report")
    if at.opted_out and not early:
        return Step(Do.WRITE, given_up(row, Status.SUPPRESSED), OPTED_OUT)
    if doubt and doubt.way != WHATSAPP and doubt.way == row.way:
        return Step(Do.FALL_BACK, row, f"no report of the {doubt.way}")
    if not row.later:
        return Step(Do.FALL_BACK, row, "Meta reported a failure", _cause(row.cause))
    if not row.doubts:
        if at.campaign == CampaignState.CANCELLED:
            return Step(Do.WRITE, given_up(row, Status.CANCELLED), "campaign cancelled")
        if at.campaign == CampaignState.PAUSED:
            return Step(
                Do.WRITE, parked(row, CAMPAIGN_LANE + (row.campaign or ""), at.now), "campaign paused"
            )
        if row.send_after is not None and early:
            return Step(Do.WRITE, waiting(row, row.send_after), SEND_AFTER)
    if not at.valid_phone:
        return Step(Do.FALL_BACK, replace(row, later=False), "not a phone number", Cause.INVALID_PHONE)
    if at.quiet_until is not None:
        return Step(Do.WRITE, parked(row, backlog_lane(row.priority), at.quiet_until), QUIET)
    if at.channel_blocked or at.template_blocked:
        cause = None if at.channel_blocked else Cause.TEMPLATE_REJECTED
        why = "panic" if at.channel_blocked else "template panic"
        if at.parks_only:
            return Step(
                Do.WRITE,
                parked(row, blocked_lane(row, template_alone=not at.channel_blocked), at.now),
                why,
                cause,
            )
        return Step(Do.FALL_BACK, row, why, cause)
    if at.speech and row.type == "voice" and row.recording is None and row.unspoken is None:
        asked = row.phase == Phase.SPEAKING
        if not asked:
            speaking = replace(waiting(row, at.now + SPEECH_SECONDS), phase=Phase.SPEAKING)
            return Step(Do.SPEAK, speaking, "a recording is asked for")
        row = replace(row, unspoken="no recording came in time")
    why = "no report within the grace time; sent again" if row.doubts else "clear to send"
    return Step(Do.SEND, row, why)


def _escalate(row: Row, at: Situation) -> Step:
    """Meta took it, and no device has it by now: the fallback is taken beside it."""
    if row.expires_at is not None and row.expires_at <= at.now:
        return Step(Do.WRITE, given_up(row, row.status), "expired; no escalation")
    if at.campaign == CampaignState.CANCELLED:
        return Step(Do.WRITE, given_up(row, row.status), "campaign cancelled; no escalation")
    if at.opted_out:
        return Step(Do.WRITE, given_up(row, row.status), f"{OPTED_OUT}; no escalation")
    others = [doubt for doubt in row.doubts if doubt.way != WHATSAPP]
    if others and not collapses(others[-1].way) and others[-1].at + at.grace > at.now:
        why = f"in doubt ({others[-1].way}): waits for a report"
        return Step(Do.WRITE, waiting(row, others[-1].at + at.grace), why)
    if at.quiet_until is not None:
        return Step(Do.WRITE, waiting(row, at.quiet_until), QUIET)
    return Step(Do.FALL_BACK, replace(row, escalated=row.escalated or row.via), ESCALATED)


def backlog_lane(priority: str) -> str:
    """The backlog in which a message of this priority is parked."""
    return priority if priority in (Lane.CRITICAL, Lane.BULK) else Lane.NORMAL


def blocked_lane(row: Row, *, template_alone: bool) -> str:
    """Where a message waits for what holds it back: the channel, or its template alone.

    Only while a template's flag says panic: the tick frees the lanes of templates that have a flag.
    """
    if template_alone and row.template:
        return TEMPLATE_LANE + row.template
    return backlog_lane(row.priority)


def claim(row: Row, way: str, now: float, lease: float) -> Row:
    """The row with an act claimed: no claim, no effect. What Meta took stays at that while it escalates.

    It stands on the agenda with the end of its lease, so that a dead worker is noticed; a fresh message whose
    SQS message is still unacknowledged needs that only where it is critical.
    """
    fresh = row.rev == 0 and row.priority != "critical"
    over_whatsapp = way == WHATSAPP
    return changed(
        row,
        status=row.status if row.reached else Status.CLAIMED,
        phase=Phase.SENDING if over_whatsapp else Phase.FALLING_BACK,
        act=row.act + 1,
        aside=row.aside if over_whatsapp else (*row.aside, row.act + 1),
        way=way,
        attempt=row.attempt + over_whatsapp,
        attempted_at=now,
        lane=None if fresh else Lane.TIMER,
        due=None if fresh else now + lease,
        slot=None,
    )


def for_slot(row: Row, slot: float) -> Row:
    """The row that waits for its reserved token."""
    return replace(waiting(row, slot), slot=slot)


def _cause(text: str | None) -> Cause | None:
    try:
        return Cause(text) if text else None
    except ValueError:
        return None
