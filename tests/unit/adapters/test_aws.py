"""What AWS says when it refuses: its code is never lost on the way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from lifeline.adapters.aws import Clients, client_config, code_of, unavailable
from pynamodb.exceptions import GetError, PutError, PynamoDBException

THROTTLED = ClientError(
    {"Error": {"Code": "ThrottlingException", "Message": "secret sk-abcdefgh"}},
    "GetItem",
)
NOT_REACHED = EndpointConnectionError(endpoint_url="https://dynamodb.example")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (THROTTLED, "ThrottlingException"),
        (NOT_REACHED, "EndpointConnectionError"),
        (BotoCoreError(), "BotoCoreError"),
        (ClientError({}, "GetItem"), "ClientError"),
        (GetError("no", THROTTLED), "ThrottlingException"),
        (PutError("no", NOT_REACHED), "EndpointConnectionError"),
        (PynamoDBException("no"), "PynamoDBException"),
    ],
    ids=str,
)
def test_the_code_is_kept_and_the_words_are_not(error: Exception, code: str) -> None:
    assert code_of(error) == code
    found = unavailable("DynamoDB", "reading a flag", error)
    assert (found.service, found.doing, found.code) == ("DynamoDB", "reading a flag", code)
    assert str(found) == f"DynamoDB is not available while reading a flag: {code}"


@pytest.mark.parametrize(
    ("service", "checked"), [("dynamodb", False), ("sqs", False), ("sns", True), ("sesv2", True)]
)
def test_what_is_called_for_each_message_is_not_checked_twice(service: str, checked: bool) -> None:
    """SNS and SES stay checked: an argument that the SDK refuses is a fallback that has surely not begun."""
    assert vars(client_config(service))["parameter_validation"] is checked


def test_a_client_is_made_once_and_a_late_one_not_before_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "eu-west-1")
    clients = Clients()
    late = clients.late("sqs", 1, 1)
    assert vars(clients)["_made"] == {}
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: late.meta, range(8)))
    assert found == [clients.made("sqs", 1, 1).meta] * 8
    assert clients.made("sqs", 2, 1) is not clients.made("sqs", 1, 1)
    assert vars(clients.patient("sqs", 99).meta.config)["read_timeout"] == 99


@pytest.mark.parametrize(
    ("body", "plain"),
    [
        (b'{"Items":[{"id":{"S":"a \\"B\\": b"}}],"Count":1}', True),
        (b'{"Items":[{"z":{"B":"aGk="}}],"Count":1}', False),
        (b'{"Items":[{"z": {"BS": ["aGk="]}}],"Count":1}', False),
    ],
    ids=["text", "bytes", "set of bytes"],
)
def test_an_answer_of_dynamodb_is_taken_as_it_is(
    monkeypatch: pytest.MonkeyPatch, body: bytes, plain: bool
) -> None:
    """As the SDK would read it, in a seventh of the time; bytes are read by the SDK."""
    for name in ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "eu-west-1")
    client = Clients().made("dynamodb", 10, 1)
    seen: list[bytes] = []
    answer = AWSResponse("https://x.test", 200, HTTPHeaders(), Body(body))
    client.meta.events.register("before-send", lambda **_: answer)
    client.meta.events.register_last(
        "before-parse.dynamodb", lambda response_dict, **_: seen.append(response_dict["body"])
    )
    found = client.query(TableName="t")
    assert (seen == [b"{}"]) is plain
    assert found["Count"] == 1
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 200
    item = found["Items"][0]
    assert item == {"id": {"S": 'a "B": b'}} if plain else next(iter(item["z"].values())) in (b"hi", [b"hi"])


class Body:
    """As urllib3 gives it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> list[bytes]:
        return [self._content]
