"""Shared AWS client settings: explicit time-outs, bounded retries with full jitter, pools sized to use."""

from __future__ import annotations

from botocore.config import Config

from lifeline.errors import UnavailableError

CONNECT_TIMEOUT = 2.0
"""Seconds. A service in the same region answers a handshake within milliseconds."""
READ_TIMEOUT = 5.0
"""Seconds. Well under any function timeout, so that a hung call leaves time to put work back."""


ATTEMPTS = 3
"""How often the SDK makes a call that may be repeated without harm."""


def client_config(pool: int = 10, read_timeout: float = READ_TIMEOUT, attempts: int = ATTEMPTS) -> Config:
    """botocore settings for one client.

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
    )


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
