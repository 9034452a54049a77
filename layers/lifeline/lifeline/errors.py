"""Lifeline's own errors. One base; every error says what is wrong, where, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence


class LifelineError(Exception):
    """Base of every error that Lifeline raises on purpose.

    ``code`` is a stable word for programs: of a service, the error code with which it answered.
    """

    code: str = ""


class ConfigError(LifelineError):
    """Settings are missing or wrong. ``faults`` lists all of them at once."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("invalid settings: " + "; ".join(self.faults))


class UnavailableError(LifelineError):
    """A service that Lifeline needs did not answer, or refused for now; the same call may succeed later.

    ``code``: the service's own error code, or the name of what broke where there was no answer; empty where
    the service answered and the answer is of no use.
    """

    def __init__(self, service: str, doing: str, detail: str, code: str = "") -> None:
        self.service = service
        self.doing = doing
        self.code = code
        super().__init__(f"{service} is not available while {doing}: {detail}")


class ConflictError(LifelineError):
    """A conditional write lost against another writer; read again and decide anew."""


class RefusedError(LifelineError):
    """An operator's request cannot be carried out. ``code`` is stable; the text says what to do instead.

    ``valid`` names what would have been accepted, where that is a list.
    """

    def __init__(self, code: str, message: str, valid: Sequence[str] = ()) -> None:
        self.code = code
        self.valid = tuple(valid)
        super().__init__(message)
