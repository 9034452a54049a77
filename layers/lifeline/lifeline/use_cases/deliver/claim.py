"""Step 4: write what was decided. No claim, no effect; who lost against another writer is decided anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from lifeline.adapters.ledger import Ledger
from lifeline.domain.account.counters import settles
from lifeline.domain.message.proof import disprove
from lifeline.domain.message.row import WHATSAPP, Change, Fate, Row, Written
from lifeline.domain.message.step import OTHER_CONTENT, Do, claim
from lifeline.telemetry import Telemetry
from lifeline.use_cases.deliver.decide import LEASE, Decide
from lifeline.use_cases.deliver.intake import Intake, with_conflict
from lifeline.use_cases.deliver.job import Job
from lifeline.use_cases.deliver.tokens import Tokens

ROUNDS: Final = 5
"""How often a job is decided anew after another writer moved its row meanwhile."""
_IDLE: Final = frozenset({Do.NOTHING, Do.EARLY, Do.BUSY, Do.LEAVE})


@dataclass(slots=True)
class Claimed:
    """Jobs by what is to be done with them now."""

    send: list[Job] = field(default_factory=list)
    fall_back: list[Job] = field(default_factory=list)
    speak: list[Job] = field(default_factory=list)
    idle: list[Job] = field(default_factory=list)
    """Nothing was owed: another worker is at it, or it is over."""


class Claim:
    """Decides and claims until each job stands, or another worker has it."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        intake: Intake,
        decide: Decide,
        tokens: Tokens,
        clock: Callable[[], float],
        telemetry: Telemetry,
    ) -> None:
        self._ledger = ledger
        self._intake = intake
        self._decide = decide
        self._tokens = tokens
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, jobs: Sequence[Job]) -> Claimed:
        """Write the step of each job."""
        claimed = Claimed()
        waiting = list(jobs)
        for _ in range(ROUNDS):
            self._decide(waiting)
            self._tokens([job for job in waiting if job.step and job.step.do is Do.SEND])
            waiting = self._write(waiting, claimed)
            if not waiting:
                return claimed
        for job in waiting:
            # The row is another writer's again and again: whoever has it accounts for it.
            self._telemetry.warning("claim lost repeatedly", message_id=job.id)
        return claimed

    def _write(self, jobs: Sequence[Job], claimed: Claimed) -> list[Job]:
        now = self._clock()
        writing: list[tuple[Job, Change]] = []
        for job in jobs:
            step = job.step
            assert step is not None, "decided before"
            if step.do in _IDLE:
                claimed.idle.append(job)
            elif step.do is Do.FALL_BACK:
                claimed.fall_back.append(job)
            elif step.do is Do.SEND:
                row = claim(step.row, WHATSAPP, now, LEASE)
                writing.append((job, job.change(row, step.why)))
            else:
                writing.append((job, job.change(step.row, step.why)))
        return self._carry_out(writing, claimed, now)

    def _carry_out(self, writing: Sequence[tuple[Job, Change]], claimed: Claimed, now: float) -> list[Job]:
        lost: list[Job] = []
        written = self._ledger.write([change for _, change in writing], now)
        for (job, change), result in zip(writing, written, strict=True):
            assert job.step is not None, "decided before"
            if result.fate is Fate.UNKNOWN:
                self._telemetry.error("no claim, no effect; it comes again", message_id=job.id)
                job.unknown = True
                continue
            if result.fate is Fate.DONE and settles(change.before, change.after):
                job.settled = change.after
            if result.fate is Fate.LOST:
                self._look_again(job, result.row, lost)
            elif overtaken(change, result):
                assert result.row is not None, "a row that was written is there"
                self._look_again(job, withdraw(self._ledger, result.row, change.after, now), lost)
            else:
                assert result.row is not None, "a row that was written is there"
                job.row = result.row
                if job.step.do is Do.SEND:
                    claimed.send.append(job)
                elif job.step.do is Do.SPEAK:
                    claimed.speak.append(job)
        return lost

    def _look_again(self, job: Job, row: Row | None, lost: list[Job]) -> None:
        if row is None:
            job.gone = job.row.rev > 0
            job.unknown = not job.gone
            return
        self._intake.adopt(job, row)
        lost.append(job)


def overtaken(change: Change, written: Written) -> bool:
    """Whether our write was carried out, and another writer has moved the row since: look at it anew."""
    return written.row is not None and written.row.rev != change.before.rev + 1


def withdraw(ledger: Ledger, current: Row, claimed: Row, now: float) -> Row:
    """The row without a doubt about an act that we had claimed and shall not carry out (best effort)."""
    after = disprove(current, claimed.act) if claimed.in_flight else current
    if after == current:
        return current
    (written,) = ledger.write([Change(current, after, "the act was not carried out")], now)
    return written.row or current


class Conflicts:
    """The same id with other content: the first wins; the row counts the others, and shows them."""

    def __init__(self, ledger: Ledger, telemetry: Telemetry, clock: Callable[[], float]) -> None:
        self._ledger = ledger
        self._telemetry = telemetry
        self._clock = clock

    def __call__(self, jobs: Sequence[Job]) -> int:
        """Count conflicts on their rows, as well as it goes; returns how many there were."""
        conflicts = [job for job in jobs if job.conflict and job.row.rev > 0 and not job.unknown]
        if not conflicts:
            return 0
        changes = [job.change(with_conflict(job.row), OTHER_CONTENT) for job in conflicts]
        for job, written in zip(conflicts, self._ledger.write(changes, self._clock()), strict=True):
            self._telemetry.warning("the same id with other content", message_id=job.id)
            if written.row is not None:
                job.row = written.row
        return len(conflicts)
