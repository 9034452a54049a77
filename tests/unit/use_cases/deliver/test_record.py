"""Record: what follows from each answer; races with other writers; outcomes that are not written."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest
from lifeline.contract.scopes import template_scope
from lifeline.domain.account.records import TemplateMap
from lifeline.domain.fallback.policy import Policy
from lifeline.domain.message.row import Lane
from lifeline.domain.message.status import Status
from lifeline.domain.panic.flag import State
from lifeline.settings import Retry, Settings
from lifeline.use_cases.deliver.record import Record

from tests.support.memory import Fault
from tests.support.meta import failed, status
from tests.support.sending import (
    DEVICE,
    MAIL,
    REJECTED_TEMPLATE,
    UNDELIVERABLE,
    World,
    answer,
    lost_answer,
    refused_connection,
)
from tests.support.statuses import EMAILED, PUSHED

PUSH = {"push_endpoint": DEVICE}
REMINDER: Mapping[str, Any] = {
    "type": "template",
    "template": {"name": "reminder", "language": "en_US", "parameters": ["Ana"]},
}


# --- what follows from an answer -------------------------------------------------------------------------


def test_a_passing_failure_is_tried_again_with_growing_delays() -> None:
    world = World()
    world.meta.script = [answer(131000, 500)] * 3
    world.put("m", recipient=PUSH)
    world.serve()
    times = [item.at for item in world.meta.sent]
    assert [later - earlier for earlier, later in pairwise(times)] == [2.0, 4.0, 8.0]
    assert (world.status("m"), world.row("m").act, world.told("m")) == (Status.SENT, 4, ["whatsapp"] * 4)


def test_after_the_last_attempt_the_fallback_is_taken() -> None:
    world = World(Settings(retry=Retry(attempts=2)))
    world.meta.script = [answer(131000, 500)] * 9
    world.put("m", recipient=PUSH)
    world.serve()
    row = world.row("m")
    assert (len(world.meta.asked), row.status, row.cause) == (2, PUSHED, "unreachable")
    assert row.failed_at is not None


def test_a_try_that_would_come_after_the_deadline_is_a_fallback_now() -> None:
    world = World()
    world.meta.script = [answer(131000, 500)]
    expires = world.clock() + 1.5
    world.put("m", recipient=PUSH, expires_at="2026-09-21T14:13:21.500Z")
    assert expires == world.row("m").expires_at
    assert world.told("m") == ["whatsapp", "push"]


def test_a_pair_limit_waits_longer_each_time_for_that_person_alone() -> None:
    world = World()
    world.meta.of = {"m": answer(131056)}
    world.put("m", "other", recipient=PUSH)
    assert world.status("other") is Status.SENT
    world.serve()
    times = [item.at for item in world.meta.sent if item.id == "m"]
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert waits == [1.0, 4.0, 16.0, 64.0, 256.0]
    assert world.status("m") is PUSHED
    assert world.control.flag("whatsapp").state is State.NORMAL


@pytest.mark.parametrize(("recipient", "end"), [(PUSH, PUSHED), ({}, Status.FAILED)])
def test_a_person_whom_whatsapp_cannot_reach(recipient: Mapping[str, str], end: Status) -> None:
    world = World()
    world.meta.script = [answer(UNDELIVERABLE)]
    assert world.put("m", recipient=recipient) == []
    row = world.row("m")
    assert (row.status, row.cause, row.code, row.later) == (end, "undeliverable", UNDELIVERABLE, False)
    assert row.incident_id is None


def test_a_message_that_meta_refuses_waits_for_a_person() -> None:
    world = World()
    world.meta.script = [answer(132000)]
    assert world.put("m", recipient=PUSH) == []
    row = world.row("m")
    assert (row.status, row.lane, row.cause) == (Status.REJECTED, Lane.REFUSED, "bad_request")
    assert world.push.sent == []


def test_parked_after_a_send_that_failed_it_has_all_its_attempts_again() -> None:
    world = World()
    world.meta.script = [answer(190, 401)]
    assert world.put("m") == []
    row = world.row("m")
    assert (row.status, row.lane, row.attempt, row.cause) == (Status.PARKED, Lane.NORMAL, 0, "auth")
    assert row.incident_id == world.control.flag("whatsapp").incident_id


# --- templates that Meta refuses now ---------------------------------------------------------------------


def test_a_template_that_is_refused_now_goes_out_with_its_replacement() -> None:
    world = World()
    world.control.keep(
        TemplateMap({"reminder": "reminder_2"}), actor="ada", reason="paused", now=world.clock()
    )
    world.meta.script = [answer(REJECTED_TEMPLATE)]
    assert world.put("m", **REMINDER, recipient=PUSH) == []
    assert world.woken == [("m", 0)]
    world.serve()
    assert [item.template for item in world.meta.sent] == ["reminder", "reminder_2"]
    assert (world.status("m"), world.push.sent) == (Status.SENT, [])
    assert world.control.flag(template_scope("reminder")).blocks_sending


def test_a_replacement_that_is_refused_too_takes_the_fallback() -> None:
    world = World()
    world.control.keep(
        TemplateMap({"reminder": "reminder_2"}), actor="ada", reason="paused", now=world.clock()
    )
    world.meta.script = [answer(REJECTED_TEMPLATE)] * 2
    world.put("m", **REMINDER, recipient=PUSH)
    world.serve()
    assert (world.status("m"), len(world.meta.sent)) == (PUSHED, 2)


@pytest.mark.parametrize(("recipient", "end"), [(PUSH, PUSHED), ({}, Status.PARKED)])
def test_without_a_replacement_it_takes_the_fallback_or_parks_in_its_lane(
    recipient: Mapping[str, str], end: Status
) -> None:
    world = World()
    world.meta.script = [answer(REJECTED_TEMPLATE)]
    assert world.batch(world.record("m", **REMINDER, recipient=recipient), world.record("other")) == []
    row = world.row("m")
    assert row.status is end
    assert row.lane == ("template:reminder" if end is Status.PARKED else None)
    assert row.incident_id == world.control.flag(template_scope("reminder")).incident_id
    assert world.status("other") is Status.SENT


def test_replacements_that_cannot_be_read_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()

    def broken(kind: Any) -> Any:
        world.control.broken = True
        try:
            return type(world.control).kept(world.control, kind)
        finally:
            world.control.broken = False

    monkeypatch.setattr(world.control, "kept", broken)
    world.meta.script = [answer(REJECTED_TEMPLATE)]
    assert world.put("m", **REMINDER, recipient=PUSH) == []
    assert world.status("m") is PUSHED


# --- doubt -----------------------------------------------------------------------------------------------


def test_a_lost_answer_waits_for_a_report_and_is_settled_by_it() -> None:
    world = World()
    world.meta.script = [lost_answer()]
    assert world.put("m") == []
    row = world.row("m")
    assert (row.status, row.due, len(row.doubts)) == (Status.IN_DOUBT, world.clock() + 60, 1)
    assert world.statuses(status("m#1", "sent", wamid="wamid.m.1")) == 200
    world.serve()
    row = world.row("m")
    assert (row.status, row.doubts, world.meta.asked) == (Status.SENT, (), ["m"])
    assert world.control.counted("possible") == 0


def test_a_doubt_that_nothing_settles_is_sent_again_and_counted_until_proven() -> None:
    world = World()
    world.meta.script = [lost_answer()]
    world.put("m")
    world.serve()
    assert (world.status("m"), world.row("m").possible_duplicates) == (Status.SENT, 1)
    assert (world.control.counted("possible"), world.control.counted("duplicate")) == (1, 0)
    world.statuses(status("m#1", "delivered", wamid="wamid.m.1"))
    row = world.row("m")
    assert (row.possible_duplicates, len(row.duplicates)) == (1, 1)
    assert (world.control.counted("possible"), world.control.counted("duplicate")) == (1, 1)


def test_a_doubt_survives_the_fallback_and_is_counted() -> None:
    world = World()
    world.meta.script = [lost_answer(), answer(UNDELIVERABLE)]
    world.put("m", recipient=PUSH)
    world.serve()
    row = world.row("m")
    assert (row.status, row.via, [doubt.act for doubt in row.doubts]) == (PUSHED, 3, [1])
    assert world.control.counted("possible") == 1
    world.statuses(status("m#1", "delivered", wamid="wamid.m.1"))
    assert (world.row("m").status, world.row("m").duplicates) == (PUSHED, (1,))


# --- others that write meanwhile -------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["sent", "delivered", "read"])
def test_a_webhook_that_is_faster_than_the_answer(word: str) -> None:
    world = World()
    world.meta.after = lambda name: world.statuses(status("m#1", word, wamid="wamid.m.1"))
    assert world.put("m") == []
    row = world.row("m")
    assert (row.status, row.via, row.doubts) == (
        {"sent": Status.SENT, "delivered": Status.DELIVERED, "read": Status.READ}[word],
        1,
        (),
    )
    assert world.control.counted("possible") == world.control.counted("duplicate") == 0


def test_a_webhook_proves_a_send_whose_answer_was_lost_while_it_is_recorded() -> None:
    world = World()
    world.meta.script = [lost_answer()]
    world.meta.after = lambda name: world.statuses(status("m#1", "delivered", wamid="wamid.m.1"))
    world.put("m")
    world.serve()
    assert (world.status("m"), world.row("m").doubts, world.meta.asked) == (Status.DELIVERED, (), ["m"])


def other_content(world: World, **more: Any) -> None:
    """While a message is sent, another worker meets its id with other content and counts that on the row."""
    other = world.record("m", text="other", **more)
    world.meta.before = lambda name: world.batch(other, by=world.worker())


ENDS: Mapping[str, tuple[Any, Status]] = {
    "taken": (None, Status.SENT),
    "undeliverable": (answer(UNDELIVERABLE), PUSHED),
    "auth": (answer(190, 401), PUSHED),
    "refused": (answer(132000), Status.REJECTED),
    "passing": (answer(131000, 500), Status.SENT),
}


@pytest.mark.parametrize("priority", ["normal", "critical"])
@pytest.mark.parametrize("has_push", [True, False])
@pytest.mark.parametrize("name", ENDS)
def test_a_write_beside_our_claim_changes_nothing_of_what_follows(
    name: str, has_push: bool, priority: str
) -> None:
    found, end = ENDS[name]
    if end is PUSHED and not has_push:
        end = Status.FAILED if name == "undeliverable" else Status.PARKED
    world = World(Settings(fallback=Policy.parse({"after": {"critical": 0}})))
    other_content(world, priority=priority)
    world.meta.script = [found]
    recipient = PUSH if has_push else {}
    assert world.put("m", priority=priority, recipient=recipient) == []
    world.meta.before = lambda name: None
    row = world.row("m")
    assert row.doubts == (), "it is known what became of it"
    if name == "passing":
        world.serve()
    row = world.row("m")
    assert (row.status, row.doubts, row.conflicts) == (end, (), 1)
    assert len(world.meta.sent) == (2 if name == "passing" else 1)
    world.meta.script = []
    world.again()
    world.serve()
    assert (world.status("m"), world.unacknowledged) == (end, {})


def test_of_two_contents_that_meet_in_panic_the_first_wins_and_counts_once() -> None:
    world = World()
    world.trip()
    first, second = world.record("m"), world.record("m", text="other")
    assert world.batch(first) == world.batch(second) == []
    assert (world.status("m"), world.row("m").conflicts) == (Status.PARKED, 1)
    assert world.control.counted("o|PARKED|normal|-|-") == 1


def test_a_write_beside_our_push_changes_nothing_of_what_follows() -> None:
    world = World()
    world.trip()
    other = world.record("m", text="other")
    world.push.after = lambda name: world.batch(other, by=world.worker())
    assert world.put("m", recipient=PUSH) == []
    row = world.row("m")
    assert (row.status, row.doubts, row.conflicts, len(world.push.sent)) == (PUSHED, (), 1, 1)


def test_a_failure_that_another_worker_takes_on_is_left_to_it() -> None:
    world = World()
    world.meta.script = [answer(UNDELIVERABLE)]
    world.meta.before = lambda name: world.statuses(failed("m#1", UNDELIVERABLE, wamid="wamid.m.1"))
    assert world.put("m", recipient=PUSH) == []
    world.meta.before = lambda name: None
    world.serve()
    assert (world.status("m"), world.told("m")) == (PUSHED, ["whatsapp", "push"])


def test_an_outcome_that_comes_after_the_lease_is_told_to_the_row() -> None:
    """The worker stands still; another one takes over and sends again; then the first one goes on."""
    world = World()
    record = world.record("m", priority="critical")
    second = world.worker()

    def stand_still(name: str) -> None:
        world.meta.after = lambda name: None
        world.clock.advance(61)
        world.deliver, first = second, world.deliver
        world.wake("m")
        world.clock.advance(61)
        world.wake("m")
        world.deliver = first

    world.meta.after = stand_still
    assert world.batch(record, remaining=900.0) == []
    row = world.row("m")
    assert len(world.meta.sent) == 2
    assert (row.status, row.doubts, len(row.duplicates)) == (Status.SENT, (), 1)
    assert (world.control.counted("possible"), world.control.counted("duplicate")) == (1, 1)


def test_a_row_that_is_gone_is_acknowledged() -> None:
    world = World()
    world.meta.after = lambda name: world.ledger.rows.pop("m")
    assert world.put("m", "other") == []
    assert list(world.ledger.rows) == ["other"]


# --- outcomes that cannot be written ---------------------------------------------------------------------


def test_an_outcome_is_written_again_until_an_answer_comes() -> None:
    world = World()
    world.faults.add("ledger.write.before", None, *[Fault.LOSE] * 3)
    assert world.put("m") == []
    assert world.status("m") is Status.SENT


@pytest.mark.parametrize("landed", [False, True])
@pytest.mark.parametrize("priority", ["normal", "critical"])
def test_an_outcome_that_cannot_be_recorded_comes_again_and_is_in_doubt(landed: bool, priority: str) -> None:
    world = World()
    point = "ledger.write.after" if landed else "ledger.write.before"
    world.faults.add(point, None, *[Fault.LOSE] * 60)
    record = world.record("m", priority=priority)
    assert world.batch(record) == [record.id]
    world.faults.clear()
    world.again()
    world.serve()
    world.again()
    row = world.row("m")
    assert (row.status, world.unacknowledged) == (Status.SENT, {})
    assert len(world.meta.sent) - 1 == row.possible_duplicates == (0 if landed else 1)


@pytest.mark.parametrize(
    ("found", "end", "doubts"),
    [
        (None, Status.SENT, 0),
        (lost_answer(), Status.IN_DOUBT, 1),
        (answer(131000, 500), Status.CLAIMED, 0),
    ],
)
def test_an_error_while_an_outcome_is_judged_concerns_one_message_and_forgets_nothing(
    found: Any, end: Status, doubts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Record._retries

    def retries(self: Record, job: Any) -> Any:
        assert job.id != "bad"
        return real(self, job)

    monkeypatch.setattr(Record, "_retries", retries)
    world = World()
    world.meta.of = {"bad": found} if found else {}
    assert world.put("a", "bad", "b") == []
    assert [world.status(name) for name in ("a", "b")] == [Status.SENT] * 2
    row = world.row("bad")
    assert (row.status, len(row.doubts)) == (end, doubts)
    assert row.accounted


# --- panic that begins with this batch -------------------------------------------------------------------


def test_a_batch_that_trips_panic_falls_back_at_once() -> None:
    world = World()
    world.meta.script = [refused_connection()] * 5
    names = [f"m{number}" for number in range(5)]
    world.put(*names, priority="critical", recipient={"email": MAIL})
    assert world.control.flag("whatsapp").blocks_sending
    assert {world.status(name) for name in names} == {EMAILED}
    incident = world.control.flag("whatsapp").incident_id
    assert {world.row(name).incident_id for name in names} == {incident}
