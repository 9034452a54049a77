"""The bucket of uploads: an address for one file, which is then taken and dropped."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber
from lifeline.adapters.parcels import ADDRESS_SECONDS, SIGNING, Parcels
from lifeline.errors import UnavailableError

NAME = "ab" * 32


def client() -> Any:
    return boto3.client(
        "s3", region_name="eu-west-1", config=SIGNING, aws_access_key_id="x", aws_secret_access_key="x"
    )


def test_an_address_is_for_one_file_of_one_size_and_not_for_long() -> None:
    address = Parcels(client(), "uploads").address(NAME, 5_000_000)
    parts = urlsplit(address.url)
    query = parse_qs(parts.query)
    assert (address.method, address.headers) == ("PUT", {"Content-Length": "5000000"})
    assert (parts.scheme, parts.path) == ("https", f"/{NAME}")
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Expires"] == [str(ADDRESS_SECONDS)]
    assert query["X-Amz-SignedHeaders"] == ["content-length;host"]


def test_a_file_is_taken_and_of_a_longer_one_no_more_than_one_byte_too_many() -> None:
    s3 = client()
    parcels = Parcels(s3, "uploads")
    with Stubber(s3) as aws:
        for limit, taken in ((100, b"0123456789"), (4, b"01234")):
            body = StreamingBody(io.BytesIO(b"0123456789"), 10)
            aws.add_response("get_object", {"Body": body}, {"Bucket": "uploads", "Key": NAME})
            assert parcels.take(NAME, limit) == taken
        aws.add_response("delete_object", {}, {"Bucket": "uploads", "Key": NAME})
        parcels.drop(NAME)


def test_what_is_not_there_is_none_and_no_answer_is_said() -> None:
    s3 = client()
    parcels = Parcels(s3, "uploads")
    with Stubber(s3) as aws:
        aws.add_client_error("get_object", "NoSuchKey")
        assert parcels.take(NAME, 10) is None
        aws.add_client_error("get_object", "SlowDown")
        with pytest.raises(UnavailableError):
            parcels.take(NAME, 10)
        aws.add_client_error("delete_object", "SlowDown")
        with pytest.raises(UnavailableError):
            parcels.drop(NAME)
