"""OpenAI's speech, transcription and models endpoints as real HTTP, with faults and a record of requests.

    python -m local.simulators.openai --port 8081 --control-port 8082 --api-key sk-local-000000000000

Faults: ``auth`` (401), ``forbidden`` (403), ``quota`` (429, ``insufficient_quota``: no credit left),
``rate_limit`` (429 with ``retry-after``; option ``retry_after`` in seconds), ``server_error`` (option
``status``), ``refused`` (400: the content), ``bad_request`` (400), ``not_json`` (200 with a page of HTML),
``bad_audio`` (200, and no sound in it), ``break`` (the connection breaks after the work), ``slow`` (option
``latency_ms``) and ``unreachable`` (the port really closes). ``match`` knows ``path``, ``method``, ``text``
(part of what is to be spoken, or of what would be heard) and ``model``.

What is heard in a recording, first match wins: what ``POST /_control/heard`` set (``text``, ``language``;
``null`` ends it), what the recording's comments carry (:mod:`local.simulators.opus`), a sentence of its own.
``GET /_control/voice`` counts what was asked by content: spoken texts, and recordings by their SHA-256.

Sources: OpenAI's API reference ("Create speech": at most 4096 characters; "Create transcription": 25 MB,
``verbose_json`` of whisper-1 only) and "Error codes".
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import itertools
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

from local.simulators.opus import NoOpusError, read, recording, seconds_of
from local.simulators.server import BREAK, Answer, Fault, Request, Simulator

MAX_INPUT_CHARS: Final = 4096
MAX_FILE_BYTES: Final = 25 * 1024 * 1024
SHORTEST_SECONDS: Final = 0.1
SPEECH_MODELS: Final = ("gpt-4o-mini-tts", "tts-1", "tts-1-hd")
HEARING_MODELS: Final = ("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe")
VOICES: Final = (
    *("alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse"),
    *("marin", "cedar"),
)
FORMATS: Final = ("flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm")
HEARD: Final = "I would like to move my appointment."
"""What is heard where nothing else says."""
_LANGUAGES: Final = {"en": "english", "de": "german", "es": "spanish", "fr": "french", "it": "italian"}
_BOUNDARY: Final = re.compile(r'boundary="?([^";]+)"?')
_FIELD: Final = re.compile(r'\bname="([^"]*)"')
_FILE_NAME: Final = re.compile(r'\bfilename="([^"]*)"')
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
        if request.path == "/v1/audio/transcriptions":
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
                return self._transcription(body, audio)
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
        if not text.strip():
            return _bad("input must not be empty", "input", "invalid_value")
        if len(text) > MAX_INPUT_CHARS:
            return _bad(
                f"String should have at most {MAX_INPUT_CHARS} characters", "input", "string_too_long"
            )
        if body.get("model") not in SPEECH_MODELS:
            return _no_model(str(body.get("model")))
        if body.get("voice") not in VOICES:
            return _bad(f"Input should be one of {', '.join(VOICES)}", "voice", "invalid_value")
        if body.get("response_format") != "opus":
            return _bad("this simulator makes opus only", "response_format", "invalid_value")
        bad = self.take_fault(("bad_audio",), {"path": "/v1/audio/speech", "method": "POST", "text": text})
        sound = b"<html>busy</html>" if bad else recording(text)
        notes = {
            "accepted": True,
            "seconds": seconds_of(text),
            "sha256": hashlib.sha256(sound).hexdigest(),
            **({"fault": bad.kind} if bad else {}),
        }
        return Answer(200, f"{len(sound)} bytes", raw=sound, content_type="audio/opus", notes=notes)

    def _transcription(self, body: Mapping[str, Any], audio: bytes) -> Answer:
        model, form = body.get("model"), body.get("response_format", "json")
        if model not in HEARING_MODELS:
            return _no_model(str(model))
        if form not in ("json", "verbose_json") or (form == "verbose_json" and model != "whisper-1"):
            return _bad(f"response_format {form} is not compatible with {model}", "response_format", None)
        if len(audio) > MAX_FILE_BYTES:
            size = f"Maximum content size limit ({MAX_FILE_BYTES}) exceeded ({len(audio)} bytes read)"
            return _error(413, size, "server_error", None)
        ending = str(body["file"]["name"]).rpartition(".")[2].lower()
        if ending not in FORMATS:
            return _bad(f"Invalid file format. Supported formats: {list(FORMATS)}", "file", None)
        try:
            seconds = length(audio)
        except NoOpusError:
            return _bad("The audio file could not be decoded or its format is not supported.", "file", None)
        if seconds < SHORTEST_SECONDS:
            short = f"Audio file is too short. Minimum audio length is {SHORTEST_SECONDS} seconds."
            return _bad(short, "file", "audio_too_short")
        heard = self._hears(audio)
        answer: dict[str, Any] = {"text": heard["text"]}
        if form == "verbose_json":
            language = _LANGUAGES.get(heard["language"], heard["language"])
            answer |= {"task": "transcribe", "language": language, "duration": seconds, "segments": []}
        answer["usage"] = {"type": "duration", "seconds": round(seconds + 0.5)}
        return Answer(200, answer, notes={"accepted": True, "heard": heard["text"]})

    def _hears(self, audio: bytes) -> dict[str, str]:
        if self.heard is not None:
            return self.heard
        with contextlib.suppress(NoOpusError):
            comments = read(audio).comments
            if "TRANSCRIPT" in comments:
                return {"text": comments["TRANSCRIPT"], "language": comments.get("LANGUAGE", "en")}
        return {"text": HEARD, "language": "en"}


def length(audio: bytes) -> float:
    """Seconds of a recording; 1 for containers of which only the beginning is looked at.

    Raises :class:`NoOpusError` for what is no recording.
    """
    if audio[:4] == b"OggS":
        return read(audio).seconds
    riff = audio[:4] == b"RIFF" and audio[8:12] == b"WAVE"
    mpeg = len(audio) > 1 and audio[0] == 0xFF and audio[1] & 0xE0 == 0xE0
    if riff or mpeg or audio[4:8] == b"ftyp" or audio[:4] in (b"fLaC", b"\x1aE\xdf\xa3"):
        return 1.0
    if audio[:3] == b"ID3":
        return 1.0
    raise NoOpusError("no recording that is known")


def multipart(request: Request) -> tuple[dict[str, str], bytes, str]:
    """Fields, file and file name of a form; what cannot be read is empty. RFC 7578."""
    found = _BOUNDARY.search(request.headers.get("content-type", ""))
    fields: dict[str, str] = {}
    file, name = b"", ""
    if not found:
        return fields, file, name
    for part in (b"\r\n" + request.raw).split(b"\r\n--" + found[1].encode())[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        lines = head.decode(errors="replace")
        field = _FIELD.search(lines)
        if field is None:
            continue
        if field[1] == "file":
            file_name = _FILE_NAME.search(lines)
            file, name = content, file_name[1] if file_name else ""
        else:
            fields[field[1]] = content.decode(errors="replace")
    return fields, file, name


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
    simulator = OpenAISimulator(options.port, options.control_port, api_key=options.api_key)
    simulator.start()
    print(f"openai on {simulator.url}, control on {simulator.control_url}", flush=True)
    ended = threading.Event()
    for kind in (signal.SIGTERM, signal.SIGINT):
        signal.signal(kind, lambda *_: ended.set())
    ended.wait()
    simulator.stop()


if __name__ == "__main__":
    main()
