"""Release: at the set rate, critical first, each message once; around panic, in quiet hours, at a limit."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.campaign.campaign import Campaign, CampaignState
from lifeline.domain.message.row import Change, Doubt, Lane
from lifeline.domain.message.status import Status
from lifeline.domain.pace.pace import LEAD, MARK, MINUTE, SPAN
from lifeline.domain.pace.quiet import QuietHours
from lifeline.domain.pace.records import DrainRate, DrainState
from lifeline.domain.panic.detection import Bucket, Window
from lifeline.domain.panic.flag import FLAG_CACHE_SECONDS
from lifeline.errors import UnavailableError
from lifeline.settings import Limiter

from tests.support.memory import Fault
from tests.support.services import instead
from tests.support.statuses import PUSHED
from tests.support.ticking import OnceAt, World


def at_rate(world: World, rate: float) -> World:
    """The ramp stands at ``rate``."""
    state = DrainState(rate=rate, stepped_at=world.clock())
    world.control.keep(state, actor="test", reason="", now=0.0)
    return world


# --- What a release is -------------------------------------------------------------------------------------


def test_a_released_message_is_due_on_the_timer_lane_and_woken_for() -> None:
    world = World()
    world.park("a", age=10)
    world.park("doubted", age=5, act=1, doubts=(Doubt(1, "whatsapp", world.clock() - 50),))
    assert world.run()["released"] == {"normal": 2}
    row = world.ledger.rows["a"]
    assert (row.status, row.phase, row.lane, row.drained) == (Status.CLAIMED, "waiting", Lane.TIMER, True)
    assert world.ledger.rows["doubted"].status is Status.IN_DOUBT
    assert set(world.woken) == {"a", "doubted"}
    assert world.log.metrics["Released", "normal"] == 2


def test_the_oldest_leaves_first_and_critical_before_normal_before_bulk() -> None:
    world = World(rate=0.5, page=1)
    for priority in ("bulk", "normal", "critical"):
        world.park_many(20, priority, priority)
    for _ in range(4):
        world.run()
        world.pass_time()
    order = [name.rstrip("0123456789") for name, _ in world.sent]
    assert order == sorted(order, key=["critical", "normal", "bulk"].index)
    assert len(set(order)) == 3
    critical = [int(name.removeprefix("critical")) for name, _ in world.sent if name.startswith("critical")]
    assert critical == sorted(critical)


def test_the_rate_doubles_each_minute_and_is_held() -> None:
    world = World(page=10_000)
    world.park_many(3000)
    for _ in range(7):
        world.run()
        world.pass_time()
    per_minute = Counter(int((at - world.sent[0][1]) // 60) for _, at in world.sent)
    assert [per_minute[minute] for minute in range(3)] == pytest.approx([60, 120, 240], abs=10)
    assert per_minute[5] == pytest.approx(600, abs=10)
    assert max(Counter(at for _, at in world.sent).values()) <= 11


def test_rate_0_holds_and_a_new_ceiling_counts_within_a_minute() -> None:
    world = World(rate=0)
    world.park_many(40)
    assert world.released() == 0
    world.control.keep(DrainRate(500.0), actor="ada", reason="go", now=world.clock())
    world.clock.advance(60)
    assert world.released() == 40


def test_a_slow_rate_is_exact_over_minutes() -> None:
    world = World(rate=0.2)
    world.park_many(100)
    for _ in range(10):
        world.run()
        world.pass_time()
    assert len(world.sent) == pytest.approx(120, abs=1) or world.waiting == set()
    gaps = [b - a for (_, a), (_, b) in zip(world.sent, world.sent[1:], strict=False)]
    assert min(gaps) >= 4


def test_nothing_waits_and_the_next_backlog_starts_at_the_bottom() -> None:
    world = at_rate(World(), 8.0)
    assert world.run()["why"] == "nothing waits"
    assert world.rate == 0.0


def test_live_traffic_goes_first() -> None:
    world = at_rate(World(rate=50, limiter=Limiter(rate=40, burst=1, critical_share=0)), 50.0)
    world.park_many(5000)
    minute = int(world.clock() // 60) * 60 - 60
    world.control.minutes[minute] = Counter({"acc": 1800 + 600, "drained": 600})
    assert world.released() == 75 * (40 - 30)


@pytest.mark.slow
def test_60_000_leave_in_one_minute() -> None:
    world = World(limiter=Limiter(rate=1000, burst=1000, critical_share=0), page=100_000)
    world.control.keep(DrainRate(1000.0), actor="ada", reason="go", now=world.clock())
    at_rate(world, 1000.0)
    world.control.marks[MARK] = world.clock() + LEAD
    world.park_many(61_000)
    assert world.released() == 60_000
    per_second = Counter(int(due) for due in world.dues())
    assert set(per_second.values()) <= {999, 1000, 1001}


# --- Bulk --------------------------------------------------------------------------------------------------


def bulk_world(normal: int) -> World:
    """Some normal and much bulk at the operator's 10/s; the limiter gives bulk 3/s."""
    world = at_rate(World(limiter=Limiter(rate=30, bulk_share=0.1)), 10.0)
    world.park_many(normal)
    world.park_many(900, "bulk", "b")
    return world


def test_bulk_alone_leaves_at_its_share() -> None:
    world = bulk_world(normal=0)
    assert world.run()["released"] == {"bulk": 3 * 75}
    assert max(Counter(int(due + 0.01) for due in world.dues()).values()) <= 4


def test_bulk_has_the_time_that_others_leave() -> None:
    world = bulk_world(normal=300)
    released = world.run()["released"]
    assert released == {"normal": 300, "bulk": 3 * 45}
    dues = world.dues()
    assert dues[:300] == pytest.approx([number / 10 for number in range(300)], abs=0.01)
    assert dues[300] == pytest.approx(30, abs=0.01)


# --- Panic -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ramp", [True, False])
def test_a_plan_made_before_panic_was_left_holds_nobody_up(ramp: bool) -> None:
    world = World()
    world.park_many(3)
    world.blocked()
    world.control.marks[MARK] = world.clock() - 10 + SPAN + LEAD
    world.clock.advance(5)
    world.freed(ramp=ramp)
    assert world.released() == 3


def test_a_plan_made_after_it_stands() -> None:
    world = World()
    world.park_many(3)
    world.blocked()
    world.freed()
    world.clock.advance(3)
    world.control.marks[MARK] = world.clock() + SPAN + LEAD
    assert world.released() == 0


def test_the_first_message_leaves_when_no_worker_remembers_panic() -> None:
    world = World()
    world.park_many(3)
    world.blocked()
    world.freed(ramp=False)
    assert world.released() == 3
    assert min(world.dues()) >= FLAG_CACHE_SECONDS
    assert min(world.delays) >= FLAG_CACHE_SECONDS


def test_in_panic_nothing_leaves_and_a_tick_that_recovery_starts_does_not_remember_it() -> None:
    world = World()
    world.park_many(3)
    world.park("late", age=99, expires_at=world.clock() - 1)
    world.blocked()
    assert world.run()["why"] == "panic"
    assert len(world.waiting) == 4, "what expired waits as well"
    world.clock.advance(0.2)
    world.freed()
    assert world.released() == 3


# --- Rate limits -------------------------------------------------------------------------------------------


def draining() -> World:
    """A backlog that has been leaving for a minute, at 2/s by now."""
    world = World()
    world.park_many(900)
    world.run()
    assert world.rate == 2.0
    return world


def limited(world: World, count: int) -> None:
    """Meta says "too many" in this part of the window, ``count`` times so far."""
    start = int(world.clock() // 10) * 10
    world.control.windows[WHATSAPP] = Window((Bucket(start, ok=20, failed={"rate_limit": count}),))


def test_an_answer_halves_the_next_plan_without_waiting_for_its_minute() -> None:
    world = draining()
    world.clock.advance(10)
    limited(world, 1)
    assert world.released() == 10 * 1
    assert world.rate == 1.0


def test_the_same_answer_halves_once_and_one_more_halves_again() -> None:
    world = draining()
    world.clock.advance(10)
    limited(world, 1)
    world.run()
    world.clock.advance(2)
    world.run()
    assert world.rate == 1.0
    limited(world, 2)
    world.clock.advance(2)
    world.run()
    assert world.rate == 0.5


def test_clean_minutes_lead_up_again() -> None:
    world = draining()
    world.clock.advance(10)
    limited(world, 1)
    world.run()
    for _ in range(2):
        world.clock.advance(MINUTE)
        world.run()
    assert world.rate == 4.0


def test_what_led_to_panic_does_not_slow_the_way_back() -> None:
    clean, after = World(), World()
    for world in (clean, after):
        world.park_many(900)
    limited(after, 9)
    assert after.released() == clean.released()


# --- Expired, asleep ---------------------------------------------------------------------------------------


def test_what_expired_is_counted_once_and_takes_nobodys_turn() -> None:
    world = World(rate=1.0)
    for number in range(50):
        world.park(
            f"late{number}", age=900, expires_at=world.clock() - 1, category="promo", template="spring"
        )
    world.park_many(75)
    assert world.released() == 75
    assert world.control.counted("o|EXPIRED|normal|promo|spring") == 50
    assert world.log.metrics["Outcomes", "EXPIRED"] == 50
    assert world.log.metrics["ExpiredWaiting", "whatsapp"] == 50
    assert world.statuses()[Status.EXPIRED] == 50
    assert not {name for name in world.woken if name.startswith("late")}
    world.clock.advance(60)
    world.run()
    assert world.control.counted("o|EXPIRED|normal|promo|spring") == 50


def test_who_was_pushed_before_it_was_parked_as_well_counts_as_pushed_when_it_expires() -> None:
    world = World()
    world.park("late", age=9, expires_at=world.clock() - 1, tried="push, park", act=1, via=1)
    world.run()
    row = world.ledger.rows["late"]
    assert (row.status, row.lane, row.via) == (PUSHED, None, 1)
    assert world.control.counted("o|PUSHED|normal|-|-") == 1


def test_what_expires_before_its_second_is_not_released() -> None:
    world = World(rate=1.0)
    world.park_many(30)
    world.park("late", expires_at=world.clock() + 20)
    world.run()
    assert world.ledger.rows["late"].status is Status.EXPIRED


def test_an_entry_of_the_index_that_is_out_of_date_expires_nothing() -> None:
    world = World()
    row = world.park("a", age=9, expires_at=world.clock() - 1)
    next(iter(world.agenda.due(Lane.NORMAL, world.clock())))
    world.ledger.rows["a"] = replace(row, rev=row.rev + 1, status=Status.DELIVERED, lane=None, due=None)
    world.run()
    assert world.ledger.rows["a"].status is Status.DELIVERED
    assert world.control.counted("o|EXPIRED|normal|-|-") == 0


def test_where_rows_cannot_be_read_what_expired_stays_and_others_leave() -> None:
    world = World()
    world.park("late", age=9, expires_at=world.clock() - 1)
    world.park("good", age=5)
    world.faults.of = OnceAt(Fault.FAIL, 1, "ledger.read")
    assert world.released() == 1
    assert world.statuses()[Status.PARKED] == 1
    world.clock.advance(60)
    world.run()
    assert world.statuses() == {Status.EXPIRED: 1, Status.CLAIMED: 1}


def test_counters_that_cannot_be_written_cost_the_count_only() -> None:
    world = World()
    world.park("late", age=9, expires_at=world.clock() - 1, campaign="spring")
    world.campaigns.create(Campaign("spring", CampaignState.RUNNING, "promo", 100, 0.0, 60.0))

    def fail(*_: object) -> None:
        raise UnavailableError("DynamoDB", "testing", "broken on purpose")

    instead(world.control, count=fail)
    world.run()
    assert world.ledger.rows["late"].status is Status.EXPIRED
    assert world.campaigns.items["spring"].counts == {"expired": 1}


def test_what_expires_shows_in_its_campaign_once() -> None:
    world = World()
    world.campaigns.create(Campaign("spring", CampaignState.RUNNING, "promo", 100, 1e12, 60.0))
    for number, campaign in enumerate(["spring", "spring", "another-label"]):
        world.park(f"c{number}", "bulk", age=9, expires_at=world.clock() - 5, campaign=campaign)
    world.park("reported", "bulk", age=9, expires_at=world.clock() - 5, campaign="spring", wamid="w")
    for _ in range(3):
        world.run()
        world.clock.advance(60)
    assert world.campaigns.items["spring"].counts == {"expired": 3, "sent": -1}
    assert world.statuses() == {Status.EXPIRED: 4}


def test_who_sleeps_keeps_the_place_and_takes_nobodys_turn() -> None:
    world = World(rate=1.0, quiet=QuietHours(0, 23.99))
    for number in range(50):
        world.park(f"asleep{number}", age=900, zones="Europe/Berlin")
    world.park("urgent", "critical", age=900, zones="Europe/Berlin")
    world.park("anywhere", age=900, zones="Mars/Olympus")
    world.park_many(30)
    assert world.released() == 32
    assert world.waiting == {f"asleep{number}" for number in range(50)}
    moved = {row.due for row in world.ledger.rows.values() if row.id in world.waiting}
    assert len(moved) == 1
    until = moved.pop()
    assert until is not None
    assert world.clock() < until
    assert world.agenda.count(Lane.NORMAL, world.clock()) == 0, "they are not looked at again before that"
    world.clock.now = until
    assert world.released() > 0


# --- Other writers -----------------------------------------------------------------------------------------


def test_two_planners_never_have_the_same_second() -> None:
    world = World()
    world.park_many(900)
    world.run()
    before = world.dues()
    assert world.run()["why"] == "another planner has this minute"
    assert world.dues() == before
    world.clock.advance(60)
    world.run()
    every = [row.due for row in world.ledger.rows.values() if row.drained]
    assert len(every) == len(set(every))


def test_a_planner_within_another_ones_write_takes_nothing_twice() -> None:
    world = World()
    world.park_many(900)
    inner: list[int] = []
    world.ledger.before_write.append(lambda: inner.append(world.released()))
    outer = world.released()
    assert inner == [0]
    assert outer == len(world.dues())


def test_of_two_planners_that_read_the_same_mark_one_has_the_minute() -> None:
    world = World()
    world.park_many(900)
    real = world.control.mark
    inner: list[int] = []

    def mark(name: str) -> float | None:
        seen = real(name)
        if not inner:
            inner.append(0)
            inner[0] = world.released()
        return seen

    instead(world.control, mark=mark)
    assert world.run()["why"] == "another planner has this minute"
    assert inner == [len(world.dues())]


def test_what_another_writer_ended_first_is_not_counted() -> None:
    world = World()
    row = world.park("late", age=9, expires_at=world.clock() - 1)
    done = replace(row, rev=7, status=Status.DELIVERED, lane=None, due=None)
    world.ledger.before_write.append(lambda: world.ledger.put(done))
    world.run()
    assert world.ledger.rows["late"].status is Status.DELIVERED
    assert world.log.metrics["Outcomes", "EXPIRED"] == 0


def test_a_row_that_somebody_else_moved_is_looked_at_once_more() -> None:
    world = World()
    for name in ("still", "gone", "done"):
        world.park(name, age=9)
    next(iter(world.agenda.due(Lane.NORMAL, world.clock())))

    def others() -> None:
        rows = world.ledger.rows
        rows["still"] = replace(rows["still"], rev=5)
        rows["done"] = replace(rows["done"], rev=5, status=Status.DELIVERED, lane=None, due=None)
        del rows["gone"]

    world.ledger.before_write.append(others)
    assert world.released() == 1
    assert set(world.woken) == {"still"}
    assert world.ledger.rows["still"].rev == 6
    assert world.ledger.rows["done"].status is Status.DELIVERED


def test_a_turn_that_was_lost_to_another_writer_is_the_next_ones() -> None:
    world = at_rate(World(rate=1.0), 1.0)
    world.park_many(600)

    def others() -> None:
        for number in range(10):
            row = world.ledger.rows[f"m{number}"]
            world.ledger.rows[row.id] = replace(row, rev=9, status=Status.DELIVERED, lane=None, due=None)

    world.ledger.before_write.append(others)
    assert world.released() == 75
    assert world.dues() == pytest.approx(list(range(75)), abs=0.01)


def test_a_write_without_an_answer_is_the_next_ticks() -> None:
    world = World()
    world.park_many(30)
    world.faults.of = Silent(4)
    assert world.released() == 5, "a call of 25 was not answered"
    assert len(world.waiting) + len(world.dues()) == 30
    world.faults.of = Silent(0)
    for _ in range(2):
        world.pass_time(60)
        world.run()
    world.pass_time(60)
    assert sorted(name for name, _ in world.sent) == sorted(f"m{number}" for number in range(30))


class Silent:
    """The first ``calls`` points around a write's answer lose it: it was carried out all the same."""

    def __init__(self, calls: int) -> None:
        self.calls = calls

    def at(self, point: str) -> Fault | None:
        if point != "ledger.write.after" or self.calls <= 0:
            return None
        self.calls -= 2
        return Fault.LOSE


def test_while_the_ledger_does_not_answer_the_tick_ends_and_is_seen_to_fail() -> None:
    world = World()
    world.park_many(2000)
    writes: list[int] = []
    real = world.ledger.write

    def silent(changes: list[Change], now: float) -> object:
        writes.append(len(changes))
        world.faults.of = AlwaysSilent()
        return real(changes, now)

    instead(world.ledger, write=silent)
    with pytest.raises(UnavailableError):
        world.run()
    assert len(writes) == 1
    instead(world.ledger, write=real)
    world.faults.of = Silent(0)
    world.clock.advance(60)
    assert world.released() > 0


class AlwaysSilent:
    def at(self, point: str) -> Fault | None:
        return Fault.LOSE if point == "ledger.write.before" else None


def test_without_the_control_table_nothing_moves() -> None:
    world = World()
    world.park_many(3)
    world.control.broken = True
    with pytest.raises(UnavailableError):
        world.run()
    assert len(world.waiting) == 3


def test_it_ends_in_time() -> None:
    world = at_rate(World(page=10_000), 10.0)
    world.park_many(700)
    left = iter([60.0] * 2 + [1.0] * 99)
    world.tick._lanes(lambda: next(left))
    assert 0 < len(world.dues()) <= 500
