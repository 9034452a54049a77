"""Clients of AWS for tests: real ones for a local AWS, and stand-ins held to the names that boto3 has."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import boto3
from botocore import xform_name
from botocore.session import get_session
from botocore.stub import Stubber

make: Callable[..., Any] = boto3.client
"""boto3's stubs want each service as a literal; tests name it by a variable."""


def client(service: str, url: str | None = None, key: tuple[str, str] = ("test", "test"), **more: Any) -> Any:
    """A client of the AWS at ``url`` (default: none that is ever asked)."""
    return make(
        service,
        endpoint_url=url,
        region_name="eu-west-1",
        aws_access_key_id=key[0],
        aws_secret_access_key=key[1],
        **more,
    )


def stubbed(service: str) -> tuple[Any, Stubber]:
    """A client that asks nobody, and the stub that says what it answers."""
    made = client(service)
    stub = Stubber(made)
    stub.activate()
    return made, stub


@cache
def calls(service: str) -> frozenset[str]:
    """The names of all calls of a service, as methods of its client."""
    return frozenset(map(xform_name, get_session().get_service_model(service).operation_names))


def stand_in(service: str, thing: object, *others: str) -> Any:
    """``thing`` as a client of ``service`` (and of ``others``).

    boto3 makes its clients at run time, so that no type can say what a stand-in must have.
    Raises ``TypeError`` where its class has a method that boto3 lacks.
    """
    own = {name for name, value in vars(type(thing)).items() if callable(value) and not name.startswith("_")}
    if strange := own - calls(service).union(*map(calls, others)):
        raise TypeError(f"a client of {service} has no {', '.join(sorted(strange))}")
    return thing
