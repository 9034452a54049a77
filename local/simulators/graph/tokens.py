"""Access tokens: which are valid, what Graph tells of one, and how a new one is had."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from local.simulators.graph.refusals import refusal
from local.simulators.server import Answer, Request

LIFE_SECONDS: Final = 5_183_944
"""What is left of a 60-day token in Meta's own example of an exchange."""
EXPIRED: Final = 463
REVOKED: Final = 467


class Tokens:
    """The tokens of one app. ``exchange``: ``works``, ``refused``, or ``bad_token``."""

    def __init__(self, first: str, app_id: str, app_secret: str, clock: Callable[[], float]) -> None:
        self._first, self._app_id, self._app_secret, self._clock = first, app_id, app_secret, clock
        self._app_token = f"{app_id}|{app_secret}"
        self._known: dict[str, dict[str, Any]] = {}
        self.reset()

    def reset(self) -> None:
        """All that were issued are valid and without an end: who holds one need not know of the reset."""
        issued = [self._first, *self._known]
        self._known = {token: {"expires_at": 0, "revoked": False} for token in issued}
        self.exchange = "works"

    def state(self) -> list[dict[str, Any]]:
        """Each token by its fingerprint."""
        return [
            {"fingerprint": hashlib.sha256(token.encode()).hexdigest()[:12], **facts}
            for token, facts in self._known.items()
        ]

    def set(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """``POST /_control/tokens``: ``issue``, ``expires_in`` or ``expires_at``, ``revoked``."""
        token = body.get("token") or next(reversed(self._known))
        if body.get("issue"):
            token = self._issue(int(body.get("expires_at", 0)))
        facts = self._known.setdefault(token, {"expires_at": 0, "revoked": False})
        if "expires_in" in body:
            facts["expires_at"] = int(self._clock() + float(body["expires_in"]))
        if "expires_at" in body:
            facts["expires_at"] = int(body["expires_at"])
        if "revoked" in body:
            facts["revoked"] = bool(body["revoked"])
        return {"token": token, **facts}

    def why_invalid(self, token: str) -> int:
        """The subcode of 190; 0 for a token that is good."""
        if token == self._app_token:
            return 0
        known = self._known.get(token)
        if known is None or known.get("revoked"):
            return REVOKED
        if known["expires_at"] and known["expires_at"] <= self._clock():
            return EXPIRED
        return 0

    def debug(self, token: str, subcode: int | None) -> Answer:
        """``GET /debug_token``. ``subcode``: of a fault that makes every token invalid."""
        subcode = subcode or self.why_invalid(token)
        if subcode:
            error = {"code": 190, "message": "Error validating access token", "subcode": subcode}
            return Answer(200, {"data": {"is_valid": False, "scopes": [], "error": error}})
        data = {
            "app_id": self._app_id,
            "type": "SYSTEM_USER",
            "application": "Lifeline",
            "expires_at": self._known.get(token, {}).get("expires_at", 0),
            "data_access_expires_at": 0,
            "is_valid": True,
            "issued_at": 1,
            "scopes": ["whatsapp_business_messaging", "whatsapp_business_management"],
        }
        return Answer(200, {"data": data})

    def issue(self, request: Request) -> Answer:
        """``GET /oauth/access_token``: an app's token, one for a sign-up's code, or a new one for an old."""
        query = request.query
        if query.get("client_id") != self._app_id or query.get("client_secret") != self._app_secret:
            return refusal(101, "Error validating application", 400)
        if query.get("grant_type") == "client_credentials":
            return Answer(200, {"access_token": self._app_token, "token_type": "bearer"})
        if "code" in query:
            return Answer(200, {"access_token": self._issue(0), "token_type": "bearer"})
        if self.exchange == "refused" or self.why_invalid(query.get("fb_exchange_token", "")):
            return invalid_token(EXPIRED)
        token = "EAAbad" if self.exchange == "bad_token" else self._issue(int(self._clock() + LIFE_SECONDS))
        return Answer(200, {"access_token": token, "token_type": "bearer", "expires_in": LIFE_SECONDS})

    def revoke(self, token: str) -> Answer:
        """``GET /oauth/revoke``."""
        self._known.setdefault(token, {"expires_at": 0})["revoked"] = True
        return Answer(200, {"success": "true"})

    def _issue(self, expires_at: int) -> str:
        token = f"EAAlocaltoken{len(self._known) + 1:016d}"
        self._known[token] = {"expires_at": expires_at, "revoked": False}
        return token


def invalid_token(subcode: int) -> Answer:
    """Code 190."""
    expired = "Error validating access token: Session has expired"
    text = expired if subcode == EXPIRED else "The session is invalid"
    return refusal(190, text, 401, subcode=subcode)
