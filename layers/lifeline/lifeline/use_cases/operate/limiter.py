"""Operator actions on the limiter: the rate that live traffic and the backlog share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from lifeline.adapters.control import Control
from lifeline.contract.instants import format_instant, instant_or_none
from lifeline.contract.rates import format_rate, parse_rate
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.account.health import tokens
from lifeline.domain.pace.pace import SetRate, split
from lifeline.domain.panic.flag import By, Flag, PanicChange, note
from lifeline.errors import RefusedError
from lifeline.settings import Settings
from lifeline.use_cases.operate.operate import UNSURE, Handler, Request
from lifeline.use_cases.shared.panic_mode import PanicMode

SETTING: Final = "limiter"
"""Its name in the history's evidence."""


class OperateLimiter:
    """The limiter as operators see and set it. Every worker keeps to a change with its next reservation."""

    def __init__(
        self, *, settings: Settings, control: Control, panic: PanicMode, clock: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._control = control
        self._panic = panic
        self._clock = clock

    def handlers(self) -> Mapping[str, Handler]:
        """The actions of this group."""
        return {"limiter.show": self.show, "limiter.set": self.set}

    def show(self, request: Request) -> dict[str, Any]:
        """The rate in effect, whose it is, and how far sends are booked ahead."""
        now, deployed = self._clock(), self._settings.limiter
        booked = self._control.limiter(WHATSAPP)
        held = self._control.operators_rate()
        limiter = deployed.under(held, now)
        _, shared = split(limiter.rate, limiter.burst, limiter.critical_share)
        by = held if held is not None and held.holds(now) else None
        return {
            "at": format_instant(now),
            "rate": limiter.rate,
            "deployed": deployed.rate,
            "set": {"rate": by.rate, "until": instant_or_none(by.until)} if by else None,
            "tokens": tokens(booked, now, *shared).available,
            "booked_seconds": round(max(0.0, (booked or 0.0) - now), 3),
        }

    def set(self, request: Request) -> dict[str, Any]:
        """Set the rate, or leave it to the deployment's again."""
        now, limiter = self._clock(), self._settings.limiter
        deployed, rate = limiter.rate, self._rate(request)
        until = now + float(request["for_seconds"]) if "for_seconds" in request else None
        warnings = []
        if rate is not None and rate > deployed:
            warnings.append(
                f"{format_rate(rate)} is above the deployed rate, {format_rate(deployed)}: Meta rejects "
                "sends above the number's throughput"
            )
            if not request.get("sure"):
                raise RefusedError(UNSURE, warnings[0], ("sure",))
        self._control.limiter(WHATSAPP)  # the operator's rate comes along
        before = limiter.under(self._control.operators_rate(), now).rate
        self._control.limit(None if rate is None else SetRate(rate, until))
        after = deployed if rate is None else rate
        text = f"limiter {format_rate(before)} to {format_rate(after)}: {request['reason']}"

        def decide(flag: Flag) -> PanicChange:
            evidence = {"setting": SETTING, "before": before, "after": after, "until": until}
            return note(flag, By(request["actor"], "operator", text, now), evidence=evidence)

        self._panic.change(WHATSAPP, decide)
        return {
            "rate": after,
            "text": format_rate(after),
            "before": before,
            "until": instant_or_none(until),
            "warnings": warnings,
        }

    @staticmethod
    def _rate(request: Request) -> float | None:
        given = request.get("rate")
        if given is None:
            if "for_seconds" in request:
                raise RefusedError("invalid_request", "for_seconds needs a rate", ("rate",))
            return None
        try:
            rate = parse_rate(given if isinstance(given, str) else f"{given:.9f}/s")
        except ValueError as error:
            raise RefusedError("bad_rate", str(error), ("30/s", "600/min")) from error
        if not rate:
            raise RefusedError(
                "bad_rate",
                "a rate of 0 would stop critical messages too: enter panic mode instead",
                ("30/s",),
            )
        return rate
