"""People without a phone number on the deployed system: by their business-scoped user id at Meta."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests

from tests.support.shell import Shell
from tests.support.system import System, eventually

BSUID = "US.13491208655302741918"


@pytest.fixture
def lifeline(system: System) -> Shell:
    system.fresh()
    return Shell(system)


def mails_to(system: System, address: str) -> int:
    boxes = requests.get(f"{system.stack.aws_url}/_ministack/ses/messages", timeout=10).json()["messages"]
    return sum(address in json.dumps(mail) for box in boxes.values() for mail in box)


def test_a_person_without_a_number_gets_whatsapp_and_in_panic_a_mail(lifeline: Shell, tmp_path: Path) -> None:
    system = lifeline.system
    prefix = system.fresh()
    address = f"{prefix}@example.org"
    people = tmp_path / "people.csv"
    people.write_text(f"user_id,email,bsuid\nu-{prefix},{address},{BSUID}\n")
    assert lifeline.answer("contacts", "import", str(people))["saved"] == 1
    message = {"type": "text", "text": "At ten.", "priority": "critical", "recipient": {"bsuid": BSUID}}

    system.produce({"id": f"{prefix}-live", **message}, queue="Critical")
    system.wait_for([f"{prefix}-live"], "DELIVERED")
    (send,) = system.sends(f"{prefix}-live")
    assert (send["body"]["recipient"], "to" in send["body"]) == (BSUID, False)
    assert system.row(f"{prefix}-live")["to_masked"] == "US.13***************918"

    lifeline("panic", "enable", "whatsapp", "trying the fallback", "--hold")
    system.flags_are_read()
    system.produce({"id": f"{prefix}-panic", **message}, queue="Critical")
    system.wait_for([f"{prefix}-panic"], "EMAILED")
    assert system.sends(f"{prefix}-panic") == []
    eventually(lambda: mails_to(system, address), 10, "the mail")


@pytest.mark.parametrize(
    ("code", "details"),
    [(131016, "Service unavailable"), (131053, "Downloading media from weblink failed with http code 503")],
)
def test_failures_that_pass_and_come_by_webhook_are_tried_again(
    lifeline: Shell, code: int, details: str
) -> None:
    system = lifeline.system
    prefix = system.fresh()
    system.fault("undelivered", code=code, details=details, count=2)
    system.produce({"id": f"{prefix}-a", "type": "text", "text": "x", "recipient": {"bsuid": BSUID}})
    system.wait_for([f"{prefix}-a"], "DELIVERED", within=60)
    assert system.accepted(f"{prefix}-a") == [f"{prefix}-a"] * 3
