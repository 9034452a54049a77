"""The failure table of OpenAI, row by row, and answers as odd as they come."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.domain.failure.causes import Cause, Fault
from lifeline.domain.failure.voice_failures import RULES, classify_answer, classify_fault, not_asked


def error(code: str | None = None, kind: str = "invalid_request_error") -> dict[str, Any]:
    return {"error": {"message": "What went wrong.", "type": kind, "param": None, "code": code}}


@pytest.mark.parametrize(
    ("status", "body", "cause", "of_voice", "retryable"),
    [
        (401, error("invalid_api_key"), Cause.AUTH, True, False),
        (401, None, Cause.AUTH, True, False),
        (403, error("unsupported_country_region_territory"), Cause.AUTH, True, False),
        (403, None, Cause.AUTH, True, False),
        (429, error("insufficient_quota", "insufficient_quota"), Cause.ACCOUNT, True, False),
        (429, error(None, "insufficient_quota"), Cause.ACCOUNT, True, False),
        (429, error("rate_limit_exceeded", "requests"), Cause.RATE_LIMIT, True, True),
        (429, None, Cause.RATE_LIMIT, True, True),
        (402, None, Cause.ACCOUNT, True, False),
        (404, error("model_not_found"), Cause.ACCOUNT, True, False),
        (404, None, Cause.UNREACHABLE, True, False),
        (302, None, Cause.UNREACHABLE, True, False),
        (400, error("content_policy_violation"), Cause.BAD_REQUEST, False, False),
        (400, error("string_too_long"), Cause.BAD_REQUEST, False, False),
        (413, error(), Cause.BAD_REQUEST, False, False),
        (408, None, Cause.UNREACHABLE, True, True),
        (500, error(None, "server_error"), Cause.UNREACHABLE, True, True),
        (503, "busy", Cause.UNREACHABLE, True, True),
        (529, None, Cause.UNREACHABLE, True, True),
    ],
)
def test_each_row(status: int, body: object, cause: Cause, of_voice: bool, retryable: bool) -> None:
    found = classify_answer(status, body, {})
    assert (found.cause, found.counts_for_window, found.retryable) == (cause, of_voice, retryable)
    assert found.trips_at_once is (cause in (Cause.AUTH, Cause.ACCOUNT))
    assert found.remedy.endswith(".")


@pytest.mark.parametrize("fault", list(Fault))
def test_transport_faults_pass(fault: Fault) -> None:
    found = classify_fault(fault, "ReadTimeout")
    assert (found.cause, found.retryable, found.trips_at_once) == (Cause.UNREACHABLE, True, False)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "20"}, 20.0),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "999999"}, 3600.0),
        ({}, None),
    ],
)
def test_a_stated_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert classify_answer(429, None, headers).retry_after == seconds


def test_no_key_is_repeated() -> None:
    body = {"error": {"message": "Incorrect API key provided: sk-proj-abcdefgh12345678.", "code": "x"}}
    found = classify_answer(401, body, {})
    assert "abcdefgh" not in f"{found!r}"
    assert "abcdefgh" not in found.words


@given(
    st.integers(100, 999),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["error", "code", "type", "message", "x"]), inner, max_size=4)
        ),
        max_leaves=8,
    ),
)
def test_whatever_comes_is_told_apart(status: int, body: object) -> None:
    found = classify_answer(status, body, {})
    assert found.counts_for_window is (found.cause is not Cause.BAD_REQUEST)
    assert len(found.words) <= 300


def test_every_row_says_what_to_do_and_where_it_is_from() -> None:
    for rule in RULES:
        assert rule.remedy.endswith(".")
        assert rule.source in ("codes", "reference", "clients", "http", "class")
        assert not (rule.retryable and rule.cause is Cause.BAD_REQUEST)


def test_what_is_not_asked_is_about_one_message() -> None:
    assert not not_asked("too long").counts_for_window
