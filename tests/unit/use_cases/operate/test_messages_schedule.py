"""Messages that wait: moved to another time, taken back, at any moment before they are sent."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from lifeline.contract.instants import format_instant
from lifeline.contract.names import WAKE_QUEUE
from lifeline.domain.message.row import Doubt, Lane, Phase, Row
from lifeline.domain.message.status import Status
from lifeline.use_cases.operate.messages_schedule import LOOKS
from lifeline.use_cases.shared.wake import NEAR

from tests.support.memory import Fault
from tests.support.operating import ACTOR, World
from tests.support.services import instead

BODY = {"id": "m-1", "to": "+4915112345678", "type": "text", "text": "Hello"}


class Waiting(World):
    """A message that waits until tomorrow, unless ``fields`` say otherwise."""

    def __init__(self, **fields: Any) -> None:
        super().__init__()
        self.due = self.clock() + 86_400
        row = Row(
            "m-1",
            phase=Phase.WAITING,
            lane=Lane.TIMER,
            due=self.due,
            body=json.dumps({**BODY, "send_after": format_instant(self.due)}),
            send_after=self.due,
        )
        self.ledger.put(replace(row, **fields))

    @property
    def row(self) -> Row:
        return self.ledger.rows["m-1"]

    def cancel(self) -> dict[str, Any]:
        return self.ask("message.cancel", id="m-1", reason="called off", actor=ACTOR)

    def move(self, seconds: float) -> dict[str, Any]:
        at = format_instant(self.clock() + seconds)
        return self.ask("message.reschedule", id="m-1", at=at, actor=ACTOR)

    def too_late(self, action: str = "message.cancel") -> str:
        more = {"reason": "x"} if action == "message.cancel" else {"at": format_instant(self.clock() + 600)}
        error = self.refused(action, id="m-1", actor=ACTOR, **more)
        assert error["code"] == "too_late"
        return str(error["message"])


WAITS: dict[str, dict[str, Any]] = {
    "for its time": {},
    "for a limiter slot": {"slot": 1_790_000_003.0, "due": 1_790_000_003.0, "send_after": None},
    "for a retry": {"attempt": 2, "send_after": None},
    "for its recording": {"phase": Phase.SPEAKING},
    "in a backlog": {"status": Status.PARKED, "phase": None, "lane": Lane.NORMAL},
    "for its template": {"status": Status.PARKED, "phase": None, "lane": "template:reminder"},
}


@pytest.mark.parametrize("fields", WAITS.values(), ids=WAITS)
def test_a_message_is_taken_back_whatever_it_waits_for(fields: dict[str, Any]) -> None:
    world = Waiting(**fields)
    assert world.cancel() == {"id": "m-1", "status": "CANCELLED", "changed": True, "in_doubt": False}
    row = world.row
    assert (row.status, row.lane, row.phase, row.slot) == (Status.CANCELLED, None, None, None)
    assert world.control.counted("o|CANCELLED|normal|-|-") == 1
    assert any("called off" in words for words in row.trail.values())


@pytest.mark.parametrize("fields", WAITS.values(), ids=WAITS)
def test_a_message_is_moved_whatever_it_waits_for(fields: dict[str, Any]) -> None:
    world = Waiting(**fields)
    at = world.clock() + 7 * 86_400
    assert world.move(7 * 86_400)["at"] == format_instant(at)
    row = world.row
    assert (row.status, row.lane, row.due, row.send_after) == (Status.CLAIMED, Lane.TIMER, at, at)
    assert row.slot is None, "its token was for another time"
    assert json.loads(row.body)["send_after"] == format_instant(at)
    assert world.queues.carriers(WAKE_QUEUE) == [], "the tick wakes for it then"


def test_a_message_moved_to_soon_is_woken_for() -> None:
    world = Waiting()
    world.move(NEAR - 30)
    (wake,) = world.queues.carriers(WAKE_QUEUE)
    assert (wake.body, wake.delay) == ("m-1", NEAR - 30)


def test_a_wake_up_that_is_lost_costs_a_minute_and_no_more() -> None:
    world = Waiting()
    world.queues.broken.add(world.settings.wake_queue_url)
    world.move(30)
    assert world.row.due == world.clock() + 30


GONE: dict[str, tuple[dict[str, Any], str]] = {
    "sent": ({"status": Status.SENT, "phase": None, "lane": None}, "SENT"),
    "being sent": ({"phase": Phase.SENDING, "way": "whatsapp", "attempted_at": 1.0}, "on its way (whatsapp)"),
    "falling back": ({"phase": Phase.FALLING_BACK, "way": "push", "attempted_at": 1.0}, "on its way (push)"),
    "failed": ({"status": Status.FAILED}, "its fallback is due"),
    "expired": ({"status": Status.EXPIRED, "phase": None, "lane": None}, "EXPIRED"),
    "refused": ({"status": Status.REJECTED, "phase": None, "lane": Lane.REFUSED}, "REJECTED"),
    "another version's": ({"phase": "texting"}, "CLAIMED"),
}


@pytest.mark.parametrize(("fields", "words"), GONE.values(), ids=GONE)
@pytest.mark.parametrize("action", ["message.cancel", "message.reschedule"])
def test_too_late_says_where_it_stands(action: str, fields: dict[str, Any], words: str) -> None:
    world = Waiting(**fields)
    before = world.row
    assert words in world.too_late(action)
    assert world.row == before


def test_a_message_in_doubt_is_taken_back_and_says_that_it_may_have_arrived() -> None:
    world = Waiting(status=Status.IN_DOUBT, act=1, doubts=(Doubt(1, "whatsapp", 1_790_000_000.0),))
    assert world.cancel()["in_doubt"] is True
    assert world.row.doubts, "a late webhook still settles it"
    other = Waiting(status=Status.IN_DOUBT, act=1, doubts=(Doubt(1, "whatsapp", 1_790_000_000.0),))
    assert "IN_DOUBT" in other.too_late("message.reschedule")


def test_taking_back_twice_is_one_cancel() -> None:
    world = Waiting()
    world.cancel()
    rev = world.row.rev
    assert world.cancel()["changed"] is False
    assert (world.row.rev, world.control.counted("o|CANCELLED|normal|-|-")) == (rev, 1)


def test_who_lost_to_another_writer_looks_anew() -> None:
    world = Waiting()
    world.ledger.before_write.append(lambda: world.ledger.put(replace(world.row, rev=9, attempt=1)))
    assert world.cancel()["status"] == "CANCELLED"
    sent = Waiting()
    sent.ledger.before_write.append(
        lambda: sent.ledger.put(replace(sent.row, rev=9, status=Status.SENT, phase=None, lane=None))
    )
    assert "SENT" in sent.too_late()


def test_a_row_that_never_rests_is_a_conflict() -> None:
    world = Waiting()

    write = world.ledger.write

    def raced(changes: Any, now: float) -> Any:
        world.ledger.put(replace(world.row, rev=world.row.rev + 1))
        return write(changes, now)

    instead(world.ledger, write=raced)
    assert world.refused("message.cancel", id="m-1", reason="x", actor=ACTOR)["code"] == "conflict"
    assert world.row.rev == 1 + LOOKS


class LoseOnce:
    def __init__(self) -> None:
        self.lost = 0

    def at(self, point: str) -> Fault | None:
        if point == "ledger.write.after" and not self.lost:
            self.lost += 1
            return Fault.LOSE
        return None


def test_the_own_write_is_recognised_when_its_answer_is_lost() -> None:
    world = Waiting()
    world.ledger.faults = faults = LoseOnce()
    assert world.cancel()["changed"] is True
    assert faults.lost == 1


def test_no_answer_says_so_and_can_be_repeated() -> None:
    world = Waiting()
    world.ledger.broken = True
    assert world.refused("message.cancel", id="m-1", reason="x", actor=ACTOR)["code"] == "unavailable"
    world.ledger.broken = False
    assert world.cancel()["status"] == "CANCELLED"


def test_what_is_not_in_the_ledger_is_unknown() -> None:
    error = Waiting().refused("message.cancel", id="m-9", reason="x", actor=ACTOR)
    assert error["code"] == "unknown_message"


def test_a_time_that_cannot_be_is_refused() -> None:
    world = Waiting(expires_at=1_790_000_000.0 + 3600)
    for seconds in (-60, 400 * 86_400):
        at = format_instant(world.clock() + seconds)
        assert "a year" in world.refused("message.reschedule", id="m-1", at=at, actor=ACTOR)["message"]
    after = format_instant(world.clock() + 7200)
    assert "expires at" in world.refused("message.reschedule", id="m-1", at=after, actor=ACTOR)["message"]
