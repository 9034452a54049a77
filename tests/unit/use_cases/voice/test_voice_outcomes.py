"""OpenAI's window and panic: a scope of its own, that WhatsApp's does not touch."""

from __future__ import annotations

import pytest
from lifeline.adapters.openai import Transcript
from lifeline.contract.scopes import OPENAI_VOICE, WHATSAPP
from lifeline.domain.failure.causes import Fault
from lifeline.domain.failure.voice_failures import VoiceFailure, classify_answer, classify_fault, not_asked
from lifeline.domain.inbound.inbound import Reason
from lifeline.domain.panic.flag import State
from lifeline.use_cases.voice.inbound_voice import Heard, NotHeard
from lifeline.use_cases.voice.voice_outcomes import VoiceOutcomes, transcriber

from tests.support.services import Services

DOWN = classify_fault(Fault.REFUSED)
LIMITED = classify_answer(429, None, {})
QUOTA = classify_answer(429, {"error": {"code": "insufficient_quota", "message": "No credit."}}, {})
REFUSED = classify_answer(400, {"error": {"code": "content_policy_violation"}}, {})


class World(Services):
    def __init__(self) -> None:
        super().__init__()
        adapters = self.adapters("voice")
        self.outcomes = VoiceOutcomes(
            settings=adapters.settings,
            control=adapters.control,
            detect=adapters.detect("voice", "VoiceFunction"),
            clock=adapters.clock,
            telemetry=adapters.telemetry,
        )

    def state(self, scope: str = OPENAI_VOICE) -> State:
        return self.control.flag(scope).state


@pytest.fixture
def world() -> World:
    return World()


def test_one_refusal_of_the_account_is_enough(world: World) -> None:
    assert world.outcomes([None, QUOTA, None])
    flag = world.control.flag(OPENAI_VOICE)
    assert (flag.state, flag.cause, flag.source) == (State.PANIC, "account", "voice")
    assert "Billing" in str(flag.evidence)
    assert world.state(WHATSAPP) is State.NORMAL


def test_connection_failures_in_a_row_trip_across_batches(world: World) -> None:
    for _ in range(4):
        assert not world.outcomes([DOWN])
        world.clock.advance(20)
    assert world.outcomes([DOWN])
    assert world.control.flag(OPENAI_VOICE).cause == "unreachable"
    assert world.control.window(WHATSAPP).buckets == ()


@pytest.mark.parametrize("between", [None, REFUSED])
def test_any_answer_breaks_the_row(world: World, between: VoiceFailure | None) -> None:
    for _ in range(3):
        assert not world.outcomes([DOWN, DOWN, between])
    assert world.state() is State.NORMAL


def test_limits_that_last_trip(world: World) -> None:
    assert not world.outcomes([LIMITED] * 4)
    assert world.outcomes([LIMITED])
    assert world.control.flag(OPENAI_VOICE).cause == "rate_limit"


def test_no_recovery_before_the_time_that_openai_states(world: World) -> None:
    stated = classify_answer(429, None, {"retry-after": "900"})
    assert world.outcomes([stated] * 5)
    assert world.control.flag(OPENAI_VOICE).earliest_recovery == world.clock.now + 900


def test_what_is_wrong_with_one_message_never_trips(world: World) -> None:
    assert not world.outcomes([REFUSED, not_asked("too long")] * 50)
    assert world.state() is State.NORMAL


def test_a_table_that_cannot_be_written_stops_nothing(world: World) -> None:
    world.control.broken = True
    assert not world.outcomes([None, DOWN])
    assert not world.outcomes([QUOTA])


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Transcript("Hello", "english", 1.5), Heard("Hello", "english", 1.5)),
        (DOWN, NotHeard(DOWN.words, again=True)),
        (REFUSED, NotHeard(REFUSED.words, again=False, reason=Reason.REFUSED)),
        (not_asked("bad"), NotHeard("bad_request: bad", again=False, reason=Reason.UNREADABLE)),
    ],
)
def test_how_voice_notes_are_heard(
    world: World, found: Transcript | VoiceFailure, expected: Heard | NotHeard
) -> None:
    class Stub:
        def transcribe(self, audio: bytes, name: str) -> Transcript | VoiceFailure:
            return found

    world.also(openai=lambda *_: Stub())
    hear = transcriber(world.adapters("voice").openai(1, 1.0), world.outcomes)
    assert hear(b"OggS", "voice.ogg") == expected


def test_failures_are_counted_for_operators(world: World) -> None:
    world.outcomes([None, LIMITED, LIMITED, QUOTA])
    assert world.control.counted("x|openai_voice|rate_limit|429") == 2
    assert world.control.counted("x|openai_voice|account|insufficient_quota") == 1
