"""What happens to a message: before it is sent, and after Meta answered."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.domain.delivery import Carrier, Do, Known, Phase, Situation, after_failure, before_sending
from lifeline.domain.failures import Fault, classify_answer, classify_fault
from lifeline.domain.status import Status

NOW = 1_000_000.0
CALM = Situation(
    now=NOW,
    channel_blocked=False,
    template_blocked=False,
    valid_phone=True,
    expires_at=None,
    send_after=None,
    grace=60.0,
    lease=60.0,
)
ME = Carrier("m-1", turn=2)


def known(
    status: Status, phase: str | None = None, turn: int = 2, at: float = NOW, claim: str = "m-1"
) -> Known:
    return Known(status, claim, turn, phase, at, NOW)


@pytest.mark.parametrize(
    ("situation", "do"),
    [
        (CALM, Do.SEND),
        (replace(CALM, channel_blocked=True), Do.FALL_BACK),
        (replace(CALM, template_blocked=True), Do.FALL_BACK),
        (replace(CALM, valid_phone=False), Do.FALL_BACK),
        (replace(CALM, expires_at=NOW), Do.EXPIRE),
        (replace(CALM, expires_at=NOW, channel_blocked=True), Do.EXPIRE),
        (replace(CALM, send_after=NOW + 10), Do.WAIT),
        (replace(CALM, send_after=NOW + 901), Do.SCHEDULE),
    ],
)
def test_a_fresh_message(situation: Situation, do: Do) -> None:
    assert before_sending(Carrier("m-1"), None, situation).do is do


@pytest.mark.parametrize(
    ("row", "do"),
    [
        (known(Status.SENT), Do.ACKNOWLEDGE),
        (known(Status.PUSHED), Do.ACKNOWLEDGE),
        (known(Status.CLAIMED, Phase.SENDING, claim="other"), Do.ACKNOWLEDGE),
        (known(Status.CLAIMED, Phase.SENDING), Do.BUSY),
        (known(Status.CLAIMED, Phase.SENDING, at=NOW - 61), Do.SEND),
        (known(Status.CLAIMED, Phase.FALLING_BACK), Do.BUSY),
        (known(Status.CLAIMED, Phase.WAITING), Do.SEND),
        (known(Status.CLAIMED, Phase.WAITING, turn=3), Do.REPEAT),
        (known(Status.PARKED, turn=3), Do.REPEAT),
        (known(Status.PARKED), Do.SEND),
        (known(Status.CLAIMED, Phase.SENDING, turn=3), Do.ACKNOWLEDGE),
        (known(Status.IN_DOUBT, Phase.WAITING, at=NOW - 30), Do.SETTLE),
        (known(Status.FAILED), Do.ACKNOWLEDGE),
    ],
)
def test_a_carrier_of_a_known_message(row: Known, do: Do) -> None:
    assert before_sending(ME, row, CALM).do is do


def test_what_is_in_doubt_is_sent_again_after_the_grace_time_and_that_is_counted() -> None:
    decision = before_sending(ME, known(Status.IN_DOUBT, Phase.WAITING, at=NOW - 61), CALM)
    assert decision.do is Do.SEND
    assert decision.resend


statuses = st.sampled_from(list(Status))
phases = st.sampled_from([None, *Phase])


@given(statuses, phases, st.integers(0, 4), st.integers(0, 4), st.floats(-200, 200), st.booleans())
def test_a_second_send_is_always_a_counted_one(
    status: Status, phase: str | None, row_turn: int, turn: int, age: float, mine: bool
) -> None:
    row = Known(status, "m-1" if mine else "other", row_turn, phase, NOW - age, NOW + 100)
    decision = before_sending(Carrier("m-1", turn=turn), row, CALM)
    attempted = status is Status.IN_DOUBT or (status is Status.CLAIMED and phase == Phase.SENDING)
    if decision.do is Do.SEND:
        assert mine
        assert status in (Status.CLAIMED, Status.PARKED, Status.IN_DOUBT)
        assert decision.resend == attempted


def after(status: int, code: int, attempt: int = 1, rounds: int = 0, blocked: bool = False) -> Do:
    failure = classify_answer(status, {"error": {"code": code, "message": "x"}}, {})
    return decide(failure, attempt, rounds, blocked)


def decide(failure: object, attempt: int = 1, rounds: int = 0, blocked: bool = False) -> Do:
    return after_failure(
        failure,  # type: ignore[arg-type]
        attempt=attempt,
        rounds=rounds,
        blocked=blocked,
        attempts=4,
        max_rounds=5,
        base=2.0,
        cap=60.0,
        grace=60.0,
        chance=0.5,
        expires_in=None,
    ).do


def test_each_failure_takes_its_own_way() -> None:
    assert after(429, 130429) is Do.WAIT
    assert after(429, 130429, attempt=4) is Do.FALL_BACK
    assert after(429, 130429, blocked=True) is Do.FALL_BACK
    assert after(429, 130429, rounds=5) is Do.PARK
    assert after(429, 131056) is Do.WAIT
    assert after(400, 131026) is Do.FALL_BACK
    assert after(400, 132000) is Do.REJECT
    assert after(400, 132015) is Do.FALL_BACK
    assert after(400, 999999) is Do.REJECT
    assert decide(classify_fault(Fault.REFUSED, "")) is Do.WAIT
    assert decide(classify_fault(Fault.READ_TIMEOUT, "")) is Do.SETTLE
    assert decide(classify_fault(Fault.BROKEN, ""), blocked=True) is Do.SETTLE


def test_a_medium_that_meta_could_not_fetch_is_tried_again() -> None:
    error = {
        "code": 131053,
        "message": "x",
        "error_data": {"details": "Downloading media from weblink failed with http code 429"},
    }
    assert decide(classify_answer(400, {"error": error}, {})) is Do.WAIT
