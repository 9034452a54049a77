"""What follows from an act: :func:`after_send` and :func:`after_way`. Pure.

Both take the row as it was claimed and give the next :class:`~lifeline.domain.message.step.Step`: a row to
write, or the fallback's next way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from lifeline.contract.ways import PARK, WAYS_BY_NAME
from lifeline.domain.failure.causes import Cause, Reach
from lifeline.domain.failure.classify import Failure
from lifeline.domain.message.row import (
    WHATSAPP,
    Lane,
    Row,
    at_meta,
    changed,
    collapsed,
    doubted,
    known,
    off_agenda,
    parked,
    waiting,
)
from lifeline.domain.message.status import Status
from lifeline.domain.message.step import OPTED_OUT, Do, Step, blocked_lane
from lifeline.domain.message.ways import given_up, tried
from lifeline.domain.pace.pace import backoff, pair_wait

SOON: Final = 1.0
"""Seconds until a send is tried again that had no time left in its invocation."""
UNANSWERED: Final = 5.0
"""Seconds until a message is looked at again for which a service did not answer."""
MAX_FAULTS: Final = 5
"""Unexpected errors of our own after which a message is refused and a person must look."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A service took the message. ``held``: Meta holds it for quality assessment."""

    reference: str
    held: bool = False


class NotDone(StrEnum):
    """The act was not carried out, although it was claimed: nothing has left."""

    NO_TIME = "no time left in this invocation"
    STOPPED = "the channel is down"
    TOO_LATE = "expired"
    OPTED_OUT = OPTED_OUT
    UNSURE = "it is unknown whether its recipient opted out"
    FAULT = "an unexpected error"


@dataclass(frozen=True, slots=True)
class Refused:
    """A way of the fallback did not take the message. ``code``: the service's error code."""

    code: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody knows whether the service took it."""

    code: str


@dataclass(frozen=True, slots=True)
class Retries:
    """How failed sends are tried again. Times in seconds; ``chance``: a draw from [0, 1) for full jitter."""

    now: float
    attempts: int
    base: float
    cap: float
    grace: float
    chance: float
    blocked: bool
    """The channel or the template is in panic by now."""
    channel_blocked: bool
    replaced: bool = False
    """Another template stands in for the one that was just refused, and was not used yet."""
    ended_at: float | None = None
    """When the send ended; panic may have begun since, and a report asks how long it took to notice."""


def after_send(row: Row, outcome: Taken | Failure | NotDone, at: Retries) -> Step:
    """What follows from a send over WhatsApp. ``row``: as claimed."""
    match outcome:
        case Taken():
            status = Status.HELD if outcome.held else Status.SENT
            done = changed(at_meta(row, status), wamid=outcome.reference, via=row.act)
            return Step(Do.WRITE, done, "Meta accepted it")
        case NotDone():
            return after_nothing(row, outcome, at)
    row = _noted(row, outcome, at.now if at.ended_at is None else at.ended_at)
    if outcome.may_have_left:
        return _in_doubt(row, at)
    cause = outcome.cause
    if outcome.reach is Reach.RECIPIENT and cause.traits.retried:
        if row.attempt >= at.attempts + 2:
            return Step(Do.FALL_BACK, _free(row), f"pair limit {row.attempt} times", cause)
        return _again(row, pair_wait(max(0, row.attempt - 1)), "pair limit", cause, at)
    if outcome.reach is Reach.RECIPIENT:
        return Step(Do.FALL_BACK, replace(_free(row), later=False), outcome.details, cause)
    if outcome.reach is Reach.MESSAGE and not outcome.is_passing:
        return Step(Do.WRITE, refused(row, at.now), outcome.details, cause)
    if outcome.reach is Reach.TEMPLATE:
        if at.replaced and row.attempt < at.attempts:
            return Step(Do.WRITE, waiting(_free(row), at.now), "its replacement is sent", cause)
        return Step(Do.FALL_BACK, _free(row), outcome.details, cause)
    if at.blocked:
        return Step(Do.FALL_BACK, _free(row), "panic", cause)
    if row.attempt >= at.attempts:
        return Step(Do.FALL_BACK, _free(row), f"failed {row.attempt} times", cause)
    wait = outcome.retry_after or backoff(row.attempt, at.chance, base=at.base, cap=at.cap)
    return _again(row, wait, "temporary failure", cause, at)


def after_nothing(row: Row, why: NotDone, at: Retries) -> Step:
    """What follows from a claimed act that was not carried out: no attempt is counted, no doubt is left."""
    row = replace(row, phase=None, attempt=max(0, row.attempt - (row.way == WHATSAPP)))
    if why is NotDone.TOO_LATE:
        return Step(Do.WRITE, given_up(row, Status.EXPIRED), str(why))
    if why is NotDone.OPTED_OUT:
        return Step(Do.WRITE, given_up(row, Status.SUPPRESSED), str(why))
    if why is NotDone.FAULT:
        return after_fault(row, at.now)
    if at.channel_blocked and row.way == WHATSAPP:
        return Step(Do.FALL_BACK, row, "panic")
    return Step(Do.WRITE, waiting(row, at.now + SOON), str(why))


def after_fault(row: Row, now: float) -> Step:
    """An unexpected error of our own: later again, and after some a person must look.

    An escalation that cannot be taken ends: Meta has the message.
    """
    row = replace(row, phase=None, faults=row.faults + 1)
    if row.faults >= MAX_FAULTS and row.reached:
        return Step(Do.WRITE, given_up(row, row.status), "its escalation failed with unexpected errors")
    if row.faults >= MAX_FAULTS:
        return Step(Do.WRITE, refused(row, now), f"failed {row.faults} times with an unexpected error")
    return Step(Do.WRITE, waiting(row, now + 2.0**row.faults), "an unexpected error; tried again")


def troubled(row: Row, now: float, lease: float, *, fault: bool) -> Step:
    """What is done with a row that could not be decided on: later again, if anything is owed now.

    ``fault``: an unexpected error of our own; otherwise only a service did not answer.
    """
    waits = row.lane is None or (row.lane == Lane.TIMER and (row.in_flight or (row.due or 0.0) <= now))
    claimed = row.in_flight and (row.attempted_at or 0.0) + lease > now
    if not known(row) or (row.rev and not row.open) or claimed or not waits:
        return Step(Do.NOTHING, row, "nothing is owed now")
    row = doubted(row) if row.in_flight else row
    if fault:
        return after_fault(row, now)
    return Step(Do.WRITE, waiting(row, now + UNANSWERED), "a service did not answer")


def refused(row: Row, now: float) -> Row:
    """The row in the lane in which a person must look at it."""
    return replace(off_agenda(row, Status.REJECTED), lane=Lane.REFUSED, due=now)


def _in_doubt(row: Row, at: Retries) -> Step:
    row = doubted(row)
    if at.channel_blocked and row.priority == "critical":
        return Step(Do.FALL_BACK, row, "in doubt, and panic")
    return Step(
        Do.WRITE, waiting(row, row.doubts[-1].at + at.grace), "the response was lost; waits for a report"
    )


def _again(row: Row, wait: float, why: str, cause: Cause, at: Retries) -> Step:
    if row.expires_at is not None and at.now + wait >= row.expires_at:
        return Step(Do.FALL_BACK, _free(row), f"{why}: the next attempt would come too late", cause)
    return Step(Do.WRITE, waiting(_free(row), at.now + wait), why, cause)


def _free(row: Row) -> Row:
    return replace(row, phase=None)


def _noted(row: Row, failure: Failure, now: float) -> Row:
    many = failure.reach in (Reach.CHANNEL, Reach.TEMPLATE)
    return replace(
        row,
        cause=str(failure.cause),
        code=failure.code,
        failed_at=now if row.failed_at is None and many else row.failed_at,
    )


# --- The fallback ----------------------------------------------------------------------------------------


def of_devices(
    outcomes: Sequence[Taken | Refused | Unknown | NotDone],
) -> Taken | Refused | Unknown | NotDone:
    """One outcome of a way whose addresses were all tried: what one of them took is done.

    So nothing that is known to have arrived is repeated, whatever became of the rest. Where none took it for
    sure, one that may have taken it decides. ``outcomes`` has at least one.
    """
    for kind in (Taken, Unknown, NotDone):
        for outcome in outcomes:
            if isinstance(outcome, kind):
                return outcome
    return outcomes[0]


def after_way(row: Row, outcome: Taken | Refused | Unknown | NotDone, at: Retries) -> Step:
    """What follows from one way of the fallback. ``row``: as claimed. The next way is decided anew."""
    way = row.way or ""
    match outcome:
        case NotDone():
            return after_nothing(row, outcome, at)
        case Taken():
            reached = replace(tried(collapsed(row, way), way), otherwise=row.otherwise or row.act)
            # Until an escalation has ended, it is the send by which Meta has the message.
            return Step(Do.FALL_BACK, reached if row.escalated else replace(reached, via=row.act), "")
        case Refused():
            return Step(Do.FALL_BACK, tried(row, f"{way} {outcome.code}"), "")
    open_ = doubted(row)
    repeats = sum(1 for doubt in open_.doubts if doubt.way == way)
    rules = WAYS_BY_NAME[way]
    if repeats >= rules.repeats:
        return Step(Do.FALL_BACK, tried(open_, f"{way} unknown"), "")
    due = open_.doubts[-1].at + at.grace if rules.again is None else at.now + rules.again * repeats
    return Step(Do.WRITE, waiting(open_, due), f"no response to the {way} ({outcome.code})")


def after_ways(row: Row, status: Status, why: str, now: float, *, template_alone: bool) -> Step:
    """The end of the fallback: reached, parked, or nobody reached (``FAILED``; ``SENT`` after an escalation).

    ``template_alone``: the template panics, and the channel does not.
    """
    if row.reached:
        return Step(Do.WRITE, given_up(row, row.status), why)
    if status is not Status.PARKED:
        return Step(Do.WRITE, off_agenda(row, status), why)
    if row.tried:
        row = replace(row, tried=f"{row.tried}, {PARK}")
    return Step(Do.WRITE, parked(row, blocked_lane(row, template_alone=template_alone), now), why)
