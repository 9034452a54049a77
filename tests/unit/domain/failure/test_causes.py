"""The causes: each row whole, and advice that follows from scope and cause."""

from __future__ import annotations

import pytest
from lifeline.contract.scopes import OPENAI_VOICE, SCOPES, WHATSAPP, template_scope
from lifeline.domain.failure.causes import (
    COUNTED,
    LIMITS,
    STREAKS,
    WINDOW_CAUSES,
    Cause,
    Reach,
    Trip,
    audience,
    command,
    remedy,
    traits_of,
)

from tests.support.runbook import fault

TEMPLATE = template_scope("reminder")
CHANNEL = [cause for cause in Cause if cause.traits.reach is Reach.CHANNEL]


@pytest.mark.parametrize("cause", list(Cause))
def test_a_row_is_whole(cause: Cause) -> None:
    traits = cause.traits
    assert traits.remedy.endswith(".")
    assert traits.strength or traits.reach in (Reach.RECIPIENT, Reach.MESSAGE), (
        "what can panic has a strength"
    )
    assert traits.trips is Trip.NEVER or traits.reach is Reach.CHANNEL
    assert not traits.escalates or traits.reach is Reach.CHANNEL
    assert len(set(traits.asks)) == len(traits.asks) > 0
    assert traits.checks
    assert not traits.to_marketing or traits.to_marketing.endswith(".")


def test_whom_a_failure_says_something_about() -> None:
    assert {cause: cause.traits.reach for cause in Cause if cause not in CHANNEL} == {
        Cause.PAIR_RATE_LIMIT: Reach.RECIPIENT,
        Cause.INVALID_PHONE: Reach.RECIPIENT,
        Cause.UNDELIVERABLE: Reach.RECIPIENT,
        Cause.TEMPLATE_REJECTED: Reach.TEMPLATE,
        Cause.BAD_REQUEST: Reach.MESSAGE,
    }


def test_how_failures_count() -> None:
    assert Cause.UNREACHABLE in STREAKS
    assert {Cause.RATE_LIMIT, Cause.SPAM_LIMIT} <= set(LIMITS)
    assert {*STREAKS, *LIMITS} <= set(COUNTED)
    assert set(WINDOW_CAUSES) - set(COUNTED) == {Cause.AUTH, Cause.ACCOUNT}
    # Of causes that are seen alike often, the weakest is named: a stronger one takes its place by itself.
    assert [cause.traits.strength for cause in COUNTED] == sorted(c.traits.strength for c in COUNTED)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("cause", list(Cause))
def test_advice_is_one_sentence_of_the_scope_at_hand(scope: str, cause: Cause) -> None:
    text = remedy(scope, cause)
    assert text.endswith(".")
    assert "\n" not in text
    assert "{" not in text
    others = [row for name, row in SCOPES.items() if name != scope]
    if cause in CHANNEL:
        for other in others:
            for word in (other.service, other.support, other.status_page):
                assert word not in text


def test_advice_names_the_service_whose_failure_it_is() -> None:
    assert "Meta Business Support" in remedy(WHATSAPP, Cause.ACCOUNT)
    assert "platform.openai.com" in remedy(OPENAI_VOICE, Cause.ACCOUNT)
    assert "token-status" in remedy(WHATSAPP, Cause.AUTH)
    assert "openai_api_key" in remedy(OPENAI_VOICE, Cause.AUTH)
    assert "metastatus.com" in remedy("whatsapp/template/reminder", Cause.UNREACHABLE)
    assert "status.openai.com" in remedy(OPENAI_VOICE, Cause.UNREACHABLE)


@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_has_advice_of_its_own_for_known_causes_only(scope: str) -> None:
    assert set(SCOPES[scope].remedies) <= set(Cause)


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("scope", [*SCOPES, TEMPLATE, "another/version"])
def test_each_cause_has_one_command_that_exists_and_is_of_the_scope_at_hand(scope: str, cause: Cause) -> None:
    run = command(scope, cause)
    assert fault(run) is None
    assert "{" not in run
    assert scope == "whatsapp" or scope in run or scope.removeprefix("whatsapp/template/") in run
    if scope not in ("whatsapp", TEMPLATE):
        assert "lifeline whatsapp" not in run, "another service's trouble is not looked for at Meta"


def test_support_is_told_where_it_alone_can_help_and_where_somebody_deals_with_it() -> None:
    assert audience(WHATSAPP, Cause.ACCOUNT) == audience(WHATSAPP, Cause.SPAM_LIMIT)
    assert audience(WHATSAPP, Cause.ACCOUNT) == ("engineering", "meta-support")
    assert audience(OPENAI_VOICE, Cause.ACCOUNT) == ("engineering",)
    assert audience(WHATSAPP, Cause.UNREACHABLE) == ("engineering",)


def test_a_cause_of_another_version_is_neutral() -> None:
    assert (traits_of("").strength, traits_of("meteor").strength) == (0, 0)
    assert remedy(WHATSAPP, "meteor") == ""
    assert audience(WHATSAPP, "meteor") == ("engineering",)
