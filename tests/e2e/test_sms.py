"""SMS on the deployed system, IAM enforced: sent by the local AWS up to the ceiling, then the next step."""

from __future__ import annotations

import requests

from tests.support.inbox import inbox
from tests.support.system import System, eventually

NUMBERS = [f"+4915110000{n:03d}" for n in range(100, 106)]


def texts(system: System) -> dict[str, list[str]]:
    """Every SMS that the local AWS took, by number."""
    answer = requests.get(f"{system.stack.aws_url}/_ministack/sns/sms-messages", timeout=10).json()
    return {number: [item["Message"] for item in sent] for number, sent in answer["sms_messages"].items()}


def test_people_are_texted_up_to_the_ceiling_and_told_otherwise_above_it(system: System) -> None:
    prefix = system.fresh()
    before = {number: len(found) for number, found in texts(system).items()}
    ids = [f"{prefix}-{n}" for n in range(len(NUMBERS))]
    with inbox(system, {"audience": ["engineering"]}) as box:
        system.produce(
            *[
                system.person(
                    name,
                    # Nobody's number on WhatsApp: the fallback is taken at once.
                    to="not a number",
                    priority="critical",
                    recipient={"sms_number": number, "email": "success@simulator.amazonses.com"},
                )
                for name, number in zip(ids, NUMBERS, strict=True)
            ],
            queue="Critical",
        )
        eventually(lambda: set(system.statuses(ids).values()) <= {"TEXTED", "EMAILED"}, 60, "all reached")
        notice = box.told("spending_ceiling")
        statuses = system.statuses(ids)
        texted = [name for name in ids if statuses[name] == "TEXTED"]
        assert len(texted) == 3, "a part is 0.10, an hour 0.30"
        # SES's event may be faster than the worker, which then adds no "email" of its own.
        tried = [system.row(name)["tried"] for name in set(ids) - set(texted)]
        assert [words.split(",")[0] for words in tried] == ["sms SpendingCeiling"] * 3
        found = texts(system)
        new = {number: found.get(number, [])[before.get(number, 0) :] for number in NUMBERS}
        for name, number in zip(ids, NUMBERS, strict=True):
            assert new[number] == (["Your appointment is at ten."] if name in texted else []), name
        assert notice["ceiling_usd"] == 0.3
        events = [item["event"] for item in box.look()]
        assert events.count("spending_ceiling") == 1
