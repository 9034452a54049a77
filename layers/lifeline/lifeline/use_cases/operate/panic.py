"""Operator actions on panic mode: status, enable, disable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

from lifeline.adapters.alarms import Alarms
from lifeline.adapters.control import Control
from lifeline.adapters.functions import Functions
from lifeline.contract.instants import format_instant, instant_or_none, parse_instant
from lifeline.contract.scopes import SCOPES, WHATSAPP, scope_of
from lifeline.domain.account.records import TokenLook
from lifeline.domain.account.token import RefreshStep, TokenState, command_of_refresh
from lifeline.domain.failure.causes import Cause, command
from lifeline.domain.pace.records import DrainRate, DrainState
from lifeline.domain.panic.ending import disable
from lifeline.domain.panic.entering import enable
from lifeline.domain.panic.flag import By, Event, Flag, Kind, State, remedy_of, set_shadow
from lifeline.domain.panic.planned import PanicPlan
from lifeline.errors import RefusedError, UnavailableError
from lifeline.settings import Settings
from lifeline.use_cases.operate.operate import Handler, Request
from lifeline.use_cases.shared.panic_mode import PanicMode
from lifeline.use_cases.shared.panic_plans import PanicPlans

PROBES_SHOWN: Final = 8
HISTORY_SECONDS: Final = 30 * 86_400.0
HISTORY_LIMIT: Final = 50
_PROBES: Final = (Kind.PROBE_SUCCEEDED, Kind.PROBE_FAILED)


class OperatePanic:
    """Panic mode as operators see and steer it."""

    def __init__(
        self,
        *,
        settings: Settings,
        control: Control,
        panic: PanicMode,
        plans: PanicPlans,
        alarms: Alarms,
        functions: Functions,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._control = control
        self._panic = panic
        self._plans = plans
        self._alarms = alarms
        self._functions = functions
        self._clock = clock

    def handlers(self) -> Mapping[str, Handler]:
        """The actions of this group."""
        return {
            "panic.status": self.status,
            "panic.enable": self.enable,
            "panic.cancel_plan": self.cancel_plan,
            "panic.disable": self.disable,
            "panic.history": self.history,
            "panic.shadow": self.shadow,
        }

    def status(self, request: Request) -> dict[str, Any]:
        """The flags: channels always, a template only when there is something to say of it."""
        now = self._clock()
        flags = dict(self._control.flags())
        wanted = request.get("scope")
        if wanted:
            shown = [flags.get(wanted) or Flag.normal(wanted)]
        else:
            for scope in SCOPES:
                flags.setdefault(scope, Flag.normal(scope))
            shown = [
                flag
                for scope, flag in flags.items()
                if scope in SCOPES or flag.state is not State.NORMAL or flag.shadow
            ]
        order = list(SCOPES)
        shown.sort(
            key=lambda flag: (order.index(flag.scope) if flag.scope in SCOPES else len(order), flag.scope)
        )
        return {
            "at": format_instant(now),
            "panic": any(flag.state is State.PANIC for flag in shown),
            "scopes": [{**self.describe(flag, now), "probes": self._probes(flag)} for flag in shown],
            "planned": [_described(plan) for plan in self._plans.waiting() if wanted in (None, plan.scope)],
        }

    def describe(self, flag: Flag, now: float) -> dict[str, Any]:
        """One flag for people and scripts: instants as ISO 8601, spans in seconds."""
        panicking = flag.state is State.PANIC
        advice, run = self._advice(flag) if panicking else ("", "")
        return {
            "scope": flag.scope,
            "state": str(flag.state),
            "cause": str(flag.cause),
            "reason": flag.reason,
            "actor": flag.actor,
            "source": flag.source,
            "since": instant_or_none(flag.since),
            "since_seconds": max(0, round(now - flag.since)) if flag.since else None,
            "incident_id": flag.incident_id,
            "version": flag.version,
            "probe_successes": flag.successes,
            "probes_needed": self._settings.panic.successes_to_end,
            "hold": flag.hold,
            "until": instant_or_none(flag.until),
            "earliest_recovery": instant_or_none(flag.earliest_recovery) if panicking else None,
            "recovering_since": instant_or_none(flag.recovering_since),
            "settle_until": instant_or_none(flag.settle_until),
            "trips": flag.trips,
            "shadow": flag.shadow,
            "would_enter_at": instant_or_none(flag.would_enter_at),
            "ends": self._ends(flag, now),
            "remedy": advice,
            "run": run,
        }

    def _advice(self, flag: Flag) -> tuple[str, str]:
        """What to do now and the one command; once the refresh of a refused token has failed, what that
        demands.
        """
        if flag.scope == WHATSAPP and flag.cause == Cause.AUTH:
            look = self._control.kept(TokenLook).value
            if look.remedy and look.lasts(flag.since):
                step = RefreshStep(str(look.step))
                state = TokenState(look.state) if look.state else None
                words = f"The refresh failed at step {step}. {look.remedy}"
                return words, command_of_refresh(step, state)
        return remedy_of(flag), command(flag.scope, flag.cause)

    def _ends(self, flag: Flag, now: float) -> str:
        """One sentence: what ends the present state."""
        if flag.state is State.RECOVERING:
            return f"becomes normal at {_second(flag.settle_until)} unless panic returns"
        if flag.state is not State.PANIC:
            return ""
        if flag.hold and (flag.until is None or now < flag.until):
            return (
                f"held: ends at {_second(flag.until)} or by an operator"
                if flag.until
                else "held: ends by an operator"
            )
        text = f"ends after {self._settings.panic.successes_to_end} successful probes in a row"
        if flag.earliest_recovery > now:
            text += f", not before {_second(flag.earliest_recovery)}"
        return f"{text}, or at {_second(flag.until)}" if flag.until else text

    def _probes(self, flag: Flag) -> list[dict[str, Any]]:
        if flag.state is not State.PANIC:
            return []
        events = self._control.history(flag.scope, since=flag.since, incident_id=flag.incident_id, limit=40)
        return [
            {
                "at": format_instant(event.at),
                "ok": str(event.kind) == Kind.PROBE_SUCCEEDED,
                "found": finding(event),
            }
            for event in events
            if str(event.kind) in _PROBES
        ][:PROBES_SHOWN]

    def enable(self, request: Request) -> dict[str, Any]:
        """Enter panic, or change the one under way."""
        now = self._clock()
        if "at" in request:
            return self._plan(request, now)
        until = self._until(request, now)
        hold = bool(request.get("hold", False))
        # Who gives neither an end nor --auto is still looking: good probes do not end it at once.
        wait = 0.0 if hold or until or request.get("auto") else self._settings.panic.manual_seconds
        incident_id = self._panic.new_incident_id()
        flag, event = self._panic.change(
            request["scope"],
            lambda flag: enable(
                flag,
                By(request["actor"], "operator", request["reason"], now),
                new_incident_id=incident_id,
                hold=hold,
                until=until,
                wait=wait,
            ),
        )
        warnings = []
        if flag.until is not None and not flag.hold:
            needed = self._settings.panic.successes_to_end
            warnings.append(f"without hold, {needed} successful probes in a row end this panic earlier")
        return {
            "changed": event is not None,
            "event": str(event.kind) if event else None,
            "incident_id": flag.incident_id,
            "flag": self.describe(flag, now),
            "warnings": warnings,
        }

    def _plan(self, request: Request, now: float) -> dict[str, Any]:
        """Keep it for later: the prober's minute enters, the flag's ``until`` leaves."""
        try:
            at = parse_instant(request["at"])
        except (ValueError, OverflowError) as error:
            raise RefusedError("invalid_request", f"request.at: is not a real instant ({error})") from error
        until = self._until(request, now)
        if until is None:
            raise RefusedError("invalid_request", "a planned panic needs an end", ("until", "for_seconds"))
        if "for_seconds" in request:
            until = at + float(request["for_seconds"])
        scope = request["scope"]
        plan = PanicPlan(self._panic.new_incident_id(), scope, request["reason"], request["actor"], at, until)
        self._plans.add(plan, now)
        return {
            "changed": True,
            "event": "planned",
            "incident_id": "",
            "flag": self.describe(self._control.flag(scope), now),
            "plan": _described(plan),
            "warnings": [],
        }

    def cancel_plan(self, request: Request) -> dict[str, Any]:
        """Take a plan back; one that has begun is ended by ``disable``."""
        plan = self._plans.cancel(
            request["plan"],
            actor=request["actor"],
            reason=request["reason"],
            now=self._clock(),
        )
        return {"plan": _described(plan)}

    def _until(self, request: Request, now: float) -> float | None:
        if "until" in request and "for_seconds" in request:
            raise RefusedError(
                "invalid_request", "use until or for_seconds, not both", ("until", "for_seconds")
            )
        if "for_seconds" in request:
            return now + float(request["for_seconds"])
        if "until" not in request:
            return None
        try:
            until = parse_instant(request["until"])
        except (ValueError, OverflowError) as error:
            raise RefusedError(
                "invalid_request", f"request.until: is not a real instant ({error})"
            ) from error
        if until <= now:
            raise RefusedError("invalid_request", f"until is in the past: now is {format_instant(now)}")
        return until

    def disable(self, request: Request) -> dict[str, Any]:
        """Leave panic, warn of alarms that would bring it back, and start the drain."""
        scope, ramp, now = request["scope"], bool(request.get("ramp", True)), self._clock()
        flag, event = self._panic.change(
            scope,
            lambda flag: disable(
                flag,
                By(request["actor"], "operator", request["reason"], now),
                ramp=ramp,
                rules=self._settings.panic,
            ),
        )
        warnings: list[str] = []
        firing = self._firing(scope, warnings)
        if firing:
            minutes = self._settings.panic.rearm_seconds / 60
            warnings.append(
                f"still in ALARM: {', '.join(firing)}. One that stays in ALARM for {minutes:.0f} minutes "
                f"enters panic again; to keep {scope} out of panic, put it in shadow"
            )
        return {
            "changed": True,
            "event": str(event.kind) if event else None,
            "incident_id": flag.incident_id,
            "flag": self.describe(flag, now),
            "alarms": firing,
            "drain_started": self._drain(scope, ramp, request, now, warnings),
            "warnings": warnings,
        }

    def _firing(self, scope: str, warnings: list[str]) -> list[str]:
        try:
            return self._alarms.firing(scope)
        except UnavailableError as error:
            warnings.append(f"it is unknown whether an alarm is still in ALARM: {error}")
            return []

    def _drain(self, scope: str, ramp: bool, request: Request, now: float, warnings: list[str]) -> bool:
        """Start the drain now instead of with its next minute; without ramp, at the set rate at once."""
        if not scope_of(scope).holds_messages:
            return False
        try:
            if not ramp and scope == WHATSAPP:
                ceiling = self._control.kept(DrainRate).value.ceiling(self._settings.drain.rate)
                state = DrainState(rate=ceiling, stepped_at=now, why="no ramp", ceiling=ceiling)
                self._control.keep(state, actor=request["actor"], reason=request["reason"], now=now)
            self._functions.start(
                self._settings.drainer_function, {"source": "lifeline.operator", "scope": scope}
            )
        except UnavailableError as error:
            warnings.append(f"the drain starts within a minute: {error}")
            return False
        return True

    def history(self, request: Request) -> dict[str, Any]:
        """The audit trail, newest first. Single probes are left out unless asked for."""
        now = self._clock()
        limit = int(request.get("limit", HISTORY_LIMIT))
        with_probes = bool(request.get("probes", False))
        events = self._control.history(
            request.get("scope"),
            since=now - float(request.get("since_seconds", HISTORY_SECONDS)),
            incident_id=request.get("incident_id"),
            # Four probes a minute would crowd out what people want to see.
            limit=limit if with_probes else max(limit, 1000),
        )
        shown = [event for event in events if with_probes or str(event.kind) not in _PROBES]
        return {"at": format_instant(now), "events": [describe_event(event) for event in shown[:limit]]}

    def shadow(self, request: Request) -> dict[str, Any]:
        """Put a scope in shadow or take it out; a panic under way goes on."""
        now = self._clock()
        flag, event = self._panic.change(
            request["scope"],
            lambda flag: set_shadow(
                flag, By(request["actor"], "operator", request["reason"], now), on=request["on"]
            ),
        )
        warnings = []
        if flag.shadow and flag.state is State.PANIC:
            warnings.append(f"{flag.scope} stays in panic: shadow only stops it from entering again")
        elif flag.shadow:
            warnings.append(f"in shadow, {flag.scope} does not enter panic by itself")
        return {
            "changed": event is not None,
            "event": str(event.kind) if event else None,
            "flag": self.describe(flag, now),
            "warnings": warnings,
        }


def describe_event(event: Event) -> dict[str, Any]:
    """One entry of the audit trail for people and scripts."""
    return {
        "at": format_instant(event.at),
        "kind": str(event.kind),
        "scope": event.scope,
        "incident_id": event.incident_id,
        "version": event.version,
        "actor": event.actor,
        "source": event.source,
        "cause": str(event.cause),
        "reason": event.reason,
        "evidence": dict(event.evidence),
    }


def finding(event: Event) -> str:
    """What a probe found, in a few words; empty for a success."""
    findings = event.evidence.get("findings")
    return (
        "; ".join(f"{ask}: {text}" for ask, text in findings.items()) if isinstance(findings, Mapping) else ""
    )


def _described(plan: PanicPlan) -> dict[str, Any]:
    return {**asdict(plan), "at": format_instant(plan.at), "until": format_instant(plan.until)}


def _second(epoch: float | None) -> str:
    """An instant in a sentence: to the second."""
    return f"{format_instant(epoch)[:19]}Z" if epoch else "-"
