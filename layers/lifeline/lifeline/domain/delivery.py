"""What to do with one message: before it is sent, and after Meta answered. Pure decisions.

A message travels in *carriers*: SQS messages. The row of the ledger names the carrier's ``claim`` and
``turn``. Putting a message back writes the row first (``turn + 1``), then the new carrier, then acknowledges
the old one, so a crash between any two steps leaves either the old carrier (which repeats the step) or two
equal carriers (of which one loses the next conditional write). Nothing is lost; nothing is sent twice but for
the case "in doubt", which waits, is counted and is reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lifeline.domain.failures import Cause, Failure, Reach
from lifeline.domain.pace import backoff, pair_wait
from lifeline.domain.status import Status

FALLBACK = "fallback"
"""The ``job`` of a carrier that a ``failed`` status webhook put on the live queue."""
MAX_SQS_DELAY = 900.0
"""Seconds. A longer wait becomes a one-time schedule (SQS quotas)."""


class Phase(StrEnum):
    """What a ``CLAIMED`` (or waiting ``IN_DOUBT``) row is doing."""

    SENDING = "sending"
    WAITING = "waiting"
    FALLING_BACK = "falling_back"
    SCHEDULED = "scheduled"


class Do(StrEnum):
    """What happens next to a carrier."""

    SEND = "send"
    ACKNOWLEDGE = "acknowledge"
    """Nothing is left to do for this carrier."""
    BUSY = "busy"
    """Another carrier of the same message is at work: look again later, leave the row alone."""
    REPEAT = "repeat"
    """The row already says that a new carrier waits: put that carrier on its queue (again)."""
    WAIT = "wait"
    SCHEDULE = "schedule"
    SETTLE = "settle"
    """The outcome is unknown: wait for the webhook before anything else."""
    FALL_BACK = "fall_back"
    PARK = "park"
    EXPIRE = "expire"
    REJECT = "reject"
    FINISH = "finish"
    """Record the end status; ``status`` says which."""


@dataclass(frozen=True, slots=True)
class Decision:
    """``delay`` in seconds from now. ``whatsapp_later``: parking makes sense, WhatsApp may yet deliver."""

    do: Do
    why: str
    delay: float = 0.0
    cause: Cause | None = None
    resend: bool = False
    whatsapp_later: bool = True
    status: Status | None = None


@dataclass(frozen=True, slots=True)
class Carrier:
    """What one SQS message says of itself. ``rounds``: put-backs since it was last parked or fresh."""

    claim: str
    turn: int = 0
    rounds: int = 0
    job: str | None = None
    """``fallback``: a status webhook reported a failure; take the person's fallback."""
    cause: str | None = None
    slot: float | None = None
    """Epoch seconds at which this carrier holds a token of the limiter."""
    paid: bool = False
    """It has waited for its turn in bulk's share already."""
    drained: bool = False
    """The drain released it: where tokens are scarce, live messages of its priority go first."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger knows of a message."""

    status: Status
    claim: str
    turn: int
    phase: str | None
    attempted_at: float | None
    due_at: float | None


@dataclass(frozen=True, slots=True)
class Situation:
    """The facts around one decision. Times: epoch seconds and seconds."""

    now: float
    channel_blocked: bool
    template_blocked: bool
    valid_phone: bool
    expires_at: float | None
    send_after: float | None
    grace: float
    lease: float
    """A worker that claimed a row longer ago than this has ended (function timeout plus a margin)."""
    quiet: bool = False
    """It is quiet where the recipient is, and the message can wait."""


_OVER = frozenset(
    {
        Status.SENT,
        Status.HELD,
        Status.DELIVERED,
        Status.READ,
        Status.PUSHED,
        Status.EMAILED,
        Status.EXPIRED,
        Status.REJECTED,
    }
)


def before_sending(carrier: Carrier, known: Known | None, at: Situation) -> Decision:
    """Decide what to do with a carrier that has just arrived."""
    if known is None:
        return _fresh(at)
    taking_over = (
        known.phase == Phase.SCHEDULED
        and known.status is Status.CLAIMED
        and (known.due_at or 0) <= at.now + 1
    )
    if known.claim != carrier.claim and not taking_over:
        return Decision(Do.ACKNOWLEDGE, "duplicate: another message owns this id")
    if taking_over:
        return _fresh(at)
    if carrier.turn < known.turn:
        if known.phase == Phase.WAITING or known.status is Status.PARKED:
            return Decision(Do.REPEAT, "put back before; the new carrier may never have been sent")
        return Decision(Do.ACKNOWLEDGE, "an older copy of the carrier")
    if known.status in _OVER:
        return Decision(Do.ACKNOWLEDGE, f"already {known.status}")
    if known.status is Status.FAILED:
        # Waiting: a webhook reported the failure and this person's fallback is due. Otherwise it was taken.
        if known.phase == Phase.WAITING:
            return _reported(carrier, at)
        return Decision(Do.ACKNOWLEDGE, "already FAILED")
    if known.status is Status.IN_DOUBT:
        return _in_doubt(known, at)
    if known.status is Status.CLAIMED and known.phase == Phase.SENDING:
        left = (known.attempted_at or 0) + at.lease - at.now
        if left > 0:
            return Decision(Do.BUSY, "another worker is sending it", delay=left)
        return _in_doubt(known, at)
    if known.status is Status.CLAIMED and known.phase == Phase.FALLING_BACK:
        left = (known.attempted_at or 0) + at.lease - at.now
        if left > 0:
            return Decision(Do.BUSY, "another worker is taking its fallback", delay=left)
        if carrier.job == FALLBACK:
            return _reported(carrier, at)
    return _fresh(at)


def _reported(carrier: Carrier, at: Situation) -> Decision:
    """Meta took the message and reported later that it failed: never ask WhatsApp a second time."""
    if at.expires_at is not None and at.expires_at <= at.now:
        return Decision(Do.EXPIRE, "its time has passed")
    return Decision(
        Do.FALL_BACK, "Meta reported a failure", cause=_cause(carrier.cause), whatsapp_later=False
    )


def _fresh(at: Situation) -> Decision:
    if at.expires_at is not None and at.expires_at <= at.now:
        return Decision(Do.EXPIRE, "its time has passed")
    if at.send_after is not None and at.send_after > at.now:
        wait = at.send_after - at.now
        return Decision(Do.WAIT if wait <= MAX_SQS_DELAY else Do.SCHEDULE, "send_after", delay=wait)
    if not at.valid_phone:
        return Decision(Do.FALL_BACK, "not a phone number", cause=Cause.INVALID_PHONE, whatsapp_later=False)
    if at.quiet:
        return Decision(Do.PARK, "quiet hours")
    if at.channel_blocked:
        return Decision(Do.FALL_BACK, "panic")
    if at.template_blocked:
        return Decision(Do.FALL_BACK, "template panic", cause=Cause.TEMPLATE_REJECTED)
    return Decision(Do.SEND, "nothing against it")


def _in_doubt(known: Known, at: Situation) -> Decision:
    left = (known.attempted_at or 0) + at.grace - at.now
    if left > 0:
        return Decision(Do.SETTLE, "the outcome is unknown; waiting for the webhook", delay=left)
    again = _fresh(at)
    if again.do is Do.SEND:
        return Decision(Do.SEND, "no webhook within the grace time; sent again", resend=True)
    return again


def after_failure(
    failure: Failure,
    *,
    attempt: int,
    rounds: int,
    blocked: bool,
    attempts: int,
    max_rounds: int,
    base: float,
    cap: float,
    grace: float,
    chance: float,
    expires_in: float | None,
) -> Decision:
    """Decide what to do after a send failed.

    ``attempt`` counts this send (from 1). ``blocked``: the channel (or the template) is in panic by now.
    ``chance``: a random number in [0, 1) for full jitter. ``expires_in``: seconds to the deadline.
    """
    if failure.may_have_left:
        return Decision(Do.SETTLE, "the answer was lost", delay=grace, cause=failure.cause)
    if failure.cause is Cause.PAIR_RATE_LIMIT:
        return _wait_or_park(
            pair_wait(max(0, attempt - 1)), "pair limit", failure.cause, rounds, max_rounds, expires_in
        )
    if failure.reach is Reach.RECIPIENT:
        return Decision(Do.FALL_BACK, failure.details, cause=failure.cause, whatsapp_later=False)
    if failure.reach is Reach.MESSAGE and not failure.is_passing:
        return Decision(Do.REJECT, failure.details, cause=failure.cause)
    if failure.reach is Reach.TEMPLATE:
        return Decision(Do.FALL_BACK, failure.details, cause=failure.cause)
    if blocked:
        return Decision(Do.FALL_BACK, "panic", cause=failure.cause)
    if attempt >= attempts:
        return Decision(Do.FALL_BACK, f"failed {attempt} times", cause=failure.cause)
    wait = failure.retry_after or backoff(attempt, chance, base=base, cap=cap)
    return _wait_or_park(wait, "passing failure", failure.cause, rounds, max_rounds, expires_in)


def _wait_or_park(
    wait: float, why: str, cause: Cause, rounds: int, max_rounds: int, expires_in: float | None
) -> Decision:
    if expires_in is not None and wait >= expires_in:
        return Decision(Do.FALL_BACK, f"{why}: the next try would come too late", cause=cause)
    if rounds >= max_rounds or wait > MAX_SQS_DELAY:
        return Decision(Do.PARK, f"{why}: put back {rounds} times", cause=cause)
    return Decision(Do.WAIT, why, delay=wait, cause=cause)


def _cause(text: str | None) -> Cause | None:
    try:
        return Cause(text) if text else None
    except ValueError:
        return None
