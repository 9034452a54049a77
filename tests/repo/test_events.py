"""Events: one folder per function, every file used, every message as the contract wants it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from lifeline.contract.messages import MESSAGE_SCHEMA, ContractError, parse_message
from lifeline.contract.names import CRITICAL_QUEUE, WAKE_QUEUE, WHATSAPP_QUEUE

ROOT = Path(__file__).parents[2]
EVENTS = sorted((ROOT / "events").glob("*/*.json"))


def load(path: Path) -> Any:
    return json.loads(path.read_text())


def test_every_function_has_events_and_every_folder_a_function() -> None:
    functions = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    assert {path.parent.name for path in EVENTS} == functions


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_event_is_json_of_the_right_kind(path: Path) -> None:
    assert isinstance(load(path), dict)


@pytest.mark.parametrize(
    "path", [p for p in EVENTS if p.parent.name == "sender"], ids=lambda path: str(path.stem)
)
def test_messages_in_events_keep_the_contract(path: Path) -> None:
    for record in load(path)["Records"]:
        assert record["messageAttributes"] == {}, "nothing that Lifeline decides on is in an attribute"
        if path.stem == "broken_contract":
            with pytest.raises(ContractError):
                parse_message(record["body"])
        elif path.stem == "wake_up":
            assert re.fullmatch(MESSAGE_SCHEMA["properties"]["id"]["pattern"], record["body"])
        else:
            assert parse_message(record["body"]).id.startswith("event:")


def test_a_record_comes_from_the_queue_that_its_file_names() -> None:
    queues = {"wake_up": WAKE_QUEUE, "critical": CRITICAL_QUEUE}
    for path in EVENTS:
        if path.parent.name == "sender":
            (record,) = load(path)["Records"]
            assert record["eventSourceARN"].endswith(f"-{queues.get(path.stem, WHATSAPP_QUEUE)}")
