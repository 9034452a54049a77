"""The kinds of job on ``voice-queue``, each to its use case."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lifeline.domain.inbound import is_job as is_voice_note
from lifeline.use_cases.inbound_voice import InboundVoice
from lifeline.use_cases.speak import Speak


class VoiceJobs:
    """One instance per worker."""

    def __init__(self, speak: Speak, listen: InboundVoice) -> None:
        self._speak = speak
        self._listen = listen

    def __call__(self, jobs: Iterable[tuple[str, str]], remaining: Callable[[], float]) -> list[str]:
        """Handle jobs, given as (SQS message id, body); answers with the ids that SQS must bring again."""
        failed: list[str] = []
        for name, body in jobs:
            if is_voice_note(body):
                failed += self._listen([(name, body)])
            else:
                failed += self._speak([(name, body)], remaining)
        return failed
