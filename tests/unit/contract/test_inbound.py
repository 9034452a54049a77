"""Inbound notifications: the published schema and what reads them."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from lifeline.contract.inbound import INBOUND_SCHEMA, MAX_DEPTH, parse_inbound
from lifeline.contract.messages import ContractError
from lifeline.domain.inbound.notification import notification
from lifeline.domain.inbound.ours import BusinessNumber

from tests.support.webhook_samples import CONTACT, MESSAGES

NUMBER = BusinessNumber("100000000000001", "+15550783881")
GOOD = notification("wamid.1", MESSAGES["list"].message, CONTACT, NUMBER, 1_790_000_000.0)


def read(**changes: Any) -> str:
    return json.dumps({**GOOD, **changes})


def test_what_is_read() -> None:
    found = parse_inbound(read(of_tomorrow=[1]))
    assert (found.kind, found.text, found.sender, found.wamid) == (
        "list",
        "Friday",
        "+16505551234",
        "wamid.1",
    )
    assert (found.received_at, found.group_id, found.errors) == (1_789_999_990.0, None, ())
    assert found.choice is not None
    assert found.choice["id"] == "r2"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": 5}, "inbound.kind"),
        ({"number": None}, "inbound.number"),
        ({"errors": [{}]}, r"inbound.errors\[0\].code"),
        ({"preference": "maybe"}, "inbound.preference"),
        ({"received_at": "2026-13-01T00:00:00Z"}, "inbound.received_at"),
        ({"media": {"id": "5"}}, "inbound.media.type"),
    ],
)
def test_what_is_none_says_where(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ContractError, match=reason):
        parse_inbound(read(**change))


@pytest.mark.parametrize("body", ["", "[]", "{}", "nonsense", "[" * (MAX_DEPTH + 1)])
def test_what_is_no_notification(body: str) -> None:
    with pytest.raises(ContractError, match="inbound"):
        parse_inbound(body)


def test_a_field_that_is_missing_is_a_fault() -> None:
    for name in INBOUND_SCHEMA["required"]:
        document = {key: value for key, value in GOOD.items() if key != name}
        with pytest.raises(ContractError, match=name):
            parse_inbound(json.dumps(document))
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document, INBOUND_SCHEMA)
