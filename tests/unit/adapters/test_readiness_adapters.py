"""What AWS answers about mail, devices, topics and alarms; an answer that lacks something is no answer."""

from __future__ import annotations

from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from lifeline.adapters.alarms import Alarms
from lifeline.adapters.contacts import ContactItem, Contacts, mark_key
from lifeline.adapters.email import Email
from lifeline.adapters.ledger import SAMPLE_PAGES, Ledger
from lifeline.adapters.mail_account import PAGES, MailAccounts
from lifeline.adapters.notices import Subscriptions
from lifeline.adapters.push import Push
from lifeline.domain.incident.readiness import Alarm, MailAccount
from lifeline.errors import UnavailableError
from pynamodb.exceptions import UpdateError

DEVICE = "arn:aws:sns:eu-west-1:000000000000:endpoint/GCM/app/1"
TOPIC = "arn:aws:sns:eu-west-1:000000000000:lifeline-ops"


def client(service: str) -> tuple[Any, Stubber]:
    made = cast(Any, boto3.client)(
        service, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    stub = Stubber(made)
    stub.activate()
    return made, stub


# -- mail ----------------------------------------------------


def test_the_account_is_read() -> None:
    ses, stub = client("sesv2")
    quota = {"Max24HourSend": 200.0, "MaxSendRate": 1.0, "SentLast24Hours": 3.0}
    answer = {
        "ProductionAccessEnabled": False,
        "SendingEnabled": True,
        "EnforcementStatus": "HEALTHY",
        "SendQuota": quota,
    }
    stub.add_response("get_account", answer)
    assert MailAccounts(ses).account() == MailAccount(False, True, "HEALTHY", 200.0, 3.0, 1.0)


@pytest.mark.parametrize("missing", ["ProductionAccessEnabled", "SendingEnabled", "SendQuota"])
def test_an_answer_that_lacks_something_is_no_answer(missing: str) -> None:
    ses, stub = client("sesv2")
    answer: dict[str, Any] = {"ProductionAccessEnabled": True, "SendingEnabled": True, "SendQuota": {}}
    del answer[missing]
    stub.add_response("get_account", answer)
    with pytest.raises(UnavailableError, match="lacks"):
        MailAccounts(ses).account()


def test_an_identity_that_is_not_there_is_not_verified_and_a_refusal_is_not_known() -> None:
    ses, stub = client("sesv2")
    stub.add_response("get_email_identity", {"VerifiedForSendingStatus": True})
    stub.add_client_error("get_email_identity", "NotFoundException")
    stub.add_client_error("get_email_identity", "AccessDeniedException")
    stub.add_response("get_email_identity", {})
    mail = MailAccounts(ses)
    assert mail.verified("example.org") is True
    assert mail.verified("example.org") is False
    for _ in range(2):
        with pytest.raises(UnavailableError):
            mail.verified("example.org")


def test_the_suppression_list_is_read_whole_or_not_at_all() -> None:
    ses, stub = client("sesv2")

    def page(address: str, token: str | None) -> dict[str, Any]:
        entry = {"EmailAddress": address, "Reason": "BOUNCE", "LastUpdateTime": 0}
        return {"SuppressedDestinationSummaries": [entry], **({"NextToken": token} if token else {})}

    stub.add_response("list_suppressed_destinations", page("ANA@example.org", "more"))
    stub.add_response("list_suppressed_destinations", page("else@example.org", None))
    assert MailAccounts(ses).suppressed(["ana@example.org", "bo@example.org"]) == 1
    for _ in range(PAGES):
        stub.add_response("list_suppressed_destinations", page("else@example.org", "more"))
    with pytest.raises(UnavailableError, match="longer"):
        MailAccounts(ses).suppressed(["ana@example.org"])


def test_a_mail_names_its_configuration_set_where_there_is_one() -> None:
    for given, expected in (("lifeline-fallback", "lifeline-fallback"), ("", None)):
        ses, stub = client("sesv2")
        asked: list[dict[str, Any]] = []
        ses.meta.events.register(
            "provide-client-params.sesv2.SendEmail", lambda params, seen=asked, **_: seen.append(params)
        )
        stub.add_response("send_email", {"MessageId": "1"})
        Email(ses, "us@example.org", given).send("ana@example.org", "Title", "Text", "m:1", 0, None)
        assert asked[0].get("ConfigurationSetName") == expected


# -- devices, topics, alarms ----------------------------------------------------


def test_a_device_is_enabled_disabled_gone_or_not_known() -> None:
    sns, stub = client("sns")
    push = Push(sns)
    stub.add_response("get_endpoint_attributes", {"Attributes": {"Enabled": "true"}})
    stub.add_response("get_endpoint_attributes", {"Attributes": {"Enabled": "false"}})
    stub.add_client_error("get_endpoint_attributes", "NotFound")
    assert [push.enabled(DEVICE) for _ in range(3)] == [True, False, False]
    stub.add_client_error("get_endpoint_attributes", "AuthorizationError")
    with pytest.raises(UnavailableError):
        push.enabled(DEVICE)


def test_subscriptions_are_counted_without_our_own_functions() -> None:
    sns, stub = client("sns")
    entries = [
        {"Protocol": "email", "SubscriptionArn": TOPIC + ":1"},
        {"Protocol": "email", "SubscriptionArn": "PendingConfirmation"},
        {"Protocol": "lambda", "SubscriptionArn": TOPIC + ":2"},
    ]
    stub.add_response("list_subscriptions_by_topic", {"Subscriptions": entries, "NextToken": "more"})
    stub.add_response("list_subscriptions_by_topic", {"Subscriptions": entries[:1]})
    assert Subscriptions(sns).counts(TOPIC) == (2, 1)
    stub.add_client_error("list_subscriptions_by_topic", "NotFound")
    with pytest.raises(UnavailableError):
        Subscriptions(sns).counts(TOPIC)


def test_alarms_come_without_the_stacks_name() -> None:
    cloudwatch, stub = client("cloudwatch")
    alarm = {"AlarmName": "lifeline-prober_not_running", "StateValue": "OK", "ActionsEnabled": False}
    stub.add_response("describe_alarms", {"MetricAlarms": [alarm]})
    assert Alarms(cloudwatch, "lifeline-").all() == [Alarm("prober_not_running", "OK", False)]
    stub.add_response("describe_alarms", {"MetricAlarms": [{"AlarmName": "x", "StateValue": "OK"}]})
    with pytest.raises(UnavailableError, match="lacks"):
        Alarms(cloudwatch, "lifeline-").all()


# -- the ledger's sample ----------------------------------------------------


class Table:
    """``pages`` pages per segment of ``rows`` rows each."""

    def __init__(self, pages: int, rows: int) -> None:
        self.pages, self.rows = pages, rows
        self.asked: list[dict[str, Any]] = []

    def scan(self, **arguments: Any) -> dict[str, Any]:
        self.asked.append(arguments)
        page = arguments.get("ExclusiveStartKey", 0)
        items = [
            {"id": {"S": f"{arguments['Segment']}-{page}-{n}"}, "status": {"S": "SENT"}, "rev": {"N": "2"}}
            for n in range(self.rows)
        ]
        return {"Items": items, **({"LastEvaluatedKey": page + 1} if page + 1 < self.pages else {})}


def ledger(table: Table) -> Ledger:
    client_: Any = table
    return Ledger(client_, "messages", 60.0, pause=lambda _: None, jitter=lambda: 0.0, new_op=lambda: "op")


def test_a_sample_ends_with_what_is_wanted_and_reads_only_what_it_must() -> None:
    table = Table(pages=5, rows=10)
    assert len(ledger(table).sample(0.0, 25, range(16))) == 25
    assert len(table.asked) == 3


def test_a_sample_of_a_huge_quiet_table_gives_up_in_time() -> None:
    table = Table(pages=10**6, rows=0)
    assert ledger(table).sample(0.0, 25, range(16)) == []
    assert len(table.asked) == SAMPLE_PAGES


def test_a_small_table_is_read_whole() -> None:
    assert len(ledger(Table(pages=1, rows=1)).sample(0.0, 300, range(16))) == 16


def test_a_sample_of_one_priority_asks_for_no_other() -> None:
    table = Table(pages=1, rows=1)
    ledger(table).sample(5.0, 300, range(1), "critical")
    assert table.asked[0]["FilterExpression"] == "created_at >= :s AND priority = :p"
    assert table.asked[0]["ExpressionAttributeValues"] == {":s": {"N": "5.000"}, ":p": {"S": "critical"}}


# -- marks ----------------------------------------------------


class Marks:
    """Catches what would be written."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fails: bool = False) -> None:
        self.written: list[tuple[str, str, str]] = []

        def update(item: ContactItem, actions: list[Any], condition: Any = None) -> None:
            self.written.append((item.user_id, str(actions[0]), str(condition)))
            if fails:
                refused = {"Error": {"Code": "ConditionalCheckFailedException", "Message": "conflict"}}
                raise UpdateError("conflict", ClientError(refused, "UpdateItem"))

        monkeypatch.setattr(ContactItem, "update", update)


def test_a_bounce_gives_way_to_a_complaint_and_a_complaint_to_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    marks = Marks(monkeypatch)
    contacts = Contacts("contacts", "eu-west-1")
    contacts.refuse("email", "Ana@example.org", "bounce General", 1.0)
    contacts.refuse("email", "ana@example.org", "complaint abuse", 2.0)
    contacts.forgive("email", "ana@example.org", 3.0)
    assert {key for key, _, _ in marks.written} == {mark_key("email", "ana@example.org")}
    bounce, complaint, forgiven = marks.written
    assert "complaint" in bounce[2]
    assert complaint[2] == "None"
    assert "complaint" in forgiven[2]


def test_a_lost_condition_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    Marks(monkeypatch, fails=True)
    Contacts("contacts", "eu-west-1").refuse("email", "ana@example.org", "bounce General", 1.0)
