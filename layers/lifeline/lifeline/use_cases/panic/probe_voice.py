"""The probe of ``openai_voice``: would OpenAI serve voice now?"""

from __future__ import annotations

from typing import Final

from lifeline.adapters.openai import OpenAI
from lifeline.domain.failure.voice_failures import VoiceFailure
from lifeline.domain.voice.speaking import VoiceRules

PROBE_TEXT: Final = "Ok."
"""What is spoken: a list of models also comes without credit, and under a limit."""


class ProbeVoice:
    """Asks once per question. Call it for what is wrong."""

    def __init__(self, openai: OpenAI, rules: VoiceRules) -> None:
        self._openai = openai
        self._rules = rules

    def __call__(self) -> str:
        """Why OpenAI would not serve voice now; empty where it lists our models and speaks a word."""
        wanted = self._rules
        models = self._openai.models()
        # A key may be allowed to speak and not to list: then speaking says it all.
        if isinstance(models, VoiceFailure) and models.http_status != 403:
            return models.words
        missing = (
            set()
            if isinstance(models, VoiceFailure)
            else {wanted.speech_model, wanted.transcription_model} - models
        )
        if missing:
            return f"OpenAI does not list {', '.join(sorted(missing))}"
        spoken = self._openai.speech(PROBE_TEXT, model=wanted.speech_model, voice=wanted.voice)
        return spoken.words if isinstance(spoken, VoiceFailure) else ""
