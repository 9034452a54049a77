"""Tokens: one write per batch, critical and live first, bulk within its share, a token is paid once."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from lifeline.contract.instants import format_instant
from lifeline.domain.message.row import Lane, Phase, Row
from lifeline.domain.message.status import Status
from lifeline.domain.message.steering import release
from lifeline.domain.pace.pace import SetRate
from lifeline.errors import UnavailableError
from lifeline.settings import Limiter, Settings
from lifeline.use_cases.deliver.tokens import BULK_AHEAD, SLOT_KEPT

from tests.support.sending import World, lost_answer


def limited(**limits: Any) -> World:
    return World(Settings(limiter=Limiter(**limits)))


def names(count: int, prefix: str = "m") -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


def test_a_batch_takes_all_its_tokens_in_one_write() -> None:
    world = World()
    world.put("warm")
    world.control.writes.clear()
    world.put(*names(100))
    assert world.control.writes == {"whatsapp": 1}
    assert len(world.meta.sent) == 101


@pytest.mark.parametrize(("rate", "batch"), [(80, 8), (80, 100), (1000, 10), (1000, 100)])
def test_the_item_stays_far_below_a_thousand_writes_a_second(rate: int, batch: int) -> None:
    """Two seconds at full load, in full batches and in those of one poll of SQS (10 messages at most)."""
    world = limited(rate=min(1000, rate * 1.2), burst=rate // 4)
    began, number = world.clock(), 0
    for _ in range(2 * rate // batch):
        world.put(*(f"m{number + n}" for n in range(batch)))
        number += batch
        world.clock.now = max(world.clock.now, began + number / rate)
    assert sum(world.control.writes.values()) / 2 <= 2 * rate / batch <= 200


def test_what_cannot_be_sent_now_keeps_its_slot_on_the_row_and_pays_once() -> None:
    world = limited(rate=2, burst=1, critical_share=0)
    began = world.clock()
    world.put(*names(12))
    first = len(world.meta.sent)
    assert 4 <= first <= 6
    waits = [row for row in world.ledger.rows.values() if row.slot is not None]
    assert len(waits) == 12 - first
    assert all((row.phase, row.lane, row.due) == (Phase.WAITING, Lane.TIMER, row.slot) for row in waits)
    assert all(row.attempt == row.act == 0 for row in waits), "nothing was claimed for it"
    writes = world.control.writes["whatsapp"]
    world.serve()
    assert sorted(world.meta.asked) == sorted(names(12))
    assert world.control.writes["whatsapp"] == writes, "its token is paid"
    times = [item.at for item in world.meta.sent]
    assert all(later - earlier >= 0.49 for earlier, later in pairwise(times)), "no bunches"
    assert times[-1] - began <= 6.0
    assert all(row.slot is None for row in world.ledger.rows.values())


def test_a_slot_that_was_missed_for_long_is_reserved_anew() -> None:
    world = limited(rate=1, burst=1, critical_share=0)
    world.put(*names(5))
    (late,) = [row.id for row in world.ledger.rows.values() if row.slot == world.clock.now + 2][:1] or ["m4"]
    writes = world.control.writes["whatsapp"]
    world.clock.now = (world.row(late).slot or 0.0) + SLOT_KEPT
    world.wake(late)
    assert world.status(late) is Status.SENT
    assert world.control.writes["whatsapp"] > writes


def test_wake_ups_follow_the_slots() -> None:
    world = limited(rate=1, burst=1, critical_share=0)
    world.put(*names(6))
    waiting = {row.id: row.due for row in world.ledger.rows.values() if row.slot}
    assert waiting
    assert {name for name, _ in world.woken} == set(waiting)
    assert all(0 < delay <= 6 for _, delay in world.woken)


def test_critical_before_live_before_drained_before_bulk() -> None:
    world = limited(rate=4, burst=1, critical_share=0)
    for name, priority in (("drained", "normal"), ("critical-drained", "critical")):
        body = world.record(name, priority=priority).body
        parked = Row(name, Status.PARKED, rev=1, body=body, priority=priority, lane=priority, due=1.0)
        row = release(parked, world.clock())
        assert row is not None
        world.ledger.put(row)
    records = [
        world.record("bulk", priority="bulk"),
        world.record("live"),
        world.record("critical", priority="critical"),
    ]
    wakes = [world.wake_up("drained"), world.wake_up("critical-drained")]
    assert world.batch(records[0], *wakes, *records[1:]) == []
    assert world.meta.asked == ["critical", "critical-drained", "live", "drained", "bulk"]


# --- the part kept for critical messages -----------------------------------------------------------------


def test_a_critical_message_does_not_stand_behind_a_booked_hour() -> None:
    world = limited(rate=10, burst=10, critical_share=0.1)
    for number in range(10):
        world.put(*names(50, f"m{number}-"))
    before, began = len(world.meta.sent), world.clock()
    world.put("urgent", priority="critical")
    assert world.meta.asked[before:] == ["urgent"]
    assert world.clock() - began <= 2.0
    world.put("normal")
    assert world.row("normal").slot
    assert "normal" not in world.meta.asked


def test_many_critical_messages_take_what_comes_sooner() -> None:
    world = limited(rate=10, burst=10, critical_share=0.1)
    world.put(*names(100))
    began = world.clock()
    world.put(*names(40, "c"), priority="critical")
    world.serve()
    times = sorted(item.at - began for item in world.meta.sent if item.id.startswith("c"))
    assert len(times) == 40
    assert times[0] <= 2.0
    assert times[-1] <= 45.0


# --- bulk ------------------------------------------------------------------------------------------------


def test_bulk_uses_its_share_and_live_traffic_the_rest() -> None:
    world = limited(rate=10, burst=2, bulk_share=0.5, critical_share=0)
    began = world.clock()
    world.put(*names(100, "b"), priority="bulk")
    live = [f"l{number}" for number in range(20)]
    world.put(*live)
    world.serve()
    bulk = [item.at for item in world.meta.sent if item.id.startswith("b")]
    assert len(bulk) == 100
    assert max(bulk) - began == pytest.approx(20.0, abs=1.5), "5/s"
    assert max(item.at for item in world.meta.sent if item.id in live) - began <= 8.0


def test_bulk_that_waits_for_its_share_has_no_shared_token_yet() -> None:
    world = limited(rate=10, burst=2, bulk_share=0.1, critical_share=0)
    world.put(*names(10, "b"), priority="bulk")
    waits = [row for row in world.ledger.rows.values() if row.lane == Lane.TIMER]
    assert waits
    assert all(row.paid and row.slot is None for row in waits)
    writes = world.control.writes["bulk"]
    world.serve()
    assert sorted(world.meta.asked) == sorted(names(10, "b"))
    assert world.control.writes["bulk"] == writes, "its turn is paid"


def test_bulk_beyond_what_may_be_booked_ahead_is_parked() -> None:
    world = limited(rate=10, burst=2, bulk_share=0.1, critical_share=0)
    assert world.put(*names(int(BULK_AHEAD) + 10, "b"), priority="bulk") == []
    assert world.put("late", priority="bulk") == []
    assert (world.status("late"), world.row("late").lane) == (Status.PARKED, Lane.BULK)
    assert world.put("live") == []
    assert world.status("live") is Status.SENT


def test_bulk_that_the_tick_released_is_not_parked_again() -> None:
    world = limited(rate=10, burst=2, bulk_share=0.1, critical_share=0)
    world.put(*names(int(BULK_AHEAD) + 10, "b"), priority="bulk")
    world.put("late", priority="bulk")
    row = release(world.row("late"), world.clock())
    assert row is not None
    world.ledger.put(replace(row, rev=row.rev + 1))
    world.wake("late")
    assert (world.status("late"), world.row("late").paid) == (Status.CLAIMED, True)
    world.serve()
    assert world.status("late") is Status.SENT


# --- no limiter, no send ---------------------------------------------------------------------------------


@pytest.mark.parametrize("priority", ["critical", "normal", "bulk"])
def test_without_the_limiter_nothing_is_sent_for_five_seconds(
    priority: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()

    def reserve(*_: object, **__: object) -> float:
        raise UnavailableError("DynamoDB", "reserving", "broken on purpose")

    with monkeypatch.context() as patch:
        patch.setattr(world.control, "reserve", reserve)
        assert world.put("m", priority=priority) == []
    row = world.row("m")
    assert (world.meta.asked, row.due, row.act, row.attempt) == ([], world.clock() + 5, 0, 0)
    world.serve()
    assert world.meta.asked == ["m"]


def test_a_doubt_survives_the_wait_for_a_slot() -> None:
    world = limited(rate=1, burst=1, critical_share=0)
    world.meta.script = [lost_answer()]
    world.put("m")
    world.clock.advance(59)
    world.put(*names(20))
    world.serve(5.0)
    row = world.row("m")
    assert row.slot
    assert (row.status, len(row.doubts)) == (Status.IN_DOUBT, 1)
    world.serve()
    assert (world.status("m"), world.row("m").possible_duplicates) == (Status.SENT, 1)
    assert world.control.counted("possible") == 1


def test_a_message_whose_time_passes_while_it_waits_for_a_slot_is_not_sent() -> None:
    world = limited(rate=0.5, burst=1, critical_share=0)
    expires = format_instant(world.clock() + 1.9)
    world.put("first", "second", expires_at=expires)
    assert world.meta.asked == ["first"]
    assert (world.status("second"), world.row("second").attempt) == (Status.EXPIRED, 0)


def test_an_operators_rate_counts_from_the_very_batch_that_learns_of_it() -> None:
    world = limited(rate=10, burst=1, critical_share=0)
    began = world.clock()
    world.control.set_to = SetRate(2.0, began + 600)
    world.put(*names(5))
    slots = sorted(world.row(name).slot or 0.0 for name in names(5) if world.row(name).slot)
    assert world.control.tats["whatsapp"] - began == pytest.approx(5 / 2, abs=0.15)
    assert all(second - first == pytest.approx(0.5) for first, second in pairwise(slots))


def test_an_operators_rate_ends_by_itself() -> None:
    world = limited(rate=10, burst=1, critical_share=0)
    world.control.limit(SetRate(2.0, world.clock() + 60))
    world.clock.now += 60
    world.control.writes.clear()
    world.put(*names(5))
    assert world.control.writes["whatsapp"] <= 2, "nothing is reserved twice"
    assert world.control.tats["whatsapp"] - world.clock() <= 0.5
