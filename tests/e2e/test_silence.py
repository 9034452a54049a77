"""Silence on the deployed system: Meta accepts everything and nothing arrives."""

from __future__ import annotations

import json
import time

import pytest

from tests.support.shell import Shell
from tests.support.system import System, eventually
from tests.support.traffic import many, works_again


@pytest.mark.slow
def test_silence_panics_although_meta_says_yes(system: System) -> None:
    prefix = system.fresh()
    works_again(system, prefix)  # webhooks were seen before
    eventually(
        lambda: system.counters().get("sts") or system.counters().get("std"), 10, "webhooks are counted"
    )
    system.fault("silent")
    # Sends of the minute in which webhooks were first seen are not judged: here that was an hour ago.
    seen_since(system, time.time() - 3600)
    ids = many(system, f"{prefix}-dumb", 8)
    system.wait_for(ids, "SENT")
    # The minute of the sends and the set time; the prober's minute is asked for, not waited for.

    def judged() -> bool:
        system.minute()
        return bool(system.flag()["state"] == "panic")

    eventually(judged, 60 + 30 + 30, "the minute of silence is judged")
    flag = system.panics("silent")
    assert "no status webhook" in flag["reason"]
    assert flag["source"] == "prober"
    system.faults_off()
    # Nothing is sent in panic: the status that ends it is of an operator's own send.
    Shell(system)("whatsapp", "test", "--to", "+15550100200")
    system.recovers()
    works_again(system, f"{prefix}-end")


def seen_since(system: System, moment: float) -> None:
    """Let webhooks have been seen first at ``moment``."""
    key = {"pk": {"S": "setting"}, "sk": {"S": "webhook_seen"}}
    table = system.out["ControlTableName"]
    found = eventually(
        lambda: system.dynamodb.get_item(TableName=table, Key=key).get("Item"), 15, "webhooks are noted"
    )
    value = {**json.loads(found["value"]["S"]), "first": moment}
    system.dynamodb.update_item(
        TableName=table,
        Key=key,
        UpdateExpression="SET #v = :v",
        ExpressionAttributeNames={"#v": "value"},
        ExpressionAttributeValues={":v": {"S": json.dumps(value)}},
    )
