"""A text becomes a recording at Meta, and its message goes back to the sender: with it, or as text.

Whatever goes wrong here costs the voice, never the message: it goes back as text. Only where it cannot be put
back does the job come again. A job that runs twice puts two equal carriers back; the ledger takes one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from lifeline.adapters.queues import Outgoing, Queues
from lifeline.adapters.recordings import Recordings
from lifeline.adapters.whatsapp import WhatsApp
from lifeline.contract import ContractError, Message, parse_message
from lifeline.domain import speech
from lifeline.domain.failures import Failure
from lifeline.domain.voice_failures import VoiceFailure
from lifeline.errors import LifelineError, UnavailableError
from lifeline.telemetry import Telemetry

LEAST: Final = 60.0
"""Seconds that OpenAI's attempts (45 s at most) and an upload need."""
Say = Callable[[str], "bytes | VoiceFailure"]
"""A text to Ogg/Opus."""


class Speak:
    """Jobs of kind :data:`~lifeline.domain.speech.JOB`. One instance per worker."""

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
        queues: Queues,
        whatsapp_queue_url: str,
        bulk_queue_url: str,
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
        self._queues = queues
        self._whatsapp_queue_url = whatsapp_queue_url
        self._bulk_queue_url = bulk_queue_url
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, jobs: Iterable[tuple[str, str]], remaining: Callable[[], float]) -> list[str]:
        """Handle jobs, given as (SQS message id, body); answers with the ids that SQS must bring again.

        ``remaining``: seconds that this invocation has left; a job for which too few are left goes as text.
        """
        return [name for name, body in jobs if not self.handle(body, remaining)]

    def handle(self, body: str, remaining: Callable[[], float]) -> bool:
        """Handle one job; False where SQS must bring it again."""
        forget = speech.Forget.read(body)
        if forget:
            return self._forget(forget)
        try:
            job = speech.Job.read(body)
            message = parse_message(job.message)
        except (ValueError, ContractError) as error:
            # Only Lifeline writes such jobs: a person must look, after the queue's attempts.
            self._telemetry.error("a job for a recording cannot be read", detail=str(error))
            return False
        media_id, why = self._recording(message, remaining)
        if media_id is None:
            self._telemetry.warning("a voice message goes as text", message_id=message.id, why=why)
        url = self._bulk_queue_url if message.priority == "bulk" else self._whatsapp_queue_url
        (placed,) = self._queues.send(url, [Outgoing(job.message, job.back(media_id, why))])
        self._telemetry.count("Speech", result="voice" if media_id else "text")
        return placed

    def _forget(self, job: speech.Forget) -> bool:
        key = speech.recording_key(job.text, self._model, self._voice)
        try:
            self._recordings.forget(key, job.media_id, self._clock())
        except UnavailableError as error:
            self._telemetry.warning("a refused recording is still kept", detail=str(error))
            return False
        return True

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
                return None, f"Meta did not take the recording: {uploaded.words}"
        except LifelineError as error:
            return None, str(error)
        try:
            self._recordings.keep(key, uploaded, now + speech.MEDIA_SECONDS)
        except UnavailableError as error:
            self._telemetry.warning("a recording will be made again", detail=str(error))
        return uploaded, ""
