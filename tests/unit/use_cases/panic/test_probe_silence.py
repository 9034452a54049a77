"""The prober's minute: silence, the gauge of no success, and what ends a silent panic."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from lifeline.adapters.queues import Outgoing
from lifeline.adapters.whatsapp import Accepted, Answer
from lifeline.contract.scopes import WHATSAPP, template_scope
from lifeline.domain.inbound.records import ProbeReported, ReportOfTest, ReportsOfTests, WebhookSeen
from lifeline.domain.panic.entering import trip
from lifeline.domain.panic.flag import By, State
from lifeline.domain.panic.probing import PROBE_ID
from lifeline.errors import UnavailableError
from lifeline.settings import Settings
from lifeline.wiring import prober

from tests.support.operating import Functions
from tests.support.services import Services

LIVE, URGENT, HOOKS = "queue/live", "queue/urgent", "queue/webhook"


class Meta:
    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def phone_number(self) -> Answer:
        return Answer({"health_status": {"can_send_message": "AVAILABLE"}}, None)

    def post_message(self, body: dict[str, Any]) -> Accepted:
        self.sent.append(body)
        return Accepted("wamid.t", False, None)


class FrontDoor:
    """``refused``: posts that it turned away; None: nobody can tell."""

    def __init__(self) -> None:
        self.refused: float | None = 0
        self.age = 0.0
        self.asked: list[tuple[str, float, float]] = []

    def turned_away(self, api_id: str, since: float, until: float) -> float:
        self.asked.append((api_id, since, until))
        if self.refused is None:
            raise UnavailableError("CloudWatch", "reading", "broken on purpose")
        return self.refused

    def oldest_ages(self, queues: Sequence[str], now: float) -> dict[str, float]:
        return dict.fromkeys(queues, self.age)


class World(Services):
    def __init__(self, test_number: str = "") -> None:
        super().__init__(
            Settings(
                test_number=test_number,
                whatsapp_queue_url=LIVE,
                critical_queue_url=URGENT,
                webhook_api_id="api1",
                webhook_queue_url=HOOKS,
            )
        )
        self.meta = Meta()
        self.door = FrontDoor()
        self.also(whatsapp=self.meta, functions=Functions(), openai=lambda *_: None, metrics=self.door)
        adapters = self.adapters("prober")
        self.panic = adapters.panic
        self.probe = prober.build(adapters)

    def minute_ago(self, minutes: int) -> int:
        return int(self.clock.now // 60) * 60 - 60 * minutes

    def seen_since(self, at: float) -> None:
        self.control.keep(WebhookSeen(at, at), actor="webhook", reason="", now=at)

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


@pytest.mark.parametrize(
    ("refused", "state"),
    [(0, State.PANIC), (2, State.PANIC), (4, State.NORMAL), (400, State.NORMAL), (None, State.PANIC)],
)
def test_what_our_own_front_door_turned_away_is_no_silence(
    world: World, refused: float | None, state: State
) -> None:
    world.seen_since(world.clock.now - 86_400)
    world.control.minutes[world.minute_ago(10)].update(acc=40, sts=1)
    world.door.refused = refused
    world.probe.minute()
    assert world.control.flag(WHATSAPP).state is state
    ((api_id, since, until),) = world.door.asked
    assert (api_id, until) == ("api1", world.clock.now)
    assert since <= world.minute_ago(9), "from before those sends were due"


@pytest.mark.parametrize(
    ("age", "waiting", "state"),
    [
        (30.0, 400, State.PANIC),
        (90.0, 400, State.NORMAL),
        (90.0, 2, State.PANIC),
        (0.0, 0, State.PANIC),
    ],
)
def test_what_waits_on_our_own_queue_for_long_is_no_silence(
    world: World, age: float, waiting: int, state: State
) -> None:
    world.seen_since(world.clock.now - 86_400)
    world.control.minutes[world.minute_ago(10)].update(acc=40, sts=1)
    world.door.age = age
    world.queues.send(HOOKS, [Outgoing("{}")] * waiting)
    world.queues.receive(HOOKS, 10, 41)
    world.probe.minute()
    assert world.control.flag(WHATSAPP).state is state


def test_the_front_door_is_asked_only_where_there_is_silence(world: World) -> None:
    world.seen_since(world.clock.now - 86_400)
    world.control.minutes[world.minute_ago(10)].update(acc=40, sts=40)
    world.probe.minute()
    assert world.door.asked == []


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
    world.clock.advance(1)
    world.seen_since(world.clock.now)
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
            By("a", "prober", "r", world.clock.now),
            cause="silent",
            evidence={},
            new_incident_id="incident",
        ),
    )
    world.control.keep(ProbeReported(world.clock.now - 5), actor="webhook", reason="", now=0)

    def slot() -> bool:
        world.clock.advance(15)
        body = {"scope": WHATSAPP, "incident_id": "incident", "slot": int(world.clock.now // 15) * 15}
        return bool(world.probe.slot(json.dumps(body))["ok"])

    assert not slot(), "accepting is what Meta does anyway; the status is of the time before"
    assert world.meta.sent[0]["biz_opaque_callback_data"] == PROBE_ID
    world.control.keep(ProbeReported(world.clock.now), actor="webhook", reason="", now=0)
    assert slot()
    world.clock.advance(120)
    assert not slot(), "a status of long ago says nothing of now"


def test_without_a_test_number_too_only_a_status_ends_a_silent_panic(world: World) -> None:
    world.seen_since(world.clock.now - 86_400)
    world.control.minutes[world.minute_ago(10)].update(acc=40)
    world.probe.minute()
    incident = world.control.flag(WHATSAPP).incident_id

    def slot() -> bool:
        world.clock.advance(15)
        body = {"scope": WHATSAPP, "incident_id": incident, "slot": int(world.clock.now // 15) * 15}
        return bool(world.probe.slot(json.dumps(body))["ok"])

    assert not slot(), "the health is good, and Meta is as silent as before"
    assert "whatsapp test" in str(world.control.history(WHATSAPP)[0].evidence["findings"])
    tested = ReportOfTest(("sent",), world.clock.now)
    world.control.keep(ReportsOfTests({"lifeline:test:1": tested}), actor="webhook", reason="", now=0)
    assert slot(), "an operator's test send was reported"


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
            flag, By("a", "sender", "r", world.clock.now), cause="auth", evidence={}, new_incident_id="i"
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


def test_the_gauge_of_templates_in_panic_comes_each_minute(world: World) -> None:
    world.probe.minute()
    assert world.log.metrics["TemplatesInPanic", WHATSAPP] == 0
    by = By("SenderFunction", "sender", "Meta refuses it", world.clock.now)
    world.panic.change(
        template_scope("promo"),
        lambda flag: trip(flag, by, cause="template_rejected", evidence={}, new_incident_id="i1"),
    )
    world.probe.minute()
    assert world.log.metrics["TemplatesInPanic", WHATSAPP] == 1
