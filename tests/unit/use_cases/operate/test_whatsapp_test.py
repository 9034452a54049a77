"""The whole way to WhatsApp, step by step."""

from __future__ import annotations

import pytest
from lifeline.adapters.whatsapp import Answer
from lifeline.domain.account.records import TemplateMap
from lifeline.domain.failure.causes import Fault
from lifeline.domain.failure.classify import classify_answer
from lifeline.domain.inbound.records import WebhookSeen
from lifeline.domain.panic.entering import enable
from lifeline.domain.panic.flag import By
from lifeline.domain.panic.probing import TEST_PREFIX
from lifeline.errors import RefusedError, UnavailableError

from tests.support.account import ACTOR, BLOCKED, NUMBER, World


@pytest.fixture
def world() -> World:
    return World()


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
    assert "token-status" in found["token"]["remedy"]
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
    world.control.keep(TemplateMap({"old": "reminder"}), actor="", reason="", now=0)
    assert world.steps()["templates"]["warnings"] == []
    world.meta.listed = Answer({"data": []}, None)
    assert not world.steps()["templates"]["ok"]


def test_a_webhook_that_went_quiet_is_found(world: World) -> None:
    now = int(world.clock() // 60) * 60
    assert world.steps()["webhook"]["warnings"], "nothing was sent, nothing is known"
    world.control.count(now - 3600, {"acc": 5})
    assert "never sent a status" in world.steps()["webhook"]["detail"]
    world.control.keep(WebhookSeen(0, now - 3500), actor="", reason="", now=0)
    assert world.steps()["webhook"]["ok"]
    world.control.count(now - 600, {"acc": 5})
    assert not world.steps()["webhook"]["ok"]
    world.control.count(now - 600, {"sts": 5})
    assert world.steps()["webhook"]["ok"]
    world.control.count(now - 240, {"acc": 2})
    assert world.steps()["webhook"]["ok"], "two may be on their way"
    world.control.count(now - 180, {"acc": 1})
    step = world.steps()["webhook"]
    assert not step["ok"], "three, and the last status is minutes old"
    assert "no status for the 3 messages" in step["detail"]
    assert "ago" in step["detail"]


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
        lambda flag: enable(flag, By(ACTOR, "operator", "r", world.clock()), new_incident_id="i"),
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
