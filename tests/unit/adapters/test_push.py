"""What a push holds: it collapses, ends in time, and stays within its bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lifeline.adapters.push import MAX_PAYLOAD_BYTES, MAX_TTL, Push, collapse_key

from tests.support.aws import stand_in
from tests.support.couriers import DEVICE, Client


def pushed(
    title: str = "Title", body: str = "Body", name: str = "m1", ttl: int | None = None
) -> tuple[dict[str, Any], dict[str, str]]:
    """The payloads as the platforms read them, each held to its size, and the attributes."""
    client = Client()
    push = Push(stand_in("sns", client, "sesv2"), lambda: 1_000.5)
    assert push.send(DEVICE, title, body, name, 2, ttl) == "service-1"
    (call,) = client.calls
    call["Message"].encode()
    outer = json.loads(call["Message"])
    for payload in outer.values():
        assert len(payload.encode()) <= MAX_PAYLOAD_BYTES
    parsed = {name: json.loads(outer[name]) for name in ("GCM", "APNS", "APNS_SANDBOX")}
    attributes = {key: item["StringValue"] for key, item in call["MessageAttributes"].items()}
    assert (call["TargetArn"], call["MessageStructure"]) == (DEVICE, "json")
    return {**parsed, "default": outer["default"]}, attributes


def test_a_push_collapses_on_every_platform() -> None:
    payloads, attributes = pushed(name="clinic:1")
    message = payloads["GCM"]["fcmV1Message"]["message"]
    assert attributes == {"AWS.SNS.MOBILE.APNS.COLLAPSE_ID": "clinic:1"}
    assert message["android"] == {"collapse_key": "clinic:1", "notification": {"tag": "clinic:1"}}
    assert message["apns"] == {"headers": {"apns-collapse-id": "clinic:1"}}
    assert list(message["webpush"]["headers"]) == ["Topic"]
    assert len(message["webpush"]["headers"]["Topic"]) <= 32
    assert message["data"] == {"lifeline_id": "clinic:1", "lifeline_act": "2"}
    assert payloads["APNS"] == payloads["APNS_SANDBOX"]
    assert payloads["APNS"]["aps"]["alert"] == message["notification"] == {"title": "Title", "body": "Body"}


def test_a_long_id_collapses_by_its_digest() -> None:
    longest, other = "x" * 128, "x" * 127 + "y"
    assert collapse_key("x" * 64) == "x" * 64
    assert len(collapse_key("x" * 65)) == 64
    assert collapse_key(longest) != collapse_key(other)
    payloads, attributes = pushed(name=longest)
    assert attributes["AWS.SNS.MOBILE.APNS.COLLAPSE_ID"] == collapse_key(longest)
    assert payloads["APNS"]["lifeline_id"] == longest


@pytest.mark.parametrize(("given", "kept"), [(60, 60), (0, 1), (-5, 1), (10**9, MAX_TTL)])
def test_the_time_to_live_stands_in_attributes_and_payload(given: int, kept: int) -> None:
    payloads, attributes = pushed(ttl=given)
    message = payloads["GCM"]["fcmV1Message"]["message"]
    for platform in ("APNS", "APNS_SANDBOX", "FCM"):
        assert attributes[f"AWS.SNS.MOBILE.{platform}.TTL"] == str(kept)
    assert message["android"]["ttl"] == f"{kept}s"
    assert message["apns"]["headers"]["apns-expiration"] == str(1_000 + kept)
    assert message["webpush"]["headers"]["TTL"] == str(kept)


@pytest.mark.parametrize("char", ["a", "ä", "語", "😀", '"', "\\", "\n", "\t", "\ud800"])
@pytest.mark.parametrize("length", [1_000, 4_096, 20_000])
def test_a_payload_stays_within_its_bytes_whatever_the_script(char: str, length: int) -> None:
    payloads, _ = pushed(title=char * 200, body=char * length, name="x" * 128, ttl=60)
    assert set(payloads) == {"GCM", "APNS", "APNS_SANDBOX", "default"}


def test_a_text_that_fits_is_not_cut_and_one_that_does_not_uses_the_room() -> None:
    payloads, _ = pushed(body="語" * 1_000)
    assert payloads["APNS"]["aps"]["alert"]["body"] == "語" * 1_000
    payloads, _ = pushed(body="😀" * 1_000)
    body = payloads["GCM"]["fcmV1Message"]["message"]["notification"]["body"]
    assert body.endswith("😀…")
    assert len(json.dumps(payloads["GCM"], ensure_ascii=False, separators=(",", ":")).encode()) > 3_990


def test_a_push_can_be_encoded() -> None:
    payloads, _ = pushed(title="a\ud800\nb", body="c\udfff\x00d")
    assert payloads["APNS"]["aps"]["alert"] == {"title": "a\ufffd b", "body": "c\ufffdd"}
