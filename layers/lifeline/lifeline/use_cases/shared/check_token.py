"""Whether a new access token may become current: what Meta says of it, and a call with it."""

from __future__ import annotations

from collections.abc import Callable

from lifeline.adapters.whatsapp import WhatsApp
from lifeline.domain.account.token import App, RefreshStep, TokenFacts, fault_of_new, read_facts
from lifeline.domain.failure.classify import Failure
from lifeline.errors import UnavailableError
from lifeline.settings import Settings


class StepFailed(Exception):  # noqa: N818 (it ends one attempt and never leaves a job)
    """A step on the way to a new token failed."""

    def __init__(self, step: RefreshStep, detail: str) -> None:
        self.step = step
        self.detail = detail
        super().__init__(detail)


class CheckToken:
    """Asks Meta about tokens; each method raises :class:`StepFailed`."""

    def __init__(
        self,
        *,
        settings: Settings,
        app: Callable[[], App],
        whatsapp: WhatsApp,
        clock: Callable[[], float],
    ) -> None:
        """``app``: our app at Meta; it may raise :class:`UnavailableError`."""
        self._settings = settings
        self._app = app
        self._whatsapp = whatsapp
        self._clock = clock

    def facts(self, step: RefreshStep, token: str) -> TokenFacts:
        """What Meta says of ``token``."""
        try:
            outcome = self._whatsapp.debug_token(token)
        except UnavailableError as error:
            raise StepFailed(step, str(error)) from error
        if isinstance(outcome, Failure):
            raise StepFailed(step, said(outcome))
        return read_facts(outcome.body.get("data"))

    def app(self, step: RefreshStep) -> App:
        """Our app."""
        try:
            return self._app()
        except UnavailableError as error:
            raise StepFailed(step, str(error)) from error

    def fits(self, token: str, facts: TokenFacts, old: TokenFacts) -> None:
        """``token``, of which Meta says ``facts``, may take the place of one of which it says ``old``: it is
        valid, of our app, may send, and a call with it sees our phone number.
        """
        app = self.app(RefreshStep.VERIFY)
        fault = fault_of_new(facts, old, self._clock(), app.id, self._settings.token.renew_days)
        if fault:
            raise StepFailed(RefreshStep.VERIFY, fault)
        outcome = self._whatsapp.phone_number(fields="id", token=token)
        if isinstance(outcome, Failure):
            raise StepFailed(RefreshStep.VERIFY, f"a call with the new token failed: {said(outcome)}")
        if str(outcome.body.get("id")) != self._settings.phone_number_id:
            raise StepFailed(RefreshStep.VERIFY, "the new token does not see our phone number")


def said(failure: Failure) -> str:
    """A failure of a call to Meta, in words."""
    code = f"code {failure.code}" + (f", subcode {failure.subcode}" if failure.subcode else "")
    return (
        f"{failure.cause}: {code}: {failure.details}"
        if failure.code
        else f"{failure.cause}: {failure.details}"
    )
