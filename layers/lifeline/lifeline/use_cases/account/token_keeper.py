"""Keep the access token alive: look each hour, renew ahead of time, switch only to what is known to work.

Four may ask: the hourly schedule, an operator, panic mode when it is entered for ``auth`` (once per
incident), and whoever invokes the function by hand. A refresh goes through the steps of
:class:`~lifeline.domain.account.token.RefreshStep`; where one fails the present token stays, and engineering
is told.

Where the present token is refused, Meta refuses its exchange as well (a token past its end or revoked cannot
be refreshed). Then the previous version is the way back: it is exchanged, or taken as it is, if Meta calls it
valid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from lifeline.adapters.control import Control
from lifeline.adapters.notices import Notices
from lifeline.adapters.token_store import SecretVersion, TokenStore
from lifeline.adapters.whatsapp import WhatsApp
from lifeline.contract.instants import format_instant
from lifeline.contract.names import ENGINEERING
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.account.records import Telling, TokenIncident, TokenLook
from lifeline.domain.account.token import (
    BY_OPERATOR,
    BY_PANIC,
    BY_SCHEDULE,
    DAY,
    RefreshStep,
    TokenFacts,
    TokenState,
    command_of_refresh,
    days_left,
    decide,
    gauge,
    remedy_of_refresh,
    why_invalid,
)
from lifeline.domain.failure.causes import Cause, section
from lifeline.domain.failure.classify import Failure
from lifeline.domain.panic.flag import By, Flag, note
from lifeline.errors import ConflictError, UnavailableError
from lifeline.settings import Settings
from lifeline.telemetry import Telemetry
from lifeline.use_cases.shared.check_token import CheckToken, StepFailed, said

TELL_AGAIN: Final = DAY
"""Seconds after which the schedule tells of the same failure again; all other askers are always told."""
ATTEMPT_SECONDS: Final = 35.0
"""Time that one more attempt needs: three questions to Meta that nearly time out."""

_ACTOR: Final = "TokenKeeperFunction"


class _Overtaken(StepFailed):
    """Somebody else wrote the secret meanwhile: another run of ours, or a person. That stays."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What is known of the present token."""

    version: SecretVersion
    facts: TokenFacts
    state: TokenState

    @property
    def is_good(self) -> bool:
        """Nothing is to be done by itself."""
        return self.state in (TokenState.FINE, TokenState.NEVER_EXPIRES)


class TokenKeeper:
    """The token keeper's use case."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: TokenStore,
        check: CheckToken,
        whatsapp: WhatsApp,
        control: Control,
        notices: Notices,
        clock: Callable[[], float],
        telemetry: Telemetry,
        each_hour: Callable[[], None],
    ) -> None:
        """``each_hour``: what is looked at with a good token besides; it raises nothing."""
        self._settings = settings
        self._store = store
        self._check = check
        self._whatsapp = whatsapp
        self._control = control
        self._notices = notices
        self._clock = clock
        self._telemetry = telemetry
        self._each_hour = each_hour

    def __call__(self, event: Mapping[str, Any], remaining: Callable[[], float]) -> dict[str, Any]:
        """Look at the token and do what is to be done; says what became of it, and never a token.

        ``event``: ``source`` (``lifeline.schedule``, ``lifeline.panic`` with ``incident_id``,
        ``lifeline.operator`` with ``actor``, ``reason`` and ``force``; anything else is as the schedule, but
        always told). ``remaining``: seconds until the function's time-out.

        Answers ``outcome`` (``never_expires``, ``fine``, ``renewed``, ``overtaken``, ``failed``,
        ``skipped``), ``state``, ``expires_at``, ``days_left`` and, where something failed, ``step``,
        ``detail`` and ``remedy``. Raises :class:`UnavailableError` only where a failure could not be told or
        the incident not be claimed, so that Lambda tries again.
        """
        source = str(event.get("source") or "")
        incident = str(event.get("incident_id") or "")
        if source == BY_PANIC and not self._claim(incident):
            self._telemetry.info("a refresh was tried in this incident already", incident_id=incident)
            return {"outcome": "skipped", "incident_id": incident, "detail": "tried in this incident already"}
        try:
            answer = self._keep(source, bool(event.get("force")), remaining)
        except StepFailed as failed:
            answer = self._failed(failed, source, None)
        answer["source"] = source
        self._remember(answer, source)
        if incident:
            answer["incident_id"] = incident
        if answer["outcome"] in ("renewed", "failed") or source == BY_PANIC:
            self._write_history(answer, event)
        if answer["outcome"] in ("renewed", "failed"):
            self._telemetry.count("TokenRefreshes", result=answer["outcome"])
        log = self._telemetry.error if answer["outcome"] == "failed" else self._telemetry.info
        log("token", **answer)
        if source == BY_SCHEDULE and answer["outcome"] != "failed" and remaining() > ATTEMPT_SECONDS:
            self._each_hour()
        return answer

    # -- one look, and what follows from it ------------------------------------------------------------

    def _keep(self, source: str, force: bool, remaining: Callable[[], float]) -> dict[str, Any]:
        now = self._clock()
        look = self._look(now)
        wanted = look.state in (TokenState.TO_RENEW, TokenState.INVALID)
        if source == BY_OPERATOR:
            wanted = wanted or force or look.state is TokenState.FINE
        elif source == BY_PANIC:
            wanted = wanted or look.state is TokenState.FINE or self._is_refused(look)
        if not wanted:
            self._publish(look.facts, now)
            return self._answer(str(look.state), look.state, look.facts, now)
        first: StepFailed | None = None
        for attempt in self._attempts(look):
            if first is not None and remaining() < ATTEMPT_SECONDS:
                break
            try:
                facts, switched = attempt()
            except StepFailed as failed:
                if isinstance(failed, _Overtaken) and (theirs := self._look(self._clock())).is_good:
                    self._publish(theirs.facts, now)
                    return self._answer("overtaken", theirs.state, theirs.facts, now)
                self._telemetry.warning("a refresh failed", step=str(failed.step), detail=failed.detail)
                first = first or failed
                continue
            now = self._clock()
            self._publish(facts, now)
            state = decide(facts, now, self._settings.token.renew_days)
            if first is not None:
                self._tell_way_back(first)
            return {**self._answer("renewed", state, facts, now), "switched": switched}
        assert first is not None, "there is always one attempt"
        self._publish(look.facts, now)
        return self._failed(first, source, look)

    def _look(self, now: float) -> _Look:
        try:
            version = self._store.current()
        except UnavailableError as error:
            raise StepFailed(RefreshStep.READ, str(error)) from error
        if not version.token:
            raise StepFailed(RefreshStep.READ, "the token's secret has no access_token")
        facts = self._check.facts(RefreshStep.ASK, version.token)
        return _Look(version, facts, decide(facts, now, self._settings.token.renew_days))

    def _is_refused(self, look: _Look) -> bool:
        """A token without an end is only exchanged where Meta refuses a call with it."""
        outcome = self._whatsapp.phone_number(fields="id", token=look.version.token)
        return isinstance(outcome, Failure) and outcome.cause is Cause.AUTH

    def _attempts(self, look: _Look) -> Iterator[Callable[[], tuple[TokenFacts, bool]]]:
        present = look.version.token
        yield lambda: self._switch_to(self._exchange(present, look), look)
        if look.state is not TokenState.INVALID:
            return
        try:
            version = self._store.previous()
        except UnavailableError as error:
            self._telemetry.warning("the previous token cannot be read", detail=str(error))
            return
        if version is None or not version.token or version.token == present:
            return
        before = version.token
        yield lambda: self._switch_to(self._exchange(before, look), look)
        yield lambda: self._switch_to(before, look)

    # -- the steps ---------------------------------------------------------------------------------------

    def _exchange(self, token: str, look: _Look) -> str:
        app = self._check.app(RefreshStep.EXCHANGE)
        if not app.id or not app.secret:
            raise StepFailed(RefreshStep.EXCHANGE, "the app's secret has no app_id or no app_secret")
        outcome = self._whatsapp.exchange(token, app.id, app.secret)
        if isinstance(outcome, Failure):
            detail = said(outcome)
            if look.state is TokenState.INVALID:
                detail = f"{detail}; the token is not valid: {why_invalid(look.facts)}"
            raise StepFailed(RefreshStep.EXCHANGE, detail)
        return outcome

    def _switch_to(self, token: str, look: _Look) -> tuple[TokenFacts, bool]:
        """Store, verify, switch. Returns what Meta says of the new token, and whether the secret changed."""
        if token == look.version.token:
            # Meta may give the same token with a later end.
            return self._verify(token, look), False
        try:
            pending = self._store.put_pending({**look.version.values, "access_token": token})
        except UnavailableError as error:
            raise StepFailed(RefreshStep.STORE, str(error)) from error
        try:
            facts = self._verify(token, look)
            self._promote(pending, look)
        finally:
            # After the switch the label says nothing any more; without it a bad version is forgotten.
            try:
                self._store.not_pending(pending)
            except UnavailableError as error:
                self._telemetry.warning("a version keeps its label AWSPENDING", detail=str(error))
        return facts, True

    def _verify(self, token: str, look: _Look) -> TokenFacts:
        facts = self._check.facts(RefreshStep.VERIFY, token)
        self._check.fits(token, facts, look.facts)
        return facts

    def _promote(self, pending: str, look: _Look) -> None:
        try:
            self._store.promote(pending, look.version.id)
        except ConflictError as error:
            raise _Overtaken(RefreshStep.SWITCH, str(error)) from error
        except UnavailableError as error:
            raise StepFailed(RefreshStep.SWITCH, str(error)) from error

    # -- what is said and kept ---------------------------------------------------------------------------

    def _claim(self, incident: str) -> bool:
        """One refresh per incident: the first asker gets it, by a conditional write."""
        try:
            seen = self._control.kept(TokenIncident)
            if seen.value.id == incident:
                return False
            self._control.keep(
                TokenIncident(incident),
                actor=_ACTOR,
                reason="one refresh per incident",
                now=self._clock(),
                read_version=seen.version,
            )
        except ConflictError:
            return False
        return True

    def _publish(self, facts: TokenFacts, now: float) -> None:
        self._telemetry.count("TokenDaysLeft", gauge(facts, now), scope=WHATSAPP)

    @staticmethod
    def _answer(outcome: str, state: TokenState, facts: TokenFacts, now: float) -> dict[str, Any]:
        left = days_left(facts, now)
        return {
            "at": format_instant(now),
            "outcome": outcome,
            "state": str(state),
            "expires_at": None if facts.expires_at is None else format_instant(facts.expires_at),
            "days_left": None if left is None else round(left, 2),
        }

    def _failed(self, failed: StepFailed, source: str, look: _Look | None) -> dict[str, Any]:
        now = self._clock()
        record: dict[str, Any] = {"at": format_instant(now), "outcome": "failed", "state": None}
        if look is not None:
            record = self._answer("failed", look.state, look.facts, now)
        remedy = remedy_of_refresh(failed.step, look.state if look else None)
        record |= {"step": str(failed.step), "detail": failed.detail[:400], "remedy": remedy}
        if source != BY_SCHEDULE or self._is_news(failed.step, now):
            command = command_of_refresh(failed.step, look.state if look else None)
            record["told_at"] = self._tell(record, command)
        return record

    def _is_news(self, step: RefreshStep, now: float) -> bool:
        try:
            announced = self._control.kept(TokenLook).value.announced
        except UnavailableError:
            return True
        return announced is None or announced.step != str(step) or now - announced.at >= TELL_AGAIN

    def _tell(self, failure: Mapping[str, Any], command: str) -> str:
        """Engineering is told, with the one command to run. Raises :class:`UnavailableError`: a failure that
        nobody hears of is worse than one more try.
        """
        left = failure.get("days_left")
        rest = (
            "Meta rejects it now." if left == 0 else f"{left:.1f} days are left." if left is not None else ""
        )
        self._notices.tell(
            audience=("engineering",),
            subject=f"Lifeline: the WhatsApp token could not be refreshed (step: {failure['step']})",
            text=" ".join(
                (
                    f"The refresh of the access token failed at step {failure['step']}: {failure['detail']}.",
                    f"The current token stays. {rest}".strip(),
                    str(failure["remedy"]),
                )
            ),
            scope=WHATSAPP,
            cause=str(Cause.AUTH),
            severity="high",
            data={
                "event": "token_refresh_failed",
                "step": failure["step"],
                "state": failure["state"],
                "days_left": left,
                "at": failure["at"],
            },
            automatic="The token keeper tries again each hour.",
            run=command,
            section=section(WHATSAPP, Cause.AUTH),
        )
        return str(failure["at"])

    def _tell_way_back(self, failed: StepFailed) -> None:
        """The token that people had put there did not work, and another one is in use: they should know."""
        try:
            self._notices.tell(
                audience=(ENGINEERING,),
                subject="Lifeline: Meta rejected the WhatsApp token; the previous one is current again",
                text=(
                    f"The present token could not be refreshed (step {failed.step}: {failed.detail}). The "
                    "previous one was refreshed or taken back, verified, and is current now."
                ),
                scope=WHATSAPP,
                cause=str(Cause.AUTH),
                severity="info",
                data={"event": "token_way_back", "step": str(failed.step)},
                run="lifeline whatsapp token-status",
                section=section(WHATSAPP, Cause.AUTH),
            )
        except UnavailableError as error:
            self._telemetry.error("failed to publish a notification", detail=str(error))

    def _remember(self, answer: dict[str, Any], source: str) -> None:
        """Keep what was found, for ``token-status`` and for not telling the same each hour."""
        now = self._clock()
        told_now = answer.pop("told_at", None) is not None
        try:
            before = self._control.kept(TokenLook).value
            look = replace(
                TokenLook.from_item(answer), renewed_at=before.renewed_at, announced=before.announced
            )
            if look.outcome == "renewed":
                look = replace(look, renewed_at=look.at)
            if look.outcome != "failed":
                look = replace(look, announced=None)
            elif told_now:
                look = replace(look, announced=Telling(answer["step"], now))
            self._control.keep(look, actor=_ACTOR, reason=source or "requested by an operator", now=now)
        except UnavailableError as error:
            self._telemetry.warning("failed to store the result of the check", detail=str(error))

    def _write_history(self, answer: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        if answer["outcome"] == "renewed":
            until = f"valid until {answer['expires_at']}" if answer["expires_at"] else "never expires"
            reason = f"the access token was refreshed and verified; {until}"
        elif answer["outcome"] == "overtaken":
            reason = "somebody else stored a valid access token meanwhile; that one stays"
        elif answer["outcome"] != "failed":
            reason = "the access token is valid and works, so nothing was refreshed; check its permissions"
        else:
            reason = f"the access token could not be refreshed: {answer['step']}: {answer['detail']}"
        asked = str(event.get("actor") or "")
        why = str(event.get("reason") or "")
        names = ("outcome", "state", "expires_at", "days_left", "step")
        try:
            flag = self._flag()
            self._control.append(
                note(
                    flag,
                    By(
                        asked or _ACTOR,
                        "operator" if event.get("source") == BY_OPERATOR else "token_keeper",
                        f"{reason} ({why})" if why else reason,
                        self._clock(),
                    ),
                    evidence={name: answer[name] for name in names if answer.get(name) is not None},
                ).event
            )
        except UnavailableError as error:
            self._telemetry.warning("failed to record a refresh in the history", detail=str(error))

    def _flag(self) -> Flag:
        return self._control.flag(WHATSAPP)
