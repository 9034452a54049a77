"""Voice messages on the deployed system: spoken, as text while OpenAI fails, spoken again; never twice."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import Any

import pytest

from tests.support.system import System, eventually


@pytest.fixture
def prefix(system: System) -> str:
    return system.fresh()


def voices(system: System, prefix: str, count: int, text: str = "") -> list[str]:
    """Voice messages to different people with the app."""
    ids = [f"{prefix}-{index}" for index in range(count)]
    endpoint = system.push_endpoint()
    system.produce(
        *(
            system.person(
                name,
                to=f"+49151124{46000 + index}",
                type="voice",
                text=text or f"Your appointment is at ten. {name}",
                recipient={"push_endpoint": endpoint},
            )
            for index, name in enumerate(ids)
        )
    )
    return ids


def accepted(system: System, prefix: str) -> dict[str, str]:
    """How each message went out: ``audio`` or ``text``. Fails where one went out twice."""
    sent = [entry for entry in system.sends(prefix) if entry["accepted"]]
    counts = Counter(entry["message_id"] for entry in sent)
    assert set(counts.values()) <= {1}, counts
    return {entry["message_id"]: entry["body"]["type"] for entry in sent}


def asked(system: System, prefix: str) -> list[dict[str, Any]]:
    """What OpenAI was asked to speak for one test."""
    listed: list[dict[str, Any]] = system.openai("GET", "/requests?path=/v1/audio/speech")["requests"]
    return [entry for entry in listed if prefix in str(entry["body"].get("input"))]


def kept(system: System) -> set[str]:
    """The media ids of recordings that are used again."""
    found = system.stack.client("dynamodb").query(
        TableName=system.out["ControlTableName"],
        KeyConditionExpression="pk = :p",
        ExpressionAttributeValues={":p": {"S": "recording"}},
    )
    return {item["media_id"]["S"] for item in found["Items"] if float(item["expires_ttl"]["N"]) > time.time()}


def test_a_voice_message_arrives_as_a_recording(system: System, prefix: str) -> None:
    ids = voices(system, prefix, 3)
    system.wait_for(ids, "DELIVERED")
    assert accepted(system, prefix) == dict.fromkeys(ids, "audio")
    media = [entry["body"]["audio"]["id"] for entry in system.sends(prefix)]
    assert len(set(media)) == 3, "each says something else"
    assert len(asked(system, prefix)) == 3


def test_the_same_words_are_spoken_once(system: System, prefix: str) -> None:
    words = f"We are closed on Monday. {prefix}"
    first = voices(system, f"{prefix}-a", 1, words)
    system.wait_for(first, "DELIVERED")
    second = voices(system, f"{prefix}-b", 2, words)
    system.wait_for(second, "DELIVERED")
    assert accepted(system, prefix) == dict.fromkeys([*first, *second], "audio")
    assert len(asked(system, prefix)) == 1


def test_while_openai_fails_the_words_go_as_text_and_afterwards_they_are_spoken_again(
    system: System, prefix: str
) -> None:
    system.openai("POST", "/faults", {"kind": "auth"})
    ids = voices(system, prefix, 4)
    system.wait_for(ids, "DELIVERED")
    assert accepted(system, prefix) == dict.fromkeys(ids, "text")
    system.panics("auth", "openai_voice")
    assert system.flag()["state"] == "normal", "WhatsApp is not touched"
    late = voices(system, f"{prefix}-late", 2)
    system.wait_for(late, "DELIVERED")
    assert accepted(system, f"{prefix}-late") == dict.fromkeys(late, "text")
    assert asked(system, f"{prefix}-late") == [], "nothing is asked while voice panics"
    system.openai("DELETE", "/faults")
    system.recovers("openai_voice")
    again = voices(system, f"{prefix}-again", 2)
    system.wait_for(again, "DELIVERED")
    assert accepted(system, f"{prefix}-again") == dict.fromkeys(again, "audio")


def test_with_both_in_panic_the_other_ways_carry_the_words(system: System, prefix: str) -> None:
    for scope in ("whatsapp", "openai_voice"):
        answer = system.invoke(
            "Operator",
            {"action": "panic.enable", "scope": scope, "reason": "test", "actor": "test", "hold": True},
        )
        assert answer["ok"], answer
    system.flags_are_read()
    ids = voices(system, prefix, 3)
    system.wait_for(ids, "PUSHED")
    assert system.sends(prefix) == []
    assert asked(system, prefix) == []
    states = {scope: system.flag(scope)["state"] for scope in ("whatsapp", "openai_voice")}
    assert states == {"whatsapp": "panic", "openai_voice": "panic"}


def test_a_recording_that_meta_refuses_goes_as_text(system: System, prefix: str) -> None:
    system.fault("code", code=131053, match={"type": "audio"}, count=1)
    (name,) = voices(system, prefix, 1)
    system.wait_for([name], "DELIVERED")
    assert accepted(system, prefix) == {name: "text"}
    eventually(lambda: len(system.sends(prefix)) == 2, 5, "one send with the recording, one with the text")
    # What Meta refused is used for nobody else: the same words are spoken once more.
    refused = next(e["body"]["audio"]["id"] for e in system.sends(prefix) if e["body"]["type"] == "audio")
    eventually(lambda: refused not in kept(system), 10, "the refused recording is forgotten")
    system.produce({**json.loads(system.row(name)["body"]), "id": f"{prefix}-again"})
    system.wait_for([f"{prefix}-again"], "DELIVERED")
    assert accepted(system, prefix)[f"{prefix}-again"] == "audio"
