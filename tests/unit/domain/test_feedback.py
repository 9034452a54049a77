"""What SES and SNS tell after a fallback, by their documented shapes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lifeline.domain.feedback import Returned, returned

EVENTS = Path(__file__).parents[3] / "events" / "feedback"


def event(name: str) -> Any:
    record = json.loads((EVENTS / f"{name}.json").read_text())["Records"][0]
    return json.loads(record["Sns"]["Message"])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ses_bounce", Returned("email", "gone@example.org", "bounce", "bounce General")),
        ("ses_bounce_transient", Returned("email", "full@example.org", "passing", "bounce MailboxFull")),
        ("ses_complaint", Returned("email", "annoyed@example.org", "complaint", "complaint abuse")),
        (
            "push_failure",
            Returned(
                "push",
                "arn:aws:sns:eu-central-1:111122223333:endpoint/GCM/app/5e3e9847",
                "disabled",
                "InvalidPlatformToken",
            ),
        ),
    ],
)
def test_an_event_names_the_address_and_what_became_of_it(name: str, expected: Returned) -> None:
    assert list(returned(event(name))) == [expected]


def test_a_notification_of_the_identity_says_the_same_as_an_event_of_the_set() -> None:
    document = event("ses_bounce")
    document["notificationType"] = document.pop("eventType")
    assert [item.kind for item in returned(document)] == ["bounce"]


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"eventType": "Delivery", "delivery": {"recipients": ["a@example.org"]}},
        {"eventType": "Bounce"},
        {"eventType": "Bounce", "bounce": {"bounceType": "Permanent", "bouncedRecipients": [{}, "x"]}},
        {"eventType": "Complaint", "complaint": {"complainedRecipients": None}},
        {"EventType": "EndpointCreated", "EndpointArn": "arn:x"},
        {"EventType": "DeliveryFailure"},
    ],
)
def test_what_names_nobody_marks_nobody(document: dict[str, Any]) -> None:
    assert list(returned(document)) == []


def test_our_own_faulty_credentials_are_no_reason_to_give_a_device_up() -> None:
    document = {**event("push_failure"), "FailureType": "InvalidPlatformCredentials"}
    (item,) = returned(document)
    assert (item.kind, item.final) == ("passing", False)
