"""The OpenAI client against the simulator: over real sockets, with every fault, and counted by content."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator

import pytest
import requests
from lifeline.adapters.openai import OpenAI, Transcript
from lifeline.domain.failure.causes import Cause
from lifeline.domain.failure.voice_failures import VoiceFailure
from lifeline.domain.voice.audio import inspect

from local.simulators.openai import OpenAISimulator
from local.simulators.opus import read, recording, seconds_of

KEY = "sk-local-000000000000"
TEXT = "Your appointment is tomorrow at ten. Please be there five minutes early."


class Bench:
    """A client and the simulator that it talks to. ``pauses``: seconds that the client would have waited."""

    def __init__(self, simulator: OpenAISimulator) -> None:
        self.simulator = simulator
        self.pauses: list[float] = []
        self.stored = KEY
        self.cached = KEY
        self.drops = 0
        self.openai = self.client()

    def client(self, read_timeout: float = 10.0, attempts: int = 3, budget: float = 30.0) -> OpenAI:
        return OpenAI(
            base_url=self.simulator.url,
            api_key=lambda: self.cached,
            drop_key=self.drop,
            clock=time.monotonic,
            pause=self.pauses.append,
            chance=lambda: 1.0,
            transcription_model="whisper-1",
            read_timeout=read_timeout,
            attempts=attempts,
            budget=budget,
        )

    def drop(self) -> None:
        self.drops += 1
        self.cached = self.stored

    def control(self, method: str, path: str, body: object = None) -> dict[str, object]:
        url = f"{self.simulator.control_url}/_control{path}"
        answer = requests.request(method, url, json=body, timeout=5)
        assert answer.ok, answer.text
        found: dict[str, object] = answer.json()
        return found

    def fault(self, kind: str, count: int | None = None, **options: object) -> None:
        self.control("POST", "/faults", {"kind": kind, "count": count, **options})

    def speak(self, text: str = TEXT, client: OpenAI | None = None) -> bytes | VoiceFailure:
        return (client or self.openai).speech(text, model="gpt-4o-mini-tts", voice="alloy", language="en")

    def failure(self, found: object) -> VoiceFailure:
        assert isinstance(found, VoiceFailure), found
        return found

    @property
    def asked(self) -> int:
        return len(self.simulator.requests)


@pytest.fixture(scope="module")
def simulator() -> Iterator[OpenAISimulator]:
    simulator = OpenAISimulator(api_key=KEY)
    simulator.start()
    yield simulator
    simulator.stop()


@pytest.fixture
def bench(simulator: OpenAISimulator) -> Bench:
    simulator.reset()
    simulator.api_key = KEY
    return Bench(simulator)


def test_what_is_spoken_is_real_audio_that_can_be_heard_again(bench: Bench) -> None:
    sound = bench.speak()
    assert isinstance(sound, bytes)
    assert inspect(sound).container == "ogg"
    assert read(sound).seconds == pytest.approx(seconds_of(TEXT), abs=0.05)
    heard = bench.openai.transcribe(sound, "voice.ogg")
    assert isinstance(heard, Transcript)
    assert (heard.text, heard.language) == (TEXT, "english")
    assert heard.duration == pytest.approx(seconds_of(TEXT), abs=0.05)
    counted = bench.control("GET", "/voice")
    digest = hashlib.sha256(sound).hexdigest()
    assert counted["speech"] == {"asked": {TEXT: 1}, "accepted": {TEXT: 1}}
    assert counted["transcriptions"] == {"asked": {digest: 1}, "accepted": {digest: 1}}
    first = bench.simulator.requests[0]["body"]
    assert (first["response_format"], first["instructions"]) == ("opus", "Language: en.")


def test_what_is_heard_can_be_said_by_the_test_or_by_the_recording(bench: Bench) -> None:
    bench.control("POST", "/heard", {"text": "Ja, gern.", "language": "de"})
    heard = bench.openai.transcribe(recording("x"), "a.ogg")
    assert isinstance(heard, Transcript)
    assert (heard.text, heard.language) == ("Ja, gern.", "german")
    assert heard.duration == pytest.approx(0.4, abs=0.05)
    bench.control("POST", "/heard", {"text": None})
    heard = bench.openai.transcribe(recording("Hola", "es"), "a.ogg")
    assert isinstance(heard, Transcript)
    assert (heard.text, heard.language) == ("Hola", "spanish")


def test_models_are_listed(bench: Bench) -> None:
    found = bench.openai.models()
    assert isinstance(found, frozenset)
    assert {"whisper-1", "gpt-4o-mini-tts"} <= found


@pytest.mark.parametrize(
    ("kind", "cause", "of_voice", "attempts"),
    [
        ("auth", Cause.AUTH, True, 1),
        ("forbidden", Cause.AUTH, True, 1),
        ("quota", Cause.ACCOUNT, True, 1),
        ("rate_limit", Cause.RATE_LIMIT, True, 3),
        ("server_error", Cause.UNREACHABLE, True, 3),
        ("not_json", Cause.UNREACHABLE, True, 3),
        ("bad_audio", Cause.UNREACHABLE, True, 3),
        ("break", Cause.UNREACHABLE, True, 3),
        ("refused", Cause.BAD_REQUEST, False, 1),
        ("bad_request", Cause.BAD_REQUEST, False, 1),
    ],
)
def test_each_fault_has_its_remedy(
    bench: Bench, kind: str, cause: Cause, of_voice: bool, attempts: int
) -> None:
    bench.fault(kind)
    failure = bench.failure(bench.speak())
    assert (failure.cause, failure.counts_for_window, bench.asked) == (cause, of_voice, attempts)
    assert failure.refused is (kind == "refused")
    assert failure.trips_at_once is (kind in ("auth", "forbidden", "quota"))
    assert failure.remedy
    assert KEY not in f"{failure!r}"
    bench.control("DELETE", "/faults")
    assert isinstance(bench.speak(), bytes)


def test_what_passes_is_asked_again_and_a_stated_wait_is_kept(bench: Bench) -> None:
    bench.fault("rate_limit", 1, retry_after=2)
    bench.fault("server_error", 1, status=503)
    assert isinstance(bench.speak(), bytes)
    assert bench.asked == 3
    assert bench.pauses == [pytest.approx(2.5), pytest.approx(1.0)]


def test_no_wait_goes_past_the_budget(bench: Bench) -> None:
    bench.fault("rate_limit", retry_after=60)
    assert bench.failure(bench.speak()).retry_after == 60
    assert (bench.asked, bench.pauses) == (1, [])


def test_unreachable_and_back(bench: Bench) -> None:
    bench.fault("unreachable")
    failure = bench.failure(bench.speak())
    assert (failure.cause, failure.name) == (Cause.UNREACHABLE, "connection refused")
    assert len(bench.pauses) == 2
    assert bench.failure(bench.openai.models()).cause is Cause.UNREACHABLE
    bench.control("DELETE", "/faults")
    assert isinstance(bench.speak(), bytes)


def test_a_slow_answer_is_a_time_out(bench: Bench) -> None:
    bench.fault("slow", 1, latency_ms=3000)
    started = time.monotonic()
    failure = bench.failure(bench.speak(client=bench.client(read_timeout=0.3, attempts=1)))
    assert time.monotonic() - started < 2.5
    assert (failure.cause, failure.name) == (Cause.UNREACHABLE, "response timed out")


def test_a_new_key_is_taken_at_once_and_a_wrong_one_is_read_anew_only_once(bench: Bench) -> None:
    bench.simulator.api_key = bench.stored = "sk-local-111111111111"
    assert isinstance(bench.speak(), bytes)
    assert (bench.drops, bench.asked) == (1, 2)
    bench.simulator.api_key = "sk-local-222222222222"
    other = bench.client()
    assert bench.failure(bench.speak(client=other)).cause is Cause.AUTH
    assert bench.failure(bench.speak(client=other)).cause is Cause.AUTH
    assert (bench.drops, bench.asked) == (2, 4)


@pytest.mark.parametrize("key", ["", "sk-local\n000", "sk-schlüssel"])
def test_a_key_that_cannot_be_sent_is_not_named(bench: Bench, key: str) -> None:
    bench.cached = bench.stored = key
    failure = bench.failure(bench.speak())
    assert (failure.cause, bench.asked) == (Cause.AUTH, 0)
    assert not key or key not in f"{failure!r}"


@pytest.mark.parametrize("text", ["", "  ", "a" * 4097])
def test_a_text_that_cannot_be_spoken_is_not_asked_for(bench: Bench, text: str) -> None:
    assert not bench.failure(bench.speak(text)).counts_for_window
    assert bench.asked == 0


def test_the_longest_text_is_spoken(bench: Bench) -> None:
    assert isinstance(bench.speak("ä" * 4096), bytes)


@pytest.mark.parametrize(
    ("audio", "name", "asked"),
    [
        (b"", "a.ogg", 0),
        (bytes(25 * 1024 * 1024 + 1), "a.ogg", 0),
        (b"<html>not a recording</html>", "a.ogg", 1),
        (recording("hello")[:-9], "a.ogg", 1),
        (recording("hello"), "a.amr", 1),
        (recording(seconds=0.04), "a.ogg", 1),
    ],
)
def test_unreadable_recordings_are_a_fault_of_the_recording(
    bench: Bench, audio: bytes, name: str, asked: int
) -> None:
    failure = bench.failure(bench.openai.transcribe(audio, name))
    assert (failure.cause, failure.counts_for_window, bench.asked) == (Cause.BAD_REQUEST, False, asked)


def test_a_model_that_is_gone_stops_voice_and_names_the_setting(bench: Bench) -> None:
    failure = bench.failure(bench.openai.speech(TEXT, model="tts-0", voice="alloy"))
    assert (failure.cause, failure.trips_at_once) == (Cause.ACCOUNT, True)
    assert "openai.speech_model" in failure.remedy


def test_an_address_with_its_version_works_as_well(bench: Bench) -> None:
    client = OpenAI(
        base_url=f"{bench.simulator.url}/v1/",
        api_key=lambda: KEY,
        drop_key=lambda: None,
        clock=time.monotonic,
        pause=bench.pauses.append,
        chance=lambda: 0.0,
        transcription_model="gpt-4o-mini-transcribe",
    )
    assert client.transcribe(recording("Good morning"), "a.ogg") == Transcript("Good morning")
