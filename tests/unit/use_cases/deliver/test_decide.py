"""Decide: panic, templates and their replacements, campaigns, quiet hours, recordings, doubts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from lifeline.contract.scopes import OPENAI_VOICE, WHATSAPP, template_scope
from lifeline.domain.account.records import MarketingTemplates, TemplateMap
from lifeline.domain.campaign.campaign import Campaign, CampaignState
from lifeline.domain.fallback.policy import Policy
from lifeline.domain.inbound.opting_out import Wish
from lifeline.domain.message.row import Lane, Phase
from lifeline.domain.message.status import Status
from lifeline.domain.message.steering import release
from lifeline.domain.pace.quiet import QuietHours
from lifeline.errors import UnavailableError
from lifeline.settings import Settings
from lifeline.use_cases.deliver.decide import Decide

from tests.support.sending import DEVICE, MAIL, VOICE, World, answer, lost_answer
from tests.support.statuses import PUSHED

PUSH = {"push_endpoint": DEVICE}
REMINDER: Mapping[str, Any] = {
    "type": "template",
    "template": {"name": "reminder", "language": "en_US", "parameters": ["Ana"]},
}


def replaced(world: World, old: str = "reminder", new: str = "reminder_2") -> None:
    """``new`` stands in for ``old``."""
    world.control.keep(TemplateMap({old: new}), actor="ada", reason="paused", now=world.clock())


# --- panic -----------------------------------------------------------------------------------------------


def test_in_panic_nothing_is_sent_and_people_are_reached_by_push() -> None:
    world = World()
    world.trip()
    assert world.put("a", "b", recipient=PUSH) == []
    assert (world.meta.asked, world.push.asked) == ([], ["a", "b"])
    row = world.row("a")
    assert (row.status, row.incident_id, row.tried) == (PUSHED, "i-1", "push")


@pytest.mark.parametrize("priority", ["critical", "normal", "bulk"])
def test_who_has_no_other_way_is_parked_in_the_lane_of_the_priority(priority: str) -> None:
    world = World()
    world.trip()
    assert world.put("m", priority=priority) == []
    row = world.row("m")
    assert (row.status, row.lane, row.incident_id) == (Status.PARKED, priority, "i-1")
    assert (row.due, row.phase, row.attempt) == (world.clock(), None, 0)


def test_bulk_is_parked_without_a_look_for_other_ways() -> None:
    world = World()
    world.trip()
    world.contacts.broken = True
    assert world.put("m", priority="bulk", recipient={"user_id": "ana"}) == []
    assert world.row("m").lane == Lane.BULK
    assert [line for line in world.log.lines if "contacts" in line[1]] == []


def test_a_policy_with_a_way_for_bulk_takes_it() -> None:
    policy = Policy.parse({"steps": {"bulk": ["push", "park"]}})
    world = World(Settings(fallback=policy))
    world.trip()
    world.put("m", priority="bulk", recipient=PUSH)
    assert world.status("m") is PUSHED


def unreadable() -> dict[str, Any]:
    raise UnavailableError("DynamoDB", "reading flags", "broken on purpose")


def test_without_flags_the_batch_goes_back_and_known_ones_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.control.broken = True
    records = [world.record("a"), world.record("b")]
    assert world.batch(*records) == [record.id for record in records]
    assert world.ledger.rows == {}
    world.control.broken = False
    world.trip()
    world.batch()
    world.clock.advance(60)
    monkeypatch.setattr(world.control, "flags", unreadable)
    world.put("m")
    assert world.status("m") is Status.PARKED


# --- templates -------------------------------------------------------------------------------------------


def test_a_template_in_panic_takes_the_fallback_and_others_go_on() -> None:
    world = World()
    world.trip(template_scope("reminder"))
    assert world.batch(world.record("a", **REMINDER, recipient=PUSH), world.record("b")) == []
    assert (world.push.asked, world.meta.asked) == (["a"], ["b"])
    assert (world.row("a").cause, world.row("a").incident_id) == ("template_rejected", "i-1")


@pytest.mark.parametrize("priority", ["normal", "bulk"])
def test_a_template_in_panic_parks_in_its_own_lane(priority: str) -> None:
    world = World()
    world.trip(template_scope("reminder"))
    world.put("m", **REMINDER, priority=priority)
    assert (world.status("m"), world.row("m").lane) == (Status.PARKED, "template:reminder")


def test_the_channels_panic_comes_before_the_templates() -> None:
    world = World()
    world.trip(template_scope("reminder"))
    world.trip()
    world.put("m", **REMINDER)
    assert world.row("m").lane == Lane.NORMAL


def test_another_template_stands_in() -> None:
    world = World()
    replaced(world)
    world.trip(template_scope("reminder"))
    world.put("m", **REMINDER)
    assert [item.template for item in world.meta.sent] == ["reminder_2"]
    assert (world.status("m"), world.row("m").template) == (Status.SENT, "reminder_2")


def test_a_replacement_in_panic_itself_stands_in_for_nothing() -> None:
    world = World()
    replaced(world)
    world.trip(template_scope("reminder"))
    world.trip(template_scope("reminder_2"))
    world.put("m", **REMINDER)
    assert (world.meta.asked, world.row("m").lane) == ([], "template:reminder")


def test_a_replacement_is_not_used_while_the_template_works() -> None:
    world = World()
    replaced(world)
    world.put("m", **REMINDER)
    assert [item.template for item in world.meta.sent] == ["reminder"]


def test_the_row_names_the_template_that_is_used_now() -> None:
    world = World()
    replaced(world)
    world.trip(template_scope("reminder"))
    world.meta.script = [answer(131000, 500)]
    world.put("m", **REMINDER)
    assert world.row("m").template == "reminder_2"
    world.clear(template_scope("reminder"))
    world.serve()
    assert [item.template for item in world.meta.sent] == ["reminder_2", "reminder"]
    assert world.row("m").template == "reminder"


def test_replacements_that_cannot_be_read_hold_up_their_template_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.trip(template_scope("reminder"))
    world.batch()
    monkeypatch.setattr(Decide, "_map", lambda self: 1 / 0)
    world.batch(world.record("a", **REMINDER), world.record("b"))
    assert world.meta.asked == ["b"]
    row = world.row("a")
    assert (row.status, row.lane, row.faults) == (Status.CLAIMED, Lane.TIMER, 1)


# --- an error of our own ---------------------------------------------------------------------------------


def test_an_error_of_our_own_concerns_one_message_and_ends_with_a_person(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = Decide._quiet

    def quiet(self: Decide, job: Any, *rest: Any) -> Any:
        assert job.id != "bad"
        return real(self, job, *rest)

    monkeypatch.setattr(Decide, "_quiet", quiet)
    world = World()
    assert world.put("a", "bad", "b") == []
    assert world.meta.asked == ["a", "b"]
    world.serve()
    row = world.row("bad")
    assert (row.status, row.lane, row.faults) == (Status.REJECTED, Lane.REFUSED, 5)


# --- time ------------------------------------------------------------------------------------------------


def test_what_is_for_later_waits_for_months_on_the_agenda() -> None:
    world = World()
    assert world.put("m", send_after="2027-06-01T08:00:00Z") == []
    row = world.row("m")
    assert (row.status, row.phase, row.lane) == (Status.CLAIMED, Phase.WAITING, Lane.TIMER)
    assert row.due == row.send_after == 1_811_836_800.0
    assert world.woken == []
    world.serve(400 * 86_400)
    assert [item.at for item in world.meta.sent] == [row.due]


@pytest.mark.parametrize("in_panic", [False, True])
def test_what_is_over_is_neither_sent_nor_pushed(in_panic: bool) -> None:
    world = World()
    if in_panic:
        world.trip()
    assert world.put("m", expires_at="2026-01-01T00:00:00Z", recipient=PUSH) == []
    assert world.status("m") is Status.EXPIRED
    assert world.told("m") == []
    assert world.control.counted("o|EXPIRED|normal|-|-") == 1


# --- opt-outs --------------------------------------------------------------------------------------------

NUMBER = "+4915112345678"


@pytest.mark.parametrize("in_panic", [False, True])
def test_who_opted_out_gets_no_promotion_by_any_way_and_service_messages_go_on(in_panic: bool) -> None:
    world = World()
    world.opt_outs.wish(NUMBER, at=world.clock())
    if in_panic:
        world.trip()
    world.batch(
        world.record("ad", category="promotion", recipient=PUSH),
        world.record("visit", category="appointment", recipient=PUSH),
        world.record("other", to="+4915112345679", category="promotion", recipient=PUSH),
    )
    assert world.status("ad") is Status.SUPPRESSED
    assert {name for name in ("ad", "visit", "other") if world.told(name)} == {"visit", "other"}
    assert world.control.counted("o|SUPPRESSED|normal|promotion|-") == 1
    assert world.log.metrics["Outcomes", "SUPPRESSED"] == 1


def test_a_parked_message_whose_recipient_opted_out_meanwhile_is_not_sent() -> None:
    world = World()
    world.trip()
    world.put("ad", category="promotion")
    assert world.status("ad") is Status.PARKED
    world.opt_outs.wish(NUMBER, at=world.clock())
    world.clear()
    released = release(world.row("ad"), world.clock())
    assert released is not None
    world.ledger.put(released)
    world.wake("ad")
    assert (world.status("ad"), world.meta.asked) == (Status.SUPPRESSED, [])


def test_a_campaign_counts_those_whom_it_skips_and_reaches_them_again() -> None:
    world = World()
    world.campaigns.create(Campaign("spring", CampaignState.RUNNING, "promo", 2, 0.0, 1.0))
    world.opt_outs.wish(NUMBER, at=world.clock())
    world.put("spring:1", priority="bulk", campaign="spring")
    assert world.status("spring:1") is Status.SUPPRESSED
    assert world.campaigns.items["spring"].counts == {"suppressed": 1}
    world.opt_outs.wish(NUMBER, at=world.clock() + 1, wish=Wish.RESUME)
    world.put("spring:2", priority="bulk", campaign="spring")
    assert (world.status("spring:2"), world.meta.asked) == (Status.SENT, ["spring:2"])


@pytest.mark.parametrize("to", [None, NUMBER])
def test_who_opted_out_by_user_id_is_known_by_it(to: str | None) -> None:
    world = World()
    world.opt_outs.wish("US.1349", at=world.clock())
    world.put("ad", to=to, category="promotion", recipient={"bsuid": "US.1349"})
    world.put("visit", to=to, recipient={"bsuid": "US.1349"})
    assert (world.status("ad"), world.meta.asked) == (Status.SUPPRESSED, ["visit"])


def test_a_template_that_meta_counts_as_marketing_is_promotional() -> None:
    world = World()
    world.control.keep(MarketingTemplates(("reminder",)), actor="w", reason="m", now=world.clock())
    world.opt_outs.wish(NUMBER, at=world.clock())
    world.put("m", **REMINDER)
    assert world.status("m") is Status.SUPPRESSED


def test_where_opt_outs_are_unknown_promotions_wait_and_others_go() -> None:
    world = World()
    world.opt_outs.broken = True
    world.batch(world.record("ad", category="promotion"), world.record("visit"))
    assert (world.meta.asked, world.row("ad").lane) == (["visit"], Lane.TIMER)
    world.opt_outs.broken = False
    world.serve()
    assert world.status("ad") is Status.SENT


def test_a_campaign_keeps_quiet_hours_and_others_do_not() -> None:
    world = World(Settings(quiet=QuietHours(0, 23.99)))
    zone = {"time_zone": "UTC"}
    world.batch(
        world.record("ad", priority="bulk", recipient=zone),
        world.record("urgent", priority="critical", recipient=zone),
        world.record("answer", recipient=zone),
    )
    assert world.meta.asked == ["urgent", "answer"]
    row = world.row("ad")
    assert (row.status, row.lane, row.zones) == (Status.PARKED, Lane.BULK, "UTC")
    assert (row.due or 0.0) > world.clock()


# --- numbers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ways", "status"), [(PUSH, PUSHED), ({}, Status.FAILED)])
def test_who_has_no_number_takes_the_fallback_and_is_never_parked(
    ways: Mapping[str, str], status: Status
) -> None:
    world = World()
    assert world.put("m", to="12", recipient=ways) == []
    row = world.row("m")
    assert (row.status, row.cause, row.later, row.to_masked) == (status, "invalid_phone", False, None)
    assert world.meta.asked == []


# --- campaigns -------------------------------------------------------------------------------------------


def campaigning(state: CampaignState = CampaignState.RUNNING) -> World:
    world = World()
    world.campaigns.create(Campaign("spring", state, "promo", 100, 0.0, 60.0))
    return world


def line(world: World, name: str = "spring:1", **more: Any) -> None:
    assert world.put(name, **{"priority": "bulk", "campaign": "spring", **more}) == []


def test_a_paused_campaign_waits_in_its_own_lane_and_takes_nobodys_fallback() -> None:
    world = campaigning(CampaignState.PAUSED)
    line(world, priority="normal", recipient=PUSH)
    row = world.row("spring:1")
    assert (row.status, row.lane) == (Status.PARKED, "campaign:spring")
    assert world.told("spring:1") == []


@pytest.mark.parametrize("before", [None, CampaignState.PAUSED])
def test_a_cancelled_campaign_sends_nothing_and_says_so(before: CampaignState | None) -> None:
    world = campaigning(before or CampaignState.CANCELLED)
    line(world)
    if before:
        world.campaigns.set("spring", CampaignState.CANCELLED)
        row = world.row("spring:1")
        world.ledger.put(replace(row, rev=row.rev + 1, lane=Lane.TIMER, status=Status.CLAIMED))
        world.wake("spring:1")
    assert world.status("spring:1") is Status.CANCELLED
    assert (world.meta.asked, world.push.asked) == ([], [])


def test_a_label_that_is_no_campaign_of_ours_is_only_a_label() -> None:
    world = campaigning(CampaignState.PAUSED)
    line(world, campaign="another-label")
    assert world.meta.asked == ["spring:1"]


def test_an_unreadable_state_holds_the_campaign_and_nothing_else() -> None:
    world = campaigning()
    world.campaigns.broken = True
    assert (
        world.batch(world.record("spring:1", priority="bulk", campaign="spring"), world.record("live")) == []
    )
    assert world.meta.asked == ["live"]
    assert world.row("spring:1").lane == "campaign:spring"


# --- recordings ------------------------------------------------------------------------------------------

VOICE_NOTE: Mapping[str, Any] = {"type": "voice", "text": "At ten."}


def test_a_recording_is_asked_for_once() -> None:
    world = World()
    assert world.put("m", **VOICE_NOTE) == []
    row = world.row("m")
    assert (row.phase, row.lane, row.due) == (Phase.SPEAKING, Lane.TIMER, world.clock() + 180)
    assert [json.loads(item.body) for item in world.queues.sent[VOICE]] == [{"kind": "speech", "id": "m"}]
    world.wake("m")
    assert world.meta.asked == []
    world.serve()
    assert len(world.queues.sent[VOICE]) == 1
    assert (world.status("m"), world.row("m").unspoken) == (Status.SENT, "no recording came in time")


def test_a_recording_that_came_is_sent() -> None:
    world = World()
    world.put("m", **VOICE_NOTE)
    row = world.row("m")
    world.ledger.put(
        replace(row, rev=row.rev + 1, phase=Phase.WAITING, due=world.clock(), recording="media-1")
    )
    world.wake("m")
    assert [item.medium for item in world.meta.sent] == ["media-1"]


def test_a_recording_that_could_not_be_asked_for_costs_time_and_not_the_message() -> None:
    world = World()
    world.queues.broken.add(VOICE)
    assert world.put("m", **VOICE_NOTE) == []
    world.serve()
    assert world.status("m") is Status.SENT


@pytest.mark.parametrize("scope", [OPENAI_VOICE, WHATSAPP])
def test_no_recording_is_asked_for_in_panic(scope: str) -> None:
    world = World()
    world.trip(scope)
    world.put("m", **VOICE_NOTE, recipient=PUSH)
    assert world.queues.sent[VOICE] == []
    assert world.status("m") is (PUSHED if scope == WHATSAPP else Status.SENT)


# --- doubt -----------------------------------------------------------------------------------------------

BOTH = {"push_endpoint": DEVICE, "email": MAIL}


@pytest.mark.parametrize("priority", ["critical", "normal"])
def test_in_doubt_and_then_panic(priority: str) -> None:
    world = World()
    world.meta.script = [lost_answer()]
    assert world.put("m", priority=priority, recipient=BOTH) == []
    assert world.status("m") is Status.IN_DOUBT
    asked = world.clock()
    world.trip()
    world.clock.advance(5)
    world.wake("m")
    assert world.push.asked == [], "not due yet"
    world.serve()
    (pushed,) = world.push.sent
    assert pushed.at >= asked + 60, "Meta had its time to report"
    row = world.row("m")
    assert row.status is PUSHED
    assert [doubt.way for doubt in row.doubts] == ["whatsapp"]
    assert world.control.counted("possible") == 1
    assert world.log.metrics[("PossibleDuplicates", "whatsapp")] == 1


def test_a_critical_message_whose_doubt_meets_panic_falls_back_at_once_and_is_counted() -> None:
    world = World()
    world.meta.script = [lost_answer()]
    world.meta.after = lambda name: world.trip()
    world.put("m", priority="critical", recipient=PUSH)
    assert world.told("m") == ["whatsapp", "push"]
    assert world.control.counted("possible") == 1
    assert [doubt.way for doubt in world.row("m").doubts] == ["whatsapp"]


@pytest.mark.parametrize("priority", ["normal", "critical"])
def test_a_doubt_survives_a_park(priority: str) -> None:
    world = World()
    world.meta.script = [lost_answer()]
    world.put("m", priority=priority)
    world.trip()
    world.serve()
    row = world.row("m")
    assert (row.status, [doubt.act for doubt in row.doubts]) == (Status.PARKED, [1])
    world.clear()
    world.ledger.put(replace(row, rev=row.rev + 1, lane=Lane.TIMER, status=Status.IN_DOUBT))
    world.serve()
    row = world.row("m")
    assert (row.status, row.via, row.possible_duplicates) == (Status.SENT, 2, 1)
    assert world.control.counted("possible") == 1


def test_quiet_hours_of_a_person_without_a_number_are_those_of_their_country() -> None:
    world = World(Settings(quiet=QuietHours(21.0, 8.0)))
    world.clock.now = 1_790_000_000.0 - 1_790_000_000.0 % 86_400 + 12 * 3600  # noon in UTC
    for name, recipient in (
        ("tokyo", {"bsuid": "JP.1349"}),
        ("berlin", {"bsuid": "DE.1349"}),
        ("moved", {"bsuid": "DE.1349", "time_zone": "Asia/Tokyo"}),
    ):
        world.put(name, to=None, recipient=recipient, priority="bulk")
    assert {name: world.status(name) for name in ("tokyo", "berlin", "moved")} == {
        "tokyo": Status.PARKED,
        "berlin": Status.SENT,
        "moved": Status.PARKED,
    }
