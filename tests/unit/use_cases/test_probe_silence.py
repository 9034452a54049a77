"""The prober's minute: silence, the gauge of no success, and what ends a silent panic."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lifeline.adapters.control import Setting
from lifeline.adapters.queues import Outgoing
from lifeline.adapters.whatsapp import Accepted, Answer
from lifeline.contract.names import WHATSAPP, template_scope
from lifeline.domain.panic.entering import trip
from lifeline.domain.panic.flag import State
from lifeline.domain.panic.probing import PROBE_ID
from lifeline.domain.records import PROBE_SEEN, WEBHOOK_SEEN
from lifeline.errors import UnavailableError
from lifeline.settings import Settings
from lifeline.wiring import prober
from lifeline.wiring.adapters import Adapters

from tests.support.memory import Clock, MemoryControl, MemoryNotices, MemoryQueues, Recorder

LIVE, URGENT = "queue/live", "queue/urgent"


class Meta:
    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def phone_number(self) -> Answer:
        return Answer({"health_status": {"can_send_message": "AVAILABLE"}}, None)

    def post_message(self, body: dict[str, Any]) -> Accepted:
        self.sent.append(body)
        return Accepted("wamid.t", False, None)


class World:
    def __init__(self, test_number: str = "") -> None:
        self.clock = Clock()
        self.control = MemoryControl()
        self.log = Recorder()
        self.meta = Meta()
        self.queues = MemoryQueues(self.clock)
        adapters = Adapters(
            "prober",
            {
                "settings": Settings(
                    test_number=test_number, whatsapp_queue_url=LIVE, critical_queue_url=URGENT
                ),
                "control": self.control,
                "queues": self.queues,
                "notices": MemoryNotices(),
                "whatsapp": self.meta,
                "alarms": None,
                "functions": type("Functions", (), {"start": lambda *_: None})(),
                "openai": lambda *_: None,
                "telemetry": self.log,
                "clock": self.clock,
                "new_id": lambda: "abcdef0123",
            },
        )
        self.panic = adapters.panic
        self.probe = prober.build(adapters)

    def minute_ago(self, minutes: int) -> int:
        return int(self.clock.now // 60) * 60 - 60 * minutes

    def seen_since(self, at: float) -> None:
        self.control.values[WEBHOOK_SEEN] = Setting({"first": at, "at": at})

    @property
    def stalled(self) -> int:
        found = self.log.metrics[("Stalled", WHATSAPP)]
        self.log.metrics.clear()
        return found


@pytest.fixture
def world() -> World:
    return World()


def test_silence_is_a_panic_of_its_own_cause(world: World) -> None:
    world.seen_since(world.clock.now - 86_400)
    world.control.minutes[world.minute_ago(10)].update(acc=40, sts=1)
    world.probe.minute()
    flag = world.control.flag(WHATSAPP)
    assert (flag.state, flag.cause, flag.source) == (State.PANIC, "silent", "prober")


def test_a_template_whose_sends_are_refused_panics_by_itself(world: World) -> None:
    world.control.minutes[world.minute_ago(0)].update({"ta|promo": 3, "tr|promo": 3, "ta|reminder": 9})
    world.probe.minute()
    flag = world.control.flag(template_scope("promo"))
    assert (flag.state, flag.cause, flag.source) == (State.PANIC, "template_rejected", "prober")
    assert flag.evidence["refused"] == 3
    assert world.control.flag(template_scope("reminder")).state is State.NORMAL
    assert world.control.flag(WHATSAPP).state is State.NORMAL


def test_where_no_webhook_was_ever_seen_nothing_is_silent(world: World) -> None:
    world.control.minutes[world.minute_ago(10)].update(acc=40)
    world.probe.minute()
    assert world.control.flag(WHATSAPP).state is State.NORMAL


def test_sends_before_the_first_webhook_are_not_silent(world: World) -> None:
    world.seen_since(world.clock.now - 300)
    world.control.minutes[world.minute_ago(10)].update(acc=40)
    world.probe.minute()
    assert world.control.flag(WHATSAPP).state is State.NORMAL


def test_silence_that_is_over_does_not_come_back(world: World) -> None:
    world.seen_since(world.clock.now - 86_400)
    world.control.minutes[world.minute_ago(10)].update(acc=40)
    world.probe.minute()
    incident = world.control.flag(WHATSAPP).incident_id
    for _ in range(3):
        world.clock.advance(15)
        slot = int(world.clock.now // 15) * 15
        body = {"scope": WHATSAPP, "incident_id": incident, "slot": slot}
        assert world.probe.slot(json.dumps(body))["ok"]
    assert world.control.flag(WHATSAPP).state is State.RECOVERING
    world.clock.advance(60)
    world.probe.minute()
    assert world.control.flag(WHATSAPP).state is State.RECOVERING


def test_with_a_test_number_only_a_status_ends_a_silent_panic() -> None:
    world = World("+4915112345678")
    world.panic.change(
        WHATSAPP,
        lambda flag: trip(
            flag,
            cause="silent",
            reason="r",
            source="prober",
            actor="a",
            evidence={},
            now=world.clock.now,
            new_incident_id="incident",
        ),
    )
    world.control.values[PROBE_SEEN] = Setting({"at": world.clock.now - 5})

    def slot() -> bool:
        world.clock.advance(15)
        body = {"scope": WHATSAPP, "incident_id": "incident", "slot": int(world.clock.now // 15) * 15}
        return bool(world.probe.slot(json.dumps(body))["ok"])

    assert not slot(), "accepting is what Meta does anyway; the status is of the time before"
    assert world.meta.sent[0]["biz_opaque_callback_data"] == PROBE_ID
    world.control.values[PROBE_SEEN] = Setting({"at": world.clock.now})
    assert slot()
    world.clock.advance(120)
    assert not slot(), "a status of long ago says nothing of now"


@pytest.mark.parametrize(
    ("counts", "waiting", "stalled"),
    [
        ({}, 0, 0),
        ({}, 3, 1),
        ({"acc": 1}, 3, 0),
        ({"e|unreachable|-": 2}, 0, 1),
        ({"e|unreachable|-": 2, "acc": 1}, 0, 0),
        ({"e|undeliverable|131026": 9}, 0, 0),
    ],
)
def test_no_success_while_messages_wait_or_fail(
    world: World, counts: dict[str, int], waiting: int, stalled: int
) -> None:
    world.control.minutes[world.minute_ago(1)].update(counts)
    world.queues.send(LIVE, [Outgoing("a body")] * waiting)
    world.probe.minute()
    assert world.stalled == stalled


def test_a_panic_is_no_stall(world: World) -> None:
    world.queues.send(URGENT, [Outgoing("a body")] * 5)
    world.panic.change(
        WHATSAPP,
        lambda flag: trip(
            flag,
            cause="auth",
            reason="r",
            source="sender",
            actor="a",
            evidence={},
            now=world.clock.now,
            new_incident_id="i",
        ),
    )
    world.probe.minute()
    assert world.stalled == 0


def test_counters_that_cannot_be_read_do_not_stop_the_minute(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(since: float, until: float) -> dict[int, dict[str, int]]:
        raise UnavailableError("DynamoDB", "reading counters", "broken on purpose")

    world.seen_since(0)
    monkeypatch.setattr(world.control, "counts", broken)
    world.probe.minute()
    assert world.control.flag(WHATSAPP).state is State.NORMAL
    assert world.log.metrics[("ProberRuns", WHATSAPP)] == 1
