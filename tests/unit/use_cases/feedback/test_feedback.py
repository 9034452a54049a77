"""The feedback function: each notification stands for itself, and what could not be written comes again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from lifeline.adapters.contacts import mark_key
from lifeline.domain.fallback.feedback import MailReport
from lifeline.errors import UnavailableError
from lifeline.use_cases.feedback.feedback import Feedback

from tests.support.services import Services

AT = "2026-03-01T09:00:00.000Z"


class World(Services):
    """``fails``: what taking a report raises, by message."""

    def __init__(self) -> None:
        super().__init__()
        self.reports: list[MailReport] = []
        self.fails: dict[str, Exception] = {}
        adapters = self.adapters("feedback")
        self.take = Feedback(
            contacts=adapters.contacts,
            mails=self._mails,
            clock=adapters.clock,
            telemetry=adapters.telemetry,
        )

    def marked(self, *addresses: str) -> bool:
        """Whether these addresses are marked as refused, and no others."""
        return set(self.contacts.marks) == {mark_key("email", address) for address in addresses}

    def _mails(self, reports: Sequence[MailReport]) -> None:
        for report in reports:
            if report.message_id in self.fails:
                raise self.fails[report.message_id]
            self.reports.append(report)

    def told(self) -> list[tuple[str, str]]:
        return [(report.message_id, report.kind) for report in self.reports]


def mail(name: str) -> dict[str, Any]:
    return {"timestamp": AT, "tags": {"lifeline_id": [name], "lifeline_act": ["0"]}}


def sent(name: str) -> dict[str, Any]:
    return {"eventType": "Send", "mail": mail(name), "send": {}}


def bounced(name: str) -> dict[str, Any]:
    recipients = [{"emailAddress": f"{name}@example.org"}]
    bounce = {"bounceType": "Permanent", "bouncedRecipients": recipients, "timestamp": AT}
    return {"eventType": "Bounce", "mail": mail(name), "bounce": bounce}


def event(*documents: object) -> dict[str, Any]:
    return {"Records": [{"Sns": {"Message": json.dumps(document)}} for document in documents]}


def test_a_bounce_marks_the_address_and_reports_the_mail() -> None:
    world = World()
    assert world.take(event(sent("m1"), bounced("m1"))) == {"marked": 1}
    assert world.told() == [("m1", "sent"), ("m1", "bounced")]
    assert world.marked("m1@example.org")
    assert world.log.metrics == {
        ("Feedback", "mail", "sent"): 1,
        ("Feedback", "mail", "bounced"): 1,
        ("Feedback", "email", "bounce"): 1,
    }


def test_one_bad_notification_never_harms_the_others() -> None:
    world = World()
    world.fails["m2"] = RuntimeError("broken on purpose")
    world.contacts.fails["m3@example.org"] = ValueError("broken on purpose")
    deep = {"Records": [{"Sns": {"Message": "[" * 100_000}}]}
    given = event(sent("m1"), bounced("m2"), bounced("m3"), [], None, "x", {"eventType": {}}, sent("m4"))
    given["Records"] = [*deep["Records"], None, 5, {"Sns": None}, {"Sns": {"Message": 7}}, *given["Records"]]
    assert world.take(given) == {"marked": 1}
    assert world.told() == [("m1", "sent"), ("m3", "bounced"), ("m4", "sent")]
    assert world.marked("m2@example.org")
    assert world.log.metrics[("Feedback", "record", "failed")] == 2
    assert sum(kind == "error" for kind, _, _ in world.log.lines) == 2


def test_what_could_not_be_written_comes_again_after_the_others_were_taken() -> None:
    world = World()
    world.fails["m1"] = UnavailableError("DynamoDB", "settling", "broken on purpose")
    world.contacts.fails["m2@example.org"] = UnavailableError("DynamoDB", "marking", "broken on purpose")
    given = event(bounced("m1"), bounced("m2"), sent("m3"))
    with pytest.raises(UnavailableError):
        world.take(given)
    assert world.told() == [("m2", "bounced"), ("m3", "sent")]
    assert world.marked("m1@example.org")
    world.fails.clear()
    world.contacts.fails.clear()
    assert world.take(given) == {"marked": 2}


@pytest.mark.parametrize("given", [{}, {"Records": None}, {"Records": {}}, {"Records": "x"}])
def test_an_event_without_records_is_nothing(given: dict[str, Any]) -> None:
    assert World().take(given) == {"marked": 0}
