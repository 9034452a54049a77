"""Whether one more message may be paid for in this hour; people are told once an hour that it may not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from lifeline.adapters.control import Control
from lifeline.adapters.control.spending import HOUR
from lifeline.adapters.notices import Notices
from lifeline.contract.names import ENGINEERING
from lifeline.contract.ways import Way
from lifeline.domain.fallback.prices import Prices
from lifeline.errors import UnavailableError
from lifeline.telemetry import Telemetry

MILLION: Final = 1_000_000
"""The table counts millionths of a US dollar: sums of whole numbers stay exact."""


class MaySpend:
    """One way's ceiling, which all workers share. It fails closed: without the table nothing is spent."""

    def __init__(
        self,
        *,
        way: Way,
        prices: Prices,
        control: Control,
        notices: Notices,
        clock: Callable[[], float],
        telemetry: Telemetry,
    ) -> None:
        self._way = way
        self._prices = prices
        self._control = control
        self._notices = notices
        self._clock = clock
        self._telemetry = telemetry
        self._seen_above = 0

    def __call__(self, parts: int) -> bool:
        """Book the parts of one message, before it is sent; what is refused afterwards stays booked."""
        hour = int(self._clock()) // HOUR * HOUR
        cost = round(parts * self._prices.price * MILLION)
        try:
            if self._control.spend(self._way.name, hour, cost, round(self._prices.ceiling * MILLION)):
                return True
        except UnavailableError as error:
            self._telemetry.error("what a way costs cannot be counted; it is not taken", detail=str(error))
            return False
        self._tell(hour)
        return False

    def _tell(self, hour: int) -> None:
        if self._seen_above == hour:
            return
        way = self._way
        try:
            if self._control.first_above(way.name, hour):
                try:
                    self._notices.tell(
                        audience=(ENGINEERING,),
                        subject=f"{way.label}: the hour's cost ceiling is reached",
                        text=f"Fallbacks by {way.label} have reached what an hour may cost ("
                        f"{self._prices.ceiling:g} US dollars). Until the hour is over, people are reached "
                        f"by the next step of the policy. Setting {way.name}.ceiling raises it.",
                        scope=way.name,
                        cause="spending_ceiling",
                        severity="warning",
                        data={"event": "spending_ceiling", "ceiling_usd": self._prices.ceiling},
                    )
                except UnavailableError:
                    self._control.untold(way.name, hour)
                    raise
            self._seen_above = hour
        except UnavailableError as error:
            self._telemetry.warning("failed to publish the notification of a ceiling", detail=str(error))
