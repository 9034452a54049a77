"""What AWS says when it refuses: its code is never lost on the way."""

from __future__ import annotations

import pytest
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from lifeline.adapters.aws import code_of, unavailable
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
