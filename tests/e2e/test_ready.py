"""Readiness on the deployed system: status, rehearsal, and addresses that come back."""

from __future__ import annotations

import json

from lifeline.contract.names import LANES, QUEUES

from tests.support.by_operators import lifeline, mark, panic
from tests.support.system import System, eventually


def test_a_bounce_marks_the_address_and_the_next_fallback_skips_email(system: System) -> None:
    prefix = system.fresh()
    address = f"{prefix}@example.org"
    panic(system)
    message = system.person(f"{prefix}-1", priority="critical", recipient={"email": address})
    system.produce(message)
    system.wait_for([f"{prefix}-1"], "EMAILED", within=60)
    bounce = {
        "eventType": "Bounce",
        "mail": {"destination": [address], "tags": {"lifeline_id": [f"{prefix}-1"]}},
        "bounce": {
            "bounceType": "Permanent",
            "bounceSubType": "General",
            "bouncedRecipients": [{"emailAddress": address}],
        },
    }
    system.sns.publish(TopicArn=system.out["FeedbackTopicArn"], Message=json.dumps(bounce))
    eventually(lambda: mark(system, "email", address) == "bounce General", 60, "the mark")
    system.produce({**message, "id": f"{prefix}-2"})
    system.wait_for([f"{prefix}-2"], "PARKED", within=60)
    # Registering the address again lifts the mark.
    contact = {"line": 2, "user_id": f"{prefix}-ana", "email": address}
    request = {"action": "contacts.import", "contacts": [contact], "actor": "test"}
    assert system.invoke("Operator", request)["result"]["saved"] == 1
    assert mark(system, "email", address) == ""


def test_a_device_that_is_gone_is_marked_and_skipped(system: System) -> None:
    prefix = system.fresh()
    device, address = system.push_endpoint(), f"{prefix}@example.org"
    failure = {
        "EventType": "DeliveryFailure",
        "FailureType": "InvalidPlatformToken",
        "EndpointArn": device,
        "Service": "SNS",
    }
    system.sns.publish(TopicArn=system.out["FeedbackTopicArn"], Message=json.dumps(failure))
    eventually(lambda: mark(system, "push", device) == "InvalidPlatformToken", 60, "the mark")
    # One that SNS itself refuses is marked by the fallback that was refused.
    gone = system.push_endpoint()
    system.sns.delete_endpoint(EndpointArn=gone)
    panic(system)
    ids = [f"{prefix}-{n}" for n in range(2)]
    for name, endpoint in zip(ids, (device, gone), strict=True):
        recipient = {"push_endpoint": endpoint, "email": address}
        system.produce(system.person(name, priority="critical", recipient=recipient))
    system.wait_for(ids, "EMAILED", within=60)
    assert "push" not in system.row(ids[0]).get("tried", "")
    assert system.row(ids[1])["tried"].startswith("push ")
    assert mark(system, "push", gone)


def test_status_shows_the_whole(system: System) -> None:
    prefix = system.fresh()
    system.produce(system.person(f"{prefix}-1"))
    system.wait_for([f"{prefix}-1"], "DELIVERED", within=60)
    system.minute()
    code, answer = lifeline(system, "status")
    assert code == 0
    result = answer["result"]
    assert result["panic"] is False
    assert [flag["state"] for flag in result["scopes"][:2]] == ["normal", "normal"]
    assert {row["name"] for row in result["queues"]} >= {*QUEUES, *LANES}
    assert result["last_hour"]["accepted"] >= 1
    assert 0 <= result["prober"]["age_seconds"] < 150
    assert not [note for note in result["notes"] if "unknown:" in note and "age" not in note]


def test_a_drill_looks_at_everything_and_says_what_it_cannot_know(system: System) -> None:
    prefix = system.fresh()
    user = f"{prefix}-ana"
    contact = {"line": 2, "user_id": user, "push_endpoint": system.push_endpoint()}
    request = {"action": "contacts.import", "contacts": [contact], "actor": "test"}
    assert system.invoke("Operator", request)["ok"]
    system.produce(
        system.person(f"{prefix}-1", to="+4915112345001", priority="critical", recipient={"user_id": user}),
        system.person(
            f"{prefix}-2",
            to="+4915112345002",
            priority="critical",
            recipient={"email": f"{prefix}@example.org"},
        ),
    )
    system.wait_for([f"{prefix}-1", f"{prefix}-2"], "DELIVERED", within=60)
    system.minute()
    code, answer = lifeline(system, "drill")
    result = answer["result"]
    steps = {step["name"]: step for step in result["steps"]}
    critical = next(row for row in result["recipients"] if row["priority"] == "critical")
    # What other tests sent is in the sample too: the exact shares are for the unit tests.
    assert critical["push"] + critical["email"] + critical["waits"] == critical["people"]
    assert critical["people"] >= 1
    assert steps["recipients"]["state"] in ("ok", "warn", "fail"), "ledger and contacts could be read"
    assert steps["mail identity"]["state"] == "ok", steps
    assert steps["prober"]["state"] == "ok", steps
    assert steps["push endpoints"]["state"] in ("ok", "warn", "fail")
    # An outage of a day such as the other tests make would need more mails than the quota has left.
    assert steps["mail quota"]["state"] in ("ok", "warn", "fail"), steps
    assert steps["notification recipients"]["state"] in ("ok", "warn", "fail"), "the topics could be read"
    # The local AWS acts on alarms by a stand-in, so that they are armed cannot be said.
    assert steps["alarms"]["state"] in ("unknown", "fail"), steps
    assert result["verdict"] != "ready"
    assert code == 1


def test_a_live_drill_runs_an_outage_and_ends_it(system: System) -> None:
    system.fresh()
    code, answer = lifeline(system, "drill", "--live", "--yes", "--push", system.push_endpoint())
    result = answer["result"]
    assert code == 0, result
    assert {m["way"]: m["status"] for m in result["messages"]} == {
        "push": "PUSHED",
        "email": "EMAILED",
        "park": "PARKED",
    }
    assert result["state"] != "panic"
    assert system.sends("drill-") == []
    assert [event["kind"] for event in system.history() if event["kind"] == "entered"] == ["entered"]


def test_what_the_alarms_watch_is_a_metric(system: System) -> None:
    wanted = {"PanicActive", "ProberRuns", "Sends", "Fallbacks", "FallbackFailing", "Outcomes", "Feedback"}
    seen: set[str] = set()

    def emitted() -> bool:
        pages = system.cloudwatch.get_paginator("list_metrics").paginate(Namespace="Lifeline")
        seen.update(metric["MetricName"] for page in pages for metric in page["Metrics"])
        return wanted <= seen

    eventually(emitted, 30, f"{sorted(wanted)} in CloudWatch")


def test_the_dashboard_is_deployed_with_the_names_of_this_stack(system: System) -> None:
    text = system.cloudwatch.get_dashboard(DashboardName=system.stack.name)["DashboardBody"]
    assert "${" not in text
    assert len(json.loads(text)["widgets"]) > 15
    for output in ("SenderFunctionName", "FeedbackFunctionName", "MessagesTableName"):
        assert system.out[output] in text
