"""A text to a recording, and its message back to the sender; whatever fails costs the voice only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from lifeline.domain import speech
from lifeline.domain.failures import Failure
from lifeline.domain.failures import Fault as GraphFault
from lifeline.domain.failures import classify_fault as graph_fault
from lifeline.domain.voice_failures import VoiceFailure, not_asked
from lifeline.errors import UnavailableError
from lifeline.use_cases.speak import Speak

from tests.support.memory import Clock, MemoryQueues, Recorder


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


class World:
    def __init__(self) -> None:
        self.clock = Clock()
        self.queues = MemoryQueues()
        self.recordings = Recordings()
        self.spoken: list[str] = []
        self.sound: bytes | VoiceFailure = b"OggS"
        self.uploaded: list[bytes] = []
        self.refusal: Failure | None = None
        self.panic = False
        self.outcomes: list[VoiceFailure | None] = []
        self.left = 100.0
        self.speak = Speak(
            say=self.say,
            model="m",
            voice="v",
            in_panic=lambda: self.panic,
            outcomes=self.count,
            whatsapp=self,  # type: ignore[arg-type]
            recordings=self.recordings,  # type: ignore[arg-type]
            queues=self.queues,  # type: ignore[arg-type]
            whatsapp_queue_url="queue/whatsapp",
            bulk_queue_url="queue/bulk",
            clock=self.clock,
            telemetry=Recorder(),  # type: ignore[arg-type]
        )

    def say(self, text: str) -> bytes | VoiceFailure:
        self.spoken.append(text)
        return self.sound

    def count(self, outcomes: Sequence[VoiceFailure | None]) -> None:
        self.outcomes += outcomes

    def upload(self, audio: bytes) -> str | Failure:
        self.uploaded.append(audio)
        return self.refusal or f"media-{len(self.uploaded)}"

    def run(self, text: str = "Ten o'clock.", **more: Any) -> dict[str, Any]:
        """The note of what came back."""
        message = {"id": "m-1", "to": "+4915112345678", "type": "voice", "text": text, **more}
        body = speech.Job(json.dumps(message), {"claim": "c", "turn": 2}).write()
        assert self.speak([("1", body)], lambda: self.left) == []
        url = "queue/bulk" if more.get("priority") == "bulk" else "queue/whatsapp"
        back = self.queues.sent[url][-1]
        assert json.loads(back.body) == message, "the producer's own words"
        assert back.note is not None
        assert (back.note["claim"], back.note["turn"]) == ("c", 2)
        return dict(back.note["voice"])


def test_a_text_is_spoken_uploaded_and_kept() -> None:
    world = World()
    assert world.run() == {"media": "media-1"}
    assert world.outcomes == [None]
    assert world.run() == {"media": "media-1"}
    assert len(world.spoken) == 1
    assert world.run("Eleven.") == {"media": "media-2"}
    world.clock.advance(30 * 86_400)
    assert world.run() == {"media": "media-3"}, "Meta has forgotten the first by then"


def test_what_meta_no_longer_has_is_forgotten_and_made_again() -> None:
    world = World()
    world.run()
    dead = speech.Forget("Ten o'clock.", "media-1").write()
    assert world.speak([("1", dead)], lambda: 100.0) == []
    assert world.run() == {"media": "media-2"}
    assert world.speak([("1", dead)], lambda: 100.0) == []
    assert world.run() == {"media": "media-2"}, "a late one forgets no newer recording"
    world.recordings.broken = True
    assert world.speak([("1", dead)], lambda: 100.0) == ["1"], "SQS brings it again"


def test_a_promotion_goes_back_to_its_own_lane() -> None:
    assert World().run(priority="bulk", category="promotion")["media"]


@pytest.mark.parametrize("what", ["panic", "openai", "meta", "table", "time", "late"])
def test_whatever_fails_it_goes_as_text(what: str) -> None:
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
    found = world.run(**more)
    assert set(found) == {"text"}
    assert found["text"]
    if what in ("panic", "table", "time", "late"):
        assert world.spoken == []


def test_a_job_that_cannot_be_put_back_comes_again() -> None:
    world = World()
    world.queues.broken.add("queue/whatsapp")
    message = json.dumps({"id": "m-1", "to": "+4915112345678", "type": "voice", "text": "Ten."})
    body = speech.Job(message, {"claim": "c"}).write()
    assert world.speak([("1", body)], lambda: 100.0) == ["1"]


@pytest.mark.parametrize("body", ["", "{", "[]", "{}", '{"kind": "speech"}', '{"kind": "other"}'])
def test_a_job_that_cannot_be_read_comes_again_for_a_person_to_look_at(body: str) -> None:
    assert World().speak([("1", body)], lambda: 100.0) == ["1"]


def test_what_is_put_back_keeps_its_recording() -> None:
    assert speech.keep({"claim": "c", "voice": {"media": "1"}}, {"claim": "c", "turn": 1}) == {
        "claim": "c",
        "turn": 1,
        "voice": {"media": "1"},
    }
    assert speech.keep({"claim": "c"}, {"claim": "c"}) == {"claim": "c"}
    assert speech.returned({"claim": "c"}) is None
    assert speech.returned({"voice": {"text": "why"}}) == speech.Returned(None, "why")
