"""A text to a recording, which its row names; whatever fails costs the voice only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from lifeline.domain.failure.causes import Fault as GraphFault
from lifeline.domain.failure.classify import Failure
from lifeline.domain.failure.classify import classify_fault as graph_fault
from lifeline.domain.failure.voice_failures import VoiceFailure, not_asked
from lifeline.domain.message.row import WHATSAPP, Doubt, Lane, Phase, Row, off_agenda, waiting
from lifeline.domain.message.status import Status
from lifeline.domain.voice import speech
from lifeline.errors import UnavailableError
from lifeline.settings import Settings
from lifeline.use_cases.voice.inbound_voice import InboundVoice
from lifeline.use_cases.voice.speak import Speak
from lifeline.use_cases.voice.voice_jobs import VoiceJobs

from tests.support.services import Services

WAKE = "queue/wake"


class Recordings:
    def __init__(self) -> None:
        self.kept: dict[str, tuple[str, float]] = {}
        self.broken = False

    def find(self, key: str, now: float) -> str | None:
        if self.broken:
            raise UnavailableError("DynamoDB", "finding a recording", "broken on purpose")
        media_id, until = self.kept.get(key, ("", 0.0))
        return media_id if until > now else None

    def keep(self, key: str, media_id: str, until: float) -> None:
        self.kept[key] = (media_id, until)

    def forget(self, key: str, media_id: str, now: float) -> None:
        if self.broken:
            raise UnavailableError("DynamoDB", "forgetting a recording", "broken on purpose")
        if self.kept.get(key, ("",))[0] == media_id:
            self.kept[key] = (media_id, now)


class World(Services):
    def __init__(self) -> None:
        super().__init__(Settings(wake_queue_url=WAKE))
        self.recordings = Recordings()
        self.spoken: list[str] = []
        self.sound: bytes | VoiceFailure = b"OggS"
        self.uploaded: list[bytes] = []
        self.refusal: Failure | None = None
        self.panic = False
        self.outcomes: list[VoiceFailure | None] = []
        self.outcomes_break = False
        self.left = 100.0
        self.also(whatsapp=self, recordings=self.recordings)
        adapters = self.adapters("voice")
        self.speak = Speak(
            say=self.say,
            model="m",
            voice="v",
            in_panic=lambda: self.panic,
            outcomes=self.count,
            whatsapp=adapters.whatsapp,
            recordings=adapters.recordings,
            ledger=adapters.ledger,
            wake=adapters.wake,
            clock=adapters.clock,
            telemetry=adapters.telemetry,
        )

    def say(self, text: str) -> bytes | VoiceFailure:
        self.spoken.append(text)
        return self.sound

    def count(self, outcomes: Sequence[VoiceFailure | None]) -> None:
        if self.outcomes_break:
            raise TypeError("a fault of our own")
        self.outcomes += outcomes

    def upload(self, audio: bytes) -> str | Failure:
        self.uploaded.append(audio)
        return self.refusal or f"media-{len(self.uploaded)}"

    def asks(self, name: str = "m-1", text: str = "Ten o'clock.", **more: Any) -> str:
        """A row whose recording the sender waits for; the job's body."""
        message = {"id": name, "to": "+4915112345678", "type": "voice", "text": text, **more}
        row = waiting(Row(name, rev=1, type="voice", body=json.dumps(message)), self.clock.now + 180)
        self.ledger.put(replace(row, phase=Phase.SPEAKING))
        return speech.SpeechJob(name).write()

    def run(self, text: str = "Ten o'clock.", **more: Any) -> Row:
        """The row after one job."""
        assert self.speak.handle(self.asks(text=text, **more), lambda: self.left)
        return self.ledger.rows["m-1"]

    def media(self, text: str = "Ten o'clock.") -> str | None:
        """The recording on the row after one job."""
        return self.run(text).recording


def test_a_text_is_spoken_uploaded_and_kept() -> None:
    world = World()
    row = world.run()
    assert (row.recording, row.unspoken) == ("media-1", None)
    assert (row.phase, row.lane, row.due) == (Phase.WAITING, Lane.TIMER, world.clock.now)
    assert [(message.body, message.delay) for message in world.queues.sent[WAKE]] == [("m-1", 0)]
    assert world.outcomes == [None]
    assert world.media() == "media-1"
    assert len(world.spoken) == 1
    assert world.media("Eleven.") == "media-2"
    world.clock.advance(30 * 86_400)
    assert world.media() == "media-3", "Meta has forgotten the first by then"


def test_what_meta_no_longer_has_is_forgotten_and_made_again() -> None:
    world = World()
    world.run()
    dead = speech.Forget("Ten o'clock.", "media-1").write()
    assert world.speak.handle(dead, lambda: 100.0)
    assert world.media() == "media-2"
    assert world.speak.handle(dead, lambda: 100.0)
    assert world.media() == "media-2", "a late one forgets no newer recording"
    world.recordings.broken = True
    assert not world.speak.handle(dead, lambda: 100.0), "SQS brings it again"


@pytest.mark.parametrize("what", ["panic", "openai", "meta", "table", "time", "late", "bug", "body"])
def test_whatever_fails_it_goes_as_text(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    more: dict[str, Any] = {}
    match what:
        case "panic":
            world.panic = True
        case "openai":
            world.sound = not_asked("no")
        case "meta":
            world.refusal = graph_fault(GraphFault.READ_TIMEOUT, "slow")
        case "table":
            world.recordings.broken = True
        case "time":
            world.left = 20.0
        case "late":
            more = {"expires_at": "2020-01-01T00:00:00Z"}
        case "bug":
            world.outcomes_break = True
        case "body":
            more = {"surprise": 1}
    row = world.run(**more)
    assert row.recording is None
    assert row.unspoken
    assert (row.phase, row.lane, row.due) == (Phase.WAITING, Lane.TIMER, world.clock.now)
    assert len(world.queues.sent[WAKE]) == 1
    if what in ("panic", "table", "time", "late", "body"):
        assert world.spoken == []


def test_a_doubt_stays_while_a_recording_is_made() -> None:
    world = World()
    body = world.asks()
    doubt = Doubt(1, WHATSAPP, world.clock.now)
    world.ledger.put(
        replace(world.ledger.rows["m-1"], status=Status.IN_DOUBT, doubts=(doubt,), act=1, way=WHATSAPP)
    )
    assert world.speak.handle(body, lambda: 100.0)
    row = world.ledger.rows["m-1"]
    assert (row.status, row.doubts, row.recording) == (Status.IN_DOUBT, (doubt,), "media-1")


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.EXPIRED, Status.SENT])
def test_a_row_that_no_longer_waits_is_left_alone(status: Status) -> None:
    world = World()
    body = world.asks()
    row = world.ledger.put(off_agenda(world.ledger.rows["m-1"], status))
    assert world.speak.handle(body, lambda: 100.0)
    assert world.ledger.rows["m-1"] == row
    assert world.spoken == []
    assert world.speak.handle(speech.SpeechJob("gone").write(), lambda: 100.0)


def test_a_job_that_runs_twice_is_recorded_once() -> None:
    world = World()
    body = world.asks()
    for _ in range(2):
        assert world.speak.handle(body, lambda: 100.0)
    assert world.ledger.rows["m-1"].rev == 2
    assert len(world.queues.sent[WAKE]) == 1


def test_a_row_that_moved_meanwhile_is_looked_at_anew() -> None:
    world = World()
    body = world.asks()
    waits = world.ledger.rows["m-1"]
    world.ledger.before_write.append(lambda: world.ledger.put(replace(waits, rev=2, conflicts=1)))
    assert world.speak.handle(body, lambda: 100.0)
    assert (world.ledger.rows["m-1"].recording, world.ledger.rows["m-1"].conflicts) == ("media-1", 1)
    body = world.asks()
    over = off_agenda(world.ledger.rows["m-1"], Status.CANCELLED)
    world.ledger.before_write.append(lambda: world.ledger.put(replace(over, rev=9)))
    assert world.speak.handle(body, lambda: 100.0)
    assert world.ledger.rows["m-1"].status is Status.CANCELLED


def test_a_row_that_cannot_be_read_or_written_comes_again() -> None:
    world = World()
    body = world.asks()
    world.ledger.broken = True
    assert not world.speak.handle(body, lambda: 100.0)
    world.ledger.broken = False
    world.ledger.before_write.append(lambda: setattr(world.ledger, "broken", True))
    assert not world.speak.handle(body, lambda: 100.0)
    world.ledger.broken = False
    assert world.speak.handle(body, lambda: 100.0)
    assert world.ledger.rows["m-1"].recording == "media-1"
    assert len(world.spoken) == 1, "the recording is found again"


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "{}", '{"kind": "speech"}', '{"kind": "speech", "id": 7}', '{"kind": "other"}']
)
def test_a_job_that_cannot_be_read_comes_again_for_a_person_to_look_at(body: str) -> None:
    assert not World().speak.handle(body, lambda: 100.0)


class Listen(InboundVoice):
    """Takes no voice note."""

    def __init__(self) -> None:
        pass


def test_one_job_that_raises_concerns_itself_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    good, bad = world.asks("good"), world.asks("bad")
    read = world.ledger.read

    def picky(ids: Sequence[str]) -> dict[str, Row]:
        if "bad" in ids:
            raise KeyError("a bug")
        return read(ids)

    monkeypatch.setattr(world.ledger, "read", picky)
    jobs = VoiceJobs(world.speak, Listen())
    assert jobs([("1", bad), ("2", good)], lambda: 100.0) == ["1"]
    assert world.ledger.rows["good"].recording == "media-1"
