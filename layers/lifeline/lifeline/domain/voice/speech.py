"""Outgoing voice: a message's way to ``voice-queue``, and what its row says after that.

The sender writes the row's phase ``speaking`` and puts a job with the message's id on the queue. The voice
function writes the recording on the row, or why there is none; either way the row is due at once, and the
sender does not ask again. The row's own timer stands behind all of it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Final

from lifeline.domain.message.row import Phase, Row, waiting
from lifeline.domain.text import load_json

JOB: Final = "speech"
"""``kind`` of a job on ``voice-queue`` that asks for a recording."""
FORGET: Final = "forget-recording"
"""``kind`` of a job on ``voice-queue`` that names a recording which Meta refused."""
MEDIA_SECONDS: Final = 29 * 86_400.0
"""How long an uploaded recording is used again: Meta keeps one for 30 days (Meta, "Media"), less a day."""
MAX_CHARACTERS: Final = 4096
"""Longest text that is spoken (OpenAI, "Create speech"); a longer one goes as text."""
NO_SUCH_RECORDING: Final = frozenset({131052, 131053})
"""Meta could not use the medium of a send (Meta, "Error codes")."""


def waits_for_recording(row: Row) -> bool:
    """Whether the sender still waits for the voice function."""
    return row.open and row.phase == Phase.SPEAKING


def answered(row: Row, media_id: str | None, why: str, now: float) -> Row:
    """The row with its recording, or with ``why`` it goes as text: due at once."""
    due = waiting(row, now)
    return replace(due, recording=media_id) if media_id else replace(due, unspoken=why[:200])


def recording_key(text: str, model: str, voice: str) -> str:
    """The name under which a recording is found again: a digest of all that shapes it."""
    return hashlib.sha256(json.dumps([model, voice, text]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class SpeechJob:
    """A job on ``voice-queue``: the id of a message whose text is to be spoken. Its row says the rest."""

    id: str

    def write(self) -> str:
        """The body."""
        return json.dumps({"kind": JOB, "id": self.id})

    @classmethod
    def read(cls, body: str) -> SpeechJob:
        """Raises ``ValueError`` that says what is wrong with the body."""
        document = load_json(body)
        if not isinstance(document, dict) or document.get("kind") != JOB:
            raise ValueError(f"not a job of kind {JOB}")
        message_id = document.get("id")
        if not isinstance(message_id, str) or not message_id:
            raise ValueError(f"a job of kind {JOB} needs the message's id")
        return cls(message_id)


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
            document = load_json(body)
        except ValueError:
            return None
        if not isinstance(document, dict) or document.get("kind") != FORGET:
            return None
        return cls(str(document.get("text", "")), str(document.get("media", "")))
