"""Meta's tokens and the secret's versions in memory, with a failure for each step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lifeline.adapters.token_store import SecretVersion
from lifeline.adapters.whatsapp import Answer
from lifeline.domain.account.token import DAY, NEEDED_SCOPES
from lifeline.domain.failure.causes import Fault
from lifeline.domain.failure.classify import Failure, classify_answer, classify_fault
from lifeline.errors import ConflictError, UnavailableError

from tests.support.memory import Clock

APP_ID = "1234567890"
APP_SECRET = "secret-of-the-app-0001"
NUMBER = "106540352242922"


def refused(code: int = 190, subcode: int = 467, message: str = "The session is invalid") -> Failure:
    """Meta's refusal."""
    body = {"error": {"code": code, "error_subcode": subcode, "message": message}}
    return classify_answer(401, body, {})


class Meta:
    """Tokens by their end (None: no end, 0: revoked); ``fails``: what to answer instead, by call.

    Calls are ``debug``, ``debug_new`` (of a token that is not the first), ``exchange``, ``phone``,
    ``templates``.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.tokens: dict[str, float | None] = {}
        self.fails: dict[str, Failure] = {}
        self.exchanged: list[str] = []
        self.gives: str | None = None
        self.scopes: list[str] = list(NEEDED_SCOPES)
        self.number = NUMBER
        self.on_exchange: Any = None
        self.listed: list[dict[str, Any]] = []
        self.template_reads = 0

    def _valid(self, token: str) -> bool:
        end = self.tokens.get(token, 0)
        return end is None or end > self.clock()

    def debug_token(self, token: str | None = None) -> Answer | Failure:
        assert token
        call = "debug" if token == next(iter(self.tokens)) else "debug_new"
        if call in self.fails:
            return self.fails[call]
        if not self._valid(token):
            error = {"code": 190, "message": f"Malformed access token {token}", "subcode": 467}
            return Answer({"data": {"is_valid": False, "scopes": [], "error": error}}, None)
        return Answer(
            {
                "data": {
                    "app_id": APP_ID,
                    "type": "SYSTEM_USER",
                    "expires_at": self.tokens[token] or 0,
                    "is_valid": True,
                    "scopes": self.scopes,
                }
            },
            None,
        )

    def templates(
        self, name: str | None = None, after: str | None = None, limit: int = 100
    ) -> Answer | Failure:
        self.template_reads += 1
        return self.fails.get("templates") or Answer({"data": self.listed}, None)

    def exchange(self, token: str, app_id: str, app_secret: str) -> str | Failure:
        assert (app_id, app_secret) == (APP_ID, APP_SECRET)
        self.exchanged.append(token)
        if self.on_exchange:
            self.on_exchange()
        if "exchange" in self.fails:
            return self.fails["exchange"]
        if not self._valid(token):
            return refused(463)
        if self.gives is not None:
            return self.gives
        new = f"EAAnewtoken{len(self.exchanged):016d}"
        self.tokens[new] = self.clock() + 60 * DAY
        return new

    def phone_number(self, fields: str = "id", token: str | None = None) -> Answer | Failure:
        assert token
        if "phone" in self.fails:
            return self.fails["phone"]
        return Answer({"id": self.number}, None) if self._valid(token) else refused()


class MemoryStore:
    """Versions of one secret. ``broken``: methods that fail."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.versions: dict[str, Mapping[str, Any]] = {"v1": dict(values)}
        self.labels: dict[str, str] = {"AWSCURRENT": "v1"}
        self.broken: set[str] = set()
        self.seen_current: list[str] = []

    def put(self, values: Mapping[str, Any]) -> None:
        """Somebody stores a value by hand."""
        name = f"v{len(self.versions) + 1}"
        self.versions[name] = dict(values)
        self.labels |= {"AWSPREVIOUS": self.labels["AWSCURRENT"], "AWSCURRENT": name}

    def _check(self, method: str) -> None:
        if method in self.broken:
            raise UnavailableError("Secrets Manager", method, "broken on purpose")

    def current(self) -> SecretVersion:
        self._check("current")
        return self._labelled("AWSCURRENT")

    def _labelled(self, label: str) -> SecretVersion:
        name = self.labels[label]
        return SecretVersion(name, self.versions[name])

    def present(self) -> SecretVersion | None:
        self._check("present")
        return self._labelled("AWSCURRENT") if "AWSCURRENT" in self.labels else None

    def put_first(self, values: Mapping[str, Any]) -> None:
        self._check("put_first")
        assert not self.labels
        self.versions["v1"] = dict(values)
        self.labels["AWSCURRENT"] = "v1"

    def previous(self) -> SecretVersion | None:
        self._check("previous")
        return self._labelled("AWSPREVIOUS") if "AWSPREVIOUS" in self.labels else None

    def put_pending(self, values: Mapping[str, Any]) -> str:
        self._check("put_pending")
        name = f"v{len(self.versions) + 1}"
        self.versions[name] = dict(values)
        self.labels["AWSPENDING"] = name
        return name

    def promote(self, version_id: str, instead_of: str) -> None:
        self._check("promote")
        if self.labels["AWSCURRENT"] != instead_of:
            raise ConflictError("the secret was changed by somebody else meanwhile")
        self.labels |= {"AWSPREVIOUS": instead_of, "AWSCURRENT": version_id}

    def not_pending(self, version_id: str) -> None:
        self._check("not_pending")
        assert self.labels.pop("AWSPENDING") == version_id


def unreachable() -> Failure:
    """Meta does not answer."""
    return classify_fault(Fault.REFUSED, "ConnectionError")
