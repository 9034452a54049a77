"""Every pattern of every document has words, and no refusal shows a regular expression."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from lifeline.contract.inbound import INBOUND_SCHEMA
from lifeline.contract.messages import MESSAGE_SCHEMA, ContractError, parse_message
from lifeline.contract.operator_actions import OPERATOR_ACTIONS, request_faults
from lifeline.contract.outcomes import OUTCOME_SCHEMA
from lifeline.contract.patterns import LABEL, compiled, why, worded
from lifeline.contract.schema import violations
from lifeline.use_cases.operate.messages import CONTACT_SCHEMA

from tests.support.refusals import SYNTAX

SAMPLES: Final = (
    "",
    " ",
    "a b",
    "Ä",
    "x" * 9,
    "-",
    "é@",
    "2030",
    "00:00",
    "..",
    "https:/x",
    "+0",
    "\t",
    "😀x",
)
DOCUMENTS: Final[dict[str, Any]] = {
    "message": MESSAGE_SCHEMA,
    "outcome": OUTCOME_SCHEMA,
    "inbound": INBOUND_SCHEMA,
    "contact": CONTACT_SCHEMA,
    **{name: action.schema for name, action in OPERATOR_ACTIONS.items()},
}


def patterns(schema: object) -> Iterator[str]:
    """Those of a schema, wherever they stand."""
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        for value in schema.values():
            yield from patterns(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from patterns(value)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_pattern_says_in_words_what_is_expected(name: str) -> None:
    found = set(patterns(DOCUMENTS[name]))
    assert found
    for rule in found:
        for sample in SAMPLES:
            words = why(sample, rule)
            assert not SYNTAX.search(words), words
            assert rule not in words
            assert words.startswith(("must ", "holds ", "begins ", "ends "))


def test_the_words_of_a_pattern_are_said_once() -> None:
    assert worded(LABEL, why("a b", LABEL)) == LABEL
    with pytest.raises(ValueError, match="has other words"):
        worded(LABEL, "must be something else")


def test_a_dead_letters_reasons_are_words() -> None:
    body = {
        "id": "a b",
        "to": "+4915112345678",
        "type": "template",
        "template": {"name": "Bad Name", "language": "english!", "parameters": [" " * 9]},
        "reply_to": "x",
        "category": "a/b",
        "recipient": {
            "email": "nobody",
            "push_endpoint": "x",
            "sms_number": "0",
            "bsuid": "x",
            "time_zone": "?",
        },
        "expires_at": "tomorrow",
    }
    with pytest.raises(ContractError) as error:
        parse_message(json.dumps(body))
    assert len(error.value.reasons) == 11
    for reason in error.value.reasons:
        assert not SYNTAX.search(reason), reason


def test_an_operators_refusals_are_words() -> None:
    request = {
        "action": "message.reschedule",
        "id": "a",
        "at": "noon",
        "reason": "r\n",
        "proof": {"host": "A B"},
    }
    faults = request_faults(request)
    assert len(faults) >= 3
    assert not any(SYNTAX.search(fault) for fault in faults), faults


def test_a_value_that_fits_is_not_spoken_of() -> None:
    assert compiled(LABEL).search("a.b:c-d_e")
    assert [*violations("a.b", {"pattern": LABEL}, "x")] == []
