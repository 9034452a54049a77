"""Limiters (``limiter``, by lane): when the last token that was given away is due, and an operator's rate."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, overload

from lifeline.adapters.control.table import Item, LostError, OnTable, number
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.pace.pace import SetRate
from lifeline.domain.shards import NARROW, Spread
from lifeline.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_LIMITER: Final = "limiter"
_TAT: Final = "tat"
_RATE: Final = "rate"
_RATE_UNTIL: Final = "rate_until"
RACES: Final = 8
"""Writes for one reservation, most of which other workers' would have to overtake."""


class Limiters(OnTable):
    """Shared by all workers: a batch reserves its tokens in one write."""

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        spread: Spread = NARROW,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(client, table, spread, monotonic)
        self._seen: dict[str, float] = {}
        self._set: SetRate | None = None

    @overload
    def reserve(self, lane: str, tokens: int, interval: float, burst: int, now: float) -> float: ...

    @overload
    def reserve(
        self, lane: str, tokens: int, interval: float, burst: int, now: float, ahead: float
    ) -> float | None: ...

    def reserve(
        self, lane: str, tokens: int, interval: float, burst: int, now: float, ahead: float | None = None
    ) -> float | None:
        """Move the limiter's theoretical arrival time by ``tokens`` and return its new value (epoch s).

        GCRA in one conditional write: ``tat = max(tat, now - burst * interval) + tokens * interval``.
        DynamoDB has no ``max``: the busy case (an old ``tat`` after the floor) is an ADD, the idle one a SET.
        Which one it is, this worker's last reservation tells; where others have been busy since, it costs a
        second write.

        With ``ahead`` it reserves nothing, and returns ``None``, where the limiter is booked further than so
        many seconds ahead of ``now``.
        """
        floor = now - burst * interval
        step = tokens * interval
        idle = self._seen.get(lane, float("-inf")) < floor
        for _ in range(RACES):
            try:
                booked = self._first(lane, floor, step) if idle else self._next(lane, floor, step, now, ahead)
            except LostError as lost:
                held = number(lost.item, _TAT)
                if ahead is not None and held is not None and held > now + ahead:
                    return None
                idle = held is None or held < floor
                continue
            self._seen[lane] = booked
            return booked
        raise UnavailableError("DynamoDB", "reserving send tokens", f"lost {RACES} races in a row")

    def _first(self, lane: str, floor: float, step: float) -> float:
        """From the floor, where nothing is booked after it."""
        values = {":n": {"N": f"{floor + step:.6f}"}, ":f": {"N": f"{floor:.6f}"}}
        return self._moved(lane, "SET #t = :n", values, "attribute_not_exists(#t) OR #t < :f")

    def _next(self, lane: str, floor: float, step: float, now: float, ahead: float | None) -> float:
        """After what is booked."""
        values = {":s": {"N": f"{step:.6f}"}, ":f": {"N": f"{floor:.6f}"}}
        condition = "#t >= :f"
        if ahead is not None:
            values[":a"] = {"N": f"{now + ahead:.6f}"}
            condition += " AND #t <= :a"
        return self._moved(lane, "ADD #t :s", values, condition)

    def _moved(self, lane: str, expression: str, values: Item, condition: str) -> float:
        answer = self._table.update(
            _LIMITER, lane, expression, {"#t": _TAT}, values, "reserving send tokens", condition=condition
        )
        self._look(lane, answer)
        return float(answer[_TAT]["N"])

    def _look(self, lane: str, item: Item) -> None:
        """The rate that an operator set lies beside the tokens: each reservation brings it along."""
        if lane == WHATSAPP:
            rate = number(item, _RATE)
            self._set = None if rate is None else SetRate(rate, number(item, _RATE_UNTIL))

    def operators_rate(self) -> SetRate | None:
        """An operator's rate of all sends, as the last reservation or :meth:`limiter` found it."""
        return self._set

    def limit(self, rate: SetRate | None) -> None:
        """Set the rate of all sends, or (``None``) leave it to the settings again. Raises
        :class:`UnavailableError`.
        """
        names, values = {"#r": _RATE, "#u": _RATE_UNTIL}, {}
        if rate is None:
            expression = "REMOVE #r, #u"
        else:
            values[":r"] = {"N": f"{rate.rate:.6f}"}
            expression = "SET #r = :r"
            if rate.until is None:
                expression += " REMOVE #u"
            else:
                expression += ", #u = :u"
                values[":u"] = {"N": f"{rate.until:.3f}"}
        self._look(
            WHATSAPP,
            self._table.update(_LIMITER, WHATSAPP, expression, names, values, "setting the limiter's rate"),
        )

    def limiter(self, lane: str) -> float | None:
        """The limiter's theoretical arrival time (epoch seconds), or None where nothing was ever sent."""
        item = self._table.get(_LIMITER, lane, "reading a limiter")
        self._look(lane, item)
        return number(item, _TAT)
