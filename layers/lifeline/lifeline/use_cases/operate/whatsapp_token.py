"""Operator actions on the access token: what Meta says of it, and a refresh on demand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from lifeline.adapters.control import Control
from lifeline.adapters.functions import Functions
from lifeline.adapters.whatsapp import WhatsApp
from lifeline.contract.instants import format_instant
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.account.records import TokenLook
from lifeline.domain.account.token import (
    BY_OPERATOR,
    DAY,
    RefreshStep,
    TokenState,
    days_left,
    decide,
    read_facts,
    why_invalid,
)
from lifeline.domain.failure.classify import Failure
from lifeline.errors import RefusedError, UnavailableError
from lifeline.settings import Settings
from lifeline.use_cases.operate.operate import Handler, Request, time_left

MARGIN: Final = 5.0
"""Seconds that stay for the answer when the token keeper takes all the time that there is."""


class OperateToken:
    """The token as operators see and renew it. Only TokenKeeperFunction may write the secret."""

    def __init__(
        self,
        *,
        settings: Settings,
        control: Control,
        whatsapp: WhatsApp,
        functions: Functions,
        clock: Callable[[], float],
        forget: Callable[[], None],
    ) -> None:
        """``forget``: drops the cached secret, so that a status is of the token that is current now."""
        self._forget = forget
        self._settings = settings
        self._control = control
        self._whatsapp = whatsapp
        self._functions = functions
        self._clock = clock

    def handlers(self) -> Mapping[str, Handler]:
        """The actions of this group."""
        return {
            "whatsapp.token_status": self.status,
            "whatsapp.refresh_token": self.refresh,
            "whatsapp.set_token": self.set,
        }

    def status(self, request: Request) -> dict[str, Any]:
        """What Meta says of the token that all functions use, and what the token keeper did last."""
        self._forget()
        outcome = self._whatsapp.debug_token()
        if isinstance(outcome, Failure):
            raise UnavailableError(
                WHATSAPP,
                "asking about the token",
                outcome.words,
                "" if outcome.code is None else str(outcome.code),
            )
        now = self._clock()
        facts = read_facts(outcome.body.get("data"))
        renew_days = self._settings.token.renew_days
        state = decide(facts, now, renew_days)
        left = days_left(facts, now)
        ends = facts.expires_at
        return {
            "at": format_instant(now),
            "state": str(state),
            "valid": state is not TokenState.INVALID,
            "expires_at": None if ends is None else format_instant(ends),
            "days_left": None if left is None else round(left, 2),
            "renew_days": renew_days,
            "renews_at": None
            if ends is None or state is TokenState.INVALID
            else format_instant(max(now, ends - renew_days * DAY)),
            "why_invalid": why_invalid(facts) if state is TokenState.INVALID else None,
            "subcode": facts.subcode,
            "app_id": facts.app_id or None,
            "type": facts.kind or None,
            "scopes": list(facts.scopes),
            "missing_scopes": list(facts.missing_scopes),
            "keeper": self._keeper(state),
        }

    def _keeper(self, state: TokenState) -> dict[str, Any] | None:
        """Its last look; a failure that Meta's present answer disproves says nothing of itself any more."""
        kept = self._control.kept(TokenLook)
        if not kept.is_there:
            return None
        look = kept.value
        if look.outcome == "failed" and state in (TokenState.FINE, TokenState.NEVER_EXPIRES):
            look = replace(look, outcome="failed, and the token is valid since", step=None, detail=None)
            look = replace(look, remedy=None)
        names = ("at", "outcome", "step", "detail", "remedy", "renewed_at", "source")
        return {name: getattr(look, name) for name in names}

    def refresh(self, request: Request) -> dict[str, Any]:
        """Let the token keeper refresh now, and wait for what becomes of it.

        Raises :class:`RefusedError` (``refresh_failed``) that names the step and what to do.
        """
        answer = self._functions.call(
            self._settings.token_keeper_function,
            {
                "source": BY_OPERATOR,
                "actor": request["actor"],
                "reason": request["reason"],
                "force": request.get("force", False),
            },
            within=time_left(request) - MARGIN,
        )
        if answer.get("outcome") == "failed":
            raise RefusedError(
                "refresh_failed",
                f"the token was not refreshed; step {answer.get('step')} failed: {answer.get('detail')}. "
                f"The current token stays, and engineering was notified. {answer.get('remedy')}",
            )
        refreshed = answer.get("outcome") == "renewed"
        notes = []
        if answer.get("outcome") == "overtaken":
            notes.append("somebody else stored another valid token meanwhile; that one stays")
        elif not refreshed:
            notes.append(
                "the token is valid and never expires; an exchange would replace it with one that lasts 60 "
                "days. To do so anyway: --force"
            )
        names = ("at", "outcome", "state", "expires_at", "days_left")
        return {
            **{name: answer.get(name) for name in names},
            "refreshed": refreshed,
            "previous_kept": bool(answer.get("switched")),
            "notes": notes,
        }

    def set(self, request: Request) -> dict[str, Any]:
        """Let the token keeper verify a new token and make it current.

        Raises :class:`RefusedError`: ``token_refused`` where the token is not good enough, ``token_not_set``
        where another step failed.
        """
        answer = self._functions.call(
            self._settings.token_keeper_function,
            {
                "source": BY_OPERATOR,
                "actor": request["actor"],
                "reason": request["reason"],
                "token": request["token"],
            },
            within=time_left(request) - MARGIN,
        )
        step = answer.get("step")
        if answer.get("outcome") == "failed":
            raise RefusedError(
                "token_refused" if step == str(RefreshStep.VERIFY) else "token_not_set",
                f"the new token was rejected; step {step} failed: {answer.get('detail')}. The current token "
                f"stays. {answer.get('remedy')}",
            )
        notes = []
        if answer.get("outcome") == "unchanged":
            notes.append("this token is already current; nothing was stored")
        if answer.get("state") == str(TokenState.TO_RENEW):
            notes.append("it expires soon; the token keeper exchanges it within the hour")
        names = ("at", "outcome", "state", "expires_at", "days_left")
        return {
            **{name: answer.get(name) for name in names},
            "previous_kept": bool(answer.get("switched")),
            "notes": notes,
        }
