"""Limiters (``limiter``, by lane): when the last token that was given away is due."""

from __future__ import annotations

from typing import Final, overload

from lifeline.adapters.control.table import LostError, OnTable, number
from lifeline.errors import ConflictError, UnavailableError

_LIMITER: Final = "limiter"
_TAT: Final = "tat"


class Limiters(OnTable):
    """Shared by all workers: a batch reserves its tokens in one write."""

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
        DynamoDB has no ``max``, so the busy case (an old ``tat`` after the floor) is a plain ADD, and only
        an idle limiter costs a second write.

        With ``ahead`` it reserves nothing, and returns ``None``, where the limiter is booked further than so
        many seconds ahead of ``now``.
        """
        floor = now - burst * interval
        step = tokens * interval
        values = {":s": {"N": f"{step:.6f}"}, ":f": {"N": f"{floor:.6f}"}}
        condition = "#t >= :f"
        if ahead is not None:
            values[":a"] = {"N": f"{now + ahead:.6f}"}
            condition += " AND #t <= :a"
        for _ in range(4):
            try:
                answer = self._table.update(
                    _LIMITER,
                    lane,
                    "ADD #t :s",
                    {"#t": _TAT},
                    values,
                    "reserving send tokens",
                    condition=condition,
                )
                return float(answer[_TAT]["N"])
            except LostError as lost:
                booked = number(lost.item, _TAT)
                if booked is None:
                    booked = floor
                if ahead is not None and booked > now + ahead:
                    return None
            try:
                answer = self._table.update(
                    _LIMITER,
                    lane,
                    "SET #t = :n",
                    {"#t": _TAT},
                    {":n": {"N": f"{floor + step:.6f}"}, ":f": {"N": f"{floor:.6f}"}},
                    "reserving send tokens",
                    condition="attribute_not_exists(#t) OR #t < :f",
                )
                return float(answer[_TAT]["N"])
            except ConflictError:
                continue
        raise UnavailableError("DynamoDB", "reserving send tokens", "lost four races in a row")

    def limiter(self, lane: str) -> float | None:
        """The limiter's theoretical arrival time (epoch seconds), or None where nothing was ever sent."""
        return number(self._table.get(_LIMITER, lane, "reading a limiter"), _TAT)
