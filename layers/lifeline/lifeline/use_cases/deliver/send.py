"""Step 5: send over WhatsApp, side by side."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Final

from lifeline.adapters.whatsapp import Accepted, WhatsApp
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

MARGIN: Final = 4.0
"""Seconds kept at the end of an invocation for recording outcomes."""


class Send:
    """Starts no more sends when time runs out or the channel is plainly down."""

    def __init__(
        self,
        *,
        settings: Settings,
        whatsapp: WhatsApp,
        clock: Callable[[], float],
        pause: Callable[[float], None],
        telemetry: Telemetry,
        pool: Executor,
    ) -> None:
        self._whatsapp = whatsapp
        self._clock = clock
        self._pause = pause
        self._telemetry = telemetry
        self._limit = settings.detection.consecutive_failures
        self._worst = settings.sending.connect_timeout + settings.sending.read_timeout
        self._pool = pool

    def __call__(self, jobs: Sequence[Job], remaining: Callable[[], float]) -> None:
        """Set each job's outcome. ``remaining``: seconds this invocation has left."""
        stop = threading.Event()
        in_a_row: Counter[str] = Counter()

        def one(job: Job) -> None:
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

        list(self._pool.map(one, sorted(jobs, key=lambda job: job.token_at)))

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
        except Exception as error:  # one message's trouble is its own
            self._telemetry.exception("a send failed unexpectedly", message_id=job.id)
            return _lost(error) if begun else NotDone.FAULT
        return outcome

    def _stopped(self, job: Job, stop: threading.Event, remaining: Callable[[], float]) -> NotDone | None:
        """Right before the effect: may it still happen?"""
        now = self._clock()
        if too_late(job.row, now):
            return NotDone.TOO_LATE
        if stop.is_set():
            return NotDone.STOPPED
        # After its lease another worker may take the message over.
        held = (job.row.attempted_at or now) + LEASE - now
        if remaining() < self._worst + MARGIN or held < self._worst + MARGIN:
            return NotDone.NO_TIME
        return None

    def _ask(self, job: Job, recording: str | None) -> Taken | Failure:
        outcome = self._whatsapp.send(
            job.message, job.to or "", tag(job.id, job.row.act), template=job.template, media_id=recording
        )
        if isinstance(outcome, Accepted):
            return Taken(outcome.wamid, outcome.held)
        return outcome


def _recording_refused(outcome: Taken | Failure | NotDone) -> bool:
    return isinstance(outcome, Failure) and outcome.code in speech.NO_SUCH_RECORDING


def _lost(error: Exception) -> Failure:
    """An error of our own in the middle of a send: it may have left."""
    return classify_fault(Fault.BROKEN, f"unexpected {type(error).__name__}")
