"""Whether a device takes pushes."""

from __future__ import annotations

from typing import Any, cast

import boto3
import pytest
from botocore.stub import Stubber
from lifeline.adapters.push import Push
from lifeline.errors import UnavailableError

DEVICE = "arn:aws:sns:eu-west-1:000000000000:endpoint/GCM/app/1"


def client(service: str) -> tuple[Any, Stubber]:
    made = cast(Any, boto3.client)(
        service, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    stub = Stubber(made)
    stub.activate()
    return made, stub


def test_a_device_is_enabled_disabled_gone_or_not_known() -> None:
    sns, stub = client("sns")
    push = Push(sns)
    stub.add_response("get_endpoint_attributes", {"Attributes": {"Enabled": "true"}})
    stub.add_response("get_endpoint_attributes", {"Attributes": {"Enabled": "false"}})
    stub.add_client_error("get_endpoint_attributes", "NotFound")
    assert [push.enabled(DEVICE) for _ in range(3)] == [True, False, False]
    stub.add_client_error("get_endpoint_attributes", "AuthorizationError")
    with pytest.raises(UnavailableError):
        push.enabled(DEVICE)
