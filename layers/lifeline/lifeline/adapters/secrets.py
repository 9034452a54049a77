"""Secrets Manager through a short cache; each secret by itself: a function reads what it needs, no more."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.aws import unavailable
from lifeline.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CACHE_SECONDS: Final = 60.0
"""A new token is seen by every worker within this time, and at once after an ``auth`` failure."""
RENEW_SECONDS: Final = 1.0
"""Many sends that are refused at once read the secret once in this time, not once each."""


class Secrets:
    """One JSON secret. Values never leave by log, exception or ``repr``."""

    def __init__(self, client: SecretsManagerClient, arn: str, clock: Callable[[], float]) -> None:
        self._client = client
        self._arn = arn
        self._clock = clock
        self._lock = threading.Lock()
        self._values: Mapping[str, Any] = {}
        self._read_at = float("-inf")

    def get(self, name: str) -> str:
        """One value of the secret; empty where it has none. Raises :class:`UnavailableError`."""
        return str(self.all().get(name, "") or "")

    def all(self) -> Mapping[str, Any]:
        """The whole secret. Raises :class:`UnavailableError` when it cannot be read and none is cached."""
        with self._lock:
            if self._clock() - self._read_at < CACHE_SECONDS:
                return self._values
            try:
                text = self._client.get_secret_value(SecretId=self._arn)["SecretString"]
                values: Mapping[str, Any] = json.loads(text)
            except (ClientError, BotoCoreError) as error:
                if self._values:
                    return self._values
                raise unavailable("Secrets Manager", "reading the secret", error) from error
            except ValueError:
                raise UnavailableError(
                    "Secrets Manager", "reading the secret", "its value is not a JSON object"
                ) from None
            self._values = values
            self._read_at = self._clock()
            return values

    def drop(self) -> None:
        """Forget the cached value, so that the next use reads it anew."""
        with self._lock:
            self._read_at = float("-inf")

    def renewed(self, used: str) -> str:
        """The access token after Meta refused ``used``: another one where somebody has stored one meanwhile.

        Raises :class:`UnavailableError`.
        """
        with self._lock:
            cached = str(self._values.get("access_token", "") or "")
            if cached == used and self._clock() - self._read_at >= RENEW_SECONDS:
                self._read_at = float("-inf")
        return self.get("access_token")
