"""How OpenAI tells what it heard: formats of a transcript, words and segments with times, usage, events.

Sources: OpenAI's API reference, "Create transcription", "The transcription object" and "Stream events".
"""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

LANGUAGES: Final = {"en": "english", "de": "german", "es": "spanish", "fr": "french", "it": "italian"}
"""Names as ``verbose_json`` has them, by code."""
AUDIO_TOKENS_A_SECOND: Final = 10
SEGMENT_WORDS: Final = 12
"""How many words this simulator puts into one segment at most."""
CONTENT_TYPES: Final = {
    "text": "text/plain; charset=utf-8",
    "srt": "text/plain; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
}


@dataclass(frozen=True)
class Heard:
    """What was heard in ``seconds`` of sound. ``language``: a code of two letters."""

    text: str
    language: str
    seconds: float


def plain(heard: Heard, form: str) -> str:
    """``text``, ``srt`` or ``vtt``."""
    if form == "text":
        return heard.text + "\n"
    mark = "," if form == "srt" else "."
    cues = [
        f"{_clock(part['start'], mark)} --> {_clock(part['end'], mark)}\n{part['text'].strip()}\n"
        for part in segments(heard)
    ]
    if form == "srt":
        return "\n".join(f"{n}\n{cue}" for n, cue in enumerate(cues, 1))
    return "\n".join(["WEBVTT\n", *cues])


def verbose(heard: Heard, task: str, granularities: Sequence[str]) -> dict[str, Any]:
    """``verbose_json``: segments where no granularity or ``segment`` is asked for, words with ``word``."""
    found: dict[str, Any] = {
        "task": task,
        "language": LANGUAGES.get(heard.language, heard.language),
        "duration": heard.seconds,
        "text": heard.text,
    }
    if not granularities or "segment" in granularities:
        found["segments"] = segments(heard)
    if "word" in granularities:
        found["words"] = words(heard)
    return found


def words(heard: Heard) -> list[dict[str, Any]]:
    """Each word with its time, in seconds: as long as its share of the letters."""
    found, at = [], 0.0
    spoken = heard.text.split()
    letters = sum(map(len, spoken)) or 1
    for word in spoken:
        end = at + heard.seconds * len(word) / letters
        found.append({"word": word.strip(".,;:!?"), "start": round(at, 2), "end": round(end, 2)})
        at = end
    return found


def segments(heard: Heard) -> list[dict[str, Any]]:
    """Sentences, cut where they are long."""
    timed, found = words(heard), []
    for number, (start, part) in enumerate(_parts(heard.text)):
        size = len(part)
        text = " " + " ".join(part)
        raw = text.encode()
        found.append(
            {
                "id": number,
                "seek": 0,
                "start": timed[start]["start"],
                "end": timed[start + size - 1]["end"],
                "text": text,
                "tokens": _tokens(text),
                "temperature": 0.0,
                "avg_logprob": -0.25,
                "compression_ratio": round(len(raw) / len(zlib.compress(raw)), 3),
                "no_speech_prob": 0.01,
            }
        )
    return found


def diarized(heard: Heard) -> dict[str, Any]:
    """``diarized_json``: one speaker, A."""
    parts = [
        {
            "type": "transcript.text.segment",
            "id": f"seg_{part['id']}",
            "start": part["start"],
            "end": part["end"],
            "text": part["text"],
            "speaker": "A",
        }
        for part in segments(heard)
    ]
    return {"task": "transcribe", "duration": heard.seconds, "text": heard.text, "segments": parts}


def tokens_used(heard: Heard, prompt: str) -> dict[str, Any]:
    """Usage of the models that are billed by tokens."""
    audio, asked = math.ceil(heard.seconds * AUDIO_TOKENS_A_SECOND), len(_tokens(prompt))
    said = len(_tokens(heard.text))
    return {
        "type": "tokens",
        "input_tokens": audio + asked,
        "input_token_details": {"text_tokens": asked, "audio_tokens": audio},
        "output_tokens": said,
        "total_tokens": audio + asked + said,
    }


def seconds_used(heard: Heard) -> dict[str, Any]:
    """Usage of whisper-1, which is billed by the second."""
    return {"type": "duration", "seconds": math.ceil(heard.seconds)}


def logprobs(text: str) -> list[dict[str, Any]]:
    """How sure the model was of each token."""
    pieces = re.findall(r"\s?\S+", text)
    return [{"token": piece, "logprob": -0.01, "bytes": list(piece.encode())} for piece in pieces]


def transcript_events(answer: Mapping[str, Any]) -> bytes:
    """A stream: a delta for each word (and a segment for each speaker's), then the whole with its usage."""
    sure = "logprobs" in answer
    events: list[dict[str, Any]] = []
    for piece in re.findall(r"\s?\S+", str(answer["text"])):
        event: dict[str, Any] = {"type": "transcript.text.delta", "delta": piece}
        events.append(event | ({"logprobs": logprobs(piece)} if sure else {}))
    events += answer.get("segments") or []
    done = {name: answer[name] for name in ("text", "logprobs", "usage", "languages") if name in answer}
    return event_stream([*events, {"type": "transcript.text.done", **done}])


def event_stream(events: Iterable[Mapping[str, Any]]) -> bytes:
    """Server-sent events, each with its type as its name."""
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def _tokens(text: str) -> list[int]:
    return [50_364 + len(piece) for piece in re.findall(r"\s?\S{1,4}", text)]


def _parts(text: str) -> list[tuple[int, list[str]]]:
    found: list[tuple[int, list[str]]] = []
    part: list[str] = []
    for at, word in enumerate(text.split()):
        part.append(word)
        if word[-1] in ".!?" or len(part) == SEGMENT_WORDS:
            found.append((at + 1 - len(part), part))
            part = []
    if part:
        found.append((len(text.split()) - len(part), part))
    return found


def _clock(seconds: float, mark: str) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{mark}{thousandths:03}"
