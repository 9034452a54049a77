"""Outgoing voice: a message's way to ``voice-queue`` and back, with a recording or as text.

The note of the carrier that comes back has ``voice``: ``{"media": ID}`` or ``{"text": why}``. With either the
sender does not ask again; without, it asks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

JOB: Final = "speech"
"""``kind`` of a job on ``voice-queue`` that asks for a recording."""
FORGET: Final = "forget-recording"
"""``kind`` of a job on ``voice-queue`` that names a recording which Meta refused."""
NOTE: Final = "voice"
MEDIA_SECONDS: Final = 29 * 86_400.0
"""How long an uploaded recording is used again: Meta keeps one for 30 days (Meta, "Media"), less a day."""
MAX_CHARACTERS: Final = 4096
"""Longest text that is spoken (OpenAI, "Create speech"); a longer one goes as text."""
NO_SUCH_RECORDING: Final = frozenset({131052, 131053})
"""Meta could not use the medium of a send (Meta, "Error codes")."""


@dataclass(frozen=True, slots=True)
class Returned:
    """What came back: a recording, or why there is none."""

    media_id: str | None
    why: str = ""


def returned(note: Mapping[str, Any] | None) -> Returned | None:
    """What a carrier's note says of its recording; ``None`` where nobody was asked for one."""
    voice = (note or {}).get(NOTE)
    if not isinstance(voice, Mapping):
        return None
    media = voice.get("media")
    return Returned(str(media) if media else None, str(voice.get("text", "")))


def keep(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> Mapping[str, Any]:
    """The note of a carrier that is put back, with the recording of the one that it replaces."""
    return {**new, NOTE: old[NOTE]} if old and NOTE in old else new


def recording_key(text: str, model: str, voice: str) -> str:
    """The name under which a recording is found again: a digest of all that shapes it."""
    return hashlib.sha256(json.dumps([model, voice, text]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Job:
    """A job on ``voice-queue``: the message as its producer wrote it, and its carrier's note."""

    message: str
    note: Mapping[str, Any]

    def write(self) -> str:
        """The body."""
        return json.dumps({"kind": JOB, "message": self.message, "note": dict(self.note)})

    @classmethod
    def read(cls, body: str) -> Job:
        """Raises ``ValueError`` that says what is wrong with the body."""
        document = json.loads(body)
        if not isinstance(document, dict) or document.get("kind") != JOB:
            raise ValueError(f"not a job of kind {JOB}")
        message, note = document.get("message"), document.get("note")
        if not isinstance(message, str) or not isinstance(note, dict) or "claim" not in note:
            raise ValueError(f"a job of kind {JOB} needs message and note, with a claim")
        return cls(message, note)

    def back(self, media_id: str | None, why: str = "") -> dict[str, Any]:
        """The note of the carrier that goes back."""
        return {**self.note, NOTE: {"media": media_id} if media_id else {"text": why[:200]}}


@dataclass(frozen=True, slots=True)
class Forget:
    """A job on ``voice-queue``: Meta refused this recording of these words, so it is used no more."""

    text: str
    media_id: str

    def write(self) -> str:
        """The body."""
        return json.dumps({"kind": FORGET, "text": self.text, "media": self.media_id})

    @classmethod
    def read(cls, body: str) -> Forget | None:
        """``None`` for a job of another kind, and for what is no job."""
        try:
            document = json.loads(body)
        except ValueError:
            return None
        if not isinstance(document, dict) or document.get("kind") != FORGET:
            return None
        return cls(str(document.get("text", "")), str(document.get("media", "")))
