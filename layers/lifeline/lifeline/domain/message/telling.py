"""Which outcomes of a message its producer is told, and how none is lost: :func:`marked`. Pure.

A change that a producer cares about puts a :class:`~lifeline.domain.message.row.Mark` on the row, in the same
conditional write: no outcome without its mark, no mark without its write. Who sees to it that the outcome is
told depends on what made the writer look at the row (:class:`~lifeline.domain.message.row.Watch`):

- An SQS message or a webhook that is not answered before the outcome was published. A worker that dies
  leaves it unanswered, it comes again, and whoever takes it finds the mark. The mark may stay: it says no
  more than that this outcome exists, and costs no write of its own.
- Nothing that comes again (a wake-up, the tick, an operator, a mail event): the row itself. It stays on the
  timer lane, also at a terminal status, until the mark is taken off after publishing.

Telling never holds up a delivery: a parked message keeps its backlog lane, and its mark is told when the
row is looked at next, at the latest before its next outcome.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from lifeline.contract.outcomes import OUTCOMES
from lifeline.domain.message.row import Change, Lane, Mark, Row, Watch
from lifeline.domain.message.status import RANK

MARKS_KEPT: Final = 6
"""Marks of outcomes that something else sees to: more than a message has within the time in which an SQS
message or a webhook comes again."""
SOON: Final = 60.0
"""Seconds within which an outcome that was just written is told by its writer; as long as a claim's lease."""
LONGEST: Final = 600.0
"""Most seconds between two tries to tell an outcome, while SNS does not take it."""
REMEMBERED: Final = 900.0
"""Seconds for which the outcomes of a message are told again when a producer's message comes again: an SQS
message in two copies says nothing of the worker that died with the other one."""
OFF: Final = "off"
"""Where a row goes that has nothing else to wait for: off the agenda."""


def marked(change: Change, now: float) -> Change:
    """The change with the mark of its outcome, if it has one, and kept on the agenda where nobody else sees
    to it that the outcome is told.
    """
    before, after = change.before, change.after
    marks = after.outcomes
    if after.status is not before.status and after.status in OUTCOMES:
        failure = after.status not in RANK or after.status == "FAILED"
        marks = _limited(
            (
                *marks,
                Mark(
                    before.rev + 1,
                    str(after.status),
                    int(now * 1000) / 1000,
                    _watch(change),
                    after.cause if failure else None,
                    after.code if failure else None,
                ),
            )
        )
    return replace(change, after=_placed(before, replace(after, outcomes=marks), now))


def _watch(change: Change) -> Watch:
    """What sees to it; an SQS message only where no copy of it can have been acknowledged: since its first
    write the row has been off the agenda, or in an act.
    """
    before = change.before
    never_acknowledged = (
        not before.rev or not before.accounted or (before.in_flight and before.rev == before.act)
    )
    return change.watch if change.watch is not Watch.QUEUE or never_acknowledged else Watch.AGENDA


def _limited(marks: tuple[Mark, ...]) -> tuple[Mark, ...]:
    spare = [mark for mark in marks if not mark.owed][:-MARKS_KEPT]
    return tuple(mark for mark in marks if mark not in spare)


def _placed(before: Row, after: Row, now: float) -> Row:
    """The row where it waits: on the timer lane while an outcome is owed, unless it waits for more than
    that.
    """
    owed = [mark for mark in after.outcomes if mark.owed]
    if after.onward is not None:
        if owed and (after.lane, after.due) == (before.lane, before.due):
            return after
        after = replace(after, onward=None)
    if not owed or after.lane not in (None, Lane.REFUSED):
        return after
    onward = OFF if after.lane is None else f"{after.lane}@{after.due:.3f}"
    if owed[-1].rev <= before.rev:  # nothing new: seldom, the longer it could not be told
        due = now + min(LONGEST, max(SOON, now - owed[-1].at))
    elif before.lane == Lane.TIMER and before.due is not None and now <= before.due <= now + SOON:
        due = before.due  # the index need not be written
    else:
        due = now
    return replace(after, onward=onward, lane=Lane.TIMER, due=due)


def at_home(row: Row) -> Row:
    """The row where it waits, or not, once its outcomes are told."""
    if row.onward is None:
        return row
    lane, _, due = row.onward.partition("@")
    return replace(
        row, onward=None, lane=None if lane == OFF else lane, due=None if lane == OFF else float(due)
    )


def once_told(row: Row, revs: frozenset[int]) -> Row:
    """The row once the outcomes of these writes were published; the same one where nothing was owed."""
    kept = tuple(mark for mark in row.outcomes if not (mark.owed and mark.rev in revs))
    return row if kept == row.outcomes else replace(at_home(row), outcomes=kept)


def owing(row: Row, revs: frozenset[int]) -> Row:
    """The row that itself sees to the outcomes of these writes from now on; they could not be published."""
    marks = tuple(replace(mark, watch=Watch.AGENDA) if mark.rev in revs else mark for mark in row.outcomes)
    return replace(at_home(row), outcomes=marks)


def to_tell(row: Row, began: Row | None, *, remembered: float, now: float) -> frozenset[int]:
    """The writes whose outcomes a worker has to tell at the end of its batch.

    ``began``: the row when it first looked, ``None`` for a fresh message. ``remembered``: outcomes of the
    last so many seconds that a producer's SQS message sees to are told again, since a worker may have died
    with it.
    """
    since = began.rev if began else 0
    return frozenset(
        mark.rev
        for mark in row.outcomes
        if mark.rev > since
        or (mark.owed and not row.in_flight)
        or (mark.watch is Watch.QUEUE and now - mark.at < remembered)
    )


def from_this_write(row: Row, before: Row) -> frozenset[int]:
    """The writes since ``before`` that brought an outcome and that the row does not see to."""
    return frozenset(mark.rev for mark in row.outcomes if mark.rev > before.rev and not mark.owed)


def from_webhook_again(row: Row, goals: frozenset[str]) -> frozenset[int]:
    """The writes whose outcomes are told again, as a webhook of these statuses came again: whoever took it
    before may have died.
    """
    return frozenset(
        mark.rev for mark in row.outcomes if mark.watch is Watch.WEBHOOK and mark.status in goals
    )
