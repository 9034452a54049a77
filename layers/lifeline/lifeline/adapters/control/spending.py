"""What a way has cost in each hour (``spending``, by way and hour), in millionths of a US dollar."""

from __future__ import annotations

from typing import Any, Final

from lifeline.adapters.control.table import EXPIRES, OnTable
from lifeline.errors import ConflictError

_SPENDING: Final = "spending"
_SPENT: Final = "spent"
_NOTICE: Final = "notice"
HOUR: Final = 3600
KEPT: Final = 7 * 86_400
"""Seconds: somebody may ask what a night has cost."""


class Spending(OnTable):
    """One item per way and hour; each SMS is one conditional write, so that workers together stay below."""

    def spend(self, way: str, hour: int, cost: int, ceiling: int) -> bool:
        """Add ``cost`` unless the hour (epoch seconds of its start) would then be above ``ceiling``."""
        if cost > ceiling:
            return False
        values: dict[str, Any] = {
            ":c": {"N": str(cost)},
            ":room": {"N": str(ceiling - cost)},
            ":ttl": {"N": str(hour + KEPT)},
        }
        try:
            self._table.update(
                _SPENDING,
                _place(way, hour),
                "SET #ttl = :ttl ADD #s :c",
                {"#s": _SPENT, "#ttl": EXPIRES},
                values,
                "counting what a way costs",
                condition="attribute_not_exists(#s) OR #s <= :room",
            )
        except ConflictError:
            return False
        return True

    def first_above(self, way: str, hour: int) -> bool:
        """Claim to tell that the ceiling of this hour is reached: True for the first asker."""
        values: dict[str, Any] = {":t": {"BOOL": True}, ":ttl": {"N": str(hour + KEPT)}}
        try:
            self._table.update(
                _SPENDING,
                _place(way, hour),
                "SET #t = :t, #ttl = :ttl",
                {"#t": _NOTICE, "#ttl": EXPIRES},
                values,
                "claiming a notice of a ceiling",
                condition="attribute_not_exists(#t)",
            )
        except ConflictError:
            return False
        return True

    def untold(self, way: str, hour: int) -> None:
        """Give the claim of :meth:`first_above` back: nobody could be told."""
        self._table.update(
            _SPENDING,
            _place(way, hour),
            "REMOVE #t SET #ttl = :ttl",
            {"#t": _NOTICE, "#ttl": EXPIRES},
            {":ttl": {"N": str(hour + KEPT)}},
            "giving a claim back",
        )


def _place(way: str, hour: int) -> str:
    return f"{way}#{hour:012d}"
