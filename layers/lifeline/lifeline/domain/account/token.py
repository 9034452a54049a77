"""The access token: what Meta's ``debug_token`` says of it, and what is to be done.

Pure. When is a token renewed? :func:`decide` says it; why a new token is not taken, :func:`fault_of_new`.
Times are epoch seconds. No function here sees the token itself, and texts of Meta pass
:func:`~lifeline.domain.redact.redact`, because Meta repeats a malformed token in its message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from lifeline.domain.redact import redact

BY_SCHEDULE: Final = "lifeline.schedule"
BY_PANIC: Final = "lifeline.panic"
BY_OPERATOR: Final = "lifeline.operator"
"""Who asks for a look at the token: the ``source`` of the event. A panic adds its ``incident_id``."""
DAY: Final = 86_400.0
NEVER_AS_DAYS: Final = 3_650.0
"""What the metric of days left shows for a token without an end: a gauge cannot show infinity."""
SENDING_SCOPE: Final = "whatsapp_business_messaging"
"""The permission without which nothing is sent (Meta, "Access tokens")."""
NEEDED_SCOPES: Final = (SENDING_SCOPE, "whatsapp_business_management")
"""Sending, and reading the number, its health and the templates."""


class TokenState(StrEnum):
    """What the token is good for."""

    NEVER_EXPIRES = "never_expires"
    """Valid, without an end: a system user's token that was made so. It is never exchanged by itself, since
    the exchange gives 60 days.
    """
    FINE = "fine"
    """Valid, and its end is far."""
    TO_RENEW = "to_renew"
    """Valid, and its end is near."""
    INVALID = "invalid"
    """Meta refuses it, or its end has passed."""


class RefreshStep(StrEnum):
    """The steps of a refresh, in their order."""

    READ = "read"
    """Read the secret."""
    ASK = "ask"
    """Ask Meta what it says of the present token."""
    EXCHANGE = "exchange"
    """Let Meta give a new token for the present one."""
    STORE = "store"
    """Keep the new token as AWSPENDING."""
    VERIFY = "verify"
    """Meta calls the new token valid, and a real call with it succeeds."""
    SWITCH = "switch"
    """The new token becomes AWSCURRENT, the old one AWSPREVIOUS."""


@dataclass(frozen=True, slots=True)
class App:
    """Our app at Meta, by which tokens are looked at and exchanged."""

    id: str
    secret: str = field(repr=False)

    @classmethod
    def of(cls, values: Mapping[str, object]) -> App:
        """From the values of the app's secret; what it lacks is empty."""
        return cls(str(values.get("app_id") or ""), str(values.get("app_secret") or ""))

    @property
    def token(self) -> str:
        """The app's own access token (Meta, "Access tokens": ``APP_ID|APP_SECRET``)."""
        return f"{self.id}|{self.secret}"


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What Meta says of one token (Graph API, "debug_token")."""

    valid: bool
    expires_at: float | None = None
    """None: it never expires."""
    subcode: int | None = None
    """Of error 190, where it is not valid."""
    reason: str = ""
    """Meta's words, where it is not valid."""
    app_id: str = ""
    kind: str = ""
    """``SYSTEM_USER``, ``USER``, ..."""
    scopes: tuple[str, ...] = ()

    @property
    def missing_scopes(self) -> tuple[str, ...]:
        """Permissions that Lifeline needs and the token lacks; none where Meta names no permissions."""
        return tuple(name for name in NEEDED_SCOPES if name not in self.scopes) if self.scopes else ()


SUBCODES: Final[Mapping[int, str]] = {
    458: "the app is not installed or was not authorised",
    459: "the user has to log in and pass a check",
    460: "the password was changed",
    463: "it has expired",
    464: "the user is not confirmed",
    467: "it was revoked, or its user logged out",
    492: "the session is invalid, or the user lost the role",
}
"""Subcodes of error 190 (Meta, Graph API "Error handling", and its OpenAPI samples)."""


def read_facts(data: object) -> TokenFacts:
    """``data`` of a ``debug_token`` answer. An invalid token comes with HTTP 200 and ``is_valid`` false.

    Never raises: what cannot be read counts as invalid, with the reason.
    """
    if not isinstance(data, Mapping):
        return TokenFacts(False, reason="Meta's response has no data of the token")
    error = data.get("error")
    why: Mapping[str, object] = error if isinstance(error, Mapping) else {}
    subcode = why.get("subcode", why.get("error_subcode"))
    scopes = data.get("scopes")
    expires = data.get("expires_at")
    return TokenFacts(
        valid=data.get("is_valid") is True,
        expires_at=float(expires) if isinstance(expires, int | float) and expires > 0 else None,
        subcode=subcode if isinstance(subcode, int) else None,
        reason=redact(str(why.get("message") or ""))[:200],
        app_id=str(data.get("app_id") or ""),
        kind=str(data.get("type") or ""),
        scopes=tuple(str(name) for name in scopes) if isinstance(scopes, list) else (),
    )


def decide(facts: TokenFacts, now: float, renew_days: float) -> TokenState:
    """What the token is good for now. ``renew_days``: how many days before its end it is to be renewed."""
    if not facts.valid or (facts.expires_at is not None and facts.expires_at <= now):
        return TokenState.INVALID
    if facts.expires_at is None:
        return TokenState.NEVER_EXPIRES
    # A token past its end cannot be exchanged any more (Meta, "System users: refresh"): hence ahead of time.
    return TokenState.TO_RENEW if facts.expires_at - now < renew_days * DAY else TokenState.FINE


def days_left(facts: TokenFacts, now: float) -> float | None:
    """Days until the token's end, 0 where it is not valid; None where it has no end."""
    if not facts.valid:
        return 0.0
    return None if facts.expires_at is None else max(0.0, (facts.expires_at - now) / DAY)


def gauge(facts: TokenFacts, now: float) -> float:
    """:func:`days_left` as a number that an alarm can compare."""
    left = days_left(facts, now)
    return NEVER_AS_DAYS if left is None else left


def fault_of_new(new: TokenFacts, old: TokenFacts, now: float, app_id: str, renew_days: float) -> str:
    """Why a new token is not taken, by what Meta says of it; empty where it is. ``app_id``: ours.

    It must be valid, of our app, with the permission to send. Where the old one is valid and has an end, the
    new one must not end before it, and not with it if that is near.
    """
    if decide(new, now, 0.0) is TokenState.INVALID:
        return f"Meta calls the new token invalid: {why_invalid(new)}"
    if app_id and new.app_id and new.app_id != app_id:
        return "the new token belongs to another app"
    if new.scopes and SENDING_SCOPE not in new.scopes:
        return f"the new token lacks the permission {SENDING_SCOPE}"
    if old.valid and old.expires_at is not None and new.expires_at is not None:
        near = decide(new, now, renew_days) is TokenState.TO_RENEW
        if new.expires_at < old.expires_at or (near and new.expires_at == old.expires_at):
            return "the new token does not last longer than the current one"
    return ""


def why_invalid(facts: TokenFacts) -> str:
    """In words why a token is not valid."""
    if facts.valid:
        return "it has expired"
    known = SUBCODES.get(facts.subcode or 0)
    said = known or facts.reason or "Meta names no reason"
    return f"{said} (subcode {facts.subcode})" if facts.subcode else said


SET_TOKEN: Final = "lifeline whatsapp set-token"  # noqa: S105  # nosec B105  # a command
TOKEN_STATUS: Final = "lifeline whatsapp token-status"  # noqa: S105  # nosec B105  # a command
REFRESH_TOKEN: Final = "lifeline whatsapp refresh-token"  # noqa: S105  # nosec B105  # a command
RENEWED_BY_HAND: Final = f"Make a new token in Meta Business Manager, then run: {SET_TOKEN}"
"""What a person does where no refresh helps."""
NO_WAY_BACK: Final = (
    f"Lifeline cannot fix this: Meta rejects the current token, and no earlier one works. {RENEWED_BY_HAND}"
)


REMEDIES: Final[Mapping[RefreshStep, str]] = {
    RefreshStep.READ: (
        "Check that the token's secret (output TokenSecretArn) is readable. If it holds no token yet, or no "
        f"JSON object, run: {SET_TOKEN}"
    ),
    RefreshStep.ASK: (
        "Check app_id and app_secret in the app's secret (output AppSecretArn); if Meta is down, Lifeline "
        "retries."
    ),
    RefreshStep.EXCHANGE: f"Check Meta Business Manager and the app's permissions. {RENEWED_BY_HAND}",
    RefreshStep.STORE: (
        "Check that TokenKeeperFunction may write the token's secret, then run: lifeline whatsapp "
        "refresh-token"
    ),
    RefreshStep.VERIFY: (
        "The current token stays. Check the app's permissions and the system user's assets in Meta Business "
        f"Manager. {RENEWED_BY_HAND}"
    ),
    RefreshStep.SWITCH: "The current token stays. Run: lifeline whatsapp refresh-token",
}
"""What a person does where a step fails."""


def remedy_of_refresh(step: RefreshStep, state: TokenState | None) -> str:
    """What a person does where ``step`` of a refresh failed and the present token is in ``state``."""
    refused = state is TokenState.INVALID and step in (RefreshStep.EXCHANGE, RefreshStep.VERIFY)
    return NO_WAY_BACK if refused else REMEDIES[step]


def command_of_refresh(step: RefreshStep, state: TokenState | None) -> str:
    """The one command after a refresh failed at ``step``."""
    if step in (RefreshStep.READ, RefreshStep.EXCHANGE, RefreshStep.VERIFY) or state is TokenState.INVALID:
        return SET_TOKEN
    return TOKEN_STATUS if step is RefreshStep.ASK else REFRESH_TOKEN


REMEDIES_OF_SETTING: Final[Mapping[RefreshStep, str]] = {
    RefreshStep.READ: "Check that TokenKeeperFunction may read the token's secret (output TokenSecretArn).",
    RefreshStep.ASK: (
        "Check app_id and app_secret in the app's secret (output AppSecretArn); where Meta does not answer, "
        "run the command again later."
    ),
    RefreshStep.STORE: (
        "Check that TokenKeeperFunction may write the token's secret, then run the command again."
    ),
    RefreshStep.VERIFY: (
        "Make one of a system user of this app that may use our phone number, with the permissions "
        f"{' and '.join(NEEDED_SCOPES)}, then run the command again."
    ),
    RefreshStep.SWITCH: "Somebody else may have set one: run lifeline whatsapp token-status.",
}
"""What a person does where a step of setting a new token fails; nothing is exchanged for it."""
