"""The counters of each minute (``stats``, by the minute's start); their names are made and read in
:mod:`lifeline.domain.account.counters`.

Every batch of every worker and of the webhook adds to the same minute, so a wide deployment keeps its
counters in several items under keys of their own (:mod:`lifeline.domain.shards`), and readers add them up. A
worker writes the first, ``stats``, while it counts at most once a second, and goes round where it counts more
often: quiet hours have one item a minute, and busy ones no hot key.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from lifeline.adapters.control.table import EXPIRES, OnTable, fields, which
from lifeline.domain.account.counters import CounterName
from lifeline.domain.shards import NARROW, WIDE, Spread

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_MINUTE: Final = "stats"
SELDOM: Final = 1.0
"""Seconds between two writes of a worker that may both go to the first item."""
RETENTION: Final = 31 * 86_400.0
"""Seconds: an operator looks back over a month."""


class Minutes(OnTable):
    """Added to by every worker, in one write per batch and minute."""

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        spread: Spread = NARROW,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(client, table, spread, monotonic)
        self._counted_at = float("-inf")
        self._counted_in = 0

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
            _MINUTE + _suffix(self._item_to_add_to()),
            _place(minute),
            f"SET #ttl = :ttl ADD {adds}",
            names,
            values,
            "counting outcomes",
        )

    def _item_to_add_to(self) -> int:
        """The item that this write goes to."""
        now = self._monotonic()
        seldom = now - self._counted_at >= SELDOM
        self._counted_in = 0 if seldom else (self._counted_in + 1) % self._spread.minute
        self._counted_at = now
        return self._counted_in

    def counts(self, since: float, until: float) -> dict[int, dict[str, int]]:
        """Counters by minute between two instants (epoch seconds)."""
        minutes: dict[int, Counter[str]] = defaultdict(Counter)
        for shard in range(WIDE.minute):
            items = self._table.query(
                _MINUTE + _suffix(shard),
                "reading counters",
                range_condition="sk BETWEEN :first AND :last",
                values={
                    ":first": {"S": _place(int(since) // 60 * 60)},
                    ":last": {"S": _place(int(until))},
                },
            )
            for item in items:
                minute = minutes[int(which(item))]
                for name, value in fields(item).items():
                    if "N" in value:
                        minute[name] += int(float(value["N"]))
        return {start: dict(counts) for start, counts in sorted(minutes.items())}


def _suffix(shard: int) -> str:
    """Of the key of one item of a minute. The first has none: all lay there before there were several."""
    return f"#{shard}" if shard else ""


def _place(minute: int) -> str:
    """Seconds, so that texts sort as instants do."""
    return f"{minute:012d}"
