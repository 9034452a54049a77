"""A person with several devices on the deployed system: each is told, a dead one is dropped alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import requests

from tests.support.by_operators import lifeline, mark, panic
from tests.support.system import System


def exported(system: System, user: str) -> list[Any]:
    request = {"action": "person.export", "who": user, "reason": "asked", "actor": "test", "as_user_id": True}
    answer = system.invoke("Operator", request)
    assert answer["ok"], answer
    wanted = ("contact", "address that failed")
    return [item["data"] for item in answer["result"]["found"] if item["where"] in wanted]


def test_a_contact_is_told_on_each_device_and_a_dead_one_is_dropped_alone(
    system: System, tmp_path: Path
) -> None:
    prefix = system.fresh()
    user, devices = f"{prefix}-ana", [system.push_endpoint() for _ in range(3)]
    file = tmp_path / "people.csv"
    file.write_text(
        "user_id,push_endpoint,email,time_zone,quiet_hours,language\n"
        f"{user},{' '.join(devices)},{prefix}@example.org,UTC,0-23.99,de\n"
    )
    code, answer = lifeline(system, "contacts", "import", str(file))
    assert (code, answer["result"]["saved"]) == (0, 1), answer
    # It is night there all day: what can wait waits, although the deployment has no quiet hours.
    system.produce(system.person(f"{prefix}-ad", priority="bulk", recipient={"user_id": user}), queue="Bulk")
    system.wait_for([f"{prefix}-ad"], "PARKED", within=60)
    assert system.row(f"{prefix}-ad")["zones"] == "UTC 0-23.99"
    system.sns.delete_endpoint(EndpointArn=devices[1])
    panic(system)
    ids = [f"{prefix}-{n}" for n in range(2)]
    for name in ids:
        system.produce(system.person(name, priority="critical", recipient={"user_id": user}))
        system.wait_for([name], "PUSHED", within=60)
        row = system.row(name)
        assert (row["tried"], row["act"]) == ("push", "1"), "one act, whatever became of one device"
    assert mark(system, "push", devices[1])
    assert not mark(system, "push", devices[0])
    assert not mark(system, "push", devices[2])
    contact, dropped = exported(system, user)
    assert (contact["push"], contact["language"]) == (devices, "de")
    assert dropped["address"] == devices[1]
    # With no device left the next way is taken.
    for device in (devices[0], devices[2]):
        system.sns.delete_endpoint(EndpointArn=device)
    words = {"body": "Good morning", "translations": {"de": {"body": f"Guten Morgen {prefix}"}}}
    message = system.person(f"{prefix}-2", priority="critical", recipient={"user_id": user}, fallback=words)
    system.produce(message)
    system.wait_for([f"{prefix}-2"], "EMAILED", within=60)
    boxes = requests.get(f"{system.stack.aws_url}/_ministack/ses/messages", timeout=60).json()["messages"]
    assert f"Guten Morgen {prefix}" in json.dumps(boxes)
    assert all(mark(system, "push", device) for device in devices)


def test_a_message_brings_devices_of_its_own(system: System) -> None:
    prefix = system.fresh()
    devices = [system.push_endpoint() for _ in range(2)]
    system.sns.delete_endpoint(EndpointArn=devices[0])
    panic(system)
    recipient = {"push_endpoint": devices}
    system.produce(system.person(prefix, priority="critical", recipient=recipient))
    system.wait_for([prefix], "PUSHED", within=60)
    assert mark(system, "push", devices[0])
    assert not mark(system, "push", devices[1])
