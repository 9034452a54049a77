"""Messages that wait: moved to another time, taken back; a carrier of the old time does nothing."""

from __future__ import annotations

import json

import pytest
from lifeline.adapters.ledger import Row
from lifeline.contract import WHATSAPP_QUEUE, format_instant
from lifeline.domain.delivery import Carrier, Do, Known, Phase, Situation, before_sending
from lifeline.domain.status import Status
from lifeline.use_cases.operate import Operate
from lifeline.use_cases.operate_schedule import OperateSchedule

from tests.support.operating import ACTOR, World, url


class MemorySchedules:
    def __init__(self) -> None:
        self.planned: dict[str, tuple[str, float]] = {}
        self.slow = False

    def put(self, message_id: str, queue_arn: str, body: str, at: float) -> None:
        self.planned.setdefault(message_id, (body, at))

    def move(self, message_id: str, queue_arn: str, body: str, at: float) -> None:
        self.planned[message_id] = (body, at)

    def cancel(self, message_id: str) -> bool:
        assert not self.slow, "a delete that some readers do not see yet may swallow what comes after it"
        return self.planned.pop(message_id, None) is not None


class Waiting(World):
    def __init__(self, phase: Phase | None = Phase.SCHEDULED, status: Status = Status.CLAIMED) -> None:
        super().__init__()
        self.schedules = MemorySchedules()
        self.due = self.clock() + 86_400
        body = {"id": "m-1", "to": "+4915112345678", "type": "text", "text": "Hello"}
        document = json.dumps({**body, "send_after": format_instant(self.due)})
        self.ledger.put(Row("m-1", status, "c-1", rev=1, phase=phase, due_at=self.due, body=document))
        self.schedules.put("m-1", "arn", document, self.due)
        group = OperateSchedule(
            settings=self.settings,
            ledger=self.ledger,  # type: ignore[arg-type]
            queues=self.queues,  # type: ignore[arg-type]
            schedules=self.schedules,  # type: ignore[arg-type]
            clock=self.clock,
        )
        self.operate = Operate([group], self.log)  # type: ignore[arg-type]

    def arrives(self, claim: str, now: float, turn: int = 0) -> Do:
        row = self.ledger.rows["m-1"]
        return before_sending(
            Carrier(claim=claim, turn=turn),
            Known(row.status, row.claim, row.turn, row.phase, row.attempted_at, row.due_at),
            Situation(now, False, False, True, None, None, 60.0, 60.0),
        ).do


def test_a_cancelled_message_never_leaves() -> None:
    world = Waiting()
    world.ask("message.cancel", id="m-1", reason="called off", actor=ACTOR)
    assert world.ledger.rows["m-1"].status is Status.EXPIRED
    assert world.schedules.planned == {}
    assert world.arrives("c-2", world.due) is Do.ACKNOWLEDGE
    assert world.refused("message.cancel", id="m-1", reason="again", actor=ACTOR)["code"] == "refused"
    assert world.refused("message.cancel", id="m-9", reason="x", actor=ACTOR)["code"] == "unknown_message"


def test_a_parked_one_can_be_cancelled_and_not_moved() -> None:
    world = Waiting(None, Status.PARKED)
    later = format_instant(world.clock() + 60)
    assert world.refused("message.reschedule", id="m-1", at=later, actor=ACTOR)["code"] == "refused"
    world.ask("message.cancel", id="m-1", reason="called off", actor=ACTOR)
    assert world.arrives("c-1", world.due) is Do.ACKNOWLEDGE


@pytest.mark.parametrize("days", [0.005, 2, 300])
def test_a_moved_message_leaves_at_its_new_time_and_not_at_the_old_one(days: float) -> None:
    world = Waiting()
    at = world.clock() + days * 86_400
    world.ask("message.reschedule", id="m-1", at=format_instant(at), actor=ACTOR)
    if days < 0.01:
        (carrier,) = world.queues.sent[url(WHATSAPP_QUEUE)]
        assert carrier.delay >= 0.005 * 86_400 - 1
        assert world.schedules.planned == {}
    else:
        body, planned = world.schedules.planned["m-1"]
        assert planned == pytest.approx(at, abs=0.01)
        assert json.loads(body)["send_after"] == format_instant(at)
    if days > 1:
        assert world.arrives("c-2", world.due) is Do.ACKNOWLEDGE
        assert world.arrives("c-1", world.due) is Do.ACKNOWLEDGE
    assert world.arrives("c-3", at + 1) is Do.SEND


def test_a_moved_message_has_a_carrier_at_every_moment() -> None:
    world = Waiting()
    world.schedules.slow = True
    at = world.clock() + 2 * 86_400
    world.ask("message.reschedule", id="m-1", at=format_instant(at), actor=ACTOR)
    assert world.schedules.planned["m-1"][1] == pytest.approx(at, abs=0.01)


def test_a_message_moved_to_soon_is_on_the_queue_before_its_schedule_goes() -> None:
    world = Waiting()
    world.queues.broken.add(url(WHATSAPP_QUEUE))
    soon = format_instant(world.clock() + 60)
    world.refused("message.reschedule", id="m-1", at=soon, actor=ACTOR)
    assert "m-1" in world.schedules.planned


def test_a_time_that_cannot_be_is_refused() -> None:
    world = Waiting()
    for seconds in (-60, 400 * 86_400):
        at = format_instant(world.clock() + seconds)
        assert "a year" in world.refused("message.reschedule", id="m-1", at=at, actor=ACTOR)["message"]
