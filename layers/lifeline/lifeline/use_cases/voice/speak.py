"""A text becomes a recording at Meta, and its row says so: the sender goes on with it, or with the text.

Whatever goes wrong here costs the voice, never the message: it goes as text. A job is only asked for again
where the row could not be read or written; even then the row's own timer lets the message go as text. A job
that runs twice finds the recording, or a row that waits for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from lifeline.adapters.ledger import Ledger
from lifeline.adapters.recordings import Recordings
from lifeline.adapters.whatsapp import WhatsApp
from lifeline.contract.messages import ContractError, Message, parse_message
from lifeline.domain.failure.classify import Failure
from lifeline.domain.failure.voice_failures import VoiceFailure
from lifeline.domain.message.row import Change, Fate, Row
from lifeline.domain.voice import speech
from lifeline.errors import LifelineError, UnavailableError
from lifeline.telemetry import Telemetry
from lifeline.use_cases.shared.wake import Wake, wakes_of

LEAST: Final = 60.0
"""Seconds that OpenAI's attempts (45 s at most) and an upload need."""
ROUNDS: Final = 5
"""How often a row is looked at anew after another writer moved it meanwhile."""
Say = Callable[[str], "bytes | VoiceFailure"]
"""A text to Ogg/Opus."""


class Speak:
    """Jobs of kinds :data:`~lifeline.domain.voice.speech.JOB` and ``FORGET``. One instance per worker."""

    def __init__(
        self,
        *,
        say: Say,
        model: str,
        voice: str,
        in_panic: Callable[[], bool],
        outcomes: Callable[[Sequence[VoiceFailure | None]], object],
        whatsapp: WhatsApp,
        recordings: Recordings,
        ledger: Ledger,
        wake: Wake,
        clock: Callable[[], float],
        telemetry: Telemetry,
    ) -> None:
        """``in_panic``: whether the scope ``openai_voice`` is in panic now. ``outcomes``: counts OpenAI's
        answers in that scope's window, ``None`` for a success. ``model`` and ``voice`` name what shapes a
        recording besides its text.
        """
        self._say = say
        self._model = model
        self._voice = voice
        self._in_panic = in_panic
        self._outcomes = outcomes
        self._whatsapp = whatsapp
        self._recordings = recordings
        self._ledger = ledger
        self._wake = wake
        self._clock = clock
        self._telemetry = telemetry

    def handle(self, body: str, remaining: Callable[[], float]) -> bool:
        """Handle one job; False where SQS must bring it again. Never raises.

        ``remaining``: seconds that this invocation has left; a job for which too few are left goes as text.
        """
        try:
            return self._handle(body, remaining)
        except UnavailableError as error:
            self._telemetry.error("a job for a recording must come again", detail=str(error))
        except Exception:  # one job's trouble is its own; a person must look, after the queue's attempts
            self._telemetry.exception("a job for a recording failed")
        return False

    def _handle(self, body: str, remaining: Callable[[], float]) -> bool:
        forget = speech.Forget.read(body)
        if forget:
            return self._forget(forget)
        try:
            job = speech.SpeechJob.read(body)
        except ValueError as error:
            # Only Lifeline writes such jobs: a person must look, after the queue's attempts.
            self._telemetry.error("a job for a recording cannot be read", detail=str(error))
            return False
        row = self._ledger.read([job.id]).get(job.id)
        if row is None or not speech.waits_for_recording(row):
            return True
        media_id, why = self._spoken(row, remaining)
        if media_id is None:
            self._telemetry.warning("a voice message goes as text", message_id=row.id, why=why)
        return self._record(row, media_id, why)

    def _record(self, row: Row, media_id: str | None, why: str) -> bool:
        """Write what came of it on the row, while the row waits for it."""
        for _ in range(ROUNDS):
            after = speech.answered(row, media_id, why, self._clock())
            note = "its recording is made" if media_id else f"goes as text: {why[:200]}"
            (written,) = self._ledger.write([Change(row, after, note)], self._clock())
            if written.fate is Fate.DONE:
                assert written.row is not None, "a row that was written is there"
                self._wake(wakes_of([written.row], self._clock()))
                self._telemetry.count("Speech", result="voice" if media_id else "text")
                return True
            if written.fate is Fate.UNKNOWN:
                self._telemetry.error("a recording could not be recorded", message_id=row.id)
                return False
            if written.row is None or not speech.waits_for_recording(written.row):
                return True
            row = written.row
        return False

    def _forget(self, job: speech.Forget) -> bool:
        key = speech.recording_key(job.text, self._model, self._voice)
        self._recordings.forget(key, job.media_id, self._clock())
        return True

    def _spoken(self, row: Row, remaining: Callable[[], float]) -> tuple[str | None, str]:
        """The recording's id at Meta, or ``None`` and why there is none."""
        try:
            return self._recording(parse_message(row.body), remaining)
        except ContractError as error:
            return None, f"the message cannot be read: {error}"
        except Exception as error:  # it costs the voice, never the message
            self._telemetry.exception("a recording could not be made", message_id=row.id)
            return None, f"an unexpected error: {type(error).__name__}"

    def _recording(self, message: Message, remaining: Callable[[], float]) -> tuple[str | None, str]:
        text = (message.text or "").strip()
        now = self._clock()
        if message.expires_at is not None and message.expires_at <= now:
            return None, "too late"
        if len(text) > speech.MAX_CHARACTERS:
            return None, f"{len(text)} characters; at most {speech.MAX_CHARACTERS} are spoken"
        try:
            if self._in_panic():
                return None, "openai_voice is in panic"
            key = speech.recording_key(text, self._model, self._voice)
            media_id = self._recordings.find(key, now)
            if media_id:
                return media_id, ""
            if remaining() < LEAST:
                return None, "no time left in this invocation"
            sound = self._say(text)
            self._outcomes([sound if isinstance(sound, VoiceFailure) else None])
            if isinstance(sound, VoiceFailure):
                return None, sound.words
            uploaded = self._whatsapp.upload(sound)
            if isinstance(uploaded, Failure):
                return None, f"Meta rejected the recording: {uploaded.words}"
        except LifelineError as error:
            return None, str(error)
        try:
            self._recordings.keep(key, uploaded, now + speech.MEDIA_SECONDS)
        except UnavailableError as error:
            self._telemetry.warning("a recording will be made again", detail=str(error))
        return uploaded, ""
