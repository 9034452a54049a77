"""When a token is renewed, and which new one is taken."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.domain.account.token import (
    DAY,
    NEEDED_SCOPES,
    NEVER_AS_DAYS,
    REMEDIES,
    REMEDIES_OF_SETTING,
    RENEWED_BY_HAND,
    SET_TOKEN,
    RefreshStep,
    TokenFacts,
    TokenState,
    command_of_refresh,
    days_left,
    decide,
    fault_of_new,
    gauge,
    read_facts,
    remedy_of_refresh,
    why_invalid,
)

NOW = 1_790_000_000.0
APP = "1234567890"


def answer(**more: Any) -> dict[str, Any]:
    return {
        "app_id": APP,
        "type": "SYSTEM_USER",
        "expires_at": 0,
        "is_valid": True,
        "scopes": list(NEEDED_SCOPES),
        **more,
    }


def test_an_invalid_token_comes_with_http_200() -> None:
    error = {"code": 190, "message": "Malformed access token EAAabcdefghij0123456789", "subcode": 463}
    facts = read_facts({"is_valid": False, "scopes": [], "error": error})
    assert not facts.valid
    assert facts.subcode == 463
    assert "EAAabcdefghij0123456789" not in facts.reason, "Meta repeats a malformed token"
    assert decide(facts, NOW, 10) is TokenState.INVALID
    assert "expired" in why_invalid(facts)
    assert days_left(facts, NOW) == gauge(facts, NOW) == 0


@pytest.mark.parametrize("data", [None, [], "x", 7, {}, {"is_valid": "true"}, {"is_valid": 1}])
def test_what_cannot_be_read_is_invalid(data: object) -> None:
    facts = read_facts(data)
    assert decide(facts, NOW, 10) is TokenState.INVALID
    assert why_invalid(facts)


def test_a_token_without_an_end_is_recognised() -> None:
    facts = read_facts(answer(expires_at=0))
    assert facts.expires_at is None
    assert decide(facts, NOW, 10) is TokenState.NEVER_EXPIRES
    assert days_left(facts, NOW) is None
    assert gauge(facts, NOW) == NEVER_AS_DAYS
    assert facts.missing_scopes == ()


@pytest.mark.parametrize(
    ("days", "state"),
    [
        (60, TokenState.FINE),
        (10, TokenState.FINE),
        (9.999, TokenState.TO_RENEW),
        (2, TokenState.TO_RENEW),
        (0, TokenState.INVALID),
        (-1, TokenState.INVALID),
    ],
)
def test_the_end_decides(days: float, state: TokenState) -> None:
    facts = read_facts(answer(expires_at=NOW + days * DAY))
    assert decide(facts, NOW, 10) is state
    assert days_left(facts, NOW) == pytest.approx(max(days, 0))


@given(
    valid=st.booleans(),
    expires=st.one_of(st.none(), st.floats(1, NOW + 400 * DAY)),
    now=st.floats(1, NOW + 400 * DAY),
    renew=st.floats(1, 50),
)
def test_a_state_only_worsens_with_time(valid: bool, expires: float | None, now: float, renew: float) -> None:
    order = [TokenState.NEVER_EXPIRES, TokenState.FINE, TokenState.TO_RENEW, TokenState.INVALID]
    facts = TokenFacts(valid, expires)
    before, after = decide(facts, now, renew), decide(facts, now + DAY, renew)
    assert order.index(after) >= order.index(before)
    assert (before is TokenState.NEVER_EXPIRES) == (valid and expires is None)
    assert gauge(facts, now) >= 0


OLD = TokenFacts(True, NOW + 2 * DAY, app_id=APP)


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (TokenFacts(False, subcode=467), "invalid: it was revoked"),
        (TokenFacts(True, NOW - 1), "it has expired"),
        (TokenFacts(True, None, app_id="999"), "another app"),
        (TokenFacts(True, None, app_id=APP, scopes=("public_profile",)), "lacks the permission"),
        (TokenFacts(True, NOW + 2 * DAY, app_id=APP), "does not last longer"),
        (TokenFacts(True, NOW + DAY, app_id=APP), "does not last longer"),
    ],
)
def test_a_new_token_that_is_not_taken(new: TokenFacts, words: str) -> None:
    assert words in fault_of_new(new, OLD, NOW, APP, 10)


@pytest.mark.parametrize(
    ("new", "old"),
    [
        (TokenFacts(True, NOW + 60 * DAY, app_id=APP, scopes=NEEDED_SCOPES), OLD),
        (TokenFacts(True, None, app_id=APP), OLD),
        # Renewed twice within a second.
        (TokenFacts(True, NOW + 60 * DAY, app_id=APP), TokenFacts(True, NOW + 60 * DAY, app_id=APP)),
        # Asked for by force: 60 days instead of no end.
        (TokenFacts(True, NOW + 60 * DAY, app_id=APP), TokenFacts(True, None)),
        # The present one is refused: any end is better.
        (TokenFacts(True, NOW + DAY, app_id=APP), TokenFacts(False, NOW + 50 * DAY)),
    ],
)
def test_a_new_token_that_is_taken(new: TokenFacts, old: TokenFacts) -> None:
    assert fault_of_new(new, old, NOW, APP, 10) == ""


def test_missing_permissions_are_named_where_meta_names_any() -> None:
    assert TokenFacts(True, scopes=("whatsapp_business_messaging",)).missing_scopes == (
        "whatsapp_business_management",
    )
    assert TokenFacts(True).missing_scopes == ()


def test_every_step_has_a_remedy() -> None:
    assert set(REMEDIES) == set(RefreshStep)


@pytest.mark.parametrize("step", [RefreshStep.EXCHANGE, RefreshStep.VERIFY])
def test_after_a_failed_refresh_of_a_refused_token_only_a_new_one_helps(step: RefreshStep) -> None:
    words = remedy_of_refresh(step, TokenState.INVALID)
    assert "cannot fix this" in words
    assert RENEWED_BY_HAND in words
    assert "refresh-token" not in words
    assert "cannot fix this" not in remedy_of_refresh(step, TokenState.TO_RENEW)
    assert "refresh-token" not in remedy_of_refresh(step, TokenState.TO_RENEW)


def test_a_step_that_passes_by_itself_is_asked_again() -> None:
    assert remedy_of_refresh(RefreshStep.SWITCH, TokenState.INVALID) == REMEDIES[RefreshStep.SWITCH]


def test_the_one_command_after_a_failed_refresh() -> None:
    for step in RefreshStep:
        assert command_of_refresh(step, TokenState.INVALID) == SET_TOKEN
        assert command_of_refresh(step, TokenState.TO_RENEW).startswith("lifeline whatsapp ")
    assert command_of_refresh(RefreshStep.READ, None) == SET_TOKEN, "a fresh stack without a token"
    assert command_of_refresh(RefreshStep.ASK, None) == "lifeline whatsapp token-status"
    assert command_of_refresh(RefreshStep.SWITCH, TokenState.TO_RENEW) == "lifeline whatsapp refresh-token"


def test_what_a_person_does_by_hand_names_the_command() -> None:
    assert RENEWED_BY_HAND.endswith(SET_TOKEN)
    assert set(REMEDIES_OF_SETTING) == set(RefreshStep) - {RefreshStep.EXCHANGE}
