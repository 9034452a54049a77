"""Confirmation: a first failure that looks like the channel's is asked about at once.

Traffic alone finds an outage as soon as it has failed often enough in a row (:mod:`.detection`); where one
message goes out each second that takes many seconds. So whoever meets such a failure asks further, until the
row is as long as the same rule wants it: then it is a reason to panic at any volume. One answer that shows a
working channel ends the asking, so one bad answer is none. Nor does chance get through: where every tenth
send fails, five in a row are one in 100,000.

Whatever trips at once needs no confirmation. All spans are in seconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from lifeline.domain.failure.causes import COUNTED, Cause, Fault, Reach, Trip
from lifeline.domain.failure.classify import FAULT_NOTES, Failure
from lifeline.domain.panic.detection import DEFAULT_THRESHOLDS, Thresholds, Verdict

SECONDS: Final = 1.8
"""How long the asking may take in all: the panic begins within two seconds of the failure."""
FIRST: Final = 0.8
"""How long the first question has: only where it is not answered well are the others asked."""
EVERY: Final = 0.4
"""From one question to the next: the row spans more than a second, so that a limit per second that was passed
for a moment is over before it ends.
"""
MOST: Final = 5
"""Questions that fit into that time. Who wants a longer row than that gets it from traffic alone."""


class Question(StrEnum):
    """What is asked."""

    REACHABILITY = "reachability"
    """The phone number's own data; nothing is sent. The send that failed may have left."""
    SAME_SEND = "same_send"
    """The very message that was refused: only a send meets a limit on sends. Meta refused it, so that it is
    not on its way; where Meta takes it now, it is sent.
    """


def question_for(outcomes: Sequence[Failure | None]) -> Question | None:
    """What to ask after sends with these outcomes, in the order in which they ended; ``None``: nothing.

    Something only where the last one failed, and for a cause that passes by itself: a spam limit grows with
    each send.
    """
    last = outcomes[-1] if outcomes else None
    if last is None or any(outcome is not None and outcome.trips_at_once for outcome in outcomes):
        return None
    traits = last.cause.traits
    if traits.reach is not Reach.CHANNEL or not traits.retried:
        return None
    if traits.trips is Trip.STREAK:
        return Question.REACHABILITY
    return Question.SAME_SEND if traits.trips is Trip.LIMIT and not last.may_have_left else None


def row_of(outcomes: Sequence[Failure | None]) -> list[Failure]:
    """The failures of the channel at the end, with nothing in between that shows a working one."""
    row: list[Failure] = []
    for outcome in reversed(outcomes):
        if outcome is None or not outcome.counts_for_window:
            break
        row.append(outcome)
    return row[::-1]


def left_to_ask(outcomes: Sequence[Failure | None], thresholds: Thresholds = DEFAULT_THRESHOLDS) -> int:
    """How many more failures make the row long enough; 0 where that is too many to ask for, and where the row
    is that long already: then the window judges.
    """
    left = thresholds.consecutive_failures - len(row_of(outcomes))
    return left if 0 < left <= MOST else 0


def says_so(answer: Failure | None, first: Failure) -> bool:
    """Whether ``answer`` to a question makes the row longer.

    A question has less time than a send. So that it got no answer in time says something only where the send
    got none either.
    """
    if answer is None or not answer.counts_for_window:
        return False
    slow = FAULT_NOTES[Fault.READ_TIMEOUT]
    return answer.note != slow or first.note == slow


def confirmed(
    asked: Question, outcomes: Sequence[Failure | None], thresholds: Thresholds = DEFAULT_THRESHOLDS
) -> Verdict | None:
    """A reason to panic where the row is long enough, or has a failure that needs none.

    ``outcomes``: of sends, then of what was asked.
    """
    row = row_of(outcomes)
    at_once = next((failure for failure in row if failure.trips_at_once), None)
    if at_once:
        return Verdict(at_once.cause, at_once.details, {"rule": "confirmed", "asked": str(asked)})
    if len(row) < thresholds.consecutive_failures:
        return None
    causes = Counter(failure.cause for failure in row if failure.cause in COUNTED)
    cause = max(causes, key=lambda cause: (causes[cause], cause.traits.strength), default=Cause.UNREACHABLE)
    return Verdict(
        cause,
        f"{len(row)} sends or checks in a row failed, most of them with {cause.value}",
        {"rule": "confirmed", "asked": str(asked), "failures_in_a_row": len(row)},
    )
