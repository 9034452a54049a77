"""Recordings at Meta: found while they last, and forgotten unless a newer one took the place."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from lifeline.adapters.recordings import Recordings
from lifeline.errors import UnavailableError


def client() -> Any:
    return boto3.client("dynamodb", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")


@pytest.mark.parametrize(("now", "media_id"), [(99.0, "m1"), (100.0, None), (101.0, None)])
def test_what_has_expired_is_not_found_although_dynamodb_still_has_it(
    now: float, media_id: str | None
) -> None:
    dynamodb = client()
    with Stubber(dynamodb) as aws:
        aws.add_response("get_item", {"Item": {"media_id": {"S": "m1"}, "expires_ttl": {"N": "100"}}})
        assert Recordings(dynamodb, "control").find("words", now) == media_id


def test_nothing_kept_is_nothing_found() -> None:
    dynamodb = client()
    with Stubber(dynamodb) as aws:
        aws.add_response("get_item", {})
        assert Recordings(dynamodb, "control").find("words", 1.0) is None


def test_a_newer_recording_is_not_forgotten_and_a_refusal_is_said() -> None:
    dynamodb = client()
    recordings = Recordings(dynamodb, "control")
    with Stubber(dynamodb) as aws:
        aws.add_client_error("update_item", "ConditionalCheckFailedException")
        recordings.forget("words", "m1", 1.0)
        aws.add_client_error("update_item", "ThrottlingException")
        with pytest.raises(UnavailableError):
            recordings.forget("words", "m1", 1.0)
        aws.add_client_error("put_item", "ThrottlingException")
        with pytest.raises(UnavailableError):
            recordings.keep("words", "m1", 100.0)
