"""The rules of retries are the deployment's; time and chance are those of each question."""

from __future__ import annotations

from lifeline.domain.message.outcome import Retries
from lifeline.settings import Retry
from lifeline.use_cases.shared.retrying import Retrying

from tests.support.memory import Clock


def test_each_question_has_its_own_time_and_draw() -> None:
    clock, draws = Clock(100.0), iter((0.25, 0.75))
    ask = Retrying(rules=Retry(3, 1.0, 30.0), grace=60.0, clock=clock, chance=lambda: next(draws))
    first = ask(blocked=True, channel_blocked=False)
    assert first == Retries(100.0, 3, 1.0, 30.0, 60.0, 0.25, blocked=True, channel_blocked=False)
    clock.advance(5)
    second = ask(blocked=False, channel_blocked=False, replaced=True, ended_at=99.0)
    assert (second.now, second.chance, second.replaced, second.ended_at) == (105.0, 0.75, True, 99.0)
