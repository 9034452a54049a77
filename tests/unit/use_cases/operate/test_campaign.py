"""Campaigns: checked, stored, released at their pace, paused, resumed, cancelled; nothing lost or doubled."""

from __future__ import annotations

from typing import Any

from lifeline.adapters.contacts import Contact
from lifeline.contract.instants import format_instant
from lifeline.contract.messages import parse_message
from lifeline.contract.names import BULK_QUEUE
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.account.records import TemplateMap
from lifeline.domain.account.templates import MetaTemplate
from lifeline.domain.failure.causes import Fault
from lifeline.domain.failure.classify import Failure, classify_fault
from lifeline.use_cases.operate.campaign import OperateCampaign
from lifeline.use_cases.operate.operate import Operate
from lifeline.use_cases.tick.campaigns import ReleaseCampaigns

from tests.support.operating import ACTOR, World, itself, url


class Campaigning(World):
    def __init__(self) -> None:
        super().__init__()
        self.listed: list[MetaTemplate] | Failure = [promo()]
        adapters = self.adapters("operator")
        group = OperateCampaign(
            settings=adapters.settings,
            campaigns=adapters.campaigns,
            contacts=adapters.contacts,
            control=adapters.control,
            panic=adapters.panic,
            templates=lambda name: self.listed,
            clock=adapters.clock,
        )
        self.operate = Operate([group], adapters.telemetry, itself)
        self.release = ReleaseCampaigns(
            settings=adapters.settings,
            campaigns=adapters.campaigns,
            control=adapters.control,
            queues=adapters.queues,
            clock=adapters.clock,
            telemetry=adapters.telemetry,
        )

    def load(self, total: int, over: float, **more: Any) -> None:
        created = self.ask(
            "campaign.create",
            campaign="spring", template="promo", total=total, over_seconds=over, actor=ACTOR, **more,
        )  # fmt: skip
        self.warnings: list[str] = created["warnings"]
        lines = [message(number) for number in range(total)]
        for index, start in enumerate(range(0, total, 100)):
            self.ask(
                "campaign.add",
                campaign="spring", chunk=index, messages=lines[start : start + 100], actor=ACTOR,
            )  # fmt: skip

    def started(self, total: int, over: float) -> None:
        self.load(total, over)
        self.ask("campaign.start", campaign="spring", actor=ACTOR)

    def minute(self) -> int:
        self.clock.advance(60)
        return self.release(lambda: 60.0).get("spring", 0)

    def steer(self, verb: str) -> dict[str, Any]:
        return self.ask(f"campaign.{verb}", campaign="spring", reason="so it is", actor=ACTOR)

    @property
    def out(self) -> list[str]:
        return [parse_message(item.body).id for item in self.queues.sent[url(BULK_QUEUE)]]


def promo(language: str = "en_US", status: str = "APPROVED", body: str = "Spring is here.") -> MetaTemplate:
    return {
        "name": "promo", "language": language, "status": status,
        "components": [{"type": "BODY", "text": body}],
    }  # fmt: skip


def message(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"spring:{number}", "to": "+4915112345678", "type": "template", "priority": "bulk",
        "campaign": "spring", "template": {"name": "promo", "language": "en_US"}, **more,
    }  # fmt: skip


def test_lines_are_checked_with_their_reasons_and_people_with_a_fallback_are_counted() -> None:
    world = Campaigning()
    world.contacts.save(Contact("u-1", {"email": ("a@example.com",)}))
    lines = [
        {"line": 2, "message": message(2, recipient={"user_id": "u-1"})},
        {"line": 3, "message": message(3, to="12")},
        {"line": 4, "message": message(4, template={"name": "Wrong Name", "language": "en_US"})},
        {"line": 5, "message": message(5, recipient={"email": "b@example.com"})},
        {"line": 6, "message": message(6, recipient={"user_id": "u-2", "time_zone": "America/Denver"})},
        {"line": 7, "message": message(7, recipient={"time_zone": "Mars/Olympus"})},
    ]
    found = world.ask("campaign.check", lines=lines)
    assert (found["good"], found["reachable"]) == (3, 2)
    assert [item["line"] for item in found["faults"]] == [3, 4, 7]
    assert "Mars/Olympus" in found["faults"][2]["fault"]
    assert "template.name" in found["faults"][1]["fault"]


def test_a_template_that_meta_would_refuse_is_refused_before_a_line_is_stored() -> None:
    world = Campaigning()
    create: dict[str, Any] = {
        "campaign": "spring",
        "template": "promo",
        "total": 3,
        "over_seconds": 60,
        "actor": ACTOR,
    }
    world.listed = [promo(body="{{1}} off")]
    refused = world.refused("campaign.create", **create, parameters=2)
    assert refused["code"] == "unfit_template"
    assert "1 in its body, and each line gives 2" in refused["message"]
    assert world.campaigns.items == {}
    assert world.ask("campaign.create", **create, parameters=1)["warnings"] == []


def test_a_template_that_another_stands_in_for_is_a_warning() -> None:
    world = Campaigning()
    world.listed = [promo(status="PAUSED")]
    world.control.keep(TemplateMap({"promo": "promo_2"}), actor=ACTOR, reason="paused", now=world.clock())
    world.load(3, 60)
    assert "Lifeline sends promo_2" in world.warnings[0]


def test_where_meta_cannot_be_asked_the_campaign_is_stored_with_a_warning() -> None:
    world = Campaigning()
    world.listed = classify_fault(Fault.READ_TIMEOUT, "timed out")
    world.load(3, 60)
    assert "was not checked" in world.warnings[0]
    assert world.ask("campaign.start", campaign="spring", actor=ACTOR)["campaign"]["state"] == "running"


def test_a_campaign_leaves_at_its_pace_once_and_in_order() -> None:
    world = Campaigning()
    world.started(250, 600)
    steps = [world.minute() for _ in range(12)]
    assert sum(steps) == 250
    assert max(steps) <= 51
    assert world.out == [f"spring:{number}" for number in range(250)]


def test_nothing_is_sent_before_every_line_is_stored() -> None:
    world = Campaigning()
    world.load(150, 600)
    assert world.minute() == 0
    del world.campaigns.chunks["spring", 1]
    assert world.refused("campaign.start", campaign="spring", actor=ACTOR)["code"] == "incomplete"
    world.load(150, 600)
    world.ask("campaign.start", campaign="spring", actor=ACTOR)
    assert world.minute() > 0
    again = world.refused(
        "campaign.create", campaign="spring", template="promo", total=150, over_seconds=600, actor=ACTOR
    )
    assert again["code"] == "known_campaign"


def test_pause_holds_resume_moves_the_end_and_cancel_stops() -> None:
    world = Campaigning()
    world.started(100, 600)
    world.minute()
    ends = world.ask("campaign.status")["campaigns"][0]["ends"]
    assert world.steer("pause")["changed"]
    assert not world.steer("pause")["changed"]
    assert [world.minute() for _ in range(10)] == [0] * 10
    resumed = world.steer("resume")["campaign"]
    assert resumed["ends"] > ends
    assert 0 < world.minute() <= 20
    cancelled = world.steer("cancel")["campaign"]
    assert cancelled["cancelled"] == 100 - len(world.out)
    assert world.minute() == 0
    error = world.refused("campaign.resume", campaign="spring", reason="no", actor=ACTOR)
    assert error["code"] == "refused"


def test_in_panic_and_recovery_it_waits_and_then_leaves_at_most_twice_as_fast() -> None:
    world = Campaigning()
    world.started(600, 3600)
    world.trip(WHATSAPP)
    assert [world.minute() for _ in range(20)] == [0] * 20
    world.control.stored.clear()
    assert max(world.minute() for _ in range(60)) <= 20
    assert len(world.out) == 600


def test_what_sqs_refuses_is_released_again() -> None:
    world = Campaigning()
    world.started(100, 60)
    world.queues.broken.add(url(BULK_QUEUE))
    assert world.minute() == 0
    world.queues.broken.clear()
    while world.minute():
        pass
    assert world.out == [f"spring:{number}" for number in range(100)]


def test_a_start_in_the_future_is_kept() -> None:
    world = Campaigning()
    world.load(10, 60, start=format_instant(world.clock() + 3600))
    world.ask("campaign.start", campaign="spring", actor=ACTOR)
    assert world.minute() == 0
    world.clock.advance(3600)
    assert world.minute() == 10


def test_people_without_a_number_are_checked_and_found_by_user_id() -> None:
    world = Campaigning()
    world.contacts.save(Contact("u-1", {"email": ("a@example.com",)}, bsuid="US.1349"))
    without = {key: value for key, value in message(2).items() if key != "to"}
    found = world.ask(
        "campaign.check",
        lines=[
            {"line": 2, "message": {**without, "recipient": {"bsuid": "US.1349"}}},
            {"line": 3, "message": without},
            {"line": 4, "message": {**without, "to": "12", "recipient": {"bsuid": "US.1349"}}},
        ],
    )
    assert (found["good"], found["reachable"]) == (1, 1)
    assert [(item["line"], item["fault"][:22]) for item in found["faults"]] == [
        (3, "message.to: is require"),
        (4, "** is not a phone numb"),
    ]
