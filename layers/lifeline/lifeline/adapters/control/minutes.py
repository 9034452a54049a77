"""The counters of each minute (``stats``, by the minute's start); their names are made and read in
:mod:`lifeline.domain.account.counters`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from lifeline.adapters.control.table import EXPIRES, OnTable, fields, which
from lifeline.domain.account.counters import CounterName

_MINUTE: Final = "stats"
RETENTION: Final = 31 * 86_400.0
"""Seconds: an operator looks back over a month."""


class Minutes(OnTable):
    """Added to by every worker, in one write per batch and minute."""

    def count(self, minute: int, counts: Mapping[CounterName, int]) -> None:
        """Add to the counters of one minute (``minute``: epoch seconds of its start), in one write."""
        counts = {name: count for name, count in counts.items() if count}
        if not counts:
            return
        names: dict[str, str] = {f"#a{index}": name for index, name in enumerate(counts)}
        values: dict[str, Any] = {f":a{index}": {"N": str(c)} for index, c in enumerate(counts.values())}
        adds = ", ".join(f"#a{index} :a{index}" for index in range(len(counts)))
        names["#ttl"] = EXPIRES
        values[":ttl"] = {"N": str(int(minute + RETENTION))}
        self._table.update(
            _MINUTE, _place(minute), f"SET #ttl = :ttl ADD {adds}", names, values, "counting outcomes"
        )

    def counts(self, since: float, until: float) -> dict[int, dict[str, int]]:
        """Counters by minute between two instants (epoch seconds)."""
        items = self._table.query(
            _MINUTE,
            "reading counters",
            range_condition="sk BETWEEN :first AND :last",
            values={
                ":first": {"S": _place(int(since) // 60 * 60)},
                ":last": {"S": _place(int(until))},
            },
        )
        return {
            int(which(item)): {
                name: int(float(value["N"])) for name, value in fields(item).items() if "N" in value
            }
            for item in items
        }


def _place(minute: int) -> str:
    """Seconds, so that texts sort as instants do."""
    return f"{minute:012d}"
