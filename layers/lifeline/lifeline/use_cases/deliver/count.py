"""Step 8: count what happened. A counter that cannot be written costs the count, never a message."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from lifeline.adapters.campaigns import Campaigns
from lifeline.adapters.control import Control
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.account import counters
from lifeline.domain.account.counters import CounterName
from lifeline.domain.campaign import campaign as campaigns_domain
from lifeline.domain.failure.classify import Failure
from lifeline.domain.failure.records import FailureSample
from lifeline.domain.message.outcome import Taken
from lifeline.domain.message.row import Row
from lifeline.domain.message.status import Status
from lifeline.domain.message.ways import expired_waiting
from lifeline.errors import ConflictError, UnavailableError
from lifeline.telemetry import Telemetry
from lifeline.use_cases.deliver.job import Job
from lifeline.use_cases.shared.repeats import emit


class Count:
    """Counters of the minute, of campaigns, and metrics; one write of each per batch."""

    def __init__(
        self,
        *,
        control: Control,
        campaigns: Campaigns,
        clock: Callable[[], float],
        telemetry: Telemetry,
    ) -> None:
        self._control = control
        self._campaigns = campaigns
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, jobs: Sequence[Job], sent: Sequence[tuple[Job, Row, object]], conflicts: int) -> None:
        """``sent``: each send with its row as claimed and its outcome; ``jobs``: all as they stand now."""
        counts: Counter[CounterName] = Counter()
        causes: Counter[str] = Counter()
        samples: dict[str, FailureSample] = {}
        accepted: Counter[int] = Counter()
        for job, row, answer in sent:
            template = job.used_template
            failure = answer if isinstance(answer, Failure) else None
            taken = isinstance(answer, Taken)
            if template and (failure or taken):
                counts[counters.template_asked(template.name)] += 1
                if failure:
                    counts.update(counters.template_failures(template.name, failure.reach))
            if failure:
                counts[counters.failed(failure.cause, failure.code)] += 1
                causes[str(failure.cause)] += 1
                samples[str(failure.cause)] = FailureSample.of(failure, message_id=job.id)
            if taken:
                accepted[int((row.attempted_at or self._clock()) // 60) * 60] += 1
                counts[counters.DRAINED] += row.drained
        for cause, count in causes.items():
            self._telemetry.count("Failures", count, scope=WHATSAPP, cause=cause)
        if accepted:
            self._telemetry.count("Sends", accepted.total(), scope=WHATSAPP)
        if conflicts:
            self._telemetry.count("Conflicts", conflicts, scope=WHATSAPP)
        self._outcomes(jobs, counts)
        self._keep(counts, accepted, samples)
        self._count_campaigns(jobs, {job.id for job, _, answer in sent if isinstance(answer, Taken)})

    def _outcomes(self, jobs: Sequence[Job], counts: Counter[CounterName]) -> None:
        statuses: Counter[str] = Counter()
        again: Counter[CounterName] = Counter()
        for job in jobs:
            again.update(job.repeats)
            if job.settled is not None:
                counts[counters.outcome_of(job.settled)] += 1
                statuses[str(job.settled.status)] += 1
            counts.update(counters.failed_elsewhere(way, None, code) for way, code in job.failed_ways)
        for status, count in statuses.items():
            self._telemetry.count("Outcomes", count, status=status)
        late = sum(job.settled is not None and expired_waiting(job.settled) for job in jobs)
        if late:
            self._telemetry.count("ExpiredWaiting", late, scope=WHATSAPP)
        counts.update(+again)
        emit(again, self._telemetry)

    def _keep(
        self, counts: Counter[CounterName], accepted: Counter[int], samples: dict[str, FailureSample]
    ) -> None:
        now = self._clock()
        minute = int(now // 60) * 60
        counts[counters.ACCEPTED] += accepted.pop(minute, 0)
        try:
            self._control.count(minute, counts)
            for earlier, count in accepted.items():
                self._control.count(earlier, {counters.ACCEPTED: count})
            for cause, sample in samples.items():
                self._control.keep(sample, cause, actor="SenderFunction", reason="latest failure", now=now)
        except UnavailableError as error:
            self._telemetry.warning("counters could not be written", detail=str(error))

    def _count_campaigns(self, jobs: Sequence[Job], taken: set[str]) -> None:
        campaigns: dict[str, Counter[str]] = {}
        for job in jobs:
            row = job.row
            if not row.campaign or not settled_here(job) or row.status is Status.PARKED:
                continue
            added = campaigns_domain.tally(
                row.status,
                accepted=job.id in taken,
                reported=job.began is not None and job.began.status is Status.FAILED,
            )
            if added:
                campaigns.setdefault(row.campaign, Counter()).update(added)
        for name, counts in campaigns.items():
            try:
                if self._campaigns.state(name):
                    self._campaigns.count(name, counts)
            except (UnavailableError, ConflictError) as error:
                self._telemetry.warning("a campaign's counters could not be written", detail=str(error))


def settled_here(job: Job) -> bool:
    """Whether this batch brought the message to a status that counts: an end, or a backlog."""
    row, began = job.row, job.began
    if job.unknown or job.gone or row.rev == 0 or not (row.settled or row.status is Status.PARKED):
        return False
    if began is None:
        return True
    waits_on = row.status is Status.PARKED and began.lane == row.lane
    return not began.settled and began.rev != row.rev and not waits_on
