"""Requests and answers: what one side writes, the other reads."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from lifeline.contract.operator_actions import (
    OPERATOR_ACTIONS,
    Refusal,
    ok,
    only_reads,
    parse_answer,
    refused,
    request_faults,
    request_for,
)


def test_a_result_arrives_as_it_was_given() -> None:
    assert parse_answer(json.loads(json.dumps(ok("panic.status", {"panic": False})))) == {"panic": False}


def test_a_refusal_arrives_with_what_would_have_been_taken() -> None:
    document = json.loads(json.dumps(refused("panic.enable", "unknown_scope", "no", ("whatsapp",))))
    assert document["action"] == "panic.enable"
    assert parse_answer(document) == Refusal("unknown_scope", "no", ("whatsapp",))


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "ok",
        1,
        {},
        {"ok": True},
        {"ok": False},
        {"ok": 1, "result": {}},
        {"ok": True, "result": 0},
    ],
    ids=str,
)
def test_what_is_no_answer_is_told_from_a_refusal(document: Any) -> None:
    with pytest.raises(ValueError, match="the answer"):
        parse_answer(document)


def test_a_request_is_held_against_its_action() -> None:
    assert request_faults(request_for("panic.status", scope="whatsapp")) == ()
    assert request_faults(request_for("message.show")) == ("request.id: is required",)
    (fault,) = request_faults(request_for("message.show", id="a", colour="red"))
    assert fault.startswith("request.colour: is not a known field")


@pytest.mark.parametrize(
    ("fields", "reads"),
    [
        ({"action": "panic.status"}, True),
        ({"action": "incident.report", "incident_id": "last"}, True),
        ({"action": "panic.enable", "scope": "whatsapp"}, False),
        ({"action": "whatsapp.test"}, False),
        ({"action": "audit.run", "deep": True}, True),
        ({"action": "audit.run", "wake": True}, False),
        ({"action": "queue.peek", "queue": "refused"}, True),
        ({"action": "queue.peek", "queue": "whatsapp-dlq"}, False),
    ],
    ids=str,
)
def test_what_only_reads_goes_to_the_function_that_only_reads(fields: dict[str, Any], reads: bool) -> None:
    assert only_reads(fields) is reads


def test_no_field_has_a_name_that_a_log_record_has() -> None:
    """The fields of what changes something are logged by their names, and ``logging`` refuses these."""
    taken = {*vars(logging.makeLogRecord({})), "asctime"}
    for name, action in OPERATOR_ACTIONS.items():
        assert not (action.changes and taken & set(action.fields)), name
