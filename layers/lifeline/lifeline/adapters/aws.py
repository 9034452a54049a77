"""Shared AWS client settings: explicit time-outs, bounded retries with full jitter, pools sized to use."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from functools import cached_property
from typing import Any

from botocore.config import Config
from botocore.session import Session, get_session

from lifeline.errors import UnavailableError

CONNECT_TIMEOUT = 2.0
"""Seconds. A service in the same region answers a handshake within milliseconds."""
READ_TIMEOUT = 5.0
"""Seconds. Well under any function timeout, so that a hung call leaves time to put work back."""

ATTEMPTS = 3
"""How often the SDK makes a call that may be repeated without harm."""
UNCHECKED = frozenset({"dynamodb", "sqs"})
"""Services asked for each message, whose arguments the SDK does not check against its model: that is up to
half of a call's processor time (``benchmarks/aws_calls.py``), and the service checks them anyway. The
clients of tests (``tests/support/stores.py``) do check them.
"""


def client_config(
    service: str, pool: int = 10, read_timeout: float = READ_TIMEOUT, attempts: int = ATTEMPTS
) -> Config:
    """botocore settings for one client of ``service``.

    ``pool``: connections kept; ``read_timeout``: seconds without an answer; ``attempts``: calls in all, the
    first included. ``standard`` retry mode backs off exponentially with full jitter (AWS SDKs guide, "Retry
    behavior").

    A client for SNS Publish (push) or SES SendEmail takes ``attempts=1``: neither call is idempotent, so a
    repeat by the SDK after a lost answer would reach the person twice, and nobody would know of it. The
    adapter reports the doubt instead (:class:`~lifeline.adapters.outcomes.UnknownOutcome`).
    """
    return Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=pool,
        parameter_validation=service not in UNCHECKED,
    )


class Clients:
    """The clients of one function, each made once. They come from botocore, as boto3's do; boto3 itself would
    load its transfers to S3 besides.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[str, int, int, Config | None], Any] = {}
        self._making = threading.Lock()

    @cached_property
    def _session(self) -> Session:
        """Made with the first client: it takes 14 ms, and tests make hundreds of these without one."""
        return get_session()

    def made(self, service: str, pool: int, attempts: int, own: Config | None = None) -> Any:
        """One client; see :func:`client_config`. ``own``: further settings, always the same object."""
        key = (service, pool, attempts, own)
        with self._making:  # a session makes one client at a time
            if key not in self._made:
                config = client_config(service, pool, attempts=attempts)
                made = self._session.create_client(service, config=config.merge(own or Config()))
                if service == "dynamodb":
                    made.meta.events.register("before-parse.dynamodb", read_plainly)
                self._made[key] = made
        return self._made[key]

    def late(self, service: str, pool: int, attempts: int, own: Config | None = None) -> LateClient:
        """One that is made when it is first used."""
        return LateClient(lambda: self.made(service, pool, attempts, own))

    def patient(self, service: str, seconds: float) -> Any:
        """One that waits so long for an answer, and never asks twice."""
        return self._session.create_client(service, config=client_config(service, 1, seconds, attempts=1))


def read_plainly(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Take an answer of DynamoDB as the JSON that it is, in place of the SDK's reading against its model.

    That takes seven times as long (35 us more for a row of a query), and there is nothing to translate but
    bytes: answers that have some, and refusals, are left to the SDK.
    """
    body = response_dict["body"]
    if response_dict["status_code"] < 300 and b'"B":' not in body and b'"BS":' not in body:
        customized_response_dict.update(json.loads(body))
        response_dict["body"] = b"{}"


class LateClient:
    """A client for what most invocations do without. ``made`` gives the same one each time."""

    def __init__(self, made: Callable[[], Any]) -> None:
        self._made = made

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made(), name)


def code_of(error: Exception) -> str:
    """AWS's error code, or the exception's name where there was no answer; never empty.

    ``error`` is of botocore, or of PynamoDB, which holds botocore's as its ``cause``.
    """
    cause = getattr(error, "cause", None)
    origin = error if cause is None else cause
    response = getattr(origin, "response", None)
    code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return str(code or type(origin).__name__)


def unavailable(service: str, doing: str, error: Exception) -> UnavailableError:
    """``error`` of one call as Lifeline's own: AWS's code, not its words, which may hold a secret."""
    code = code_of(error)
    return UnavailableError(service, doing, code, code)
