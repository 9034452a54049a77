"""One message on its way through a batch."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from lifeline.contract.messages import Message, Template
from lifeline.domain.account.counters import CounterName
from lifeline.domain.failure.classify import Failure
from lifeline.domain.message.outcome import NotDone, Refused, Taken, Unknown
from lifeline.domain.message.row import Change, Row, Watch
from lifeline.domain.message.step import Step

Outcome = Taken | Failure | NotDone | Refused | Unknown


@dataclass(frozen=True, slots=True)
class SqsRecord:
    """One SQS record: a producer's body, or a wake-up, whose body is a message id and nothing else."""

    id: str
    body: str
    receive_count: int = 1
    wake_up: bool = False


@dataclass(slots=True)
class Job:
    """One message of the batch with all the records that name it: they share its fate.

    ``row`` is the ledger's row as it was last read or written, or a fresh one (``rev`` 0). ``step`` is what
    was decided last.
    """

    row: Row
    message: Message
    to: str | None
    """The number in E.164, or the business-scoped user id; none where there is neither."""
    records: list[SqsRecord] = field(default_factory=list)
    step: Step | None = None
    template: Template | None = None
    """Stands in for the message's own, which panics."""
    incident_id: str | None = None
    token_at: float = 0.0
    outcome: Outcome | None = None
    ended_at: float = 0.0
    """When its act ended, well or not."""
    refused_recording: str = ""
    """The media id that Meta refused; the words went as text."""
    began: Row | None = None
    """The row when the batch first knew it; none where the message is fresh."""
    gone: bool = False
    """The row is no longer there: its retention ended, or an operator erased it."""
    unknown: bool = False
    """A write got no answer: what the ledger says is not known, so nothing is acknowledged."""
    settled: Row | None = None
    """The row as a write of this batch brought it to an end or to a backlog."""
    failed_ways: list[tuple[str, str]] = field(default_factory=list)
    """The ways that this batch took and that failed, each with its service's code."""
    repeats: Counter[CounterName] = field(default_factory=Counter)
    """People told more than once, as the writes of this batch show (``shared/repeats.py``)."""
    untold: bool = False
    """Its outcomes are neither told nor owed by its row: nothing is acknowledged."""
    conflict: bool = False
    """The same id came with other content."""

    @property
    def id(self) -> str:
        """The message's id."""
        return self.row.id

    @property
    def names(self) -> tuple[str | None, ...]:
        """By what the recipient may be known: the number in E.164, the business-scoped user id."""
        return self.to, self.message.recipient.bsuid

    @property
    def accounted(self) -> bool:
        """Whether its SQS messages may be acknowledged: the row was read or written as accounted for.

        One whose row another worker is sending comes again: it sees to it that the outcome is told.
        """
        if self.unknown or self.untold:
            return False
        busy = self.records and self.row.in_flight
        return self.gone or (self.row.rev > 0 and self.row.accounted and not busy)

    def change(self, after: Row, why: str) -> Change:
        """The write of ``after``; while its SQS messages wait, they see to it that its outcome is told."""
        return Change(self.row, after, why, Watch.QUEUE if self.records else Watch.AGENDA)

    @property
    def used_template(self) -> Template | None:
        """The template that a send of it uses."""
        return self.template or self.message.template
