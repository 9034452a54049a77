"""What people write and say to us: who wrote, voice notes as jobs, settings, the request to type. Pure.

What the application is told of it is made in :mod:`lifeline.domain.inbound.notification`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Final

from lifeline.contract.kinds import MAX_TEXT_CHARS
from lifeline.contract.patterns import is_bsuid
from lifeline.domain.inbound.opting_out import words_of
from lifeline.domain.inbound.ours import BusinessNumber
from lifeline.domain.text import e164, load_json, scalar
from lifeline.domain.text import word as _text

JOB: Final = "inbound_voice"
"""``kind`` of a job on ``voice-queue`` that asks for a transcription."""

MAX_AUDIO_BYTES: Final = 16 * 1024 * 1024
"""Meta takes and gives no audio above 16 MB (Meta, "Media: supported media types")."""
MEDIA_DAYS: Final = 7
"""Days for which the media id of a webhook can be downloaded (Meta, "Media")."""

READABLE: Final[Mapping[str, str]] = {
    "audio/ogg": "ogg",
    "audio/opus": "ogg",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/mp4": "m4a",
    "audio/m4a": "m4a",
    "audio/x-m4a": "m4a",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/webm": "webm",
    "audio/flac": "flac",
}
"""Types that the transcription takes (OpenAI, "Speech to text: supported file types"), with the ending that
it knows them by. WhatsApp's ``audio/aac`` and ``audio/amr`` are not among them.
"""

PROMPTS: Final[Mapping[str, str]] = {
    "en": "Sorry, we cannot listen to voice messages at the moment. Please type your message.",
    "de": "Leider können wir gerade keine Sprachnachrichten anhören. Bitte schreiben Sie uns stattdessen.",
    "es": "Lo sentimos, ahora no podemos escuchar mensajes de voz. Por favor, escriba su mensaje.",
    "fr": "Désolé, nous ne pouvons pas écouter les messages vocaux pour l'instant. Merci de nous écrire.",
    "it": "Al momento non possiamo ascoltare i messaggi vocali. La preghiamo di scrivere il suo messaggio.",
    "pt": "No momento não podemos ouvir mensagens de voz. Por favor, escreva a sua mensagem.",
}
_REGIONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("DE", "AT", "LI"), "de"),
    **dict.fromkeys(("ES", "MX", "AR", "CO", "CL", "PE", "UY", "EC", "VE"), "es"),
    **dict.fromkeys(("FR", "SN", "CI"), "fr"),
    **dict.fromkeys(("IT", "SM"), "it"),
    **dict.fromkeys(("PT", "BR", "AO", "MZ"), "pt"),
}
_NAMES: Final[Mapping[str, str]] = {
    "english": "en",
    "german": "de",
    "spanish": "es",
    "french": "fr",
    "italian": "it",
    "portuguese": "pt",
    "dutch": "nl",
    "turkish": "tr",
    "polish": "pl",
    "russian": "ru",
    "arabic": "ar",
    "hindi": "hi",
}


class Reason(StrEnum):
    """Why a voice note brought no transcript."""

    TOO_LARGE = "too_large"
    UNSUPPORTED_TYPE = "unsupported_type"
    UNREADABLE = "unreadable"
    SILENCE = "silence"
    MEDIA_GONE = "media_gone"
    """Meta has the recording no longer, or never had."""
    TOO_OLD = "too_old"
    """It waited for longer than :attr:`InboundRules.max_age_hours`."""
    REFUSED = "refused"
    """The transcription refused its content."""


@dataclass(frozen=True, slots=True)
class InboundRules:
    """Settings of group ``inbound``."""

    max_age_hours: float = 12.0
    """Hours after which a voice note that could not be transcribed is of no more use (0.01 to 168)."""
    ask_every_minutes: float = 60.0
    """A person is asked to type at most once in so many minutes (1 to 1440)."""
    release_per_minute: int = 60
    """Pending voice notes that go back to work in one minute (1 to 600)."""
    default_language: str = "en"
    """Language of the prompt where neither the person's last one nor the number's region is known."""
    prompts: Mapping[str, str] = field(default_factory=lambda: dict(PROMPTS))
    """What people are asked, by language (ISO 639-1)."""
    stop_words: tuple[str, ...] = ()
    """Who writes nothing but one of these wants no more promotional messages (at most 50 words)."""
    start_words: tuple[str, ...] = ()
    """Who writes nothing but one of these wants them again (at most 50 words)."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("max_age_hours", 0.01, MEDIA_DAYS * 24),
            ("ask_every_minutes", 1, 1440),
            ("release_per_minute", 1, 600),
        ):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be between {low} and {high}, not {getattr(self, name)}")
        for language, text in self.prompts.items():
            if not 0 < len(text) <= MAX_TEXT_CHARS:
                raise ValueError(f"prompts.{language} must have 1 to {MAX_TEXT_CHARS} characters")
        if both := set(self.stop_words) & set(self.start_words):
            raise ValueError(f"{sorted(both)[0]!r} is in stop_words and in start_words")
        if self.default_language not in self.prompts:
            raise ValueError(f"prompts has no text in default_language {self.default_language!r}")

    @classmethod
    def parse(cls, document: object) -> InboundRules:
        """The settings laid over the defaults; prompts are laid over one by one.

        Raises :class:`ValueError` that says which value is wrong.
        """
        if not isinstance(document, dict):
            raise ValueError("must be an object")
        known = {item.name for item in fields(cls)}
        for name in document:
            if name not in known:
                raise ValueError(f"{name}: unknown; known are {', '.join(sorted(known))}")
        values: dict[str, Any] = dict(document)
        for name in ("max_age_hours", "ask_every_minutes", "release_per_minute"):
            value = values.get(name, 1)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"{name} must be a number, not {value!r}")
            if name == "release_per_minute" and value != int(value):
                raise ValueError(f"{name} must be a whole number, not {value!r}")
        prompts = values.get("prompts", {})
        if not isinstance(prompts, dict) or not all(isinstance(text, str) for text in prompts.values()):
            raise ValueError("prompts must be an object of texts by language")
        if not isinstance(values.get("default_language", "en"), str):
            raise ValueError("default_language must be a text")
        for name in ("stop_words", "start_words"):
            values[name] = words_of(document, name)
        values["prompts"] = {**PROMPTS, **{name.lower(): text for name, text in prompts.items()}}
        return cls(**values)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who wrote. Since 2026 people with a user name may come without a number (Meta, "Business-scoped user
    ids"): then ``phone`` is empty and ``user_id`` is not.
    """

    phone: str = ""
    """E.164."""
    user_id: str = ""
    """Meta's business-scoped user id."""
    name: str = ""
    """The name in their profile."""
    username: str = ""

    @property
    def who(self) -> str:
        """What names this person: the number, else the user id."""
        return self.phone or self.user_id


def sender_of(message: Mapping[str, Any], contact: Mapping[str, Any]) -> Sender:
    """Who wrote a message, from it and from the contact beside it."""
    profile = contact.get("profile")
    given = _text(message.get("from")) or _text(contact.get("wa_id"))
    known = _text(message.get("from_user_id")) or _text(contact.get("user_id"))
    return Sender(
        phone=e164(given),
        user_id=known or (given if is_bsuid(given) else ""),
        name=_text(profile.get("name"))[:256] if isinstance(profile, Mapping) else "",
        username=_text(profile.get("username")) if isinstance(profile, Mapping) else "",
    )


@dataclass(frozen=True, slots=True)
class VoiceNote:
    """A voice note to transcribe: the job on ``voice-queue``."""

    wamid: str
    phone: str
    user_id: str
    name: str
    received_at: float
    """Meta's time, epoch seconds."""
    media_id: str
    mime_type: str = ""
    sha256: str = ""
    """Of the recording, Base64, as Meta's webhook says."""
    number_id: str = ""
    """The number that was spoken to, as :class:`~lifeline.domain.inbound.ours.BusinessNumber`."""
    number_display: str = ""
    turn: int = 0
    """How often it was put back."""
    kept: bool = False
    """It was pending: the application knows of it."""
    asked: bool = False
    """The person was asked to type."""
    notice: dict[str, Any] = field(default_factory=dict)
    """The notification as far as the webhook says it; the transcript is added."""

    @property
    def in_group(self) -> bool:
        """Whether it was spoken to a group: nobody is asked to type there."""
        return bool(self.notice.get("group_id"))

    @property
    def sender(self) -> Sender:
        """Who sent it."""
        return Sender(self.phone, self.user_id, self.name)

    @property
    def number(self) -> BusinessNumber:
        """The number of ours that it was sent to."""
        return BusinessNumber(self.number_id, self.number_display)

    def job(self) -> str:
        """The body for ``voice-queue``."""
        return json.dumps({"kind": JOB, **asdict(self)}, separators=(",", ":"))

    @classmethod
    def read(cls, body: str) -> VoiceNote:
        """A job's body. Raises :class:`ValueError` where it is none."""
        document = load_json(body)
        if not isinstance(document, dict) or document.pop("kind", None) != JOB:
            raise ValueError(f"not a job of kind {JOB}")
        known = {item.name: str(item.type) for item in fields(cls)}
        values = {name: value for name, value in document.items() if name in known}
        for name, value in values.items():
            wanted = known[name].partition("[")[0]
            if type(value).__name__ not in (wanted, *(("int",) if wanted == "float" else ())):
                raise ValueError(f"a job of kind {JOB}: {name} must be of type {known[name]}")
        try:
            note = cls(**values)
        except TypeError as error:
            raise ValueError(f"a job of kind {JOB} lacks fields: {error}") from error
        if not 0 <= note.received_at < 1e11:
            raise ValueError(f"a job of kind {JOB}: received_at is not a time")
        return replace(note, received_at=float(note.received_at))


def name_of(wamid: str) -> str:
    """The name under which a message is claimed and kept: a digest, as a wamid holds the number in Base64."""
    return "sha256:" + hashlib.sha256(wamid.encode("utf-8", "replace")).hexdigest()


def is_job(body: str) -> bool:
    """Whether a message of ``voice-queue`` asks for a transcription."""
    try:
        document = load_json(body)
    except ValueError:
        return False
    return isinstance(document, dict) and document.get("kind") == JOB


def voice_note(
    wamid: str, message: Mapping[str, Any], contact: Mapping[str, Any], number: BusinessNumber, now: float
) -> VoiceNote | None:
    """The voice note in a message to ``number``; ``None``: other audio is a file that somebody passed on.

    ``type: voice`` is how the On-Premises API said it.
    """
    kind = _text(message.get("type"))
    part = message.get(kind) if kind in ("audio", "voice") else None
    if not isinstance(part, Mapping) or not (kind == "voice" or part.get("voice") is True):
        return None
    person = sender_of(message, contact)
    return VoiceNote(
        wamid=scalar(wamid),
        phone=person.phone,
        user_id=person.user_id,
        name=person.name,
        received_at=received_at(message, now),
        media_id=_text(part.get("id")),
        mime_type=_text(part.get("mime_type")),
        sha256=_text(part.get("sha256")),
        number_id=number.id,
        number_display=number.display,
    )


def received_at(message: Mapping[str, Any], now: float) -> float:
    """When a message was written (epoch seconds); ``now`` where Meta says nothing readable."""
    try:
        at = float(_text(message.get("timestamp")))
    except ValueError:
        return now
    return min(at, now) if at > 0 else now


def container(mime_type: str) -> str | None:
    """The ending of a type that can be transcribed; ``None`` for others."""
    return READABLE.get(mime_type.partition(";")[0].strip().lower())


# -- languages ---------------------------------------------------------------------------------------------


def language_code(word: str) -> str:
    """A language as a code: the transcription names some by their English word. Unknown ones stay."""
    word = word.strip().lower()
    return _NAMES.get(word, word.partition("-")[0].partition("_")[0])


def prompt(rules: InboundRules, heard: str, whom: str) -> str:
    """What a person is asked: in the language that they last spoke, else in that of their country.

    ``whom``: their number, or their business-scoped user id, which begins with the country.
    """
    spoken = rules.prompts.get(heard) or rules.prompts.get(_REGIONS.get(_region(whom), ""))
    return spoken or rules.prompts[rules.default_language]


def _region(whom: str) -> str:
    if is_bsuid(whom):
        return whom[:2]
    import phonenumbers  # large, and only a request to type needs it

    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(whom)) or ""
    except phonenumbers.NumberParseException:
        return ""
