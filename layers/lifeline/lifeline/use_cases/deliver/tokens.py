"""Step 3: reserve a token of the shared limiter for each send; who must wait for one is on the agenda."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from lifeline.adapters.control import Control
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.message.row import Lane, parked, waiting
from lifeline.domain.message.step import Do, Step, for_slot
from lifeline.domain.pace.pace import split
from lifeline.errors import UnavailableError
from lifeline.settings import Limiter, Settings
from lifeline.telemetry import Telemetry
from lifeline.use_cases.deliver.job import Job

SLOT_KEPT: Final = 30.0
"""Seconds for which a token of the limiter stays good after its time."""
CRITICAL: Final = "critical"
"""The limiter's part that is kept for critical messages."""
BULK: Final = "bulk"
"""The limiter of bulk's own share."""
BULK_AHEAD: Final = 300.0
"""Seconds for which bulk may book its share ahead; what comes on top is parked, and the tick releases it."""
EVER: Final = 1e9
"""Seconds: what the tick released was paced already, so it may book as far ahead as it takes."""
_RANK: Final = {"critical": 0, "normal": 1, "bulk": 2}


class Tokens:
    """One write for all the tokens of a kind. Critical messages come first, and have a part to themselves."""

    def __init__(
        self, *, settings: Settings, control: Control, clock: Callable[[], float], telemetry: Telemetry
    ) -> None:
        self._settings = settings
        self._control = control
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, jobs: Sequence[Job]) -> None:
        """Give each job that is to be sent its token time, or a step that waits for it."""
        now = self._clock()
        wanted = {job.id: job.step for job in jobs}
        limiter = self._limiter(now)
        kept, rest = split(limiter.rate, limiter.burst, limiter.critical_share)
        without: list[Job] = []
        for job in jobs:
            slot = job.row.slot
            job.token_at = now
            if slot is None or now - slot >= SLOT_KEPT:
                without.append(job)
            elif slot > now + limiter.horizon:
                self._wait(job, slot)
            else:
                job.token_at = max(now, slot)
        # Bulk passes its own limiter first and books the shared one only when its turn has come, so that
        # a large campaign never stands before live traffic.
        self._bulk([job for job in without if job.row.priority == "bulk" and not job.row.paid], now)
        due = [job for job in without if _sends(job)]
        due.sort(key=lambda job: (_RANK[job.row.priority], job.row.drained))
        self._reserve(due, *rest, now)
        if kept[0]:
            late = [job for job in due if job.row.priority == "critical" and not _sends(job)]
            self._overtake(late, wanted, *kept, now)

    def _limiter(self, now: float) -> Limiter:
        """The settings', at the rate that an operator has set, as far as this worker knows."""
        return self._settings.limiter.under(self._control.operators_rate(), now)

    def _slots(self, lane: str, count: int, rate: float, burst: float, now: float) -> list[float]:
        """When each of ``count`` tokens may be used (epoch seconds); one write."""
        interval = 1.0 / rate
        known = self._limiter(now).rate
        end = self._control.reserve(lane, count, interval, max(1, int(burst)), now)
        slower = self._limiter(now).rate / known
        if slower < 1:
            # The reservation itself told of an operator's lower rate: these tokens keep to it as well.
            extra = interval / slower - interval
            end = self._control.reserve(lane, count, extra, max(1, int(burst)), now)
            interval /= slower
        return [end - (count - 1 - index) * interval for index in range(count)]

    def _bulk(self, jobs: Sequence[Job], now: float) -> None:
        if not jobs:
            return
        limiter = self._limiter(now)
        interval, burst = 1.0 / limiter.bulk_rate, max(1, int(limiter.bulk_share * limiter.burst))
        for drained in (True, False):
            some = [job for job in jobs if job.row.drained is drained]
            if not some:
                continue
            try:
                ahead = EVER if drained else BULK_AHEAD
                end = self._control.reserve(BULK, len(some), interval, burst, now, ahead)
            except UnavailableError as error:
                self._unreadable(some, error, now)
                continue
            for index, job in enumerate(some):
                if end is None:
                    self._park(job, now)
                    continue
                at = end - (len(some) - 1 - index) * interval
                job.token_at = max(job.token_at, at)
                if at > now + limiter.horizon:
                    assert job.step is not None
                    row = replace(waiting(job.step.row, at), paid=True)
                    job.step = Step(Do.WRITE, row, "bulk share")

    def _park(self, job: Job, now: float) -> None:
        assert job.step is not None
        job.step = Step(
            Do.WRITE, parked(job.step.row, Lane.BULK, now), "waits for its share of the rate limit"
        )

    def _reserve(self, jobs: Sequence[Job], rate: float, burst: float, now: float) -> None:
        if not jobs:
            return
        try:
            slots = self._slots(WHATSAPP, len(jobs), rate, burst, now)
        except UnavailableError as error:
            self._unreadable(jobs, error, now)
            return
        for job, at in zip(jobs, slots, strict=True):
            job.token_at = max(job.token_at, at)
            if at > now + self._settings.limiter.horizon:
                self._wait(job, at)

    def _overtake(
        self, jobs: Sequence[Job], wanted: Mapping[str, Step | None], rate: float, burst: float, now: float
    ) -> None:
        """Critical messages that would wait for others: the part kept for them, where it is sooner."""
        jobs = [job for job in jobs if job.step is not None and job.step.row.slot is not None]
        if not jobs:
            return
        try:
            slots = self._slots(CRITICAL, len(jobs), rate, burst, now)
        except UnavailableError as error:
            self._telemetry.error("rate limiter unavailable for critical messages", detail=str(error))
            return  # they keep the slots that they have
        for job, at in zip(jobs, slots, strict=True):
            if at >= job.token_at:
                continue
            job.token_at = max(now, at)
            if at > now + self._settings.limiter.horizon:
                self._wait(job, at)
            else:
                job.step = wanted[job.id]

    def _wait(self, job: Job, slot: float) -> None:
        assert job.step is not None
        job.step = Step(Do.WRITE, for_slot(job.step.row, slot), "limiter")

    def _unreadable(self, jobs: Sequence[Job], error: UnavailableError, now: float) -> None:
        # Tokens fail closed: without the limiter nothing may be sent now.
        self._telemetry.error("rate limiter unavailable", detail=str(error))
        for job in jobs:
            assert job.step is not None
            job.step = Step(Do.WRITE, waiting(job.step.row, now + 5.0), "rate limiter unavailable")


def _sends(job: Job) -> bool:
    return job.step is not None and job.step.do is Do.SEND
