"""A voice note becomes text for the application, waits, or is reported as unusable; none is lost.

Each job of ``voice-queue`` ends in one of three ways: published with its transcript, published as unusable
with the reason, or kept as pending. Kept ones come back with the drainer's minute (``release_pending.py``):
after recovery to be transcribed, after their age limit to be reported. While voice is in panic nothing is
downloaded and nothing transcribed; the sender is asked once an hour to type. That is allowed: who has just
spoken to us has opened the 24 hours in which free text may be sent (Meta, "Customer service windows").
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from lifeline.adapters.inbound_topic import InboundTopic
from lifeline.adapters.inbox import Inbox, Ownership
from lifeline.adapters.queues import Outgoing, Queues
from lifeline.adapters.whatsapp import Lost, WhatsApp
from lifeline.contract.instants import format_instant
from lifeline.contract.patterns import is_bsuid
from lifeline.domain.inbound import inbound, notification
from lifeline.domain.inbound.inbound import InboundRules, Reason, VoiceNote
from lifeline.domain.pace.pace import MAX_DELAY
from lifeline.domain.voice.audio import UnreadableAudioError, inspect
from lifeline.errors import LifelineError, UnavailableError
from lifeline.telemetry import Telemetry
from lifeline.use_cases.shared.people import People

LEASE: Final = 150.0
"""Seconds. Longer than the voice function runs (120 s), shorter than its queue hides a job (720 s)."""
TURNS: Final = 4
"""Attempts before a voice note waits: Lambda stops an SQS loop after about 16 turns."""
REST: Final = 300.0
"""Seconds for which a voice note rests whose attempts all failed outside panic."""
WINDOW: Final = 23 * 3600.0
"""Seconds after a voice note in which free text may go: Meta's 24 hours, less one for the way."""
PROMPT_MINUTES: Final = 60.0
"""Minutes after which the request to type is of no more use."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What was said. ``language``: a code or an English word; ``duration``: seconds, where it is known."""

    text: str
    language: str = ""
    duration: float | None = None


@dataclass(frozen=True, slots=True)
class NotHeard:
    """No transcript. ``again``: another attempt is worthwhile; otherwise ``reason`` says what is wrong with
    the recording.
    """

    detail: str
    again: bool = True
    reason: Reason = Reason.UNREADABLE


Transcribe = Callable[[bytes, str], Heard | NotHeard]
"""The recording and its file name to what was said."""


@dataclass(frozen=True, slots=True)
class _Unusable:
    reason: Reason
    detail: str


class InboundVoice:
    """Jobs of kind :data:`~lifeline.domain.inbound.inbound.JOB`. One instance per worker."""

    def __init__(
        self,
        *,
        rules: InboundRules,
        inbox: Inbox,
        topic: InboundTopic,
        queues: Queues,
        voice_queue_url: str,
        whatsapp_queue_url: str,
        sends_from: str,
        in_panic: Callable[[], bool],
        whatsapp: WhatsApp,
        transcribe: Transcribe,
        people: People,
        clock: Callable[[], float],
        telemetry: Telemetry,
    ) -> None:
        """``sends_from``: id of the number that our messages come from. ``in_panic``: whether the scope
        ``openai_voice`` is in panic now.
        """
        self._rules = rules
        self._inbox = inbox
        self._topic = topic
        self._queues = queues
        self._voice_queue_url = voice_queue_url
        self._whatsapp_queue_url = whatsapp_queue_url
        self._sends_from = sends_from
        self._in_panic = in_panic
        self._whatsapp = whatsapp
        self._transcribe = transcribe
        self._people = people
        self._clock = clock
        self._telemetry = telemetry

    def handle(self, body: str) -> bool:
        """Handle one job; False where SQS must bring it again."""
        try:
            note = VoiceNote.read(body)
        except ValueError as error:
            # Only Lifeline writes such jobs: a person must look, after the queue's attempts.
            self._telemetry.error("a job for a voice note cannot be read", detail=str(error))
            return False
        name = f"voice:{inbound.name_of(note.wamid)}"
        claimed = False
        try:
            claim = self._inbox.begin(name, self._clock(), LEASE)
            if claim is not Ownership.MINE:
                return claim is Ownership.DONE
            claimed = True
            if self._work(note):
                self._inbox.finish(name, self._clock())
            else:
                self._inbox.release(name)
        except LifelineError as error:
            self._telemetry.error("a voice note must come again", detail=str(error), wamid=note.wamid)
            if claimed:
                self._give_back(name)
            return False
        except Exception:  # one job's trouble is its own; a person must look, after the queue's attempts
            self._telemetry.exception("a voice note could not be handled", wamid=note.wamid)
            if claimed:
                self._give_back(name)
            return False
        return True

    def _work(self, note: VoiceNote) -> bool:
        """True where the voice note has come to its end, False where it waits."""
        now = self._clock()
        if now - note.received_at > self._rules.max_age_hours * 3600:
            waited = (now - note.received_at) / 3600
            return self._report(note, Reason.TOO_OLD, f"it waited for {waited:.1f} hours")
        kind = inbound.container(note.mime_type)
        if kind is None:
            return self._report(note, Reason.UNSUPPORTED_TYPE, f"{note.mime_type or 'no type'} is not taken")
        if self._in_panic():
            return self._wait(note, now, now)
        audio = self._audio(note)
        if isinstance(audio, NotHeard):
            return self._again(note, audio.detail)
        if isinstance(audio, _Unusable):
            return self._report(note, audio.reason, audio.detail)
        try:
            recording = inspect(audio)
        except UnreadableAudioError as error:
            return self._report(note, Reason.UNREADABLE, str(error))
        if recording.silent:
            return self._report(note, Reason.SILENCE, "it is silent")
        heard = self._transcribe(audio, f"voice.{recording.container}")
        if isinstance(heard, NotHeard):
            if heard.again:
                return self._again(note, heard.detail)
            return self._report(note, heard.reason, heard.detail)
        if not heard.text.strip():
            return self._report(note, Reason.SILENCE, "it has no words")
        language = inbound.language_code(heard.language)
        duration = heard.duration if recording.duration is None else recording.duration
        self._publish(notification.transcribed(note, heard.text.strip(), language, duration))
        if language and not note.in_group:
            self._remember(note, language)
        return True

    # -- the recording ---------------------------------------------------------------------------------

    def _audio(self, note: VoiceNote) -> bytes | NotHeard | _Unusable:
        content = self._whatsapp.download(note.media_id, inbound.MAX_AUDIO_BYTES)
        if content is Lost.GONE:
            return _Unusable(Reason.MEDIA_GONE, "Meta no longer has the recording")
        if content is Lost.TOO_LARGE:
            limit = inbound.MAX_AUDIO_BYTES // 1024 // 1024
            return _Unusable(Reason.TOO_LARGE, f"the recording has more than {limit} MB")
        if not isinstance(content, bytes):
            return NotHeard(f"downloading from Meta failed: {getattr(content, 'details', content)}")
        if not _is_whole(content, note.sha256):
            return NotHeard("the recording is not the one that Meta announced")
        return content

    # -- how it ends -----------------------------------------------------------------------------------

    def _report(self, note: VoiceNote, reason: Reason, detail: str) -> bool:
        self._telemetry.info("voice note unusable", wamid=note.wamid, reason=str(reason), detail=detail)
        self._publish(notification.unusable(note, reason, detail))
        return True

    def _again(self, note: VoiceNote, detail: str) -> bool:
        """Try it later: put back with a growing delay (8, 32, 128 s), after that it waits."""
        self._telemetry.warning("voice note not transcribed", wamid=note.wamid, detail=detail, turn=note.turn)
        now = self._clock()
        if self._in_panic():
            return self._wait(note, now, now)
        if note.turn + 1 >= TURNS:
            return self._wait(note, now + REST, now)
        later = replace(note, turn=note.turn + 1)
        delay = min(MAX_DELAY, 2 * 4 ** (note.turn + 1))
        if not self._queues.send(self._voice_queue_url, [Outgoing(later.job(), delay=delay)])[0]:
            raise UnavailableError("SQS", "putting a voice note back", "not taken")
        return False

    def _wait(self, note: VoiceNote, due: float, now: float) -> bool:
        asked = self._ask(note, now)
        waiting = replace(note, turn=0, kept=True, asked=note.asked or asked)
        self._inbox.keep(inbound.name_of(note.wamid), waiting.job(), due, now)
        if not note.kept:
            until = note.received_at + self._rules.max_age_hours * 3600
            self._publish(notification.pending(waiting, until))
        self._telemetry.info("voice note waits", wamid=note.wamid, asked=asked)
        return False

    def _ask(self, note: VoiceNote, now: float) -> bool:
        """Ask the person to type; False where they were asked lately, or have neither a number nor a
        user id that we know.

        The request goes the way of every message, under an id that is made from the voice note's: however
        often this is repeated, one request goes out.
        """
        whom = note.phone or (note.user_id if is_bsuid(note.user_id) else "")
        if note.kept or not whom or now - note.received_at > WINDOW:
            return False
        if note.in_group:
            return False  # what one person says to others is no talk with us
        if note.number_id not in ("", self._sends_from):
            return False  # they opened the window of that number, not of the one that we send from
        person = self._people.person(note.sender.who)
        name = inbound.name_of(note.wamid)
        if person is None or not self._inbox.may_ask(person, name, now, self._rules.ask_every_minutes * 60):
            return False  # nobody is asked twice because it is not known whom we ask
        text = inbound.prompt(self._rules, self._inbox.language(person), whom)
        message = {
            "id": "lifeline-type-" + hashlib.sha256(note.wamid.encode()).hexdigest()[:32],
            **({"to": whom} if note.phone else {"recipient": {"bsuid": whom}}),
            "type": "text",
            "text": text,
            "category": "voice-prompt",
            "expires_at": format_instant(now + PROMPT_MINUTES * 60),
        }
        if not self._queues.send(self._whatsapp_queue_url, [Outgoing(json.dumps(message))])[0]:
            raise UnavailableError("SQS", "asking a person to type", "not taken")
        return True

    def _publish(self, notice: dict[str, object]) -> None:
        self._topic.publish(notice)
        self._telemetry.count("Inbound", kind=str(notice["kind"]))

    def _remember(self, note: VoiceNote, language: str) -> None:
        try:
            person = self._people.person(note.sender.who)
            if note.sender.who and person is not None:
                self._inbox.remember_language(person, language, self._clock())
        except UnavailableError as error:
            self._telemetry.warning("a language was not remembered", detail=str(error))

    def _give_back(self, name: str) -> None:
        try:
            self._inbox.release(name)
        except UnavailableError as error:
            self._telemetry.warning("a claim stays until its lease ends", detail=str(error))


def _is_whole(audio: bytes, announced: str) -> bool:
    """Whether a download is what the webhook announced, where that is a readable SHA-256."""
    try:
        expected = base64.b64decode(announced, validate=True)
    except (binascii.Error, ValueError):
        return True
    return len(expected) != 32 or expected == hashlib.sha256(audio).digest()
