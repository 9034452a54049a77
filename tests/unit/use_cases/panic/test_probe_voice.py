"""What a probe of ``openai_voice`` asks, and that three good answers end its panic and nobody else's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lifeline.contract.scopes import OPENAI_VOICE, WHATSAPP
from lifeline.domain.failure.causes import Fault
from lifeline.domain.failure.voice_failures import VoiceFailure, classify_answer, classify_fault
from lifeline.domain.panic.entering import trip
from lifeline.domain.panic.flag import By, State
from lifeline.use_cases.panic.probe_voice import PROBE_TEXT
from lifeline.wiring import prober

from tests.support.services import Services

DOWN = classify_fault(Fault.REFUSED)
QUOTA = classify_answer(429, {"error": {"code": "insufficient_quota", "message": "No credit."}}, {})
NOT_ALLOWED = classify_answer(403, None, {})
MODELS = frozenset({"gpt-4o-mini-tts", "whisper-1", "other"})


class Voice:
    """OpenAI. What it answers can be set."""

    def __init__(self) -> None:
        self.listed: frozenset[str] | VoiceFailure = MODELS
        self.spoken: bytes | VoiceFailure = b"OggS"
        self.asked: list[str] = []

    def models(self) -> frozenset[str] | VoiceFailure:
        self.asked.append("models")
        return self.listed

    def speech(self, text: str, **_: Any) -> bytes | VoiceFailure:
        self.asked.append(text)
        return self.spoken


class World(Services):
    def __init__(self) -> None:
        super().__init__()
        self.voice = Voice()
        self.also(openai=lambda *_: self.voice)
        adapters = self.adapters("prober")
        self.panic = adapters.panic
        self.probe = prober.build(adapters)
        for scope in (OPENAI_VOICE, WHATSAPP):
            self.trip(scope)

    def trip(self, scope: str) -> None:
        self.panic.change(
            scope,
            lambda flag: trip(
                flag,
                By("VoiceFunction", "voice", "down", self.clock.now),
                cause="unreachable",
                evidence={},
                new_incident_id=f"{scope}-1",
                rules=self.settings.panic,
            ),
        )

    def ask(self) -> dict[str, Any]:
        return self.probe.slot(self.request())

    def request(self) -> str:
        """The request of the next probe."""
        self.clock.advance(15)
        flag = self.control.flag(OPENAI_VOICE)
        slot = int(self.clock.now // 15) * 15
        body = {"scope": OPENAI_VOICE, "incident_id": flag.incident_id, "slot": slot}
        return json.dumps(body)


@pytest.fixture
def world() -> World:
    return World()


def test_three_good_answers_end_the_panic_of_voice_alone(world: World) -> None:
    world.clock.advance(60)
    for _ in range(3):
        assert world.ask()["ok"] is True
    assert world.control.flag(OPENAI_VOICE).state is State.RECOVERING
    assert world.control.flag(WHATSAPP).state is State.PANIC
    assert world.voice.asked == ["models", PROBE_TEXT] * 3


@pytest.mark.parametrize(
    ("listed", "spoken", "why", "asked"),
    [
        (DOWN, b"OggS", "connection refused", 1),
        (MODELS, QUOTA, "No credit", 2),
        (MODELS, DOWN, "connection refused", 2),
        (frozenset({"whisper-1"}), b"OggS", "does not list gpt-4o-mini-tts", 1),
        (NOT_ALLOWED, DOWN, "connection refused", 2),
    ],
)
def test_any_bad_answer_starts_the_count_anew(
    world: World, listed: Any, spoken: Any, why: str, asked: int
) -> None:
    assert world.ask()["successes"] == 1
    world.voice.asked.clear()
    world.voice.listed, world.voice.spoken = listed, spoken
    result = world.ask()
    assert (result["ok"], result["successes"], len(world.voice.asked)) == (False, 0, asked)
    event = next(e for _, e in sorted(world.control.events.items(), reverse=True) if e.scope == OPENAI_VOICE)
    assert why in str(event.evidence)


def test_a_key_that_may_speak_and_not_list_is_good_enough(world: World) -> None:
    world.voice.listed = NOT_ALLOWED
    assert world.ask()["ok"] is True


def test_a_probe_that_cannot_be_read_comes_again_and_holds_up_no_other(world: World) -> None:
    assert world.probe.slots([("a", "{"), ("b", "[]"), ("c", world.request())]) == ["a", "b"]
    assert world.voice.asked
