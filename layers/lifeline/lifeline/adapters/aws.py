"""Shared AWS client settings: explicit time-outs, bounded retries with full jitter, pools sized to use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.config import Config

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

CONNECT_TIMEOUT = 2.0
"""Seconds. A service in the same region answers a handshake within milliseconds."""
READ_TIMEOUT = 5.0
"""Seconds. Well under any function timeout, so that a hung call leaves time to put work back."""


def client_config(pool: int = 10, read_timeout: float = READ_TIMEOUT) -> Config:
    """botocore settings for one client.

    ``standard`` retry mode backs off exponentially with full jitter (AWS SDKs guide, "Retry behavior").
    """
    return Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=pool,
    )


def code_of(error: ClientError | BotoCoreError) -> str:
    """AWS's error code, or the exception's name where there was no answer."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        return str(response.get("Error", {}).get("Code", "")) or type(error).__name__
    return type(error).__name__
