"""OpenAI's own client against the simulator: each call is a case."""

from __future__ import annotations

import base64
import io
import json
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI

from local.simulators.openai import OpenAISimulator
from local.simulators.opus import recording, seconds_of
from local.simulators.sounds import listen, speak

KEY = "sk-local-000000000000"
TEXT = "Your appointment is tomorrow at ten. Please be there five minutes early."
MAGIC = {
    "mp3": (b"\xff\xf3", "audio/mpeg"),
    "opus": (b"OggS", "audio/opus"),
    "aac": (b"\xff\xf1", "audio/aac"),
    "flac": (b"fLaC", "audio/flac"),
    "wav": (b"RIFF", "audio/wav"),
    "pcm": (b"", "audio/pcm"),
}
TOKEN_MODELS = ("gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-transcribe")


@pytest.fixture(scope="module")
def running() -> Iterator[OpenAISimulator]:
    made = OpenAISimulator(api_key=KEY)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def simulator(running: OpenAISimulator) -> OpenAISimulator:
    running.reset()
    return running


@pytest.fixture
def client(simulator: OpenAISimulator) -> Iterator[OpenAI]:
    with OpenAI(api_key=KEY, base_url=f"{simulator.url}/v1", max_retries=0) as made:
        yield made


def said(client: OpenAI, **more: Any) -> Any:
    asked: dict[str, Any] = {"model": "gpt-4o-mini-tts", "voice": "alloy", "input": TEXT, **more}
    return client.audio.speech.create(**asked)


def heard(client: OpenAI, audio: bytes | None = None, name: str = "a.ogg", **more: Any) -> Any:
    asked: dict[str, Any] = {"model": "whisper-1", "file": (name, audio or recording(TEXT)), **more}
    return client.audio.transcriptions.create(**asked)


# -- speech -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", MAGIC)
def test_speech_in_each_format(client: OpenAI, form: str) -> None:
    answer = said(client, response_format=form)
    magic, content_type = MAGIC[form]
    assert answer.response.headers["content-type"] == content_type
    assert answer.content.startswith(magic)
    seconds = len(answer.content) / 48_000 if form == "pcm" else listen(answer.content).seconds
    assert seconds == pytest.approx(seconds_of(TEXT), abs=0.05)


@pytest.mark.parametrize("form", [form for form in MAGIC if form not in ("pcm",)])
def test_what_is_spoken_is_heard_again(client: OpenAI, form: str) -> None:
    name = {"opus": "a.ogg", "aac": "a.m4a"}.get(form, f"a.{form}")
    text = f"{TEXT} Äpfel, 好。"
    assert heard(client, said(client, response_format=form, input=text).content, name).text == text


@pytest.mark.parametrize("form", MAGIC)
def test_twice_the_text_takes_twice_as_long(client: OpenAI, form: str) -> None:
    one, two = (said(client, response_format=form, input=TEXT * n).content for n in (4, 8))
    assert len(two) == pytest.approx(2 * len(one), rel=0.15)


def test_mp3_is_what_is_spoken_by_default(client: OpenAI) -> None:
    assert said(client).content.startswith(MAGIC["mp3"][0])


def test_a_wave_file_is_what_it_says(client: OpenAI) -> None:
    sound = said(client, response_format="wav").content
    kind, channels, rate = struct.unpack_from("<HHI", sound, 20)
    assert (kind, channels, rate) == (1, 1, 24_000)
    assert struct.unpack_from("<I", sound, 4)[0] == len(sound) - 8


@pytest.mark.parametrize("speed", [0.25, 2.0, 4.0])
def test_faster_is_shorter(client: OpenAI, speed: float) -> None:
    sound = said(client, speed=speed, response_format="wav").content
    assert listen(sound).seconds == pytest.approx(seconds_of(TEXT) / speed, abs=0.05)


@pytest.mark.parametrize("model", ["tts-1", "tts-1-hd", "gpt-4o-mini-tts"])
def test_each_speech_model(client: OpenAI, model: str) -> None:
    assert said(client, model=model).content


def test_instructions_and_voices(client: OpenAI, simulator: OpenAISimulator) -> None:
    assert said(client, instructions="Calm.", voice="marin").content
    assert said(client, voice={"id": "voice_1234"}).content
    assert simulator.requests[0]["body"]["instructions"] == "Calm."


def test_speech_into_a_file(client: OpenAI, tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    with client.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="alloy", input=TEXT
    ) as answer:
        answer.stream_to_file(path)
    assert listen(path.read_bytes()).text == TEXT


def test_speech_in_pieces(client: OpenAI) -> None:
    assert b"".join(said(client).iter_bytes(chunk_size=500)) == speak(TEXT)


def test_speech_as_events(client: OpenAI) -> None:
    raw = said(client, stream_format="sse").content.decode()
    events = [json.loads(line[6:]) for line in raw.splitlines() if line.startswith("data: ")]
    sound = b"".join(base64.b64decode(e["audio"]) for e in events if e["type"] == "speech.audio.delta")
    assert sound == speak(TEXT)
    usage = events[-1]["usage"]
    assert events[-1]["type"] == "speech.audio.done"
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"input": ""},
        {"input": "x" * 4097},
        {"voice": "nobody"},
        {"response_format": "ogg"},
        {"speed": 5.0},
        {"model": "tts-1", "stream_format": "sse"},
    ],
    ids=str,
)
def test_speech_that_is_refused(client: OpenAI, wrong: dict[str, Any]) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        said(client, **wrong)
    assert refused.value.param in wrong
    assert refused.value.type == "invalid_request_error"


def test_a_speech_model_that_is_not_there(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        said(client, model="tts-0")
    assert refused.value.code == "model_not_found"


# -- transcription ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["whisper-1", *TOKEN_MODELS, "gpt-4o-transcribe-diarize"])
def test_json(client: OpenAI, model: str) -> None:
    assert heard(client, model=model).text == TEXT


@pytest.mark.parametrize("model", ["whisper-1", *TOKEN_MODELS])
def test_text(client: OpenAI, model: str) -> None:
    assert heard(client, model=model, response_format="text") == f"{TEXT}\n"


def test_subtitles(client: OpenAI) -> None:
    cues = heard(client, response_format="srt").strip().split("\n\n")
    assert cues[0].splitlines()[0] == "1"
    assert re.fullmatch(r"00:00:00,000 --> 00:00:0\d,\d{3}", cues[0].splitlines()[1])
    assert " ".join(cue.splitlines()[2] for cue in cues) == TEXT


def test_web_subtitles(client: OpenAI) -> None:
    head, *cues = heard(client, response_format="vtt").strip().split("\n\n")
    assert head == "WEBVTT"
    assert re.fullmatch(r"00:00:00\.000 --> 00:00:0\d\.\d{3}", cues[0].splitlines()[0])
    assert " ".join(cue.splitlines()[1] for cue in cues) == TEXT


def test_verbose_json_has_segments(client: OpenAI) -> None:
    found = heard(client, response_format="verbose_json")
    assert (found.text, found.language) == (TEXT, "english")
    assert found.duration == pytest.approx(seconds_of(TEXT), abs=0.05)
    assert "".join(part.text for part in found.segments).strip() == TEXT
    assert found.segments[0].start == 0
    assert found.segments[-1].end == pytest.approx(found.duration, abs=0.02)
    assert found.words is None


def test_verbose_json_with_words(client: OpenAI) -> None:
    found = heard(client, response_format="verbose_json", timestamp_granularities=["word"])
    assert [one.word for one in found.words] == [word.strip(".") for word in TEXT.split()]
    assert all(one.start < one.end for one in found.words)
    assert found.words[-1].end == pytest.approx(found.duration, abs=0.02)
    assert found.segments is None


def test_verbose_json_with_both(client: OpenAI) -> None:
    found = heard(client, response_format="verbose_json", timestamp_granularities=["word", "segment"])
    assert found.words
    assert found.segments


def test_speakers(client: OpenAI) -> None:
    found = heard(
        client,
        model="gpt-4o-transcribe-diarize",
        response_format="diarized_json",
        chunking_strategy="auto",
    )
    assert {part.speaker for part in found.segments} == {"A"}
    assert found.duration == pytest.approx(seconds_of(TEXT), abs=0.05)


@pytest.mark.parametrize("model", TOKEN_MODELS)
def test_usage_is_tokens(client: OpenAI, model: str) -> None:
    usage = heard(client, model=model, prompt="An appointment.").usage
    assert usage.type == "tokens"
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens
    details = usage.input_token_details
    assert details.audio_tokens + details.text_tokens == usage.input_tokens
    assert details.text_tokens > 0


def test_usage_of_whisper_is_seconds(client: OpenAI) -> None:
    usage = heard(client).usage
    assert (usage.type, usage.seconds) == ("duration", 5)


@pytest.mark.parametrize("model", TOKEN_MODELS)
def test_a_stream(client: OpenAI, model: str) -> None:
    events = list(heard(client, model=model, stream=True))
    assert "".join(event.delta for event in events[:-1]) == TEXT
    assert (events[-1].type, events[-1].text) == ("transcript.text.done", TEXT)
    assert events[-1].usage.total_tokens > 0


def test_a_stream_of_speakers(client: OpenAI) -> None:
    events = list(
        heard(client, model="gpt-4o-transcribe-diarize", response_format="diarized_json", stream=True)
    )
    parts = [event for event in events if event.type == "transcript.text.segment"]
    assert "".join(part.text for part in parts).strip() == TEXT


def test_whisper_does_not_stream(client: OpenAI) -> None:
    assert heard(client, extra_body={"stream": True}).text == TEXT


def test_how_sure_it_is(client: OpenAI) -> None:
    found = heard(client, model="gpt-4o-transcribe", include=["logprobs"])
    assert "".join(one.token for one in found.logprobs) == TEXT
    last = list(heard(client, model="gpt-4o-transcribe", include=["logprobs"], stream=True))[-1]
    assert last.logprobs


def test_the_language(client: OpenAI) -> None:
    spanish = recording("Hola", "es")
    assert heard(client, spanish, response_format="verbose_json").language == "spanish"
    assert heard(client, language="de", response_format="verbose_json").language == "german"
    assert heard(client, spanish, model="gpt-transcribe").languages[0].code == "es"


@pytest.mark.parametrize("form", ["json", "text", "srt", "verbose_json", "vtt"])
def test_a_translation(client: OpenAI, form: Any) -> None:
    found: Any = client.audio.translations.create(
        model="whisper-1", file=("a.ogg", recording("Hola", "es")), response_format=form
    )
    assert "Hola" in (found if isinstance(found, str) else found.text)


PCM = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 24_000, 48_000, 2, 16) + b"data" + struct.pack("<I", 96_000)
SILENCE = {
    "a.ogg": recording(seconds=2, silent=True),
    "a.wav": b"RIFF" + struct.pack("<I", 96_036) + b"WAVE" + PCM + bytes(96_000),
    "a.mp3": (b"\xff\xf3\x44\xc4" + bytes(92)) * 84,
    "a.m4a": (b"\xff\xf1\x58\x40\x01\xbf\xfc" + b"\x00\xc8\x00\x80\x23\x80") * 50,
}
"""Two seconds in which nobody speaks."""


@pytest.mark.parametrize("name", SILENCE)
def test_silence_is_not_heard_as_a_sentence(client: OpenAI, name: str) -> None:
    found = heard(client, SILENCE[name], name, response_format="verbose_json")
    assert (found.text, found.segments) == ("", [])
    assert found.duration > 1.9
    assert heard(client, SILENCE[name], name, response_format="vtt").strip() == "WEBVTT"
    assert heard(client, SILENCE[name], name, model="gpt-4o-transcribe").usage.output_tokens == 0


def test_a_file_and_a_path(client: OpenAI, tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    path.write_bytes(recording(TEXT))
    assert client.audio.transcriptions.create(model="whisper-1", file=path).text == TEXT
    file = io.BytesIO(recording(TEXT))
    file.name = "a.ogg"
    assert client.audio.transcriptions.create(model="whisper-1", file=file).text == TEXT


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": "gpt-4o-transcribe", "response_format": "srt"},
        {"model": "gpt-4o-mini-transcribe", "response_format": "verbose_json"},
        {"timestamp_granularities": ["word"]},
        {"include": ["logprobs"]},
        {"temperature": 2.0},
        {"name": "a.amr"},
        {"audio": b"<html>"},
        {"audio": recording(seconds=0.04)},
    ],
    ids=range(8),
)
def test_a_transcription_that_is_refused(client: OpenAI, wrong: dict[str, Any]) -> None:
    with pytest.raises(openai.BadRequestError):
        heard(client, **wrong)


# -- models, keys, failures ---------------------------------------------------------------------------------


def test_models(client: OpenAI) -> None:
    assert {"whisper-1", "gpt-4o-mini-tts"} <= {model.id for model in client.models.list()}
    assert client.models.retrieve("whisper-1").owned_by == "openai"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("whisper-0")


def test_a_key_that_is_not_good(simulator: OpenAISimulator) -> None:
    client = OpenAI(api_key="sk-other", base_url=f"{simulator.url}/v1", max_retries=0)
    with client, pytest.raises(openai.AuthenticationError) as refused:
        client.models.list()
    assert refused.value.code == "invalid_api_key"


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("auth", openai.AuthenticationError),
        ("forbidden", openai.PermissionDeniedError),
        ("quota", openai.RateLimitError),
        ("rate_limit", openai.RateLimitError),
        ("server_error", openai.InternalServerError),
        ("refused", openai.BadRequestError),
        ("break", openai.APIConnectionError),
    ],
)
def test_each_failure_is_an_error_of_the_client(
    client: OpenAI, simulator: OpenAISimulator, kind: str, error: type[Exception]
) -> None:
    simulator.add_fault({"kind": kind})
    with pytest.raises(error):
        said(client)


def test_the_client_tries_again_when_told_to_wait(simulator: OpenAISimulator) -> None:
    simulator.add_fault({"kind": "rate_limit", "count": 1, "retry_after": 0.01})
    with OpenAI(api_key=KEY, base_url=f"{simulator.url}/v1", max_retries=1) as client:
        assert said(client).content
    assert len(simulator.requests) == 2


def test_a_request_has_an_id(client: OpenAI) -> None:
    assert heard(client)._request_id.startswith("req_")
