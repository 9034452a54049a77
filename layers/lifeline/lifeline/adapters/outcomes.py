"""What became of a push or a mail: taken, refused, or unknown; and the call that every way shares."""

from __future__ import annotations

from typing import Final, Protocol

from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ProxyConnectionError,
)

from lifeline.adapters.aws import code_of

IN_FLIGHT: Final = 16
"""Pushes and mails in flight per worker. SES and SNS answer within about 100 ms."""
THROTTLED: Final = frozenset(
    {
        "KMSThrottling",
        "LimitExceeded",
        "LimitExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
        "TooManyRequestsException",
    }
)
"""Codes by which AWS says "not now". Each service has a spelling of its own."""
_NOT_BEGUN: Final = (ParamValidationError, NoCredentialsError, UnicodeEncodeError)
"""What the SDK finds wrong before it opens a connection."""
_NOT_CONNECTED: Final = (ConnectTimeoutError, EndpointConnectionError, ProxyConnectionError)
"""No connection was made, so the service saw nothing. A TLS error may come later too: it is not listed."""


class NotTaken(Exception):  # noqa: N818 - a refusal is an outcome that the caller acts on
    """The service definitely did not take it.

    ``code``: the service's error code, or the exception's name where no connection was made. ``retryable``:
    the same call may succeed later (throttled, not connected); otherwise this way is closed to this message.
    ``gone``: the address itself is no longer good.
    """

    def __init__(self, code: str, *, retryable: bool = False, gone: bool = False) -> None:
        self.code = code
        self.retryable = retryable
        self.gone = gone
        super().__init__(f"{type(self).__name__}: {code}")


class UnknownOutcome(Exception):  # noqa: N818 - a doubt is an outcome that the caller acts on
    """The service may or may not have taken it. ``code``: what was seen instead of an answer."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(f"outcome unknown: {code}")


class Courier(Protocol):
    """A way to reach a person. Every way is called alike, so that a registry can hold them."""

    def send(
        self, address: str, title: str, body: str, message_id: str, act: int, ttl_seconds: int | None
    ) -> str:
        """Tell one person once; returns the service's own id of it.

        ``act``: which effect of the message this is, from 0 on, so that a report that comes later can be
        told to belong to it. ``ttl_seconds``: after that it is not to be shown any more; ``None``: no limit.

        Raises :class:`NotTaken` where it was definitely not taken and :class:`UnknownOutcome` where nobody
        can say. The call is made once: no repeat happens below this line.
        """
        ...


def outcome_of(error: Exception) -> NotTaken | UnknownOutcome:
    """What an exception of one SDK call says about the call's effect.

    Where it leaves any room, the answer is :class:`UnknownOutcome`: a doubt costs a wait, a wrong "not taken"
    tells a person twice.
    """
    if isinstance(error, ClientError):
        code = code_of(error)
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if isinstance(status, int) and 400 <= status < 500:
            return NotTaken(code, retryable=code in THROTTLED or status == 429)
        return UnknownOutcome(code)
    if isinstance(error, _NOT_CONNECTED):
        return NotTaken(type(error).__name__, retryable=True)
    if isinstance(error, _NOT_BEGUN):
        return NotTaken(type(error).__name__)
    # No answer in time, a connection that broke, answers that cannot be read, and what nobody thought of.
    return UnknownOutcome(type(error).__name__)
