"""The order of the steps. It is the point: a row is written before anything is sent, outcomes are recorded
before anything is acknowledged, and only what the ledger accounts for is acknowledged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lifeline.adapters.queues import Outgoing, Queues
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.failure.classify import Failure
from lifeline.domain.message.outcome import Taken
from lifeline.domain.message.row import Row
from lifeline.domain.message.step import Do
from lifeline.domain.panic.notices import PROMOTION
from lifeline.domain.voice import speech
from lifeline.errors import UnavailableError
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry
from lifeline.use_cases.deliver.claim import Claim, Conflicts
from lifeline.use_cases.deliver.count import Count
from lifeline.use_cases.deliver.fallbacks import Fallbacks
from lifeline.use_cases.deliver.intake import Intake
from lifeline.use_cases.deliver.job import Job, SqsRecord
from lifeline.use_cases.deliver.record import Record
from lifeline.use_cases.deliver.send import Send
from lifeline.use_cases.deliver.tell import Tell
from lifeline.use_cases.shared.detect import Detect, Result
from lifeline.use_cases.shared.panic_mode import PanicMode
from lifeline.use_cases.shared.wake import Wake, wakes_of


@dataclass(frozen=True, slots=True)
class Steps:
    """What happens to a batch, in this order."""

    intake: Intake
    claim: Claim
    send: Send
    record: Record
    fall_back: Fallbacks
    conflicts: Conflicts
    tell: Tell
    count: Count


class Deliver:
    """The sender's use case. One instance per worker; calls do not overlap."""

    def __init__(
        self,
        *,
        settings: Settings,
        panic: PanicMode,
        detect: Detect,
        queues: Queues,
        wake: Wake,
        steps: Steps,
        clock: Callable[[], float],
        telemetry: Telemetry,
        keep_usage: Callable[[], None] = lambda: None,
    ) -> None:
        """``keep_usage``: called once after each batch that sent, see :class:`UsageSeen`."""
        self._settings = settings
        self._panic = panic
        self._detect = detect
        self._queues = queues
        self._wake = wake
        self._steps = steps
        self._clock = clock
        self._telemetry = telemetry
        self._keep_usage = keep_usage

    def __call__(self, records: Sequence[SqsRecord], remaining: Callable[[], float]) -> list[str]:
        """Deliver one batch; returns the ids of the records that SQS must bring again.

        ``remaining``: seconds this invocation has left. What has to wait is on the agenda; only a record
        whose message the ledger does not account for comes back.
        """
        with self._telemetry.together():
            return self._batch(records, remaining)

    def _batch(self, records: Sequence[SqsRecord], remaining: Callable[[], float]) -> list[str]:
        try:
            self._panic.flags()
        except UnavailableError as error:
            self._telemetry.error(
                "panic flags unavailable; the batch returns to its queue", detail=str(error)
            )
            return [record.id for record in records]
        steps = self._steps
        taken = steps.intake(records)
        jobs = taken.jobs
        claimed = steps.claim(jobs)
        self._speak(claimed.speak)
        sending = claimed.send
        sent: list[tuple[Job, Row, object]] = []
        falling: list[Job] = []

        def record(ended: Sequence[Job]) -> None:
            sent.extend((job, job.row, job.outcome) for job in ended)
            falling.extend(steps.record(ended))

        # What goes well is on record before anybody asks why the rest did not.
        steps.send(sending, remaining, record)
        rest = [job for job in sending if not isinstance(job.outcome, Taken)]
        self._judge(sending, remaining)
        record(rest)
        steps.fall_back([*falling, *claimed.fall_back])
        self._forget_recordings(sending)
        conflicts = steps.conflicts(jobs)
        taken.back |= steps.tell(jobs, taken.unreadable)
        self._wake(wakes_of([job.row for job in jobs if not job.unknown], self._clock()))
        steps.count(jobs, sent, conflicts)
        if sending:
            self._keep_usage()
        back = taken.back | {record.id for job in jobs if not job.accounted for record in job.records}
        self._report(records, jobs, sent, back)
        return sorted(back)

    def _report(
        self,
        records: Sequence[SqsRecord],
        jobs: Sequence[Job],
        sent: Sequence[tuple[Job, object, object]],
        back: set[str],
    ) -> None:
        left = sum(1 for job in jobs if job.step is not None and job.step.do is Do.LEAVE)
        if left:
            self._telemetry.count("LeftAlone", left, scope=WHATSAPP)
        self._telemetry.info(
            "batch done",
            records=len(records),
            sent=sum(1 for _, _, outcome in sent if isinstance(outcome, Taken)),
            statuses=dict(Counter(str(job.row.status) for job in jobs if job.row.rev)),
            back=len(back),
        )

    def _speak(self, jobs: Sequence[Job]) -> None:
        """Ask for recordings. Where that fails the words go as text when the time for it is over."""
        if not jobs:
            return
        asked = self._queues.send(
            self._settings.voice_queue_url, [Outgoing(speech.SpeechJob(job.id).write()) for job in jobs]
        )
        if not all(asked):
            self._telemetry.warning("some recordings could not be asked for", count=asked.count(False))

    def _forget_recordings(self, jobs: Sequence[Job]) -> None:
        """Have refused recordings used no more. Where that fails, the next send of the same words asks."""
        refused = {
            ((job.message.text or "").strip(), job.refused_recording) for job in jobs if job.refused_recording
        }
        if not refused:
            return
        queued = self._queues.send(
            self._settings.voice_queue_url,
            [Outgoing(speech.Forget(text, media_id).write()) for text, media_id in sorted(refused)],
        )
        if not all(queued):
            self._telemetry.warning("a refused recording is still kept", count=queued.count(False))

    def _judge(self, jobs: Sequence[Job], remaining: Callable[[], float]) -> None:
        """Add the batch to the shared window in one write; enter panic where it says so, or where what is
        asked about its last failure does.
        """
        results = []
        answered = [job for job in jobs if isinstance(job.outcome, Taken | Failure)]
        answered.sort(key=lambda job: job.ended_at)
        for job in answered:
            failure = job.outcome if isinstance(job.outcome, Failure) else None
            template = job.used_template
            promotional = job.message.priority == "bulk" or job.message.category == PROMOTION
            results.append(Result(failure, template.name if template else None, promotional=promotional))
        try:
            if answered:
                last = answered[-1]
                self._detect.answers(results, lambda: self._steps.send.again(last, remaining), remaining)
        except Exception:  # outcomes must be recorded whatever happens to the window
            self._telemetry.exception("the outcomes could not be judged")
