"""OpenAI's speech, transcription and models endpoints over pooled keep-alive connections.

Source: OpenAI, API reference: "Create speech", "Create transcription", "List models".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import requests
from requests.adapters import HTTPAdapter

from lifeline.adapters.whatsapp import fault_of
from lifeline.domain.failure.causes import Cause, Fault
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
_HEADER_SAFE: Final = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was heard. ``language``: a code or an English word, empty where the model does not say;
    ``duration``: seconds, where it does.
    """

    text: str
    language: str = ""
    duration: float | None = None


@dataclass(frozen=True, slots=True)
class _Reply:
    content: bytes
    content_type: str


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
        self._timeout = (connect_timeout, read_timeout)
        self._attempts = attempts
        self._budget = budget
        self._dropped = float("-inf")
        self._session = requests.Session()
        self._session.trust_env = False
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections, max_retries=0, pool_block=True)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

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
            lambda left: self._call(
                "POST", "/audio/speech", left, data=raw, headers={"Content-Type": "application/json"}
            ),
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
        return self._patiently(
            lambda left: self._call(
                "POST",
                "/audio/transcriptions",
                left,
                data={"model": model, "response_format": form},
                files={"file": (name, audio)},
            ),
            _transcript,
        )

    def models(self) -> frozenset[str] | VoiceFailure:
        """The models that the key may use. Asked once: whoever probes comes again by itself."""
        reply = self._keyed(lambda: self._call("GET", "/models", self._budget))
        return reply if isinstance(reply, VoiceFailure) else _models(reply)

    # -- trying again ----------------------------------------------------------------------------------

    def _patiently(
        self, call: Callable[[float], _Reply | VoiceFailure], read: Callable[[_Reply], T | VoiceFailure]
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

    def _keyed(self, call: Callable[[], _Reply | VoiceFailure]) -> _Reply | VoiceFailure:
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
        self,
        method: str,
        path: str,
        left: float,
        *,
        data: Any = None,
        files: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> _Reply | VoiceFailure:
        """One request that takes at most ``left`` seconds to answer in full."""
        key = self._api_key()
        if not _HEADER_SAFE.fullmatch(key):
            # requests would name the value in its exception.
            return classify_answer(401, {"error": {"message": "no usable openai_api_key is stored"}}, {})
        end = self._clock() + left
        connect, read = self._timeout
        try:
            with self._session.request(
                method,
                self._root + path,
                data=data,
                files=files,
                headers={**(headers or {}), "Authorization": f"Bearer {key}"},
                timeout=(min(connect, left), min(read, left)),
                allow_redirects=False,
                stream=True,
            ) as response:
                content = bytearray()
                for part in response.iter_content(64 * 1024):
                    content += part
                    if len(content) > MAX_ANSWER_BYTES:
                        return classify_fault(Fault.NOT_JSON, "it is too large")
                    if self._clock() > end:
                        return classify_fault(Fault.READ_TIMEOUT, "it came too slowly")
                if response.status_code == 200:
                    return _Reply(bytes(content), response.headers.get("content-type", ""))
                return classify_answer(response.status_code, _json(bytes(content)), response.headers)
        except requests.RequestException as error:
            return classify_fault(fault_of(error), type(error).__name__)


def _sound(reply: _Reply) -> bytes | VoiceFailure:
    """The speech, if it is one: what is sent to people has been looked at."""
    try:
        recording = inspect(reply.content)
    except UnreadableAudioError as error:
        return classify_fault(Fault.NOT_JSON, f"no speech came: {error}")
    if recording.container != "ogg" or not recording.duration:
        return classify_fault(Fault.NOT_JSON, f"no Ogg/Opus came but {recording.container}")
    return reply.content


def _transcript(reply: _Reply) -> Transcript | VoiceFailure:
    body = _json(reply.content)
    if not isinstance(body, dict) or not isinstance(body.get("text"), str):
        return classify_fault(Fault.NOT_JSON, "no transcript came")
    duration = body.get("duration")
    try:
        seconds = None if duration is None else float(duration)
    except (TypeError, ValueError):
        seconds = None
    return Transcript(body["text"], str(body.get("language") or ""), seconds)


def _models(reply: _Reply) -> frozenset[str] | VoiceFailure:
    body = _json(reply.content)
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, list):
        return classify_fault(Fault.NOT_JSON, "no list of models came")
    return frozenset(str(item.get("id")) for item in data if isinstance(item, dict))


def _json(content: bytes) -> object:
    try:
        return json.loads(content)
    except ValueError:
        return None
