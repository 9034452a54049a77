"""Step 5: send over WhatsApp, side by side."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from queue import SimpleQueue
from typing import Final

from lifeline.adapters.ledger import STATEMENTS_PER_CALL
from lifeline.adapters.whatsapp import Accepted, WhatsApp
from lifeline.contract.scopes import WHATSAPP, template_scope
from lifeline.domain.failure.causes import STREAKS, Fault
from lifeline.domain.failure.classify import Failure, classify_fault
from lifeline.domain.message.outcome import NotDone, Taken
from lifeline.domain.message.proof import tag
from lifeline.domain.message.row import too_late
from lifeline.domain.voice import speech
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry
from lifeline.use_cases.deliver.decide import LEASE
from lifeline.use_cases.deliver.job import Job
from lifeline.use_cases.shared.confirm import CannotAsk
from lifeline.use_cases.shared.opt_outs import OptedOut
from lifeline.use_cases.shared.panic_mode import PanicMode

TOGETHER: Final = STATEMENTS_PER_CALL
"""Outcomes that are recorded in one call: a crash leaves no more than that in doubt besides those in flight,
and one slow answer holds up nobody's record.
"""
MARGIN: Final = 4.0
"""Seconds kept at the end of an invocation for recording outcomes."""


class Send:
    """Starts no more sends when time runs out or the channel is plainly down."""

    def __init__(
        self,
        *,
        settings: Settings,
        whatsapp: WhatsApp,
        panic: PanicMode,
        opted_out: OptedOut,
        clock: Callable[[], float],
        pause: Callable[[float], None],
        telemetry: Telemetry,
        pool: Executor,
    ) -> None:
        self._whatsapp = whatsapp
        self._panic = panic
        self._opted_out = opted_out
        self._clock = clock
        self._pause = pause
        self._telemetry = telemetry
        self._limit = settings.detection.consecutive_failures
        self._worst = settings.sending.connect_timeout + settings.sending.read_timeout
        self._pool = pool

    def __call__(
        self,
        jobs: Sequence[Job],
        remaining: Callable[[], float],
        taken: Callable[[list[Job]], None] = lambda jobs: None,
    ) -> None:
        """Set each job's outcome. ``remaining``: seconds this invocation has left. ``taken``: called, while
        others are still being sent, with those that Meta took, :data:`TOGETHER` at a time.
        """
        stop = threading.Event()
        in_a_row: Counter[str] = Counter()
        ended: SimpleQueue[Job] = SimpleQueue()

        def one(job: Job) -> None:
            try:
                send(job)
            finally:
                ended.put(job)

        def send(job: Job) -> None:
            job.outcome = self._one(job, stop, remaining)
            job.ended_at = self._clock()
            outcome = job.outcome
            if isinstance(outcome, Taken):
                in_a_row.clear()
            elif isinstance(outcome, Failure):
                if outcome.trips_at_once:
                    stop.set()
                elif outcome.cause in STREAKS and not outcome.may_have_left:
                    in_a_row["unreached"] += 1
                    if in_a_row["unreached"] >= self._limit:
                        stop.set()

        sends = self._pool.map(one, sorted(jobs, key=lambda job: job.token_at))
        try:
            _as_they_end(ended, len(jobs), taken)
        finally:
            list(sends)  # whatever happens here, none is left behind in a thread

    def again(self, job: Job, remaining: Callable[[], float]) -> Failure | None:
        """Send what Meta has just refused once more, in the same act; the failure, if it is one.

        Raises :class:`CannotAsk` where it may not be sent now; then its outcome stays.
        """
        if self._stopped(job, threading.Event(), remaining):
            raise CannotAsk
        try:
            job.outcome = self._ask(job, job.row.recording)
        except Exception as error:  # as in the first place
            self._telemetry.exception("a send failed unexpectedly", message_id=job.id)
            job.outcome = _lost(error)
        job.ended_at = self._clock()
        return job.outcome if isinstance(job.outcome, Failure) else None

    def _one(
        self, job: Job, stop: threading.Event, remaining: Callable[[], float]
    ) -> Taken | Failure | NotDone:
        begun = False
        try:
            wait = job.token_at - self._clock()
            if wait > 0:
                self._pause(wait)
            stopped = self._stopped(job, stop, remaining)
            if stopped:
                return stopped
            assert job.to is not None, "who has no number is not sent to"
            begun = True
            outcome: Taken | Failure | NotDone = self._ask(job, job.row.recording)
            if job.row.recording and _recording_refused(outcome):
                # Meta refused the recording, not the person: the same words as text, at once.
                job.refused_recording = job.row.recording
                outcome = self._stopped(job, stop, remaining) or self._ask(job, None)
            if isinstance(outcome, Failure):
                self._opted_out.heard(job.names, outcome)
        except Exception as error:  # one message's trouble is its own
            self._telemetry.exception("a send failed unexpectedly", message_id=job.id)
            return _lost(error) if begun else NotDone.FAULT
        return outcome

    def _stopped(self, job: Job, stop: threading.Event, remaining: Callable[[], float]) -> NotDone | None:
        """Right before the effect: may it still happen?"""
        now = self._clock()
        if too_late(job.row, now):
            return NotDone.TOO_LATE
        # Others may have seen the channel or the template fail since the batch was decided on.
        if stop.is_set() or self._in_panic(job):
            return NotDone.STOPPED
        # After its lease another worker may take the message over.
        held = (job.row.attempted_at or now) + LEASE - now
        if remaining() < self._worst + MARGIN or held < self._worst + MARGIN:
            return NotDone.NO_TIME
        return self._opted_out.meanwhile(job.row, job.names)

    def _in_panic(self, job: Job) -> bool:
        scopes = [WHATSAPP]
        if job.used_template:
            scopes.append(template_scope(job.used_template.name))
        return any(self._panic.flag(scope).blocks_sending for scope in scopes)

    def _ask(self, job: Job, recording: str | None) -> Taken | Failure:
        outcome = self._whatsapp.send(
            job.message, job.to or "", tag(job.id, job.row.act), template=job.template, media_id=recording
        )
        if isinstance(outcome, Accepted):
            return Taken(outcome.wamid, outcome.held)
        return outcome


def _as_they_end(ended: SimpleQueue[Job], count: int, taken: Callable[[list[Job]], None]) -> None:
    together: list[Job] = []
    for _ in range(count):
        job = ended.get()
        if isinstance(job.outcome, Taken):
            together.append(job)
        if len(together) == TOGETHER:
            taken(together)
            together = []
    if together:
        taken(together)


def _recording_refused(outcome: Taken | Failure | NotDone) -> bool:
    return isinstance(outcome, Failure) and outcome.code in speech.NO_SUCH_RECORDING


def _lost(error: Exception) -> Failure:
    """An error of our own in the middle of a send: it may have left."""
    return classify_fault(Fault.BROKEN, f"unexpected {type(error).__name__}")
