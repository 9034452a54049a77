"""Whether a device takes pushes."""

from __future__ import annotations

import pytest
from lifeline.adapters.push import Push
from lifeline.errors import UnavailableError

from tests.support.aws import stubbed
from tests.support.couriers import DEVICE


def test_a_device_is_enabled_disabled_gone_or_not_known() -> None:
    sns, stub = stubbed("sns")
    push = Push(sns)
    stub.add_response("get_endpoint_attributes", {"Attributes": {"Enabled": "true"}})
    stub.add_response("get_endpoint_attributes", {"Attributes": {"Enabled": "false"}})
    stub.add_client_error("get_endpoint_attributes", "NotFound")
    assert [push.enabled(DEVICE) for _ in range(3)] == [True, False, False]
    stub.add_client_error("get_endpoint_attributes", "AuthorizationError")
    with pytest.raises(UnavailableError):
        push.enabled(DEVICE)
