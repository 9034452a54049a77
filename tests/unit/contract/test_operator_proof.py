"""What a proof covers, and the one request that it can become."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lifeline.contract.operator_actions import OPERATOR_ACTIONS, request_faults
from lifeline.contract.operator_proof import PROOF, digest, is_loopback, signed_query
from lifeline.contract.schema import violations

from tests.support.proofs import SAMPLE

REQUEST = {"action": "panic.enable", "scope": "whatsapp", "reason": "why — \ud83d", "for_seconds": 60.0}
NONCE = "a" * 32


def test_a_digest_survives_the_way_to_the_function() -> None:
    sent = json.loads(json.dumps({**REQUEST, "proof": SAMPLE}))
    assert digest(sent, NONCE) == digest(REQUEST, NONCE)


@pytest.mark.parametrize(
    "other",
    [
        REQUEST | {"scope": "openai_voice"},
        REQUEST | {"actor": "ada"},
        REQUEST | {"action": "panic.disable"},
        {name: value for name, value in REQUEST.items() if name != "for_seconds"},
    ],
    ids=str,
)
def test_a_digest_is_of_every_field(other: dict[str, Any]) -> None:
    assert digest(other, NONCE) != digest(REQUEST, NONCE)
    assert digest(REQUEST, "b" * 32) != digest(REQUEST, NONCE)


def test_a_proof_leaves_open_what_a_bulk_action_repeats() -> None:
    (bulk,) = [name for name, action in OPERATOR_ACTIONS.items() if action.bulk]
    assert bulk == "campaign.add", "each such action weakens what is proven: think of who could use the proof"
    left = OPERATOR_ACTIONS[bulk].bulk
    one = {"action": bulk, "campaign": "spring", "chunk": 0, "messages": [{}]}
    assert digest(one, NONCE, left) == digest(one | {"chunk": 1, "messages": []}, NONCE, left)
    assert digest(one, NONCE, left) != digest(one | {"campaign": "autumn"}, NONCE, left)


def test_the_query_names_each_parameter_once_and_is_get_caller_identity() -> None:
    query = signed_query({**SAMPLE, "token": "t&Action=AssumeRole"}, "eu-west-1")
    assert query["Action"] == "GetCallerIdentity"
    assert query["X-Amz-Credential"] == "AKIDADA/20260301/eu-west-1/sts/aws4_request"
    assert query["X-Amz-SignedHeaders"] == "host;x-lifeline-request;x-lifeline-stack"
    assert "X-Amz-Security-Token" not in signed_query(SAMPLE, "eu-west-1")


@pytest.mark.parametrize(
    "change",
    [
        {"host": "sts.amazonaws.com/?Action=AssumeRole&"},
        {"host": "user@evil.example"},
        {"host": "sts.amazonaws.com\r\nx-evil: 1"},
        {"key": "AKID/../"},
        {"key": "AKID&Action=AssumeRole"},
        {"date": "20260301"},
        {"date": "20260301T090000Z&X"},
        {"nonce": ""},
        {"signature": "zz"},
        {"signature": "0" * 63},
        {"token": "a b"},
        {"token": "a\r\nhost: evil"},
        {"token": ""},
        {"url": "https://sts.amazonaws.com/?Action=GetCallerIdentity"},
        {"headers": {}},
        {"signature": None},
    ],
    ids=str,
)
def test_a_proof_of_another_form_is_refused(change: dict[str, Any]) -> None:
    assert list(violations({**SAMPLE, **change}, PROOF, "proof"))


def test_only_changes_take_a_proof() -> None:
    assert request_faults({"action": "panic.status", "proof": SAMPLE})
    fields = {"plan": "p", "reason": "r"}
    assert request_faults({"action": "panic.cancel_plan", **fields, "proof": SAMPLE}) == ()


@pytest.mark.parametrize(
    ("host", "so"),
    [
        ("127.0.0.1:4566", True),
        ("localhost", True),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example:1", False),
        ("sts.eu-west-1.amazonaws.com", False),
    ],
)
def test_this_machine_is_told_from_names_that_begin_so(host: str, so: bool) -> None:
    assert is_loopback(host) is so
