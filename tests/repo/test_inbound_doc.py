"""What applications are shown is what the code makes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
from lifeline.contract.inbound import INBOUND_SCHEMA, KINDS
from lifeline.contract.instants import parse_instant
from lifeline.domain.inbound import webhooks
from lifeline.domain.inbound.account_fields import FIELDS
from lifeline.domain.inbound.inbound import Reason
from lifeline.domain.inbound.notification import notification
from lifeline.domain.inbound.ours import BusinessNumber

from tests.support.inbound_doc import inbound_policy

DOCUMENT = Path(__file__).parents[2] / "docs" / "inbound.md"
TEXT = DOCUMENT.read_text()
EXAMPLES: list[dict[str, Any]] = [
    json.loads(found) for found in re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
]


def rows(head: str) -> list[str]:
    """The names in the first column of the table with this head, in order."""
    return first_column(TEXT.split(head, 1)[1])


def first_column(text: str) -> list[str]:
    lines = text.split("\n\n", 1)[0].splitlines()[2:]
    return [name for line in lines for name in re.findall(r"`(\w+)`", line.split("|")[1])]


def test_every_field_and_every_kind_is_explained() -> None:
    assert set(rows("| field | holds |")) == set(INBOUND_SCHEMA["properties"])
    assert rows("| `kind` | `text` |") == list(KINDS)
    for name in INBOUND_SCHEMA["properties"]["voice"]["required"]:
        assert f"`{name}`" in TEXT.split("## Voice notes", 1)[1]


def test_the_example_is_what_the_code_makes() -> None:
    (example,) = EXAMPLES
    message = example["message"]
    contact = {
        "wa_id": message["from"],
        "user_id": example["bsuid"],
        "profile": {"name": example["profile"], "username": example["username"]},
    }
    number = BusinessNumber(**dict(zip(("id", "display"), example["number"].values(), strict=True)))
    now = parse_instant(example["received_at"])
    assert notification(example["wamid"], message, contact, number, now) == example
    jsonschema.validate(example, INBOUND_SCHEMA)


def test_every_reason_is_explained() -> None:
    assert rows("| reason | means |") == [str(reason) for reason in Reason]


def test_the_queues_policy_lets_in_this_topic_alone() -> None:
    (statement,) = inbound_policy("arn:queue", "arn:topic")["Statement"]
    assert statement == {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": "arn:queue",
        "Condition": {"ArnEquals": {"aws:SourceArn": "arn:topic"}},
    }


def test_the_webhook_fields_to_subscribe_to_are_those_that_lifeline_acts_on() -> None:
    operations = (DOCUMENT.parent / "operations.md").read_text()
    listed = first_column(
        operations.split("| field | enters panic | otherwise notifies of | audience |", 1)[1]
    )
    assert set(listed) == webhooks._FIELDS
    for name, row in FIELDS.items():
        (line,) = [line for line in operations.splitlines() if line.startswith(f"| `{name}` |")]
        assert line.rsplit("|", 2)[1].strip() == ", ".join(row.audience)
