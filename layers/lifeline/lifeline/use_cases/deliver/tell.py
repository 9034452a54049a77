"""Step 9: tell the producers what became of their messages, after all was written and before it is
acknowledged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from lifeline.contract.messages import other_content
from lifeline.domain.message.row import Row
from lifeline.domain.message.telling import REMEMBERED, to_tell
from lifeline.use_cases.deliver.job import Job
from lifeline.use_cases.shared.publish import Publish, ToTell

_EVER: Final = float("inf")


class Tell:
    """Hands each job's outcomes to :class:`Publish`."""

    def __init__(self, publish: Publish, clock: Callable[[], float]) -> None:
        self._publish = publish
        self._clock = clock

    def __call__(self, jobs: Sequence[Job], unreadable: Sequence[Row] = ()) -> set[str]:
        """Tell what this batch has written, and what an earlier worker may have left untold.

        ``unreadable``: rows whose body this version cannot read. Returns the ids of records whose conflict
        could not be told; a job whose outcomes could not is ``untold``.
        """
        now = self._clock()
        known = {job.id: job for job in jobs if job.row.rev and not job.unknown and not job.gone}
        tellings = [
            ToTell(job.row, to_tell(job.row, job.began, remembered=_remembered(job), now=now))
            for job in known.values()
        ]
        tellings += [ToTell(row, to_tell(row, row, remembered=0.0, now=now)) for row in unreadable]
        noted = self._publish([telling for telling in tellings if telling.revs])
        for name, row in noted.items():
            if name not in known:
                continue
            if row is None:
                known[name].untold = True
            else:
                known[name].row = row
        return self._conflicts([job for job in known.values() if job.conflict])

    def _conflicts(self, jobs: Sequence[Job]) -> set[str]:
        others = [
            (job, record)
            for job in jobs
            for record in job.records
            if other_content(job.row.body, record.body)
        ]
        taken = self._publish.without_row(
            [self._publish.conflict(job.row, record.id, record.body) for job, record in others]
        )
        return {record.id for (_, record), ok in zip(others, taken, strict=True) if not ok}


def _remembered(job: Job) -> float:
    """For how long back outcomes are told again: another worker may have died with the same message."""
    if any(record.receive_count > 1 for record in job.records):
        return _EVER
    return REMEMBERED if job.records else 0.0
