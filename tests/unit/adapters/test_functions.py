"""Another function is called: what fails is not an answer."""

from __future__ import annotations

import io
from typing import Any

import pytest
from botocore.stub import Stubber
from lifeline.adapters.functions import Functions
from lifeline.errors import UnavailableError

from tests.support.aws import client


@pytest.mark.parametrize(
    ("answer", "more"),
    [(b'{"errorMessage": "x"}', {"FunctionError": "Unhandled"}), (b"[]", {}), (b"<html>", {})],
)
def test_a_function_that_fails_is_not_an_answer(answer: bytes, more: dict[str, str]) -> None:
    lambda_ = client("lambda")
    waits: list[float] = []

    def patient(seconds: float) -> Any:
        waits.append(seconds)
        return lambda_

    functions = Functions(client("lambda"), patient)
    with Stubber(lambda_) as aws:
        payload: Any = io.BytesIO(b'{"outcome": "fine"}')
        aws.add_response("invoke", {"Payload": payload})
        assert functions.call("keeper", {}, within=40) == {"outcome": "fine"}
        payload = io.BytesIO(answer)
        aws.add_response("invoke", {"Payload": payload, **more})
        with pytest.raises(UnavailableError):
            functions.call("keeper", {}, within=-3)
    assert waits == [40, 1]
