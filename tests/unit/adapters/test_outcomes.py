"""What an SDK's exception says about an effect: not taken, not taken for now, or nobody knows."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)
from botocore.parsers import ResponseParserError
from lifeline.adapters.aws import client_config
from lifeline.adapters.email import Email, EmailRefused
from lifeline.adapters.outcomes import Courier, Refused, UnknownOutcome
from lifeline.adapters.push import MAX_PAYLOAD_BYTES, MAX_TTL, Push, PushRefused, collapse_key
from lifeline.domain.fallback.mail_tag import decode

URL = "https://example.org"
DEVICE = "arn:aws:sns:eu-west-1:000000000000:endpoint/GCM/app/1"


class Client:
    """Both services. ``fails``: what every call raises; ``answers``: what it returns."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.fails: Exception | None = None
        self.answers: Any = {"MessageId": "service-1"}

    def publish(self, **asked: Any) -> Any:
        self.calls.append(asked)
        if self.fails:
            raise self.fails
        return self.answers

    send_email = publish


def answered(code: str, status: int, message: str = "") -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "Call")


def couriers(client: Any) -> list[tuple[Courier, str, type[Refused]]]:
    return [
        (Push(client, lambda: 1_000.0), DEVICE, PushRefused),
        (Email(client, "us@example.org"), "ana@example.org", EmailRefused),
    ]


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        (answered("InvalidParameter", 400), False),
        (answered("MessageRejected", 400), False),
        (answered("AuthorizationError", 403), False),
        (answered("EndpointDisabled", 400), False),
        (answered("Throttled", 400), True),
        (answered("ThrottlingException", 400), True),
        (answered("TooManyRequestsException", 429), True),
        (answered("Anything", 429), True),
        (ConnectTimeoutError(endpoint_url=URL), True),
        (EndpointConnectionError(endpoint_url=URL), True),
        (ProxyConnectionError(proxy_url=URL), True),
        (ParamValidationError(report="x"), False),
        (NoCredentialsError(), False),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"), False),
    ],
)
def test_what_the_service_never_took_is_refused(error: Exception, retryable: bool) -> None:
    client = Client()
    client.fails = error
    for courier, address, refused in couriers(client):
        with pytest.raises(refused) as caught:
            courier.send(address, "Title", "Body", "m1", 0, None)
        assert caught.value.retryable is retryable
        assert caught.value.code
    assert len(client.calls) == 2


@pytest.mark.parametrize(
    "error",
    [
        answered("InternalError", 500),
        answered("ServiceUnavailable", 503),
        answered("Throttling", 503),
        answered("Odd", 302),
        ClientError({"Error": {"Code": "Bare"}}, "Call"),
        ReadTimeoutError(endpoint_url=URL),
        ConnectionClosedError(endpoint_url=URL),
        HTTPClientError(error="x"),
        SSLError(endpoint_url=URL, error="x"),
        ResponseParserError("no XML"),
        BotoCoreError(),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
        RuntimeError("nobody thought of it"),
    ],
)
def test_where_nobody_can_say_the_outcome_is_unknown(error: Exception) -> None:
    client = Client()
    client.fails = error
    for courier, address, _ in couriers(client):
        with pytest.raises(UnknownOutcome) as caught:
            courier.send(address, "Title", "Body", "m1", 0, None)
        assert caught.value.code
    assert len(client.calls) == 2


@pytest.mark.parametrize("answer", [{}, None, "x"])
def test_an_answer_without_an_id_leaves_a_doubt(answer: Any) -> None:
    client = Client()
    client.answers = answer
    for courier, address, _ in couriers(client):
        with pytest.raises(UnknownOutcome):
            courier.send(address, "Title", "Body", "m1", 0, None)


@pytest.mark.parametrize(
    ("error", "gone"),
    [
        (answered("EndpointDisabled", 400), True),
        (answered("NotFound", 404), True),
        (answered("InvalidParameter", 400, "Invalid parameter: TargetArn Reason: No endpoint found"), True),
        (answered("InvalidParameter", 400, "Invalid parameter: Message too long"), False),
        (answered("Throttled", 400), False),
    ],
)
def test_only_a_device_that_is_gone_is_given_up(error: Exception, gone: bool) -> None:
    client = Client()
    client.fails = error
    with pytest.raises(PushRefused) as caught:
        Push(client).send(DEVICE, "T", "B", "m1", 0, None)  # type: ignore[arg-type]
    assert caught.value.gone is gone


def test_the_sdk_repeats_an_effect_never_and_a_read_twice() -> None:
    for given, expected in ((client_config(attempts=1), 1), (client_config(), 3)):
        client = boto3.client(
            "sns", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x", config=given
        )
        assert client.meta.config.retries["total_max_attempts"] == expected
        called = []

        def fail(called: list[int] = called, **_: Any) -> None:
            called.append(1)
            raise ReadTimeoutError(endpoint_url=URL)

        client.meta.events.register("before-send.sns.Publish", fail)
        if given.retries["total_max_attempts"] == 1:  # three attempts would wait in between
            with pytest.raises(UnknownOutcome):
                Push(client).send(DEVICE, "T", "B", "m1", 0, None)
            assert len(called) == 1


# -- push ---------------------------------------------------------------------------------------------


def pushed(
    title: str = "Title", body: str = "Body", name: str = "m1", ttl: int | None = None
) -> tuple[dict[str, Any], dict[str, str]]:
    """The payloads as the platforms read them, each held to its size, and the attributes."""
    client = Client()
    assert Push(client, lambda: 1_000.5).send(DEVICE, title, body, name, 2, ttl) == "service-1"  # type: ignore[arg-type]
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


# -- mail ---------------------------------------------------------------------------------------------


def mailed(title: str = "Title", body: str = "Body", name: str = "m1") -> dict[str, Any]:
    client = Client()
    email = Email(client, "us@example.org", "set")  # type: ignore[arg-type]
    assert email.send("ana@example.org", title, body, name, 3, 60) == "service-1"
    (call,) = client.calls
    return call


def test_a_mail_is_tagged_with_id_and_act() -> None:
    tags = {tag["Name"]: tag["Value"] for tag in mailed(name="a_b.c:d-1")["EmailTags"]}
    assert tags["lifeline_act"] == "3"
    assert decode(tags["lifeline_id"]) == "a_b.c:d-1"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\x00", "\x85", "\u2028", "\x1b"])
def test_a_subject_is_one_line_without_control_characters(end: str) -> None:
    subject = mailed(title=f"  At{end}{end}ten\ud800")["Content"]["Simple"]["Subject"]["Data"]
    assert subject.isprintable()
    assert subject.replace(" ", "") == "Atten\ufffd"


def test_a_mails_text_keeps_its_lines() -> None:
    text = mailed(body="One\r\n\ttwo\x00\udc00")["Content"]["Simple"]["Body"]["Text"]["Data"]
    assert text == "One\r\n\ttwo\ufffd"
