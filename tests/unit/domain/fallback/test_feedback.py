"""What SES and SNS tell after a fallback, by their documented shapes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifeline.domain.fallback.feedback import MailReport, Returned, mail_report, returned, text_report

EVENTS = Path(__file__).parents[4] / "events" / "feedback"


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
        {"EventType": "DeliveryFailure", "EndpointArn": ["arn:x"]},
        {"EventType": "DeliveryFailure", "EndpointArn": "arn:\ud800"},
        {"eventType": ["Bounce"], "bounce": {"bouncedRecipients": [{"emailAddress": "a@example.org"}]}},
        {"eventType": "Bounce", "bounce": {"bouncedRecipients": [{"emailAddress": "a\ud800@example.org"}]}},
        {"eventType": "Bounce", "bounce": {"bouncedRecipients": [{"emailAddress": ["a@example.org"]}]}},
    ],
)
def test_what_names_nobody_marks_nobody(document: dict[str, Any]) -> None:
    assert list(returned(document)) == []


def test_our_own_faulty_credentials_are_no_reason_to_give_a_device_up() -> None:
    document = {**event("push_failure"), "FailureType": "InvalidPlatformCredentials"}
    (item,) = returned(document)
    assert (item.kind, item.final) == ("passing", False)


def test_a_reason_that_cannot_be_encoded_is_told_as_far_as_it_can() -> None:
    document = event("ses_bounce")
    document["bounce"]["bounceSubType"] = "Gen\ud800eral\n"
    (item,) = returned(document)
    assert item.why == "bounce Gen\ufffderal"


MAILED = 1_772_355_600.0
"""2026-03-01 09:00:00 UTC, when the mails of the example events were handed to SES."""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ses_send", MailReport("event:mailed", 1, "sent", MAILED)),
        ("ses_delivery", MailReport("event:mailed", 1, "delivered", MAILED + 2.5)),
        ("ses_reject", MailReport("event:mailed", 1, "rejected", MAILED)),
        ("ses_bounce", MailReport("event:bounce", 0, "bounced", MAILED + 3)),
    ],
)
def test_an_event_tells_what_became_of_which_mail(name: str, expected: MailReport) -> None:
    assert mail_report(event(name)) == expected


@pytest.mark.parametrize("name", ["ses_send", "ses_delivery", "ses_reject"])
def test_what_concerns_a_mail_marks_no_address(name: str) -> None:
    assert list(returned(event(name))) == []


def test_who_complains_has_got_the_mail_unless_ses_never_sent_it() -> None:
    document = event("ses_complaint")
    report = mail_report(document)
    assert report is not None
    assert report.kind == "delivered"
    document["complaint"]["complaintSubType"] = "OnAccountSuppressionList"
    report = mail_report(document)
    assert report is not None
    assert report.kind == "bounced"


@pytest.mark.parametrize(
    "change",
    [
        {"tags": None},
        {"tags": []},
        {"tags": {}},
        {"tags": {"lifeline_id": ["a"]}},
        {"tags": {"lifeline_act": ["0"]}},
        {"tags": {"lifeline_id": "a", "lifeline_act": "0"}},
        {"tags": {"lifeline_id": ["a", "b"], "lifeline_act": ["0"]}},
        {"tags": {"lifeline_id": ["a"], "lifeline_act": ["-1"]}},
        {"tags": {"lifeline_id": ["a"], "lifeline_act": [0]}},
        {"tags": {"lifeline_id": ["\ud800"], "lifeline_act": ["0"]}},
        {"tags": {"lifeline_id": [{}], "lifeline_act": ["0"]}},
        {"timestamp": None},
        {"timestamp": "yesterday"},
        {"timestamp": 5},
    ],
)
def test_a_mail_that_is_not_ours_or_not_as_documented_reports_nothing(change: dict[str, Any]) -> None:
    document = event("ses_send")
    document["mail"] = {**document["mail"], **change}
    assert mail_report(document) is None


@pytest.mark.parametrize(
    "kind", ["Open", "Click", "DeliveryDelay", "Rendering Failure", "Subscription", "", None, 5]
)
def test_other_events_report_nothing(kind: object) -> None:
    assert mail_report({**event("ses_send"), "eventType": kind}) is None


TEXT = st.text("aZ0@.,<>: _\n\x00ä😀\ud800\udfff\uffff", max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["eventType", "notificationType", "EventType", "EndpointArn", "FailureType", "mail", "send", "delivery"]
)
KINDS = st.sampled_from(["Send", "Delivery", "Bounce", "Complaint", "Reject", "DeliveryFailure"])
PART = st.dictionaries(
    st.sampled_from(
        [
            *(
                "timestamp",
                "tags",
                "bounceType",
                "bounceSubType",
                "complaintSubType",
                "complaintFeedbackType",
            ),
            *("bouncedRecipients", "complainedRecipients"),
        ]
    ),
    JSON | st.lists(st.fixed_dictionaries({"emailAddress": JSON}), max_size=2),
)


@given(
    st.dictionaries(FIELDS, JSON | PART),
    KINDS,
    st.fixed_dictionaries({}, optional={"bounce": PART, "complaint": PART, "mail": PART}),
)
def test_no_document_raises(document: dict[str, Any], kind: str, parts: dict[str, Any]) -> None:
    for field in ("eventType", "EventType"):
        changed = {**document, **parts, field: kind}
        mail_report(changed)
        for item in returned(changed):
            f"{item.way}{item.address}{item.kind}{item.why}".encode()


# --- SMS -------------------------------------------------------------------------------------------------


def text_event(kind: str, **more: Any) -> dict[str, Any]:
    """An event of End User Messaging SMS, as its user guide shows it."""
    return {
        "eventType": kind,
        "eventVersion": "1.0",
        "eventTimestamp": 1_790_000_000_250,
        "isFinal": True,
        "originationPhoneNumber": "+4915100000000",
        "destinationPhoneNumber": "+4915112345678",
        "isoCountryCode": "DE",
        "messageId": "s-1",
        "messageStatus": kind.removeprefix("TEXT_"),
        "messageStatusDescription": "told by the carrier",
        "context": {"lifeline_id": "clinic7:1", "lifeline_act": "2"},
        "totalMessageParts": 1,
        "totalMessagePrice": 0.08,
        **more,
    }


@pytest.mark.parametrize(
    ("kind", "said", "marked"),
    [
        ("TEXT_SENT", "sent", None),
        ("TEXT_SUCCESSFUL", "sent", None),
        ("TEXT_DELIVERED", "delivered", None),
        ("TEXT_CARRIER_UNREACHABLE", "bounced", "passing"),
        ("TEXT_TTL_EXPIRED", "bounced", "passing"),
        ("TEXT_INVALID", "rejected", "bounce"),
        ("TEXT_BLOCKED", "rejected", "passing"),
    ],
)
def test_an_event_of_an_sms_says_what_became_of_it(kind: str, said: Any, marked: str | None) -> None:
    document = text_event(kind)
    assert text_report(document) == MailReport("clinic7:1", 2, said, 1_790_000_000.25, "sms")
    assert mail_report(document) is None
    expected = [Returned("sms", "+4915112345678", marked, "told by the carrier")] if marked else []
    assert list(returned(document)) == expected


@pytest.mark.parametrize(
    "document",
    [
        text_event("TEXT_ODD"),
        text_event("TEXT_SENT", context={}),
        text_event("TEXT_SENT", context=None),
        text_event("TEXT_SENT", context={"lifeline_id": "m", "lifeline_act": "x"}),
        text_event("TEXT_SENT", eventTimestamp="now"),
        text_event("TEXT_SENT", eventTimestamp=True),
        {"eventType": "Send"},
    ],
)
def test_an_event_that_is_not_as_documented_yields_nothing(document: dict[str, Any]) -> None:
    assert text_report(document) is None
    assert list(returned(document)) == []
