"""What an SDK's exception says about an effect: not taken, not taken for now, or nobody knows."""

from __future__ import annotations

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
from lifeline.adapters.outcomes import Courier, NotTaken, UnknownOutcome
from lifeline.adapters.push import Push, PushRefused

from tests.support.aws import stand_in
from tests.support.couriers import DEVICE, Client

URL = "https://example.org"


def answered(code: str, status: int, message: str = "") -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "Call")


def couriers(client: Any) -> list[tuple[Courier, str, type[NotTaken]]]:
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
        SSLError(endpoint_url=URL, error=OSError("x")),
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
        Push(stand_in("sns", client, "sesv2")).send(DEVICE, "T", "B", "m1", 0, None)
    assert caught.value.gone is gone


def test_the_sdk_repeats_an_effect_never_and_a_read_twice() -> None:
    for given, expected in ((client_config("sns", attempts=1), 1), (client_config("sns"), 3)):
        client = boto3.client(
            "sns", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x", config=given
        )
        assert vars(client.meta.config)["retries"]["total_max_attempts"] == expected
        called: list[int] = []

        def fail(called: list[int] = called, **_: Any) -> None:
            called.append(1)
            raise ReadTimeoutError(endpoint_url=URL)

        client.meta.events.register("before-send.sns.Publish", fail)
        if expected == 1:  # three attempts would wait in between
            with pytest.raises(UnknownOutcome):
                Push(client).send(DEVICE, "T", "B", "m1", 0, None)
            assert len(called) == 1
