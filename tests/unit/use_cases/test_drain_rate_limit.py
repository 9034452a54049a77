"""A rate-limit answer halves the drain with the next plan, once."""

from __future__ import annotations

from lifeline.contract import WHATSAPP
from lifeline.domain.detection import Bucket, Window
from lifeline.use_cases.drain import MINUTE, STATE_SETTING

from tests.unit.use_cases.test_drain_after_panic import Backlog


class Draining(Backlog):
    """A backlog that has been leaving for a minute, at 2/s by now."""

    def __init__(self) -> None:
        super().__init__(parked=900)
        self.plan()
        assert self.rate == 2.0

    def plan(self) -> int:
        return self.released()

    def limited(self, count: int) -> None:
        """Meta says "too many" in this part of the window, ``count`` times so far."""
        start = int(self.clock() // 10) * 10
        self.control.windows[WHATSAPP] = Window((Bucket(start, ok=20, failed={"rate_limit": count}),))

    @property
    def rate(self) -> float:
        return float(self.control.setting(STATE_SETTING).value["rate"])


def test_an_answer_halves_the_next_plan_without_waiting_for_its_minute() -> None:
    world = Draining()
    world.clock.advance(10)
    world.limited(1)
    assert world.plan() == 10 * 1
    assert world.rate == 1.0


def test_the_same_answer_halves_once_and_one_more_halves_again() -> None:
    world = Draining()
    world.clock.advance(10)
    world.limited(1)
    world.plan()
    world.clock.advance(2)
    world.plan()
    assert world.rate == 1.0
    world.limited(2)
    world.clock.advance(2)
    world.plan()
    assert world.rate == 0.5


def test_clean_minutes_lead_up_again() -> None:
    world = Draining()
    world.clock.advance(10)
    world.limited(1)
    world.plan()
    for _ in range(2):
        world.clock.advance(MINUTE)
        world.plan()
    assert world.rate == 4.0


def test_what_led_to_panic_does_not_slow_the_way_back() -> None:
    clean, after = Backlog(parked=900), Backlog(parked=900)
    after.control.windows[WHATSAPP] = Window(
        (Bucket(int(after.clock() // 10) * 10, failed={"rate_limit": 9}),)
    )
    assert after.released() == clean.released()
