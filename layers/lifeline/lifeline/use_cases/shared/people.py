"""People by keyed digest: the key comes from its secret."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from lifeline.adapters.secrets import Secrets
from lifeline.domain.person import PersonKey
from lifeline.errors import UnavailableError
from lifeline.telemetry import Telemetry

KEY: Final = "person_key"
PAUSE: Final = 60.0
"""Seconds for which a key that could not be read is not asked for again: messages go on without it."""


class People:
    """One instance per worker. A message never waits for the key: without one its row names nobody."""

    def __init__(self, secret: Secrets, clock: Callable[[], float], telemetry: Telemetry) -> None:
        self._secret = secret
        self._clock = clock
        self._telemetry = telemetry
        self._not_before = float("-inf")

    def key(self) -> PersonKey:
        """The key. Raises :class:`UnavailableError` where it cannot be read, or was never filled."""
        value = self._secret.get(KEY)
        if not value:
            raise UnavailableError("Secrets Manager", "reading the person key", f"the secret has no {KEY}")
        return PersonKey(value)

    def person(self, who: str) -> str | None:
        """The digest of a number or user id; ``None`` without a key."""
        key = self._readable()
        return key.person(who) if key else None

    def content(self, body: str) -> str | None:
        """The digest of a content; ``None`` without a key."""
        key = self._readable()
        return key.content(body) if key else None

    def other_content(self, kept: str | None, body: str) -> bool:
        """Whether ``body`` surely says something else than the content of the digest ``kept``."""
        key = self._readable() if kept else None
        return key is not None and kept is not None and key.other_content(kept, body)

    def _readable(self) -> PersonKey | None:
        if self._clock() < self._not_before:
            return None
        try:
            return self.key()
        except UnavailableError as error:
            self._not_before = self._clock() + PAUSE
            self._telemetry.error("rows are written without a person", detail=str(error))
            return None
