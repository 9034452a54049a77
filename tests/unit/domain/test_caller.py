"""Which proofs are shown to STS, and which of its answers count."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from lifeline.domain.caller import SKEW, Caller, account_of, check_caller, check_proof, proof_end
from lifeline.errors import RefusedError

from tests.support.proofs import ACCOUNT, ADA, HOST, SAMPLE, STACK

MADE = datetime(2026, 3, 1, 9, tzinfo=UTC).timestamp()


def code(call: Any, *arguments: Any) -> str:
    try:
        call(*arguments)
    except RefusedError as error:
        return error.code
    return ""


@pytest.mark.parametrize(
    ("after", "found"),
    [
        (-SKEW - 1, "proof_expired"),
        (-SKEW, ""),
        (0, ""),
        (59.9, ""),
        (60, "proof_expired"),
        (899, "proof_expired"),
    ],
)
def test_a_proof_stands_for_a_minute_by_our_clock(after: float, found: str) -> None:
    assert code(check_proof, SAMPLE, HOST, MADE + after) == found


def test_the_day_that_is_none_is_refused() -> None:
    assert code(proof_end, SAMPLE | {"date": "20260230T000000Z"}) == "proof_invalid"


@pytest.mark.parametrize(
    ("signed_for", "ours", "found"),
    [
        (HOST, HOST, ""),
        ("sts.us-east-1.amazonaws.com", HOST, "proof_elsewhere"),
        ("sts.amazonaws.com", HOST, "proof_elsewhere"),
        ("sts.eu-west-1.amazonaws.com.evil.example", HOST, "proof_elsewhere"),
        ("127.0.0.1:4566", HOST, "proof_elsewhere"),
        (HOST, "127.0.0.1:4566", "proof_elsewhere"),
        ("localhost:4566", "127.0.0.1:4570", ""),
    ],
)
def test_a_proof_is_shown_to_the_endpoint_that_it_was_signed_for(
    signed_for: str, ours: str, found: str
) -> None:
    assert code(check_proof, SAMPLE | {"host": signed_for}, ours, MADE) == found


@pytest.mark.parametrize(
    ("caller", "declared", "found"),
    [
        (Caller(ADA, ACCOUNT), None, ""),
        (Caller(ADA, ACCOUNT), ADA, ""),
        (Caller(ADA, ACCOUNT), "ada", ""),
        (Caller(ADA, ACCOUNT), "grace", "forged_actor"),
        (Caller(ADA, ACCOUNT), "ada (unverified)", "forged_actor"),
        (Caller("arn:aws:iam::999999999999:user/ada", "999999999999"), None, "other_account"),
        (Caller(ADA, "999999999999"), None, "proof_refused"),
        (Caller("", ""), None, "proof_refused"),
        (Caller(f"arn:aws:s3::{ACCOUNT}:user/ada", ACCOUNT), None, "proof_refused"),
        (Caller(f"{ADA}\n", ACCOUNT), None, "proof_refused"),
    ],
)
def test_an_answer_counts_for_this_account_and_the_name_that_was_declared(
    caller: Caller, declared: str | None, found: str
) -> None:
    assert code(check_caller, caller, ACCOUNT, declared) == found


def test_a_stacks_account_is_in_its_id() -> None:
    assert account_of(STACK) == ACCOUNT
    assert account_of("lifeline") == ""
