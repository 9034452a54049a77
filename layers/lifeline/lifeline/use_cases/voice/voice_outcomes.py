"""Outcomes of OpenAI: counted in a window of their own; ``openai_voice`` panics where they say so.

WhatsApp's window and panic are not touched by them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from lifeline.adapters.control import Control
from lifeline.adapters.openai import OpenAI
from lifeline.contract.scopes import OPENAI_VOICE
from lifeline.domain.account import counters
from lifeline.domain.failure.voice_failures import VoiceFailure
from lifeline.domain.inbound.inbound import Reason
from lifeline.domain.pace.pace import MINUTE
from lifeline.domain.panic.detection import judge, tally
from lifeline.errors import UnavailableError
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry
from lifeline.use_cases.shared.detect import Detect
from lifeline.use_cases.voice.inbound_voice import Heard, NotHeard, Transcribe


class VoiceOutcomes:
    """Call it with what a batch has brought. One instance per worker."""

    def __init__(
        self,
        *,
        settings: Settings,
        control: Control,
        detect: Detect,
        clock: Callable[[], float],
        telemetry: Telemetry,
    ) -> None:
        """``clock``: epoch seconds."""
        self._settings = settings
        self._control = control
        self._clock = clock
        self._telemetry = telemetry
        self._detect = detect

    def __call__(self, outcomes: Sequence[VoiceFailure | None]) -> bool:
        """Count outcomes of calls, in the order in which they ended; ``None`` is a success.

        One write for all; nothing is read while all is well. True where this put ``openai_voice`` into panic
        (or found it there). Never raises for a table that cannot be written.
        """
        bad = [failure for failure in outcomes if failure is not None and failure.counts_for_window]
        for failure in bad:
            self._telemetry.warning("OpenAI failed", detail=failure.words, cause=str(failure.cause))
        batch = tally(str(f.cause) if f is not None and f.counts_for_window else None for f in outcomes)
        if not outcomes:
            return False
        now = self._clock()
        self._count([failure for failure in outcomes if failure is not None], now)
        window = None
        try:
            window = self._detect.record(OPENAI_VOICE, batch, now)
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

    def _count(self, failures: Sequence[VoiceFailure], now: float) -> None:
        """For ``lifeline errors`` and ``lifeline status``; what cannot be written costs the count alone."""
        if not failures:
            return
        names = [
            counters.failed_elsewhere(OPENAI_VOICE, failure.cause, failure.code or failure.http_status)
            for failure in failures
        ]
        try:
            self._control.count(int(now // MINUTE * MINUTE), Counter(names))
        except UnavailableError as error:
            self._telemetry.warning("failures of OpenAI could not be counted", detail=str(error))


def transcriber(openai: OpenAI, outcomes: Callable[[Sequence[VoiceFailure | None]], object]) -> Transcribe:
    """How incoming voice notes are heard: each outcome goes to ``outcomes`` as soon as it is known."""

    def transcribe(audio: bytes, name: str) -> Heard | NotHeard:
        transcript = openai.transcribe(audio, name)
        if not isinstance(transcript, VoiceFailure):
            outcomes([None])
            return Heard(transcript.text, transcript.language, transcript.duration)
        outcomes([transcript])
        if transcript.counts_for_window:
            return NotHeard(transcript.words, again=True)
        return NotHeard(
            transcript.words,
            again=False,
            reason=Reason.REFUSED if transcript.refused else _reason(transcript),
        )

    return transcribe


def _reason(failure: VoiceFailure) -> Reason:
    return Reason.TOO_LARGE if failure.http_status == 413 else Reason.UNREADABLE
