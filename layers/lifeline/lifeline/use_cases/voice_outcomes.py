"""Outcomes of OpenAI: counted in a window of their own; ``openai_voice`` panics where they say so.

WhatsApp's window and panic are not touched by them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from lifeline.adapters.control import Control
from lifeline.adapters.openai import OpenAI
from lifeline.contract import OPENAI_VOICE
from lifeline.domain.detection import bucket_start, judge
from lifeline.domain.failures import Cause
from lifeline.domain.inbound import Reason
from lifeline.domain.voice_failures import VoiceFailure
from lifeline.errors import UnavailableError
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry
from lifeline.use_cases.detect import Detect
from lifeline.use_cases.inbound_voice import Heard, NotHeard, Transcribe
from lifeline.use_cases.panic_mode import PanicMode


class VoiceOutcomes:
    """Call it with what a batch has brought. One instance per worker."""

    def __init__(
        self,
        *,
        settings: Settings,
        control: Control,
        panic: PanicMode,
        clock: Callable[[], float],
        telemetry: Telemetry,
        actor: str = "VoiceFunction",
    ) -> None:
        """``clock``: epoch seconds."""
        self._settings = settings
        self._control = control
        self._clock = clock
        self._telemetry = telemetry
        self._detect = Detect(
            settings=settings,
            control=control,
            panic=panic,
            clock=clock,
            telemetry=telemetry,
            source="voice",
            actor=actor,
        )
        self._stale_buckets: tuple[int, ...] = ()

    def __call__(self, outcomes: Sequence[VoiceFailure | None]) -> bool:
        """Count outcomes of calls, in the order in which they ended; ``None`` is a success.

        One write for all; nothing is read while all is well. True where this put ``openai_voice`` into panic
        (or found it there). Never raises for a table that cannot be written.
        """
        ok = consecutive = 0
        failed: Counter[str] = Counter()
        bad = [failure for failure in outcomes if failure is not None and failure.counts_for_window]
        for failure in outcomes:
            if failure is None or not failure.counts_for_window:
                # OpenAI answered: whatever it says of one text, the service works.
                ok += 1
                consecutive = 0
            else:
                failed[str(failure.cause)] += 1
                consecutive = consecutive + 1 if failure.cause is Cause.UNREACHABLE else 0
                self._telemetry.warning("OpenAI failed", detail=failure.words, cause=str(failure.cause))
        if not outcomes:
            return False
        now = self._clock()
        bucket = bucket_start(now)
        window = None
        try:
            window = self._control.record_outcomes(
                OPENAI_VOICE, bucket, ok, failed, consecutive, self._stale_buckets
            )
            oldest = bucket - 2 * max(30, self._settings.detection.window_seconds)
            self._stale_buckets = tuple(item.start for item in window.buckets if item.start < oldest)[:20]
        except UnavailableError as error:
            self._telemetry.error("the window of voice cannot be written", detail=str(error))
        at_once = next((failure for failure in bad if failure.trips_at_once), None)
        if at_once:
            refusal = {"code": at_once.code, "http_status": at_once.http_status, "remedy": at_once.remedy}
            return self._detect.trip(OPENAI_VOICE, at_once.cause, at_once.words, refusal)
        verdict = judge(window, self._settings.detection, now) if bad and window else None
        if verdict is None:
            return False
        last = bad[-1]
        evidence = {**verdict.evidence, "last": last.words, "remedy": last.remedy}
        stated = next((failure for failure in bad if failure.retry_after), None)
        return self._detect.trip(OPENAI_VOICE, verdict.cause, verdict.reason, evidence, stated)


def transcriber(openai: OpenAI, outcomes: Callable[[Sequence[VoiceFailure | None]], object]) -> Transcribe:
    """How incoming voice notes are heard: each outcome goes to ``outcomes`` as soon as it is known."""

    def transcribe(audio: bytes, name: str) -> Heard | NotHeard:
        found = openai.transcribe(audio, name)
        if not isinstance(found, VoiceFailure):
            outcomes([None])
            return Heard(found.text, found.language, found.duration)
        outcomes([found])
        if found.counts_for_window:
            return NotHeard(found.words, again=True)
        return NotHeard(found.words, again=False, reason=Reason.REFUSED if found.refused else _reason(found))

    return transcribe


def _reason(failure: VoiceFailure) -> Reason:
    return Reason.TOO_LARGE if failure.http_status == 413 else Reason.UNREADABLE
