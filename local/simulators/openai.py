"""OpenAI's speech, transcription and models endpoints as real HTTP, with faults and a record of requests.

    python -m local.simulators.openai --port 8081 --control-port 8082 --api-key sk-local-000000000000

Faults: ``auth`` (401), ``forbidden`` (403), ``quota`` (429, ``insufficient_quota``: no credit left),
``rate_limit`` (429 with ``retry-after``; option ``retry_after`` in seconds), ``server_error`` (option
``status``), ``refused`` (400: the content), ``bad_request`` (400), ``not_json`` (200 with a page of HTML),
``bad_audio`` (200, and no sound in it), ``break`` (the connection breaks after the work), ``slow`` (option
``latency_ms``) and ``unreachable`` (the port really closes). ``match`` knows ``path``, ``method``, ``text``
(part of what is to be spoken, or of what would be heard) and ``model``.

What is heard in a recording, first match wins: what ``POST /_control/heard`` set (``text``, ``language``;
``null`` ends it), what the recording says of itself (:mod:`local.simulators.sounds`), nothing if it is
silent, a sentence of its own.
``GET /_control/voice`` counts what was asked by content: spoken texts, and recordings by their SHA-256.

Sources: OpenAI's API reference ("Create speech": at most 4096 characters; "Create transcription": 25 MB;
``srt``, ``vtt`` and ``verbose_json`` of whisper-1 only) and "Error codes".
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import itertools
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from local.simulators import hearing
from local.simulators.forms import multipart
from local.simulators.hearing import Heard
from local.simulators.opus import seconds_of
from local.simulators.server import BREAK, Answer, Fault, Request, Simulator
from local.simulators.sounds import FORMATS, NoSoundError, listen, speak

MAX_INPUT_CHARS: Final = 4096
MAX_FILE_BYTES: Final = 25 * 1024 * 1024
SHORTEST_SECONDS: Final = 0.1
OLD_SPEECH: Final = ("tts-1", "tts-1-hd")
"""They know no instructions and no events."""
SPEECH_MODELS: Final = ("gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15", *OLD_SPEECH)
WHISPER: Final = "whisper-1"
SPEAKERS: Final = "gpt-4o-transcribe-diarize"
HEARING_MODELS: Final = (
    *(WHISPER, "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-4o-mini-transcribe-2025-12-15"),
    *(SPEAKERS, "gpt-transcribe"),
)
ANSWERS: Final[Mapping[str, tuple[str, ...]]] = {
    WHISPER: ("json", "text", "srt", "verbose_json", "vtt"),
    SPEAKERS: ("json", "text", "diarized_json"),
}
"""Formats of a transcript by model; the others know ``json`` and ``text``."""
VOICES: Final = (
    *("alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse"),
    *("marin", "cedar"),
)
ENDINGS: Final = ("flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm")
"""Of files that are taken for transcription."""
HEARD: Final = "I would like to move my appointment."
"""What is heard where nothing else says."""
Refuse = Callable[[Fault], Answer]


class OpenAISimulator(Simulator):
    """The simulator. ``api_key``: the one key that is taken."""

    kinds = (
        "auth",
        "forbidden",
        "quota",
        "rate_limit",
        "server_error",
        "refused",
        "bad_request",
        "not_json",
        "bad_audio",
        "break",
    )

    def __init__(
        self,
        port: int = 0,
        control_port: int = 0,
        *,
        api_key: str = "sk-local-000000000000",
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(port, control_port, clock)
        self.api_key = api_key
        self.heard: dict[str, str] | None = None
        self._serial = itertools.count(1)

    # -- control ----------------------------------------------------------------------------------

    def control(self, method: str, path: str, query: dict[str, str], body: Any) -> Any:
        match method, path:
            case "POST", "/heard":
                self.heard = _heard(body)
                return {"heard": self.heard}
            case "POST", "/key":
                self.api_key = str(body["api_key"])
                return {"changed": True}
            case "GET", "/voice":
                return self._counted()
        return None

    def state(self) -> dict[str, Any]:
        return {**super().state(), "heard": self.heard}

    def reset(self) -> None:
        with self.lock:
            self.heard = None
        super().reset()

    def _counted(self) -> dict[str, Any]:
        """How often each content was asked for (``asked``) and worked on (``accepted``)."""
        with self.lock:
            found = [entry for entry in self.requests if "content" in entry]
        result: dict[str, Any] = {}
        for kind in ("speech", "transcriptions"):
            entries = [entry for entry in found if entry["path"].endswith(kind)]
            result[kind] = {
                "asked": Counter(entry["content"] for entry in entries),
                "accepted": Counter(entry["content"] for entry in entries if entry["accepted"]),
            }
        return result

    # -- the API ----------------------------------------------------------------------------------

    def answer(self, request: Request) -> Answer:
        body, audio, notes = self._read(request)
        request.body = body
        text = notes.pop("text")
        facts = {
            "path": request.path,
            "method": request.method,
            "text": text,
            "model": body.get("model") if isinstance(body, dict) else None,
        }
        answer = self._refused(request, facts) or self._worked(request, body, audio, text)
        if answer.status == 200:
            lost = self.take_fault(("break",), facts)
            if lost:
                answer.status, answer.notes = BREAK, {**answer.notes, "fault": lost.kind}
        answer.headers.setdefault("x-request-id", f"req_{next(self._serial):024d}")
        answer.notes = {**notes, **answer.notes}
        return answer

    def _read(self, request: Request) -> tuple[Any, bytes, dict[str, Any]]:
        """The body as it is recorded, the recording in it, and notes: what is to be said or heard."""
        if request.path in ("/v1/audio/transcriptions", "/v1/audio/translations"):
            parts, audio, name = multipart(request)
            digest = hashlib.sha256(audio).hexdigest()
            body = {**parts, "file": {"name": name, "bytes": len(audio), "sha256": digest}}
            return body, audio, {"text": self._hears(audio)["text"], "content": digest}
        if request.path == "/v1/audio/speech" and isinstance(request.body, dict):
            text = str(request.body.get("input") or "")
            return request.body, b"", {"text": text, "content": text}
        return request.body, b"", {"text": ""}

    def _refused(self, request: Request, facts: Mapping[str, Any]) -> Answer | None:
        """What a fault, or a wrong key, makes of a request."""
        fault = self.take_fault(
            tuple(kind for kind in self.kinds if kind not in ("bad_audio", "break")), facts
        )
        if fault is None:
            if request.bearer == self.api_key:
                return None
            return _error(401, "Incorrect API key provided.", "invalid_request_error", "invalid_api_key")
        answer = _REFUSALS[fault.kind](fault)
        answer.notes["fault"] = fault.kind
        return answer

    def _worked(self, request: Request, body: Any, audio: bytes, text: str) -> Answer:
        match request.method, request.path:
            case "POST", "/v1/audio/speech":
                return self._speech(body if isinstance(body, dict) else {}, text)
            case "POST", "/v1/audio/transcriptions":
                return self._transcription(body, audio, "transcribe")
            case "POST", "/v1/audio/translations":
                return self._transcription(body, audio, "translate")
            case "GET", "/v1/models":
                names = (*SPEECH_MODELS, *HEARING_MODELS)
                data = [{"id": n, "object": "model", "created": 1, "owned_by": "openai"} for n in names]
                return Answer(200, {"object": "list", "data": data}, notes={"accepted": True})
            case "GET", path if path.startswith("/v1/models/"):
                name = path.removeprefix("/v1/models/")
                if name in (*SPEECH_MODELS, *HEARING_MODELS):
                    shown = {"id": name, "object": "model", "created": 1, "owned_by": "openai"}
                    return Answer(200, shown, notes={"accepted": True})
                return _no_model(name)
        return _error(404, f"Invalid URL ({request.method} {request.path})", "invalid_request_error", None)

    def _speech(self, body: Mapping[str, Any], text: str) -> Answer:
        wrong = _wrong_speech(body, text)
        if wrong:
            return wrong
        form = str(body.get("response_format") or "mp3")
        speed = float(body.get("speed", 1.0))
        bad = self.take_fault(("bad_audio",), {"path": "/v1/audio/speech", "method": "POST", "text": text})
        sound = b"<html>busy</html>" if bad else speak(text, form, speed=speed)
        notes = {
            "accepted": True,
            "seconds": seconds_of(text) / speed,
            "sha256": hashlib.sha256(sound).hexdigest(),
            **({"fault": bad.kind} if bad else {}),
        }
        if body.get("stream_format") == "sse":
            events = _speech_events(text, sound)
            return Answer(200, "events", raw=events, content_type="text/event-stream", notes=notes)
        return Answer(200, f"{len(sound)} bytes", raw=sound, content_type=FORMATS[form], notes=notes)

    def _transcription(self, body: Mapping[str, Any], audio: bytes, task: str) -> Answer:
        wrong = _wrong_form(body, task) or _wrong_file(body, audio)
        if wrong:
            return wrong
        try:
            seconds = listen(audio).seconds
        except NoSoundError:
            return _bad("The audio file could not be decoded or its format is not supported.", "file", None)
        if seconds < SHORTEST_SECONDS:
            short = f"Audio file is too short. Minimum audio length is {SHORTEST_SECONDS} seconds."
            return _bad(short, "file", "audio_too_short")
        said = self._hears(audio)
        language = "en" if task == "translate" else str(body.get("language") or said["language"])
        heard = Heard(said["text"], language, seconds)
        answer = _transcript(body, heard, task)
        answer.notes = {"accepted": True, "heard": heard.text}
        return answer

    def _hears(self, audio: bytes) -> dict[str, str]:
        if self.heard is not None:
            return self.heard
        try:
            sound = listen(audio)
        except NoSoundError:
            return {"text": "", "language": "en"}
        if sound.text is not None:
            return {"text": sound.text, "language": sound.language or "en"}
        return {"text": "" if sound.silent else HEARD, "language": "en"}


def _wrong_speech(body: Mapping[str, Any], text: str) -> Answer | None:
    if not text.strip():
        return _bad("input must not be empty", "input", "invalid_value")
    if len(text) > MAX_INPUT_CHARS:
        return _bad(f"String should have at most {MAX_INPUT_CHARS} characters", "input", "string_too_long")
    model, voice = body.get("model"), body.get("voice")
    if model not in SPEECH_MODELS:
        return _no_model(str(model))
    custom = isinstance(voice, dict) and str(voice.get("id", "")).startswith("voice_")
    if not custom and voice not in VOICES:
        return _bad(f"Input should be one of {', '.join(VOICES)}", "voice", "invalid_value")
    if body.get("response_format", "mp3") not in FORMATS:
        return _bad(f"Input should be one of {', '.join(FORMATS)}", "response_format", "invalid_value")
    speed = body.get("speed", 1.0)
    if not isinstance(speed, int | float) or not 0.25 <= speed <= 4.0:
        return _bad("speed must be from 0.25 to 4.0", "speed", "invalid_value")
    stream = body.get("stream_format", "audio")
    if stream not in ("audio", "sse") or (stream == "sse" and model in OLD_SPEECH):
        return _bad(f"stream_format {stream} is not supported for {model}", "stream_format", "invalid_value")
    return None


def _speech_events(text: str, sound: bytes) -> bytes:
    half = len(sound) // 2
    parts = [base64.b64encode(part).decode() for part in (sound[:half], sound[half:])]
    asked, made = -(-len(text) // 4), -(-len(sound) // 400)
    usage = {"input_tokens": asked, "output_tokens": made, "total_tokens": asked + made}
    deltas = [{"type": "speech.audio.delta", "audio": part} for part in parts]
    return hearing.event_stream([*deltas, {"type": "speech.audio.done", "usage": usage}])


def _wrong_form(body: Mapping[str, Any], task: str) -> Answer | None:
    """What is wrong with the fields of a transcription, the file aside."""
    model, form = str(body.get("model")), str(body.get("response_format", "json"))
    if model not in HEARING_MODELS or (task == "translate" and model != WHISPER):
        return _no_model(model)
    if form not in ANSWERS.get(model, ("json", "text")):
        return _bad(f"response_format {form} is not compatible with {model}", "response_format", None)
    wanted = [one for one in str(body.get("timestamp_granularities[]", "")).split(",") if one]
    if wanted and (form != "verbose_json" or set(wanted) - {"word", "segment"}):
        text = "timestamp_granularities are word and segment, and need response_format verbose_json"
        return _bad(text, "timestamp_granularities", None)
    include = str(body.get("include[]", ""))
    if include and (include != "logprobs" or form != "json" or model in (WHISPER, SPEAKERS)):
        return _bad(f"include {include} is not compatible with {model}", "include", None)
    try:
        if not 0.0 <= float(body.get("temperature") or 0.0) <= 1.0:
            raise ValueError(body["temperature"])
    except ValueError:
        return _bad("temperature must be from 0 to 1", "temperature", "invalid_value")
    return None


def _wrong_file(body: Mapping[str, Any], audio: bytes) -> Answer | None:
    if len(audio) > MAX_FILE_BYTES:
        size = f"Maximum content size limit ({MAX_FILE_BYTES}) exceeded ({len(audio)} bytes read)"
        return _error(413, size, "server_error", None)
    ending = str(body["file"]["name"]).rpartition(".")[2].lower()
    if ending not in ENDINGS:
        return _bad(f"Invalid file format. Supported formats: {list(ENDINGS)}", "file", None)
    return None


def _transcript(body: Mapping[str, Any], heard: Heard, task: str) -> Answer:
    """What was heard, in the format that was asked for."""
    model, form = str(body["model"]), str(body.get("response_format", "json"))
    if form in hearing.CONTENT_TYPES:
        text = hearing.plain(heard, form)
        return Answer(200, text, content_type=hearing.CONTENT_TYPES[form])
    answer: dict[str, Any] = {"text": heard.text}
    if form == "verbose_json":
        wanted = [one for one in str(body.get("timestamp_granularities[]", "")).split(",") if one]
        answer = hearing.verbose(heard, task, wanted)
    elif form == "diarized_json":
        answer = hearing.diarized(heard)
    if model == "gpt-transcribe":
        answer["languages"] = [{"code": heard.language}] if heard.text else []
    if body.get("include[]"):
        answer["logprobs"] = hearing.logprobs(heard.text)
    if model == WHISPER:
        answer["usage"] = hearing.seconds_used(heard)
    else:
        answer["usage"] = hearing.tokens_used(heard, str(body.get("prompt", "")))
    if str(body.get("stream", "")).lower() == "true" and model != WHISPER:
        events = hearing.transcript_events(answer)
        return Answer(200, "events", raw=events, content_type="text/event-stream")
    return Answer(200, answer)


def _heard(body: Any) -> dict[str, str] | None:
    if body is None or (isinstance(body, dict) and body.get("text") is None):
        return None
    if not isinstance(body, dict):
        raise ValueError('what is heard is a JSON object: {"text": ..., "language": ...} or null')
    return {"text": str(body["text"]), "language": str(body.get("language", "en"))}


def _error(status: int, message: str, kind: str, code: str | None, param: str | None = None) -> Answer:
    return Answer(status, {"error": {"message": message, "type": kind, "param": param, "code": code}})


def _bad(message: str, param: str, code: str | None) -> Answer:
    return _error(400, message, "invalid_request_error", code, param)


def _no_model(name: str) -> Answer:
    message = f"The model `{name}` does not exist or you do not have access to it."
    return _error(404, message, "invalid_request_error", "model_not_found")


def _rate_limited(fault: Fault) -> Answer:
    seconds = float(fault.options.get("retry_after", 1))
    message = (
        f"Rate limit reached for requests per min (RPM): Limit 3, Used 3. Please try again in {seconds}s."
    )
    answer = _error(429, message, "requests", "rate_limit_exceeded")
    answer.headers = {"retry-after": f"{seconds:g}", "retry-after-ms": f"{seconds * 1000:g}"}
    return answer


_REFUSALS: Final[Mapping[str, Refuse]] = {
    "auth": lambda fault: _error(
        401, "Incorrect API key provided: sk-…000.", "invalid_request_error", "invalid_api_key"
    ),
    "forbidden": lambda fault: _error(
        403,
        "Country, region, or territory not supported",
        "request_forbidden",
        "unsupported_country_region_territory",
    ),
    "quota": lambda fault: _error(
        429,
        "You exceeded your current quota, please check your plan and billing details.",
        "insufficient_quota",
        "insufficient_quota",
    ),
    "rate_limit": _rate_limited,
    "server_error": lambda fault: _error(
        int(fault.options.get("status", 500)),
        "The server had an error while processing your request. Sorry about that!",
        "server_error",
        None,
    ),
    "refused": lambda fault: _error(
        400,
        "Your request was rejected as a result of our safety system.",
        "invalid_request_error",
        "content_policy_violation",
    ),
    "bad_request": lambda fault: _bad("Invalid value", "input", "invalid_value"),
    "not_json": lambda fault: Answer(200, "<html><body>Welcome</body></html>", content_type="text/html"),
}


def main() -> None:
    """Run until a termination signal."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--control-port", type=int, default=0)
    parser.add_argument("--api-key", default="sk-local-000000000000")
    options = parser.parse_args()
    OpenAISimulator(options.port, options.control_port, api_key=options.api_key).run("openai")


if __name__ == "__main__":
    main()
