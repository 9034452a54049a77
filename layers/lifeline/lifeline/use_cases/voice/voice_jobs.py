"""The kinds of job on ``voice-queue``, each to its use case, neither of which raises."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lifeline.domain.inbound.inbound import is_job as is_voice_note
from lifeline.use_cases.voice.inbound_voice import InboundVoice
from lifeline.use_cases.voice.speak import Speak


class VoiceJobs:
    """One instance per worker."""

    def __init__(self, speak: Speak, listen: InboundVoice) -> None:
        self._speak = speak
        self._listen = listen

    def __call__(self, jobs: Iterable[tuple[str, str]], remaining: Callable[[], float]) -> list[str]:
        """Handle jobs, given as (SQS message id, body); answers with the ids that SQS must bring again."""
        return [name for name, body in jobs if not self._handle(body, remaining)]

    def _handle(self, body: str, remaining: Callable[[], float]) -> bool:
        return self._listen.handle(body) if is_voice_note(body) else self._speak.handle(body, remaining)
