"""A person is erased from the deployed system, IAM enforced: tables, queues and later logs hold nothing."""

from __future__ import annotations

import json
import time
from typing import Any, Final

from tests.support.system import System, eventually

NUMBER: Final = "+4915155544433"
OTHER: Final = "+4915112345678"
SEEDS: Final = ("15155544433", "jane.doe@example.org", "biopsy", "patient-77")
TABLES: Final = ("MessagesTableName", "ContactsTableName", "ControlTableName")
QUEUES: Final = ("WhatsappDlqUrl", "VoiceDlqUrl", "EventsDlqUrl")


def held(system: System) -> dict[str, str]:
    """All tables and dead-letter queues as text."""
    places = {}
    for name in TABLES:
        pages = system.dynamodb.get_paginator("scan").paginate(TableName=system.out[name])
        places[name] = repr([item for page in pages for item in page["Items"]])
    for name in QUEUES:
        answer = system.sqs.receive_message(
            QueueUrl=system.out[name], MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        places[name] = repr([item["Body"] for item in answer.get("Messages", [])])
    return places


def leaks(places: dict[str, str]) -> dict[str, list[str]]:
    """What of the person stands where."""
    found = {name: [seed for seed in SEEDS if seed in text] for name, text in places.items()}
    return {name: seeds for name, seeds in found.items() if seeds}


def ask(system: System, action: str, **more: Any) -> dict[str, Any]:
    """Ask until there is nothing left; the counts of what was removed, and all that was shown."""
    request = {"action": action, "who": NUMBER, "reason": "asked", "actor": "test", **more}
    removed: dict[str, int] = {}
    shown: list[Any] = []
    while True:
        answer = system.invoke("Operator", request)
        assert answer["ok"], answer
        result = answer["result"]
        for name, count in result.get("removed", {}).items():
            removed[name] = removed.get(name, 0) + count
        shown += result.get("found", [])
        if not result["next"]:
            return {**result, "removed": removed, "found": shown}
        request |= result["next"]


def logged(system: System, since: float) -> str:
    """What all functions have logged since then."""
    logs = system.stack.client("logs")
    lines = []
    for group in logs.describe_log_groups()["logGroups"]:
        events = logs.filter_log_events(logGroupName=group["logGroupName"], startTime=int(since * 1000))
        lines += [event["message"] for event in events["events"]]
    return "\n".join(lines)


def test_a_person_is_erased_everywhere(system: System) -> None:
    prefix = system.fresh()
    contact = {"line": 1, "user_id": "patient-77", "email": "jane.doe@example.org"}
    asked = {"action": "contacts.import", "contacts": [contact], "actor": "test"}
    assert system.invoke("Operator", asked)["ok"]
    recipient = {"user_id": "patient-77", "email": "jane.doe@example.org"}
    hers: dict[str, Any] = {"to": NUMBER, "text": "Your biopsy is on Tuesday.", "recipient": recipient}
    later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86_400))
    system.produce(
        system.person(f"{prefix}-sent", **hers),
        system.person(f"{prefix}-later", send_after=later, **hers),
        system.person(f"{prefix}-his", to=OTHER),
    )
    system.wait_for([f"{prefix}-sent", f"{prefix}-his"], "DELIVERED")
    system.wait_for([f"{prefix}-later"], "CLAIMED")
    system.sqs.send_message(
        QueueUrl=system.out["WhatsappDlqUrl"], MessageBody=json.dumps({"id": "x", **hers})
    )
    system.sqs.send_message(QueueUrl=system.out["EventsDlqUrl"], MessageBody="to jane.doe@example.org")
    assert set(leaks(held(system))) == {
        "MessagesTableName", "ContactsTableName", "WhatsappDlqUrl", "EventsDlqUrl",
    }, "or what follows shows nothing"  # fmt: skip
    assert f"{prefix}-sent" in json.dumps(ask(system, "person.export")["found"])
    assert len(ask(system, "person.export", deep=True)["found"]) > 4, "the whole ledger can be read"
    assert system.invoke("Drainer", {"source": "lifeline.minute"})["contents"] == 0, "none is old enough"
    # The export has shown the dead letters again; the index follows the table.
    began = time.time()
    removed = ask(system, "person.erase", sure=True)["removed"]
    assert removed["rows"] == 2
    assert removed["cancelled"] == 1
    assert removed["dead_letters"] == 2
    assert removed["contacts"] == 1
    assert leaks(held(system)) == {}
    assert system.statuses([f"{prefix}-sent", f"{prefix}-later", f"{prefix}-his"]) == {
        f"{prefix}-sent": "DELIVERED",
        f"{prefix}-later": "CANCELLED",
        f"{prefix}-his": "DELIVERED",
    }
    assert system.row(f"{prefix}-his")["body"]
    eventually(lambda: "operator action" in logged(system, began), 20, "the log of the erase")
    assert not [seed for seed in SEEDS if seed in logged(system, began)]
