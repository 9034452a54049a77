"""Step 7: write what became of each act."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from lifeline.adapters.ledger import Ledger
from lifeline.contract.scopes import WHATSAPP as WHATSAPP_SCOPE
from lifeline.domain.account.counters import settles
from lifeline.domain.failure.causes import Reach
from lifeline.domain.failure.classify import Failure
from lifeline.domain.message.outcome import (
    NotDone,
    Refused,
    Retries,
    Taken,
    Unknown,
    after_fault,
    after_send,
    after_way,
)
from lifeline.domain.message.row import WHATSAPP, Change, Fate, Row, doubted
from lifeline.domain.message.step import Do, Step
from lifeline.telemetry import Telemetry
from lifeline.use_cases.deliver.decide import Decide
from lifeline.use_cases.deliver.intake import Intake
from lifeline.use_cases.deliver.job import Job
from lifeline.use_cases.deliver.merge import beside, still_ours, with_outcome
from lifeline.use_cases.shared.panic_mode import PanicMode
from lifeline.use_cases.shared.repeats import repeats
from lifeline.use_cases.shared.retrying import Retrying

TRIES: Final = 4
"""Writes of one outcome: lost races are looked at anew, writes without an answer are repeated."""


class Record:
    """Takes jobs whose act has ended."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        intake: Intake,
        panic: PanicMode,
        decide: Decide,
        clock: Callable[[], float],
        retrying: Retrying,
        telemetry: Telemetry,
    ) -> None:
        self._ledger = ledger
        self._intake = intake
        self._panic = panic
        self._decide = decide
        self._clock = clock
        self._retrying = retrying
        self._telemetry = telemetry

    def __call__(self, jobs: Sequence[Job]) -> list[Job]:
        """Write what became of each job's act; returns the jobs that take a way of their fallback now."""
        for job in jobs:
            self._after(job)
        self.write([job for job in jobs if job.step and job.step.do is not Do.FALL_BACK])
        return [job for job in jobs if job.step and job.step.do is Do.FALL_BACK and not job.unknown]

    def _after(self, job: Job) -> None:
        """The step that follows from the act of this job's row."""
        row = job.row
        try:
            at = self._retries(job)
            if row.way == WHATSAPP:
                assert not isinstance(job.outcome, Refused | Unknown)
                assert job.outcome is not None, "an act that was claimed has an outcome"
                step = after_send(row, job.outcome, at)
            else:
                assert isinstance(job.outcome, Taken | Refused | Unknown | NotDone)
                step = after_way(row, job.outcome, at)
            job.step = self._in_incident(job, step)
        except Exception:  # one message's trouble is its own
            self._telemetry.exception("an outcome could not be judged", message_id=job.id)
            known = with_outcome(doubted(row), row, job.outcome)
            job.step = (
                Step(Do.WRITE, known, "it was taken") if known.reached else after_fault(known, self._clock())
            )
        if job.refused_recording:
            job.step = replace(
                job.step, row=replace(job.step.row, recording=None, unspoken="Meta refused it")
            )

    def _in_incident(self, job: Job, step: Step) -> Step:
        if job.row.reached:
            return step  # an escalation: Meta has the message, whatever the channel does now
        failure = job.outcome if isinstance(job.outcome, Failure) else None
        many = failure is not None and failure.reach in (Reach.CHANNEL, Reach.TEMPLATE)
        blocked = self._panic.flag(WHATSAPP_SCOPE).blocks_sending
        if step.do is Do.FALL_BACK or (many and blocked):
            job.incident_id = self._decide.incident_of_failure(job) or job.incident_id
        if job.incident_id and step.row.incident_id != job.incident_id and not isinstance(job.outcome, Taken):
            step = replace(step, row=replace(step.row, incident_id=job.incident_id))
        return step

    def _retries(self, job: Job) -> Retries:
        failure = job.outcome
        channel_blocked = self._panic.flag(WHATSAPP_SCOPE).blocks_sending
        of_template = isinstance(failure, Failure) and failure.reach is Reach.TEMPLATE
        return self._retrying(
            blocked=channel_blocked,
            channel_blocked=channel_blocked,
            replaced=of_template and self._decide.replaced(job),
            ended_at=job.ended_at or None,
        )

    def write(self, jobs: Sequence[Job]) -> None:
        """Write each job's step. Where the row has moved on, add what only we know."""
        waiting = [(job, job.change(job.step.row, job.step.why)) for job in jobs if job.step]
        for _ in range(TRIES):
            if not waiting:
                return
            written = self._ledger.write([change for _, change in waiting], self._clock())
            again: list[tuple[Job, Change]] = []
            for (job, change), result in zip(waiting, written, strict=True):
                if result.fate is Fate.DONE:
                    assert result.row is not None, "a row that was written is there"
                    job.row, job.unknown = result.row, False
                    # By write, not by row: the webhook writes the same rows, and counts what it writes.
                    if settles(change.before, change.after):
                        job.settled = change.after
                    job.repeats.update(repeats(change.before, result.row))
                elif result.fate is Fate.UNKNOWN:
                    job.unknown = True
                    again.append((job, change))
                elif result.row is None:
                    job.gone = True
                    self._telemetry.error("row vanished", message_id=job.id)
                else:
                    job.unknown = False
                    merged = self._merge(job, change, result.row)
                    if merged:
                        again.append((job, merged))
            waiting = again
        for job, _ in waiting:
            # The lease on the agenda, or the unacknowledged SQS message, brings it again as a doubt.
            self._telemetry.error("an outcome could not be recorded", message_id=job.id)
            job.unknown = True

    def _merge(self, job: Job, change: Change, current: Row) -> Change | None:
        """Another writer was faster: what to write on its row, if anything."""
        mine = change.before
        if mine.rev == 0:
            self._intake.adopt(job, current)
            return None
        job.row = current
        if still_ours(mine, current):
            return beside(change, current)
        if not mine.in_flight or job.outcome is None:
            return None
        after = with_outcome(current, mine, job.outcome)
        why = "its outcome came after another writer's"
        return None if after == current else Change(current, after, why, change.watch)
