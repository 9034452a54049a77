"""Step 6: take fallbacks to their end, way by way. No claim, no way; each outcome is recorded at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from lifeline.adapters.ledger import Ledger
from lifeline.domain.message.outcome import Refused, Unknown, after_fault
from lifeline.domain.message.row import Change, Fate, Written
from lifeline.domain.message.step import Do, Step, claim
from lifeline.telemetry import Telemetry
from lifeline.use_cases.deliver.claim import overtaken, withdraw
from lifeline.use_cases.deliver.decide import LEASE, Decide
from lifeline.use_cases.deliver.fall_back import FallBack, Known
from lifeline.use_cases.deliver.intake import Intake
from lifeline.use_cases.deliver.job import Job
from lifeline.use_cases.deliver.merge import beside, still_ours
from lifeline.use_cases.deliver.record import TRIES, Record

WAYS: Final = 8
"""Ways of one fallback in one batch; more than any policy has."""


class Fallbacks:
    """Takes jobs whose message WhatsApp does not deliver now."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        intake: Intake,
        decide: Decide,
        fall_back: FallBack,
        record: Record,
        clock: Callable[[], float],
        telemetry: Telemetry,
    ) -> None:
        self._ledger = ledger
        self._intake = intake
        self._decide = decide
        self._fall_back = fall_back
        self._record = record
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, jobs: Sequence[Job]) -> None:
        """Take each job's fallback to its end: reached, parked, waiting for a report, or nobody reached."""
        if not jobs:
            return
        people = self._fall_back.people(jobs)
        before = {job.id: job.row.tried or "" for job in jobs}
        why = {job.id: job.step.why for job in jobs if job.step}
        alone = {job.id: self._decide.template_alone(job) for job in jobs}
        for job in jobs:
            self._noted_cause(job)
        going = list(jobs)
        for _ in range(WAYS):
            if not going:
                break
            acting, ending = [], []
            for job in going:
                assert job.step is not None, "decided before"
                row = job.step.row
                try:
                    chosen = self._fall_back.next_way(
                        row, job, people[job.id], why[job.id], template_alone=alone[job.id]
                    )
                except Exception:  # one message's trouble is its own
                    self._telemetry.exception("a fallback could not be decided on", message_id=job.id)
                    chosen = after_fault(row, self._clock())
                if isinstance(chosen, str):
                    job.step = Step(Do.FALL_BACK, claim(row, chosen, self._clock(), LEASE), why[job.id])
                    acting.append(job)
                else:
                    job.step = chosen
                    ending.append(job)
            for job in acting:
                job.outcome = None
            self._record.write(ending)
            going = self._act(acting, people)
        self._fall_back.count([(job.row, before[job.id]) for job in jobs if not job.unknown])

    def _act(self, jobs: Sequence[Job], people: Mapping[str, Known]) -> list[Job]:
        """Claim a way for each job and take it; returns the jobs whose fallback goes on."""
        claimed = self._claims(jobs)
        if not claimed:
            return []
        self._fall_back.take(claimed, people)
        for job in claimed:
            if isinstance(job.outcome, Refused | Unknown):
                job.failed_ways.append((job.row.way or "", job.outcome.code))
        return self._record(claimed)

    def _claims(self, jobs: Sequence[Job]) -> list[Job]:
        """No claim, no fallback. Whoever lost leaves the message to the other writer."""
        waiting = [(job, job.change(job.step.row, job.step.why)) for job in jobs if job.step]
        claimed: list[Job] = []
        for _ in range(TRIES):
            results = self._ledger.write([change for _, change in waiting], self._clock())
            again = []
            for (job, change), result in zip(waiting, results, strict=True):
                job.step = None
                current = result.row
                if result.fate is Fate.LOST and current is not None and still_ours(change.before, current):
                    job.row = current
                    again.append((job, beside(change, current)))
                elif self._claimed(job, change, result):
                    claimed.append(job)
            if not again:
                break
            waiting = again
        return claimed

    def _claimed(self, job: Job, change: Change, result: Written) -> bool:
        """Whether the claim was carried out and stands."""
        if result.fate is Fate.UNKNOWN:
            self._telemetry.error("no claim, no fallback; it comes again", message_id=job.id)
            job.unknown = True
            return False
        if result.row is None:
            # Fresh and refused, yet not there: nothing is known, so it comes again.
            job.unknown = job.row.rev == 0
            job.gone = not job.unknown
            return False
        if result.fate is Fate.LOST:
            self._intake.adopt(job, result.row)
            return False
        if overtaken(change, result):
            job.row = withdraw(self._ledger, result.row, change.after, self._clock())
            return False
        job.row = result.row
        return True

    def _noted_cause(self, job: Job) -> None:
        step = job.step
        if step is not None and step.cause is not None and step.row.cause is None:
            job.step = replace(step, row=replace(step.row, cause=str(step.cause)))
