"""Settings of group ``openai``: which models hear and speak, with which voice, and how long is waited.

Source: OpenAI, API reference, "Create speech" and "Create transcription".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

_NAME: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_NUMBERS: Final[Mapping[str, tuple[float, float]]] = {
    "connect_timeout": (0.1, 30),
    "read_timeout": (0.5, 60),
    "attempts": (1, 5),
    "budget": (1, 90),
}
_WORDS: Final = ("speech_model", "transcription_model", "voice")


@dataclass(frozen=True, slots=True)
class VoiceRules:
    """How OpenAI is used. Times in seconds."""

    speech_model: str = "gpt-4o-mini-tts"
    transcription_model: str = "whisper-1"
    """whisper-1 tells the language and the length of what it heard; newer models do not."""
    voice: str = "alloy"
    instructions: Mapping[str, str] = field(default_factory=dict)
    """How to speak, by language (ISO 639-1); ``default`` where a language has none of its own."""
    connect_timeout: float = 3.05
    read_timeout: float = 20.0
    """Between two pieces of an answer (0.5 to 60)."""
    attempts: int = 3
    """Calls for one text or recording before it fails (1 to 5)."""
    budget: float = 45.0
    """All of these calls together, waits included (1 to 90): VoiceFunction runs for 120 s."""

    def __post_init__(self) -> None:
        for name, (low, high) in _NUMBERS.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be between {low} and {high}, not {getattr(self, name)}")
        for name in _WORDS:
            if not _NAME.fullmatch(getattr(self, name)):
                raise ValueError(f"{name} must be a name of OpenAI's, not {getattr(self, name)!r}")
        for language, text in self.instructions.items():
            if len(text) > 4096:
                raise ValueError(f"instructions.{language} must have at most 4096 characters")

    def instruction(self, language: str) -> str:
        """How to speak ``language``; empty where nothing is set."""
        return self.instructions.get(language.lower()) or self.instructions.get("default", "")

    def speaks_as(self, phone_number_id: str) -> str:
        """What shapes a recording besides text and model: media belong to a number."""
        return f"{self.voice}/{self.instruction('')}/{phone_number_id}"

    @classmethod
    def parse(cls, document: object) -> VoiceRules:
        """The settings laid over the defaults. Raises ``ValueError`` that says which value is wrong."""
        if not isinstance(document, dict):
            raise ValueError("must be an object")
        known = [item.name for item in fields(cls)]
        values: dict[str, Any] = dict(document)
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"{name}: unknown; known are {', '.join(known)}")
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if name in _NUMBERS and not number:
                raise ValueError(f"{name} must be a number, not {value!r}")
            if name in _WORDS and not isinstance(value, str):
                raise ValueError(f"{name} must be a text, not {value!r}")
        if "attempts" in values:
            if values["attempts"] % 1 != 0:  # not a number is not whole either
                raise ValueError(f"attempts must be a whole number, not {values['attempts']}")
            values["attempts"] = int(values["attempts"])
        instructions = values.get("instructions", {})
        if not isinstance(instructions, dict) or not all(
            isinstance(text, str) for text in instructions.values()
        ):
            raise ValueError("instructions must be an object of texts by language")
        values["instructions"] = {language.lower(): text for language, text in instructions.items()}
        return cls(**values)
