"""The whole batch: the order of the steps, what is acknowledged, detection, wake-ups, headers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifeline.contract.scopes import template_scope
from lifeline.domain.message.row import Lane
from lifeline.domain.message.status import Status
from lifeline.use_cases.shared.wake import ROUNDS

from tests.support.memory import Died, Fault
from tests.support.sending import (
    DEVICE,
    MAIL,
    REJECTED_TEMPLATE,
    World,
    answer,
    lost_answer,
    refused_connection,
)
from tests.support.services import instead

BOTH = {"push_endpoint": DEVICE, "email": MAIL}


def test_an_empty_batch_is_nothing() -> None:
    world = World()
    assert world.batch() == []
    assert world.ledger.rows == {}


def test_the_steps_come_in_their_order() -> None:
    world = World()
    seen: list[str] = []
    write = world.ledger.write

    def noted(changes: Any, now: float) -> Any:
        if changes:
            seen.append(
                "write " + " ".join(str(change.after.phase or change.after.status) for change in changes)
            )
        return write(changes, now)

    instead(world.ledger, write=noted)
    world.meta.before = lambda name: seen.append("send")
    world.push.after = lambda name: seen.append("push")
    world.meta.script = [answer(190, 401)]
    world.put("m", recipient=BOTH)
    assert seen == ["write sending", "send", "write falling_back", "push", "write PUSHED"]


# --- detection -------------------------------------------------------------------------------------------


def test_a_failing_batch_trips_panic_with_one_write_to_the_window() -> None:
    world = World()
    writes: list[object] = []
    real = world.control.record_outcomes

    def counted(*given: Any) -> object:
        writes.append(given)
        return real(*given)

    instead(world.control, record_outcomes=counted)
    names = [f"m{number}" for number in range(30)]
    world.meta.of = {name: answer(131000, 500) for name in names[::2]}
    world.put(*names)
    assert world.control.flag("whatsapp").blocks_sending
    assert len(writes) == 1


def test_auth_trips_at_once() -> None:
    world = World()
    world.meta.script = [answer(190, 401)]
    world.put("m")
    flag = world.control.flag("whatsapp")
    assert (flag.blocks_sending, flag.cause) == (True, "auth")


def test_connection_failures_in_a_row_trip_over_batches() -> None:
    world = World()
    world.meta.script = [refused_connection()] * 5
    for number in range(5):
        assert not world.control.flag("whatsapp").blocks_sending
        world.put(f"m{number}")
    assert world.control.flag("whatsapp").blocks_sending


@pytest.mark.parametrize("code", [131026, 132000])
def test_failures_of_people_and_messages_never_trip(code: int) -> None:
    world = World()
    names = [f"m{number}" for number in range(60)]
    world.meta.of = dict.fromkeys(names, answer(code))
    world.put(*names)
    assert not world.control.flag("whatsapp").blocks_sending


@pytest.mark.parametrize("more", [{"priority": "bulk"}, {"category": "promotion"}])
def test_a_refused_promotion_is_told_to_marketing(more: dict[str, str]) -> None:
    world = World()
    world.meta.script = [answer(REJECTED_TEMPLATE)]
    world.put("m", type="template", template={"name": "promo", "language": "en_US"}, **more)
    told = [item for item in world.notices.told if item["data"]["event"] == "promotions_affected"]
    assert [item["audience"] for item in told] == [("marketing",)]
    assert world.control.flag(template_scope("promo")).blocks_sending


def test_a_window_that_cannot_be_written_holds_up_no_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    monkeypatch.setattr(world.control, "record_outcomes", lambda *given: 1 / 0)
    assert world.put("m") == []
    assert world.status("m") is Status.SENT


# --- wake-ups --------------------------------------------------------------------------------------------


def test_who_waits_shortly_is_woken_for_and_others_are_left_to_the_tick() -> None:
    world = World()
    world.meta.of = {"soon": answer(131000, 500), "doubt": lost_answer()}
    world.put("soon", "doubt")
    world.put("later", send_after="2026-12-24T08:00:00Z")
    assert world.woken == [("soon", 2), ("doubt", 60)]


def test_after_many_rounds_only_the_tick_wakes() -> None:
    world = World()
    world.meta.of = {"m": answer(131056)}
    world.put("m")
    for _ in range(20):
        row = world.row("m")
        if row.rounds >= ROUNDS or row.lane != Lane.TIMER:
            break
        world.clock.now = row.due or 0.0
        world.wake("m")
    assert len([name for name, _ in world.woken if name == "m"]) <= ROUNDS


def test_wake_ups_that_sqs_does_not_take_cost_nothing() -> None:
    world = World()
    world.queues.broken.add("queue/wake")
    world.meta.script = [answer(131000, 500)]
    assert world.put("m") == []
    world.serve()
    assert world.status("m") is Status.SENT


# --- the rest --------------------------------------------------------------------------------------------


def test_headers_are_kept_after_a_batch_that_sent_and_not_after_others() -> None:
    world = World()
    world.put("a")
    assert world.meta.usage_reads == 1
    world.batch(world.raw("{}"))
    world.trip()
    world.put("b")
    assert world.meta.usage_reads == 1


def test_a_batch_says_what_it_did() -> None:
    world = World()
    world.put("a", "b")
    (line,) = [fields for _, event, fields in world.log.lines if event == "batch done"]
    assert line == {"records": 2, "sent": 2, "statuses": {"SENT": 2}, "back": 0}


POINTS = {
    "ledger.write.before": [Fault.LOSE, Fault.LATE, Fault.DIE],
    "ledger.write.after": [Fault.LOSE, Fault.DIE],
    "ledger.write.statement": [Fault.FAIL, Fault.LOSE],
    "ledger.read": [Fault.FAIL, Fault.DIE],
    "queues.send.before": [Fault.LOSE],
}
FAULTS = st.dictionaries(st.sampled_from(sorted(POINTS)), st.lists(st.integers(0, 3), max_size=8), max_size=3)


@given(
    faults=FAULTS,
    answers=st.lists(st.sampled_from(["ok", "lost", "passing", "undeliverable", "auth"]), max_size=6),
    in_panic=st.booleans(),
    backwards=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_whatever_goes_wrong_each_message_is_accounted_for_and_no_telling_is_uncounted(
    faults: dict[str, list[int]], answers: list[str], in_panic: bool, backwards: bool
) -> None:
    world = World()
    if in_panic:
        world.trip()
    for point, draws in faults.items():
        known = POINTS[point]
        world.faults.add(point, *(known[draw] if draw < len(known) else None for draw in draws))
    made: dict[str, Any] = {
        "ok": None,
        "lost": lost_answer(),
        "passing": answer(131000, 500),
        "undeliverable": answer(131026),
        "auth": answer(190, 401),
    }
    world.meta.script = [made[name] for name in answers]
    records = [
        world.record("a", recipient={"email": MAIL}, priority="critical"),
        world.record("b", recipient={"push_endpoint": DEVICE}),
        world.record("b", recipient={"push_endpoint": DEVICE}),
        world.record("c"),
        world.raw("{"),
    ]
    names = {"a", "b", "c"}

    def accounted() -> None:
        waiting = "".join(item.body for item in world.unacknowledged.values())
        for name in names:
            row = world.ledger.rows.get(name)
            assert (row is not None and row.accounted) or f'"{name}"' in waiting, name

    for step in range(6):
        try:
            if step:
                world.again(backwards=backwards)
            else:
                world.batch(*records)
            accounted()
            world.serve(120.0)
        except Died:
            world.deliver = world.worker()
        accounted()
    world.faults.clear()
    for _ in range(3):
        world.again()
        world.serve()
        accounted()
    assert world.unacknowledged == {}
    for name in names:
        row, told = world.row(name), world.told(name)
        assert not row.open or row.status is Status.PARKED, row.status
        reached = world.meta.accepted.count(name) + world.email.asked.count(name)
        reached += name in world.push.asked  # of several the device shows one
        assert row.reached <= bool(reached)
        assert reached - 1 - (row.escalated > 0) <= row.possible_duplicates, told
