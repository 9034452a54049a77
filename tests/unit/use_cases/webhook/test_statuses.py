"""Status updates: rows move by what they prove, in any order, and every failure stands on the agenda."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.contract.scopes import WHATSAPP as WHATSAPP_SCOPE
from lifeline.contract.scopes import template_scope
from lifeline.domain.message.proof import prove
from lifeline.domain.message.row import (
    WHATSAPP,
    Doubt,
    Lane,
    Mark,
    Phase,
    Row,
    Watch,
    parked,
    waiting,
)
from lifeline.domain.message.status import Status
from lifeline.domain.panic.entering import enable
from lifeline.domain.panic.flag import By, State
from lifeline.errors import UnavailableError

from tests.support.memory import Died, Fault
from tests.support.meta import failed, post, status, statuses
from tests.support.statuses import EMAILED, PUSHED
from tests.support.webhooks import WAKE, World


@pytest.fixture
def world() -> World:
    return World()


def in_doubt(world: World, name: str = "a", *acts: int, **values: Any) -> Row:
    acts = acts or (1,)
    doubts = tuple(Doubt(act, WHATSAPP, world.clock.now - 20 + act) for act in acts)
    row = world.sent(name, Status.CLAIMED, act=max(acts), doubts=doubts, wamid=None)
    return world.ledger.put(replace(waiting(row, world.clock.now + 40), **values))


def test_statuses_move_rows_and_repetitions_write_nothing(world: World) -> None:
    world.sent("a")
    words = ("sent", "delivered", "read")
    assert world.statuses(*(status("a", word, act=1) for word in words)) == 200
    assert world.status_of("a") is Status.READ
    rev = world.row("a").rev
    assert world.statuses(*(status("a", word, act=1) for word in ("delivered", "sent", "played"))) == 200
    assert world.row("a").rev == rev
    assert not world.woken


def test_a_status_before_our_own_write_settles_the_row(world: World) -> None:
    world.sent("a", Status.CLAIMED, phase=Phase.SENDING, wamid=None)
    assert world.statuses(status("a", "sent", act=1, wamid="wamid.X")) == 200
    row = world.row("a")
    assert (row.status, row.wamid, row.phase, row.via) == (Status.SENT, "wamid.X", None, 1)
    assert world.control.counted("o|SENT|normal|-|-") == 1


@pytest.mark.parametrize("state", ["sent", "delivered", "read"])
def test_any_status_settles_a_doubt(world: World, state: str) -> None:
    in_doubt(world)
    assert world.statuses(status("a", state, act=1)) == 200
    row = world.row("a")
    assert (row.status, row.doubts, row.lane) == (Status(state.upper()), (), None)
    assert ("PossibleDuplicates", "whatsapp") not in world.log.metrics
    assert world.statuses(status("a", state, act=1)) == 200
    assert world.control.counted(f"o|{state.upper()}|normal|-|-") == 1, "whoever ends it counts it"
    assert world.log.metrics[("Outcomes", state.upper())] == 1


def test_a_status_of_an_act_never_claimed_does_nothing(world: World) -> None:
    row = in_doubt(world)
    assert world.statuses(status("a", "delivered", act=2), failed("a", 131026, act=7)) == 200
    assert world.row("a") == row


def test_a_status_without_a_tag_is_of_the_only_act_or_of_the_wamid(world: World) -> None:
    world.sent("a")
    world.sent("b", act=2, via=2)
    assert world.statuses(status("a", "delivered"), status("b", "delivered", wamid="wamid.b")) == 200
    assert {world.status_of("a"), world.status_of("b")} == {Status.DELIVERED}
    world.sent("c", act=2, via=2)
    assert world.statuses(failed("c", 131026, wamid="wamid.first")) == 200
    assert world.status_of("c") is Status.SENT, "which send that was is not known"


def test_a_row_of_version_1_takes_its_fallback(world: World) -> None:
    world.sent("a", act=0, via=0, way=None)
    world.sent("b", act=0, via=0, way=None)
    assert world.statuses(failed("a", 131026), status("b", "delivered")) == 200
    assert (world.status_of("a"), world.row("a").lane) == (Status.FAILED, Lane.TIMER)
    assert world.status_of("b") is Status.DELIVERED


def test_unknown_messages_and_unknown_states_are_counted(world: World) -> None:
    world.sent("a")
    entries = [
        status("nobody", "sent", act=1),
        status(None, "read"),
        status("a", "deleted", act=1),
        status("a", "new_word", act=1),
    ]
    assert world.statuses(*entries) == 200
    assert world.log.metrics[("StatusUpdates", "unknown_message")] == 2
    assert world.log.metrics[("StatusUpdates", "other")] == 2
    assert world.status_of("a") is Status.SENT


# --- Failures ------------------------------------------------------------------------------------------


def test_a_failure_and_its_fallback_are_one_write(world: World) -> None:
    before = world.sent("a")
    assert world.statuses(failed("a", 131026, act=1)) == 200
    row = world.row("a")
    assert row.rev == before.rev + 1
    assert (row.status, row.phase, row.lane, row.due) == (
        Status.FAILED,
        Phase.WAITING,
        Lane.TIMER,
        world.clock.now,
    )
    assert (row.cause, row.code, row.later, row.via) == ("undeliverable", 131026, False, 0)
    assert world.woken == [("a", 0)]
    assert world.control.flag(WHATSAPP_SCOPE).state is State.NORMAL
    assert any("131026" in note for note in row.trail.values())


def test_a_wake_up_that_is_lost_costs_nothing_but_time(world: World) -> None:
    world.sent("a")
    world.queues.broken.add(WAKE)
    assert world.statuses(failed("a", 131026, act=1)) == 200
    assert (world.row("a").lane, world.row("a").due) == (Lane.TIMER, world.clock.now)


def test_a_passing_failure_is_tried_again_after_a_delay(world: World) -> None:
    world.sent("a")
    assert world.statuses(failed("a", 130429, act=1)) == 200
    row = world.row("a")
    assert (row.status, row.later, row.lane) == (Status.FAILED, True, Lane.TIMER)
    assert row.due == world.clock.now + 2.0
    assert world.woken == [("a", 2)]


@pytest.mark.parametrize("scope", [WHATSAPP_SCOPE, template_scope("promo")])
def test_in_panic_a_passing_failure_is_looked_at_once_more_now(world: World, scope: str) -> None:
    world.panic.change(
        scope, lambda flag: enable(flag, By("me", "operator", "r", world.clock.now), new_incident_id="i")
    )
    world.sent("a", template="promo", type="template")
    assert world.statuses(failed("a", 130429, act=1)) == 200
    assert (world.row("a").due, world.row("a").later) == (world.clock.now, True)


def test_flags_that_cannot_be_read_hold_up_no_failure(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise UnavailableError("DynamoDB", "x", "y")

    monkeypatch.setattr(world.control, "flags", broken)
    world.sent("a")
    assert world.statuses(failed("a", 131026, act=1)) == 200
    assert world.row("a").lane == Lane.TIMER


def test_a_failure_without_a_reason_still_reaches_the_person(world: World) -> None:
    world.sent("a")
    assert world.statuses(status("a", "failed", act=1)) == 200
    assert world.status_of("a") is Status.FAILED
    assert world.woken == [("a", 0)]


def test_held_message_whose_template_is_refused_takes_its_fallback(world: World) -> None:
    world.sent("a", Status.HELD, template="promo", type="template")
    assert world.statuses(failed("a", 132015, act=1)) == 200
    assert world.status_of("a") is Status.FAILED
    assert world.woken == [("a", 0)]
    assert world.control.flag(template_scope("promo")).state is State.PANIC
    assert world.control.flag(WHATSAPP_SCOPE).state is State.NORMAL


@pytest.mark.parametrize("done", [PUSHED, EMAILED, Status.REJECTED, Status.EXPIRED])
def test_a_failure_after_the_fallback_changes_nothing(world: World, done: Status) -> None:
    before = world.sent("a", done, act=2, way="push", via=2)
    assert world.statuses(failed("a", 131026, act=1)) == 200
    assert world.row("a") == before


def test_a_parked_message_waits_on_when_its_doubted_send_failed(world: World) -> None:
    row = world.ledger.put(parked(in_doubt(world), Lane.NORMAL, world.clock.now))
    assert world.statuses(failed("a", 131026, act=1)) == 200
    after = world.row("a")
    assert (after.status, after.lane, after.due, after.doubts) == (
        Status.PARKED,
        Lane.NORMAL,
        row.due,
        (),
    )
    assert not world.woken


def test_a_failed_row_whose_fallback_found_no_way_stays(world: World) -> None:
    before = world.sent("a", Status.FAILED)
    assert world.statuses(failed("a", 131026, act=1)) == 200
    assert world.row("a") == before


def test_a_delivery_wins_over_a_failure_unless_the_fallback_was_taken(world: World) -> None:
    world.sent("a")
    world.sent("b", PUSHED, act=2, way="push", via=2)
    assert world.statuses(failed("a", 131026, act=1)) == 200
    assert world.statuses(status("a", "delivered", act=1), status("b", "delivered", act=1)) == 200
    assert world.status_of("a") is Status.DELIVERED
    assert (world.status_of("b"), world.row("b").duplicates) == (PUSHED, (1,))


def test_a_failure_of_a_replaced_attempt_changes_nothing(world: World) -> None:
    before = world.sent("a", act=2, via=2)
    assert world.statuses(failed("a", 131000, act=1)) == 200
    assert world.row("a") == before


def test_a_fallback_under_way_is_overtaken_and_becomes_a_doubt(world: World) -> None:
    world.sent("a", Status.CLAIMED, phase=Phase.FALLING_BACK, way="push", act=2)
    assert world.statuses(status("a", "delivered", act=1)) == 200
    row = world.row("a")
    assert (row.status, row.via, [doubt.act for doubt in row.doubts]) == (Status.DELIVERED, 1, [2])
    assert world.control.counted("possible") == 1


# --- Duplicates ----------------------------------------------------------------------------------------


def test_possible_and_proven_duplicates_are_counted_once(world: World) -> None:
    in_doubt(world, "a", 1, 2)
    for _ in range(3):
        assert world.statuses(status("a", "sent", act=2)) == 200
    assert world.control.counted("possible") == 1
    assert world.log.metrics[("PossibleDuplicates", "whatsapp")] == 1
    assert world.control.counted("duplicate") == 0
    for _ in range(3):
        assert world.statuses(status("a", "delivered", act=1)) == 200
    assert world.control.counted("duplicate") == 1
    assert world.log.metrics[("Duplicates", "whatsapp")] == 1
    assert world.row("a").possible_duplicates == 1


# --- Trouble -------------------------------------------------------------------------------------------


def test_a_ledger_that_does_not_answer_keeps_everything_at_meta(world: World) -> None:
    world.sent("a")
    world.ledger.broken = True
    assert world.statuses(status("a", "delivered", act=1)) == 503
    world.ledger.broken = False
    assert world.statuses(status("a", "delivered", act=1)) == 200
    assert world.status_of("a") is Status.DELIVERED


class Once:
    """The given fault at the given points, so many times."""

    def __init__(self, point: str, fault: Fault, times: int = 1) -> None:
        self.point, self.fault, self.times = point, fault, times

    def at(self, point: str) -> Fault | None:
        if point != self.point or not self.times:
            return None
        self.times -= 1
        return self.fault


def test_an_answer_that_is_lost_is_found_again(world: World) -> None:
    world.sent("a")
    world.ledger.faults = Once("ledger.write.after", Fault.LOSE)
    assert world.statuses(failed("a", 131026, act=1)) == 200
    assert world.woken == [("a", 0)]
    assert world.control.counted("e|undeliverable|131026") == 1


def test_a_write_without_any_answer_is_asked_for_again(world: World) -> None:
    world.sent("a")
    world.ledger.faults = Once("ledger.write.before", Fault.FAIL, 2)
    assert world.statuses(failed("a", 131026, act=1)) == 503
    assert world.statuses(failed("a", 131026, act=1)) == 200
    assert world.row("a").lane == Lane.TIMER


def test_a_lost_race_is_decided_anew(world: World) -> None:
    row = world.sent("a", Status.CLAIMED, phase=Phase.SENDING, wamid=None)
    world.ledger.before_write.append(
        lambda: world.ledger.put(
            replace(row, status=Status.SENT, rev=row.rev + 1, phase=None, via=1, wamid="wamid.a")
        )
    )
    assert world.statuses(failed("a", 131026, act=1)) == 200
    assert (world.status_of("a"), world.row("a").wamid) == (Status.FAILED, "wamid.a")
    assert world.woken == [("a", 0)]


def test_a_row_that_never_rests_comes_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.sent("a")
    world.sent("b")
    write = world.ledger.write

    def stirred(changes: Sequence[Any], now: float) -> Any:
        world.ledger.put(replace(world.row("a"), rev=world.row("a").rev + 1))
        return write(changes, now)

    monkeypatch.setattr(world.ledger, "write", stirred)
    assert world.statuses(status("a", "delivered", act=1), status("b", "delivered", act=1)) == 503
    assert world.status_of("b") is Status.DELIVERED, "the others of the POST are done"
    monkeypatch.undo()
    assert world.statuses(status("a", "delivered", act=1)) == 200
    assert world.status_of("a") is Status.DELIVERED


def test_one_update_that_raises_concerns_itself_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def picky(row: Row, *arguments: Any) -> Row:
        if row.id == "bad":
            raise RuntimeError("a bug")
        return prove(row, *arguments)

    monkeypatch.setattr("lifeline.use_cases.webhook.statuses.prove", picky)
    world.sent("bad")
    world.sent("good")
    entries = [
        status("bad", "delivered", act=1),
        status("good", "delivered", act=1),
        failed("bad", 131026, act=1),
    ]
    assert world.statuses(*entries) == 200
    assert world.status_of("good") is Status.DELIVERED
    assert world.status_of("bad") is Status.FAILED, "its other updates are taken"
    assert world.log.metrics[("WebhookFaults", "whatsapp")] == 1
    assert ("exception", "a report could not be taken", {"message_id": "bad"}) in world.log.lines


@pytest.mark.parametrize("method", ["read", "write"])
def test_one_row_that_cannot_be_handled_concerns_itself_alone(
    world: World, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    real = getattr(world.ledger, method)

    def picky(items: Any, *arguments: Any) -> Any:
        names = [getattr(getattr(item, "before", None), "id", item) for item in items]
        if "bad" in names:
            raise ValueError("not to be stored")
        return real(items, *arguments)

    monkeypatch.setattr(world.ledger, method, picky)
    world.sent("bad")
    world.sent("good")
    assert world.statuses(status("bad", "read", act=1), status("good", "read", act=1)) == 200
    assert (world.status_of("bad"), world.status_of("good")) == (Status.SENT, Status.READ)
    assert world.log.metrics[("WebhookFaults", "whatsapp")] == 1


def test_a_row_of_another_version_is_left_to_it(world: World) -> None:
    before = world.sent("a", Status.CLAIMED, phase="teleporting")
    world.sent("b")
    assert world.statuses(status("a", "delivered", act=1), status("b", "delivered", act=1)) == 503
    assert world.row("a") == before
    assert world.status_of("b") is Status.DELIVERED
    assert world.log.metrics[("LeftAlone", "whatsapp")] == 1


def test_counters_that_cannot_be_written_do_not_repeat_the_post(world: World) -> None:
    world.sent("a")
    assert world.statuses(status("a", "sent", act=1)) == 200
    world.control.broken = True
    assert world.statuses(status("a", "delivered", act=1)) == 200
    assert world.status_of("a") is Status.DELIVERED


# --- Any order, any repetition -------------------------------------------------------------------------

WORDS = ["sent", "delivered", "read", "played", "failed", "deleted", "novel"]


@given(
    words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=8),
    cuts=st.lists(st.booleans(), min_size=8, max_size=8),
    seed=st.randoms(use_true_random=False),
    start=st.sampled_from([Status.SENT, Status.IN_DOUBT, Status.HELD, Status.CLAIMED]),
)
def test_any_order_with_duplicates_ends_the_same(
    words: list[str], cuts: list[bool], seed: random.Random, start: Status
) -> None:
    ends = []
    for arrangement in range(3):
        world = World()
        if start is Status.IN_DOUBT:
            in_doubt(world)
        else:
            world.sent("a", start, phase=Phase.SENDING if start is Status.CLAIMED else None)
        order = [word for word in words for _ in range(1 + arrangement)]
        if arrangement:
            seed.shuffle(order)
        parcels: list[list[str]] = [[]]
        for word, cut in zip(order, itertools.cycle(cuts)):
            parcels[-1].append(word)
            if cut:
                parcels.append([])
        for parcel in parcels:
            entries = [
                failed("a", 131026, act=1) if word == "failed" else status("a", word, act=1)
                for word in parcel
            ]
            assert world.statuses(*entries) == 200
        ends.append(world.status_of("a"))
        if world.status_of("a") is Status.FAILED:
            assert world.row("a").lane == Lane.TIMER, "a failure off the agenda reaches nobody"
            assert world.woken == [("a", 0)], "one failure, one wake-up"
    assert len(set(ends)) == 1
    goals = {
        "read": Status.READ,
        "played": Status.READ,
        "delivered": Status.DELIVERED,
        "failed": Status.FAILED,
    }
    best = [goals[word] for word in ("read", "played", "delivered", "failed") if word in words]
    assert ends[0] is (best[0] if best else Status.SENT if "sent" in words else start)


def test_a_thousand_updates_in_three_megabytes(world: World) -> None:
    padding = "\u00e4" * 480
    for index in range(1000):
        world.sent(f"m{index}")
    entries = [
        failed(f"m{index}", 131026, act=1)
        if index % 10 == 0
        else status(f"m{index}", "delivered", act=1, note=padding)
        for index in range(1000)
    ]
    random.Random(7).shuffle(entries)
    raw = post(statuses(entries))
    assert 2_500_000 < len(raw) < 3_145_728
    for _ in range(2):
        assert world.hook(raw) == 200
    found = [world.status_of(f"m{index}") for index in range(1000)]
    assert found.count(Status.FAILED) == 100
    assert found.count(Status.DELIVERED) == 900
    assert sorted(name for name, _ in world.woken) == sorted(f"m{i}" for i in range(0, 1000, 10))


def test_what_only_counts_does_not_hide_what_must_come_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise TypeError("a bug")

    monkeypatch.setattr(world.control, "count", broken)
    in_doubt(world, "a", 1, 2)
    world.sent("b", Status.CLAIMED, phase="teleporting")
    assert world.statuses(status("a", "sent", act=2), status("b", "sent", act=1)) == 503
    assert world.status_of("a") is Status.SENT


@pytest.mark.parametrize("state", ["sent", "delivered", "read", "failed"])
@pytest.mark.parametrize("act", [None, 0, 1, 2])
def test_a_status_of_a_row_without_a_send_changes_nothing(world: World, state: str, act: int | None) -> None:
    """Parked by panic before its first send, or after a push that failed; nothing of both was at Meta."""
    fresh = world.sent("fresh", Status.PARKED, act=0, way=None, attempt=0, attempted_at=None, wamid=None)
    pushed = world.sent("pushed", Status.PARKED, act=1, aside=(1,), way=None, attempt=0, wamid=None)
    entries = [status(name, state, act=act, wamid="wamid.x") for name in ("fresh", "pushed")]
    assert world.statuses(*entries) == 200
    assert (world.row("fresh"), world.row("pushed")) == (fresh, pushed)


# --- producers are told ----------------------------------------------------------------------------------


def telling_world() -> World:
    return World(outcomes_topic="topic/outcomes")


def test_what_a_post_moved_is_told_before_it_is_answered() -> None:
    world = telling_world()
    world.sent("a")
    assert world.statuses(status("a", "sent", act=1), status("a", "delivered", act=1)) == 200
    assert world.outcome_topic.of("a") == ["DELIVERED"]
    (event,) = world.outcome_topic.events
    assert (event.via, event.sequence) == ("whatsapp", world.row("a").rev)
    assert world.row("a").lane is None


def test_a_post_whose_worker_died_is_told_when_it_comes_again() -> None:
    world = telling_world()
    world.sent("a")
    world.outcome_topic.script = [Died("before publishing")]
    with pytest.raises(Died):
        world.statuses(status("a", "delivered", act=1))
    assert world.statuses(status("a", "delivered", act=1)) == 200
    assert world.outcome_topic.of("a") == ["DELIVERED"]


def test_a_status_that_is_known_from_the_send_is_not_told_again() -> None:
    world = telling_world()
    mark = Mark(1, "SENT", world.clock(), Watch.QUEUE)
    world.sent("a", outcomes=(mark,))
    assert world.statuses(status("a", "sent", act=1)) == 200
    assert world.outcome_topic.events == []


def test_what_sns_does_not_take_of_a_post_stays_on_the_row() -> None:
    world = telling_world()
    world.sent("a")
    world.outcome_topic.script = [False]
    assert world.statuses(status("a", "read", act=1)) == 200
    row = world.row("a")
    assert (row.lane, row.onward, row.outcomes[0].owed) == (Lane.TIMER, "off", True)


def test_a_post_that_is_neither_told_nor_noted_comes_again() -> None:
    world = telling_world()
    world.sent("a")
    world.outcome_topic.script = [False]
    world.outcome_topic.before = lambda: setattr(world.ledger, "broken", True)
    assert world.statuses(status("a", "read", act=1)) == 503
    world.ledger.broken = False
    world.outcome_topic.before = lambda: None
    assert world.statuses(status("a", "read", act=1)) == 200
    assert world.outcome_topic.of("a") == ["READ"]
