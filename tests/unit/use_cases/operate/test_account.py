"""rate-status, volume and test on memory: what each finds, also where Meta refuses or cannot be reached."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from lifeline.adapters.reach import UnreachedError
from lifeline.adapters.whatsapp import Accepted, Answer
from lifeline.domain.account.health import usage_words
from lifeline.domain.failure.causes import Fault
from lifeline.domain.failure.classify import Failure, classify_answer, classify_fault
from lifeline.domain.failure.usage import Quota, Usage
from lifeline.domain.panic.entering import enable
from lifeline.domain.panic.probing import TEST_PREFIX
from lifeline.domain.records import TEST_STATUS, USAGE_SEEN, WEBHOOK_SEEN
from lifeline.errors import RefusedError, UnavailableError
from lifeline.settings import Settings
from lifeline.use_cases.account.usage_seen import UsageSeen
from lifeline.use_cases.operate.account import OperateAccount
from lifeline.use_cases.panic.panic_mode import PanicMode

from tests.support.memory import Clock, MemoryControl, MemoryNotices, MemoryQueues, Recorder

ACTOR = "arn:aws:iam::000000000000:user/ada"
NUMBER = {
    "id": "1",
    "status": "CONNECTED",
    "quality_rating": "GREEN",
    "throughput": {"level": "STANDARD"},
    "whatsapp_business_manager_messaging_limit": "TIER_10K",
    "health_status": {"can_send_message": "AVAILABLE", "entities": []},
}
BLOCKED = {"can_send_message": "BLOCKED", "entities": [
    {"entity_type": "WABA", "errors": [{"error_code": 141006, "error_description": "Unpaid."}]}
]}  # fmt: skip
EXPIRED = classify_answer(401, {"error": {"code": 190, "error_subcode": 463, "message": "expired"}}, {})
REFUSED = classify_fault(Fault.REFUSED, "ConnectionError")


def usage(percent: float = 10, regain: float = 0) -> Usage:
    return Usage((Quota("whatsapp", percent, 1, 1, regain),))


class Control(MemoryControl):
    def __init__(self) -> None:
        super().__init__()
        self.tats: dict[str, float] = {}

    def limiter(self, lane: str) -> float | None:
        return self.tats.get(lane)

    def reserve(self, lane: str, tokens: int, interval: float, burst: int, now: float) -> float:
        self.tats[lane] = max(self.tats.get(lane, 0.0), now - burst * interval) + tokens * interval
        return self.tats[lane]


class Meta:
    """Answers as it is told. ``sent``: bodies of sends; ``after_send`` runs then, as the webhook would."""

    def __init__(self) -> None:
        self.number: Answer | Failure = Answer(NUMBER, usage())
        self.token: Answer | Failure = Answer({"data": {"is_valid": True, "expires_at": 0}}, None)
        self.listed: Answer | Failure = Answer(
            {"data": [{"name": "reminder", "status": "APPROVED"}, {"name": "old", "status": "PAUSED"}]}, None
        )
        self.outcome: Accepted | Failure = Accepted("wamid.1", False, None)
        self.sent: list[dict[str, Any]] = []
        self.after_send: Callable[[str], None] = lambda key: None
        self.last_usage: Usage | None = None

    def phone_number(self, fields: str = "") -> Answer | Failure:
        return self.number

    def debug_token(self) -> Answer | Failure:
        return self.token

    def templates(self, name: str | None = None, after: str | None = None) -> Answer | Failure:
        return self.listed

    def post_message(self, body: dict[str, Any]) -> Accepted | Failure:
        self.sent.append(body)
        if isinstance(self.outcome, Accepted):
            self.after_send(body["biz_opaque_callback_data"])
        return self.outcome


class Way:
    host = "graph.example.org"

    def __init__(self) -> None:
        self.fault: tuple[str, Fault] | None = None

    def resolve(self) -> list[str]:
        if self.fault and self.fault[0] == "resolve":
            raise UnreachedError(self.fault[1], "no address")
        return ["192.0.2.1"]

    def connect(self) -> str:
        if self.fault:
            raise UnreachedError(self.fault[1], "Connection refused")
        return "takes connections"


class World:
    def __init__(self) -> None:
        self.clock = Clock()
        self.control = Control()
        self.meta = Meta()
        self.way = Way()
        self.log = Recorder()
        self.panic = PanicMode(
            control=self.control,  # type: ignore[arg-type]
            queues=MemoryQueues(),  # type: ignore[arg-type]
            notices=MemoryNotices(),  # type: ignore[arg-type]
            probe_queue_url="queue/probe",
            clock=self.clock,
            new_id=lambda: "abcdef0123",
            telemetry=self.log,  # type: ignore[arg-type]
        )
        self.handlers = OperateAccount(
            settings=Settings(),
            control=self.control,  # type: ignore[arg-type]
            panic=self.panic,
            whatsapp=self.meta,  # type: ignore[arg-type]
            reach=self.way,  # type: ignore[arg-type]
            clock=self.clock,
            pause=lambda seconds: void(self.clock.advance(seconds)),
            new_id=lambda: "0123456789ab",
        ).handlers()

    def rate(self) -> dict[str, Any]:
        return self.handlers["whatsapp.rate_status"]({})

    def test(self, **fields: Any) -> dict[str, Any]:
        return self.handlers["whatsapp.test"]({"actor": ACTOR, **fields})

    def steps(self, **fields: Any) -> dict[str, dict[str, Any]]:
        return {step["name"]: step for step in self.test(**fields)["steps"]}

    def report(self, *states: str, **more: Any) -> None:
        """The webhook that follows a send."""
        self.meta.after_send = lambda key: self.control.put_setting(
            TEST_STATUS, {key: {"states": list(states), **more}}, actor="", reason="", now=self.clock()
        )


def void(value: object) -> None:
    """For a callable that must return nothing."""


@pytest.fixture
def world() -> World:
    return World()


# --- rate-status --------------------------------------------------------------------------------------------


def test_the_limiter_shows_what_was_used_and_what_is_left(world: World) -> None:
    bucket = int(world.clock() // 10) * 10
    world.control.record_outcomes("whatsapp", bucket, 30, {"rate_limit": 9}, 0)
    world.control.record_outcomes("whatsapp", bucket - 100, 500, {}, 0)
    world.control.reserve("whatsapp", 12, 1 / 65, 10, world.clock())
    found = world.rate()["limiter"]
    assert (found["rate"], found["burst"], found["used_last_minute"]) == (65, 10, 39)
    assert (found["tokens"], found["booked_ahead"]) == (0, 2)
    assert found["bulk"]["tokens"] == 5
    assert found["bulk"]["rate"] == 32.5


def test_meta_limits_stand_beside_it(world: World) -> None:
    found = world.rate()
    assert found["error"] is None
    assert found["meta"]["throughput_per_second"] == 80
    assert found["meta"]["tier_people_per_day"] == 10_000
    assert found["meta"]["quality"] == "GREEN"
    assert [shown["by"] for shown in found["usage"]] == ["this question"]


def test_headers_of_sends_are_shown_with_age_and_regain(world: World) -> None:
    keeper = UsageSeen(
        control=world.control,  # type: ignore[arg-type]
        whatsapp=world.meta,  # type: ignore[arg-type]
        clock=world.clock,
        telemetry=world.log,  # type: ignore[arg-type]
    )
    keeper()
    assert world.control.setting(USAGE_SEEN).value is None, "nothing was seen"
    world.meta.last_usage = usage(100, regain=600)
    keeper()
    world.clock.advance(60)
    shown = world.rate()["usage"][0]
    assert (shown["by"], shown["age_seconds"], shown["percent"]) == ("sends", 60, 100)
    assert shown["regain_in_seconds"] == 540
    world.clock.advance(600)
    shown = world.rate()["usage"][0]
    assert (shown["regain_at"], shown["regain_in_seconds"]) == (None, 0)


def test_headers_cost_at_most_a_write_per_batch_and_few_in_all(world: World) -> None:
    keeper = UsageSeen(
        control=world.control,  # type: ignore[arg-type]
        whatsapp=world.meta,  # type: ignore[arg-type]
        clock=world.clock,
        telemetry=world.log,  # type: ignore[arg-type]
    )
    for _ in range(100):
        world.meta.last_usage = usage()
        keeper()
        keeper()
        world.clock.advance(1)
    assert world.control.setting(USAGE_SEEN).version == 4, "one each 30 seconds"
    world.control.broken = True
    world.meta.last_usage = usage(90)
    keeper()
    assert world.log.lines[-1][:2] == ("warning", "usage headers could not be kept")
    world.control.broken = False
    world.meta.last_usage = usage(90)
    keeper()
    assert world.control.setting(USAGE_SEEN).value["quotas"] == usage_words(usage(90))


@pytest.mark.parametrize(("failure", "words"), [(EXPIRED, "refresh-token"), (REFUSED, "Wait for Meta")])
def test_a_meta_that_refuses_hides_nothing_of_ours(world: World, failure: Failure, words: str) -> None:
    world.meta.number = failure
    found = world.rate()
    assert found["meta"] is None
    assert words in found["error"]["remedy"]
    assert found["limiter"]["tokens"] == 9


# --- volume -----------------------------------------------------------------------------------------------


def test_volume_is_what_the_counters_say(world: World) -> None:
    minute = int(world.clock() // 60) * 60
    world.control.count(minute - 600, {"o|SENT|normal|appointment|reminder": 3, "acc": 3})
    world.control.count(minute - 60, {"o|PARKED|bulk|promotion|promo_offer": 90, "e|rate_limit|130429": 4})
    world.control.count(minute - 7200, {"o|SENT|normal|-|-": 50})
    found = world.handlers["whatsapp.volume"]({})
    assert (found["hours"], found["total"], found["accepted"]) == (1, 93, 3)
    assert found["outcomes"] == [{"name": "PARKED", "count": 90}, {"name": "SENT", "count": 3}]
    assert found["peak"]["spike"]
    assert found["peak"]["made_of"][0]["template"] == "promo_offer"
    assert sum(bar["count"] for bar in found["bars"]) == 93
    assert sum(bar["limited"] for bar in found["bars"]) == 4
    assert world.handlers["whatsapp.volume"]({"hours": 3})["total"] == 143


def test_many_templates_are_summed_up(world: World) -> None:
    minute = int(world.clock() // 60) * 60
    world.control.count(minute, {f"o|SENT|normal|-|t{n:02d}": 1 for n in range(30)})
    listed = world.handlers["whatsapp.volume"]({})["templates"]
    assert len(listed) == 21
    assert listed[-1] == {"name": "10 others", "count": 10}


# --- test -------------------------------------------------------------------------------------------------


def test_each_step_is_taken_and_timed(world: World) -> None:
    result = world.test()
    assert [step["name"] for step in result["steps"]] == [
        "name resolution", "connection", "token", "number health", "templates", "webhook",
    ]  # fmt: skip
    assert result["ok"]
    assert all(step["ok"] for step in result["steps"])
    assert all(step["remedy"] == "" for step in result["steps"])
    assert world.meta.sent == [], "nothing is sent without a number"
    assert world.control.events == {}, "nothing is under way"


def test_a_send_is_followed_to_its_status(world: World) -> None:
    world.report("sent", "delivered")
    found = world.steps(to="+49 1511 2345678")
    assert found["send"]["ok"]
    assert found["status"]["ok"]
    assert "delivered" in found["status"]["detail"]
    (body,) = world.meta.sent
    assert body["to"] == "4915112345678"
    assert body["template"] == {"name": "hello_world", "language": {"code": "en_US"}}
    assert body["biz_opaque_callback_data"].startswith(TEST_PREFIX)
    assert world.control.tats["whatsapp"] > world.clock() - 1, "it takes a token"


def test_only_sent_is_a_success_with_a_doubt(world: World) -> None:
    world.report("sent")
    step = world.steps(to="+4915112345678", wait_seconds=5)["status"]
    assert step["ok"]
    assert "phone may be off" in step["warnings"][0]
    assert step["seconds"] >= 5


def test_no_status_is_a_failure_of_the_webhook(world: World) -> None:
    result = world.test(to="+4915112345678", wait_seconds=5)
    assert not result["ok"]
    assert "WebhookUrl" in result["steps"][-1]["remedy"]


def test_a_failed_status_names_its_code(world: World) -> None:
    world.report("failed", code=131026, details="undeliverable")
    step = world.steps(to="+4915112345678")["status"]
    assert not step["ok"]
    assert "131026" in step["detail"]
    assert step["remedy"]


@pytest.mark.parametrize(
    ("where", "fault", "failed"),
    [("resolve", Fault.DNS, "name resolution"), ("connect", Fault.REFUSED, "connection")],
)
def test_what_cannot_be_reached_stops_what_needs_it(
    world: World, where: str, fault: Fault, failed: str
) -> None:
    world.way.fault = (where, fault)
    found = world.steps(to="+4915112345678")
    assert [name for name, step in found.items() if step["ok"] is False] == [failed]
    assert found[failed]["remedy"]
    assert found["token"]["ok"] is None
    assert found["webhook"]["ok"], "it does not need the way there"
    assert world.meta.sent == []


def test_a_bad_token_is_named_with_its_remedy(world: World) -> None:
    world.meta.token = Answer(
        {"data": {"is_valid": False, "error": {"code": 190, "subcode": 463, "message": "expired"}}}, None
    )
    found = world.steps()
    assert not found["token"]["ok"]
    assert "refresh-token" in found["token"]["remedy"]
    assert found["number health"]["ok"] is None


def test_a_blocked_account_is_named_and_a_send_is_tried_all_the_same(world: World) -> None:
    world.meta.number = Answer({**NUMBER, "health_status": BLOCKED}, None)
    world.meta.outcome = classify_answer(403, {"error": {"code": 131031, "message": "locked"}}, {})
    found = world.steps(to="+4915112345678")
    assert "141006" in found["number health"]["detail"]
    assert "Meta Business Support" in found["number health"]["remedy"]
    assert "131031" in found["send"]["detail"]
    assert found["status"]["ok"] is None


def test_templates_in_trouble_are_warned_of_where_they_are_used(world: World) -> None:
    assert world.steps()["templates"]["warnings"] == []
    world.control.count(int(world.clock() // 60) * 60, {"ta|old": 3})
    assert "old was used today and is PAUSED" in world.steps()["templates"]["warnings"][0]
    world.control.put_setting("template_map", {"old": "reminder"}, actor="", reason="", now=0)
    assert world.steps()["templates"]["warnings"] == []
    world.meta.listed = Answer({"data": []}, None)
    assert not world.steps()["templates"]["ok"]


def test_a_webhook_that_went_quiet_is_found(world: World) -> None:
    now = int(world.clock() // 60) * 60
    assert world.steps()["webhook"]["warnings"], "nothing was sent, nothing is known"
    world.control.count(now - 3600, {"acc": 5})
    assert "ever came" in world.steps()["webhook"]["detail"]
    world.control.put_setting(WEBHOOK_SEEN, {"first": 0, "at": now - 3500}, actor="", reason="", now=0)
    assert world.steps()["webhook"]["ok"]
    world.control.count(now - 600, {"acc": 5})
    assert not world.steps()["webhook"]["ok"]
    world.control.count(now - 600, {"sts": 5})
    assert world.steps()["webhook"]["ok"]


def test_a_store_that_does_not_answer_fails_its_step_only(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(since: float, until: float) -> None:
        raise UnavailableError("DynamoDB", "reading counters", "Throttled")

    monkeypatch.setattr(world.control, "counts", broken)
    found = world.steps()
    assert not found["webhook"]["ok"]
    assert "Throttled" in found["webhook"]["detail"]
    assert found["number health"]["ok"]


def test_in_an_incident_the_test_is_evidence(world: World) -> None:
    world.panic.change(
        "whatsapp",
        lambda flag: enable(flag, reason="r", actor=ACTOR, now=world.clock(), new_incident_id="i"),
    )
    world.clock.advance(1)
    assert world.test()["panic"]
    assert world.control.kinds("whatsapp")[-1] == "noted"
    event = list(world.control.events.values())[-1]
    assert event.actor == ACTOR
    assert "every step succeeded" in event.reason


def test_a_number_that_is_none_is_refused_before_anything_is_sent(world: World) -> None:
    with pytest.raises(RefusedError, match="number to test with"):
        world.test(to="12")
    assert world.meta.sent == []
