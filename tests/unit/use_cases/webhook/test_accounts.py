"""What Meta says of templates, the account and the number."""

from __future__ import annotations

from typing import Any

import pytest
from lifeline.contract.scopes import WHATSAPP, template_scope
from lifeline.domain.account.records import MarketingTemplates
from lifeline.domain.panic.entering import enable, trip
from lifeline.domain.panic.flag import By, Kind, State, note

from tests.support.meta import WABA_ID, change, template_update
from tests.support.webhook_samples import ACCOUNT
from tests.support.webhooks import World


@pytest.fixture
def world() -> World:
    return World()


# --- Templates -----------------------------------------------------------------------------------------

PROMO = template_scope("promo")


@pytest.mark.parametrize("event", ["PAUSED", "DISABLED", "REJECTED", "PENDING_DELETION"])
def test_a_template_that_meta_stops_panics_alone(world: World, event: str) -> None:
    assert (
        world.post(template_update("promo", event, "en-US", "ABUSIVE_CONTENT"), time=world.clock.now) == 200
    )
    flag = world.control.flag(PROMO)
    assert (flag.state, flag.cause, flag.source) == (State.PANIC, "template_rejected", "webhook")
    assert "ABUSIVE_CONTENT" in flag.reason
    assert flag.evidence["language"] == "en_US"
    assert world.control.flag(WHATSAPP).state is State.NORMAL


@pytest.mark.parametrize("event", ["APPROVED", "REINSTATED"])
def test_a_template_approved_again_leaves_panic(world: World, event: str) -> None:
    assert world.post(template_update("promo", "PAUSED"), time=world.clock.now) == 200
    world.clock.advance(300)
    assert world.post(template_update("promo", event), time=world.clock.now) == 200
    assert world.control.flag(PROMO).state is State.RECOVERING


def test_unpaused_is_an_approval_in_other_words(world: World) -> None:
    world.post(template_update("promo", "PAUSED"), time=world.clock.now)
    world.clock.advance(300)
    world.post(template_update("promo", "UNPAUSED", other_info={"title": "UNPAUSE"}), time=world.clock.now)
    assert world.control.flag(PROMO).state is State.RECOVERING


def test_late_early_and_foreign_approvals_end_nothing(world: World) -> None:
    world.post(template_update("promo", "PAUSED"), time=world.clock.now)
    world.post(template_update("promo", "APPROVED"), time=world.clock.now - 60)
    world.post(template_update("promo", "APPROVED", "de"), time=world.clock.now + 60)
    assert world.control.flag(PROMO).state is State.PANIC
    world.clock.advance(60)
    world.post(template_update("promo", "APPROVED"), time=world.clock.now)
    assert world.control.flag(PROMO).state is State.RECOVERING
    world.post(template_update("promo", "PAUSED"), time=world.clock.now - 60)
    assert world.control.flag(PROMO).state is State.RECOVERING, "the pause came late"


def test_an_approval_does_not_end_an_operators_panic(world: World) -> None:
    world.panic.change(
        PROMO, lambda flag: enable(flag, By("me", "operator", "why", world.clock.now), new_incident_id="i")
    )
    world.post(template_update("promo", "APPROVED"), time=world.clock.now + 1)
    assert world.control.flag(PROMO).state is State.PANIC


def test_other_template_events_are_history_only(world: World) -> None:
    world.post(template_update("promo", "PENDING"), time=world.clock.now)
    assert world.control.flag(PROMO).state is State.NORMAL
    assert world.control.kinds(PROMO) == [Kind.NOTED]
    assert not world.notices.told


def test_the_category_of_a_template_is_remembered(world: World) -> None:
    def marketing() -> tuple[str, ...]:
        return world.control.kept(MarketingTemplates).value.names

    world.post(template_update("promo", "APPROVED", message_template_category="MARKETING"))
    world.post(template_update("visit", "APPROVED", message_template_category="UTILITY"))
    assert marketing() == ("promo",)
    named = {"message_template_name": "visit", "previous_category": "UTILITY"}
    world.post(change("template_category_update", {**named, "new_category": "MARKETING"}))
    assert marketing() == ("promo", "visit")
    world.post(change("template_category_update", {**named, "new_category": "UTILITY"}))
    world.post(template_update("promo", "APPROVED"))
    assert marketing() == ("promo",), "what Meta does not say changes nothing"


# --- Account -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        {
            "event": "DISABLED_UPDATE",
            "ban_info": {"waba_ban_state": "DISABLE", "waba_ban_date": "April 17, 2026"},
        },
        {
            "event": "ACCOUNT_RESTRICTION",
            "restriction_info": [{"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING", "expiration": 1}],
        },
        {"event": "ACCOUNT_RESTRICTION"},
        {"event": "ACCOUNT_DELETED"},
    ],
)
def test_an_account_that_may_not_send_panics(world: World, value: dict[str, Any]) -> None:
    assert world.post(change("account_update", value), time=world.clock.now) == 200
    flag = world.control.flag(WHATSAPP)
    assert (flag.state, flag.cause) == (State.PANIC, "account")
    assert world.notices.told[0]["audience"] == ("engineering", "meta-support")


@pytest.mark.parametrize("name", ACCOUNT)
def test_each_news_of_meta_leads_to_panic_or_is_told_to_whom_it_concerns(world: World, name: str) -> None:
    news = ACCOUNT[name]
    scope = template_scope(news.template) if news.template else WHATSAPP
    for _ in range(2):
        assert world.post(news.change, time=world.clock.now) == 200
    flag, told = world.control.flag(scope), world.notices.told
    if news.state == "panic":
        cause = "template_rejected" if news.template else "account"
        assert (flag.state, flag.cause) == (State.PANIC, cause)
        assert told[0]["audience"] == news.audience
        return
    assert flag.state is State.NORMAL
    assert world.control.kinds(scope) == [Kind.NOTED], "a repetition is noted once"
    assert {(notice["audience"], notice["severity"]) for notice in told} == (
        set() if news.state == "note" else {(news.audience, news.state)}
    )
    for word in news.words:
        assert word in told[0]["text"]
    assert "15550783881" not in str(told)


def test_news_of_a_partner_come_in_an_entry_of_its_own_and_name_the_account(world: World) -> None:
    for waba, state in (("900000000000009", State.NORMAL), (WABA_ID, State.PANIC)):
        value = {"event": "PARTNER_REMOVED", "waba_info": {"waba_id": waba}}
        assert world.post(change("account_update", value), waba="800000000000008") == 200
        assert world.control.flag(WHATSAPP).state is state


def test_people_who_cannot_be_told_keep_the_news_at_meta(world: World) -> None:
    world.notices.broken = True
    assert world.post(ACCOUNT["PIN changed"].change) == 503
    world.notices.broken = False
    assert world.post(ACCOUNT["PIN changed"].change) == 200


def test_quality_is_in_the_history_without_the_number(world: World) -> None:
    value = {"display_phone_number": "15550783881", "event": "FLAGGED", "current_limit": "TIER_1K"}
    assert world.post(change("phone_number_quality_update", value), time=world.clock.now) == 200
    (event,) = world.control.history(WHATSAPP)
    assert event.evidence["event"] == "FLAGGED"
    assert event.evidence["current_limit"] == "TIER_1K"
    assert "15550783881" not in str(event)


def test_a_flag_that_cannot_be_written_keeps_the_news_at_meta(world: World) -> None:
    world.control.broken = True
    assert world.post(change("account_update", {"event": "ACCOUNT_DELETED"})) == 503
    world.control.broken = False
    assert world.post(change("account_update", {"event": "ACCOUNT_DELETED"})) == 200
    assert world.control.flag(WHATSAPP).state is State.PANIC


def test_a_note_changes_no_flag(world: World) -> None:
    world.panic.change(
        WHATSAPP,
        lambda flag: trip(
            flag, By("a", "sender", "r", world.clock.now), cause="auth", evidence={}, new_incident_id="i"
        ),
    )
    before = world.control.flag(WHATSAPP)
    change_ = note(before, By("a", "webhook", "n", 1.0), evidence={})
    assert change_.flag == before
    assert change_.event.incident_id == before.incident_id


@pytest.mark.parametrize(("category", "concerned"), [("MARKETING", True), ("UTILITY", False)])
def test_marketing_is_told_when_a_promotional_template_is_refused(
    world: World, category: str, concerned: bool
) -> None:
    update = template_update("promo_offer", "REJECTED", message_template_category=category)
    assert world.post(update) == 200
    told = [notice["audience"] for notice in world.notices.told]
    assert (("marketing",) in told) is concerned
