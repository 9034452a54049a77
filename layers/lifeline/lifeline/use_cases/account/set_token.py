"""Make a token that an operator brings current: verified at Meta first, and only then stored.

It stands in no log, answer or history entry, and in no event that Lambda keeps: this is only called
synchronously, since an asynchronous event that fails goes to a dead-letter queue as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from lifeline.adapters.control import Control
from lifeline.adapters.token_store import SecretVersion, TokenStore
from lifeline.contract.instants import format_instant
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.account.records import TokenLook
from lifeline.domain.account.token import (
    REMEDIES_OF_SETTING,
    RefreshStep,
    TokenFacts,
    days_left,
    decide,
    gauge,
)
from lifeline.domain.panic.flag import By, note
from lifeline.errors import ConflictError, UnavailableError
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry
from lifeline.use_cases.shared.check_token import CheckToken, StepFailed

_ACTOR: Final = "TokenKeeperFunction"
_NONE: Final = TokenFacts(False)
"""What the new token is compared with: a person may bring one that ends before the present one."""


class SetToken:
    """An operator's new token."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: TokenStore,
        check: CheckToken,
        control: Control,
        clock: Callable[[], float],
        telemetry: Telemetry,
    ) -> None:
        self._settings = settings
        self._store = store
        self._check = check
        self._control = control
        self._clock = clock
        self._telemetry = telemetry

    def __call__(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Verify, store and switch to the event's ``token``; ``actor`` and ``reason`` go into the history.

        Answers ``outcome`` (``set``, ``unchanged``, ``failed``), ``switched``, ``state``, ``expires_at``,
        ``days_left`` and, where something failed, ``step``, ``detail`` and ``remedy``. Raises nothing.
        """
        try:
            answer = self._set(str(event.get("token") or ""))
        except StepFailed as failed:
            answer = {
                "at": format_instant(self._clock()),
                "outcome": "failed",
                "step": str(failed.step),
                "detail": failed.detail[:400],
                "remedy": REMEDIES_OF_SETTING[failed.step],
            }
        else:
            self._remember(answer)
        self._write_history(answer, str(event.get("actor") or _ACTOR), str(event.get("reason") or ""))
        log = self._telemetry.warning if answer["outcome"] == "failed" else self._telemetry.info
        log("a token of an operator's", **answer)
        return answer

    def _set(self, token: str) -> dict[str, Any]:
        try:
            present = self._store.present()
        except UnavailableError as error:
            raise StepFailed(RefreshStep.READ, str(error)) from error
        facts = self._check.facts(RefreshStep.ASK, token)
        self._check.fits(token, facts, _NONE)
        switched = present is None or present.token != token
        if switched:
            self._switch(token, present)
        now = self._clock()
        self._telemetry.count("TokenDaysLeft", gauge(facts, now), scope=WHATSAPP)
        left = days_left(facts, now)
        return {
            "at": format_instant(now),
            "outcome": "set" if switched else "unchanged",
            "switched": switched and present is not None,
            "state": str(decide(facts, now, self._settings.token.renew_days)),
            "expires_at": None if facts.expires_at is None else format_instant(facts.expires_at),
            "days_left": None if left is None else round(left, 2),
        }

    def _switch(self, token: str, present: SecretVersion | None) -> None:
        try:
            if present is None:
                self._store.put_first({"access_token": token})
                return
            pending = self._store.put_pending({**present.values, "access_token": token})
        except UnavailableError as error:
            raise StepFailed(RefreshStep.STORE, str(error)) from error
        try:
            self._store.promote(pending, present.id)
        except (ConflictError, UnavailableError) as error:
            raise StepFailed(RefreshStep.SWITCH, str(error)) from error
        finally:
            try:
                self._store.not_pending(pending)
            except UnavailableError as error:
                self._telemetry.warning("a version keeps its label AWSPENDING", detail=str(error))

    def _remember(self, answer: Mapping[str, Any]) -> None:
        """For ``token-status``: an earlier failure says nothing of this token."""
        try:
            before = self._control.kept(TokenLook).value.renewed_at
            renewed = str(answer["at"]) if answer["outcome"] == "set" else before
            look = replace(TokenLook.from_item(answer), renewed_at=renewed)
            self._control.keep(look, actor=_ACTOR, reason="set by an operator", now=self._clock())
        except UnavailableError as error:
            self._telemetry.warning("failed to store the result of the check", detail=str(error))

    def _write_history(self, answer: Mapping[str, Any], actor: str, why: str) -> None:
        until = f"valid until {answer.get('expires_at')}" if answer.get("expires_at") else "never expires"
        reason = {
            "set": f"a new access token was verified and is current; {until}",
            "unchanged": f"this access token is already current; {until}",
            "failed": f"a new access token was rejected: {answer.get('step')}: {answer.get('detail')}",
        }[answer["outcome"]]
        names = ("outcome", "state", "expires_at", "days_left", "step")
        try:
            flag = self._control.flag(WHATSAPP)
            by = By(actor, "operator", f"{reason} ({why})" if why else reason, self._clock())
            evidence = {name: answer[name] for name in names if answer.get(name) is not None}
            self._control.append(note(flag, by, evidence=evidence).event)
        except UnavailableError as error:
            self._telemetry.warning("failed to record a new token in the history", detail=str(error))
