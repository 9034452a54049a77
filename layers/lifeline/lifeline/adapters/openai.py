"""OpenAI's speech, transcription and models endpoints over pooled keep-alive connections.

Source: OpenAI, API reference: "Create speech", "Create transcription", "List models".
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from urllib3.filepost import encode_multipart_formdata

from lifeline.adapters.http import HEADER_SAFE, Http, HttpError
from lifeline.domain.failure.causes import Cause, Fault
from lifeline.domain.failure.reading import read_json
from lifeline.domain.failure.voice_failures import VoiceFailure, classify_answer, classify_fault, not_asked
from lifeline.domain.voice.audio import UnreadableAudioError, inspect

T = TypeVar("T")

MAX_SPEECH_CHARS: Final = 4096
"""Characters that one request may have spoken (OpenAI, "Create speech")."""
MAX_UPLOAD_BYTES: Final = 25 * 1024 * 1024
"""Bytes that one recording may have (OpenAI, "Speech to text")."""
MAX_ANSWER_BYTES: Final = 16 * 1024 * 1024
"""Bytes read of one answer: Meta takes no larger audio (Meta, "Media")."""
FIRST_WAIT: Final = 0.5
"""Seconds, as the longest wait before the second attempt; doubled for each further one, up to 8."""
KEY_SECONDS: Final = 1.0
"""Many calls that are refused at once read the key anew once in this time, not once each."""
_NO_INSTRUCTIONS: Final = ("tts-1", "tts-1-hd")
"""Models that take no instructions (OpenAI, "Create speech")."""
_TELLS_LANGUAGE: Final = "whisper"
"""Models that tell language and duration: ``verbose_json`` is theirs alone."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was heard. ``language``: a code or an English word, empty where the model does not say;
    ``duration``: seconds, where it does.
    """

    text: str
    language: str = ""
    duration: float | None = None


class OpenAI:
    """One client per worker. Every outcome is a value; only reading the key may raise ``UnavailableError``.

    Asking twice costs money and harms nobody, so what passes is tried again: at most ``attempts`` times, with
    growing waits and full jitter, never past ``budget`` seconds in all.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: Callable[[], str],
        drop_key: Callable[[], None],
        clock: Callable[[], float],
        pause: Callable[[float], None],
        chance: Callable[[], float],
        transcription_model: str,
        connections: int = 4,
        connect_timeout: float = 3.05,
        read_timeout: float = 20.0,
        attempts: int = 3,
        budget: float = 45.0,
    ) -> None:
        """``drop_key`` forgets a cached key, so that ``api_key`` reads it anew. Times in seconds; ``clock``
        may be any that only goes forward; ``chance`` gives numbers from 0 to 1.
        """
        self._root = base_url.rstrip("/").removesuffix("/v1") + "/v1"
        self._api_key = api_key
        self._drop_key = drop_key
        self._clock = clock
        self._pause = pause
        self._chance = chance
        self._transcription_model = transcription_model
        self._attempts = attempts
        self._budget = budget
        self._dropped = float("-inf")
        self._http = Http(connections=connections, connect_timeout=connect_timeout, read_timeout=read_timeout)

    def speech(
        self, text: str, *, model: str, voice: str, language: str = "", instructions: str = ""
    ) -> bytes | VoiceFailure:
        """``text`` (1 to 4096 characters) spoken, as Ogg/Opus.

        The endpoint finds the language by itself; ``language`` (ISO 639-1) is told to models that take
        ``instructions``, for texts too short to tell.
        """
        if not text.strip():
            return not_asked("there is no text to speak")
        if len(text) > MAX_SPEECH_CHARS:
            return not_asked(f"the text has {len(text)} characters; at most {MAX_SPEECH_CHARS} are spoken")
        body = {"model": model, "voice": voice, "input": text, "response_format": "opus"}
        spoken_how = " ".join(
            part for part in (f"Language: {language}." if language else "", instructions) if part
        )
        if spoken_how and model not in _NO_INSTRUCTIONS:
            body["instructions"] = spoken_how
        raw = json.dumps(body).encode()
        return self._patiently(
            lambda left: self._call("POST", "/audio/speech", left, raw, "application/json"),
            _sound,
        )

    def transcribe(self, audio: bytes, name: str) -> Transcript | VoiceFailure:
        """What is said in a recording of at most 25 MB. ``name``: of the file; the ending tells its kind."""
        if not audio:
            return not_asked("the recording is empty", "Ask the person to send it again.")
        if len(audio) > MAX_UPLOAD_BYTES:
            return not_asked(f"the recording has {len(audio)} bytes; OpenAI takes {MAX_UPLOAD_BYTES}")
        model = self._transcription_model
        form = "verbose_json" if model.startswith(_TELLS_LANGUAGE) else "json"
        body, kind = encode_multipart_formdata(
            {"model": model, "response_format": form, "file": (name, audio)}
        )
        return self._patiently(
            lambda left: self._call("POST", "/audio/transcriptions", left, body, kind), _transcript
        )

    def models(self) -> frozenset[str] | VoiceFailure:
        """The models that the key may use. Asked once: whoever probes comes again by itself."""
        reply = self._keyed(lambda: self._call("GET", "/models", self._budget))
        return reply if isinstance(reply, VoiceFailure) else _models(reply)

    # -- trying again ----------------------------------------------------------------------------------

    def _patiently(
        self, call: Callable[[float], bytes | VoiceFailure], read: Callable[[bytes], T | VoiceFailure]
    ) -> T | VoiceFailure:
        end = self._clock() + self._budget
        wait = FIRST_WAIT
        for attempt in range(1, self._attempts + 1):
            reply = self._keyed(lambda: call(max(0.1, end - self._clock())))
            result = reply if isinstance(reply, VoiceFailure) else read(reply)
            if not isinstance(result, VoiceFailure) or not result.retryable or attempt == self._attempts:
                return result
            # Full jitter, but never before the time that OpenAI states.
            pause = (result.retry_after or 0.0) + self._chance() * wait
            if self._clock() + pause >= end:
                return result
            self._pause(pause)
            wait = min(8.0, wait * 2)
        raise AssertionError("attempts is at least 1")

    def _keyed(self, call: Callable[[], bytes | VoiceFailure]) -> bytes | VoiceFailure:
        """A refused key is read anew once: somebody may have stored another one."""
        used = self._api_key()
        reply = call()
        if isinstance(reply, VoiceFailure) and reply.cause is Cause.AUTH and reply.http_status == 401:
            now = self._clock()
            if now - self._dropped >= KEY_SECONDS:
                self._dropped = now
                self._drop_key()
            if self._api_key() != used:
                return call()
        return reply

    def _call(
        self, method: str, path: str, left: float, body: bytes | None = None, kind: str = ""
    ) -> bytes | VoiceFailure:
        """One request that takes at most ``left`` seconds to answer in full. ``kind``: of its body."""
        key = self._api_key()
        if not HEADER_SAFE.fullmatch(key):
            return classify_answer(401, {"error": {"message": "no usable openai_api_key is stored"}}, {})
        headers = {"Authorization": f"Bearer {key}"} | ({"Content-Type": kind} if kind else {})
        try:
            reply = self._http.ask(
                method, self._root + path, headers, body, limit=MAX_ANSWER_BYTES, within=left
            )
        except HttpError as error:
            return classify_fault(error.fault, str(error))
        if reply.body is None:
            return classify_fault(Fault.NOT_JSON, "it is too large")
        if reply.status == 200:
            return reply.body
        return classify_answer(reply.status, read_json(reply.body), reply.headers)


def _sound(reply: bytes) -> bytes | VoiceFailure:
    """The speech, if it is one: what is sent to people has been looked at."""
    try:
        recording = inspect(reply)
    except UnreadableAudioError as error:
        return classify_fault(Fault.NOT_JSON, f"no speech came: {error}")
    if recording.container != "ogg" or not recording.duration:
        return classify_fault(Fault.NOT_JSON, f"no Ogg/Opus came but {recording.container}")
    return reply


def _transcript(reply: bytes) -> Transcript | VoiceFailure:
    body = read_json(reply)
    if not isinstance(body, dict) or not isinstance(body.get("text"), str):
        return classify_fault(Fault.NOT_JSON, "no transcript came")
    duration = body.get("duration")
    try:
        seconds = None if duration is None else float(duration)
    except (TypeError, ValueError):
        seconds = None
    return Transcript(body["text"], str(body.get("language") or ""), seconds)


def _models(reply: bytes) -> frozenset[str] | VoiceFailure:
    body = read_json(reply)
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, list):
        return classify_fault(Fault.NOT_JSON, "no list of models came")
    return frozenset(str(item.get("id")) for item in data if isinstance(item, dict))
