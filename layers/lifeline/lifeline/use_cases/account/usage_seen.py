"""Keep Meta's usage headers as they were last seen, for ``lifeline whatsapp rate-status``."""

from __future__ import annotations

from collections.abc import Callable

from lifeline.adapters.control import Control
from lifeline.adapters.whatsapp import WhatsApp
from lifeline.domain.account.health import worth_writing
from lifeline.domain.account.records import UsageReading
from lifeline.domain.failure.usage import Usage
from lifeline.errors import UnavailableError
from lifeline.telemetry import Telemetry


class UsageSeen:
    """Called once after each batch; writes at most once, and rarely where nothing changes."""

    def __init__(
        self, *, control: Control, whatsapp: WhatsApp, clock: Callable[[], float], telemetry: Telemetry
    ) -> None:
        self._control = control
        self._whatsapp = whatsapp
        self._clock = clock
        self._telemetry = telemetry
        self._looked_at: Usage | None = None
        self._written: Usage | None = None
        self._written_at = float("-inf")

    def __call__(self) -> None:
        """Never raises: headers are not worth a batch."""
        usage = self._whatsapp.last_usage
        if usage is None or usage is self._looked_at:
            return  # no answer of this batch had headers
        self._looked_at = usage
        now = self._clock()
        if not worth_writing(self._written, self._written_at, usage, now):
            return
        try:
            self._control.keep(
                UsageReading(now, usage),
                actor="SenderFunction",
                reason="usage headers of a send",
                now=now,
            )
        except UnavailableError as error:
            self._telemetry.warning("usage headers could not be kept", detail=str(error))
            return
        self._written, self._written_at = usage, now
