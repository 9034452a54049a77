"""Uploads in the control table: one a content and type."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from lifeline.adapters.uploads import Upload, Uploads
from lifeline.errors import UnavailableError

UPLOAD = Upload("m1", "ab" * 32, "image/png", "dot.png", 70, 1_790_000_000.0, 1_792_592_000.5, "ada")
KEY = {"pk": {"S": "upload"}, "sk": {"S": f"{UPLOAD.sha256}:image/png"}}
ITEM = {
    **KEY,
    "media_id": {"S": "m1"},
    "name": {"S": "dot.png"},
    "size": {"N": "70"},
    "uploaded_at": {"N": "1790000000"},
    "expires_at": {"N": "1792592000.5"},
    "actor": {"S": "ada"},
    "expires_ttl": {"N": "1792592000"},
}


def client() -> Any:
    return boto3.client("dynamodb", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")


def test_an_upload_is_kept_with_its_end_and_read_as_it_was() -> None:
    dynamodb = client()
    uploads = Uploads(dynamodb, "control")
    with Stubber(dynamodb) as aws:
        aws.add_response("put_item", {}, {"TableName": "control", "Item": ITEM})
        uploads.keep(UPLOAD)
        aws.add_response("get_item", {"Item": ITEM})
        assert uploads.find(UPLOAD.sha256, "image/png") == UPLOAD
        aws.add_response("query", {"Items": [ITEM]})
        assert uploads.all() == [UPLOAD]
        aws.add_response("delete_item", {}, {"TableName": "control", "Key": KEY})
        uploads.forget(UPLOAD)


def test_nothing_kept_is_nothing_found_and_no_answer_is_said() -> None:
    dynamodb = client()
    uploads = Uploads(dynamodb, "control")
    with Stubber(dynamodb) as aws:
        aws.add_response("get_item", {})
        assert uploads.find("0" * 64, "image/png") is None
        aws.add_client_error("get_item", "ThrottlingException")
        with pytest.raises(UnavailableError):
            uploads.find("0" * 64, "image/png")
