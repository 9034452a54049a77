"""Outcome windows (``window``, by scope): what all workers' last batches met, in parts of some seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from lifeline.adapters.control.table import Item, OnTable
from lifeline.domain.failure.causes import STREAKS, WINDOW_CAUSES
from lifeline.domain.panic.detection import Bucket, Window

_WINDOW: Final = "window"
_CONSECUTIVE: Final = "consecutive"
_OK: Final = "ok"


class OutcomeWindows(OnTable):
    """Written once per batch by every worker, so each is a single item and a single write."""

    def record_outcomes(
        self,
        scope: str,
        bucket: int,
        ok: int,
        failed: Mapping[str, int],
        consecutive_unreachable: int,
        stale: Sequence[int] = (),
    ) -> Window:
        """Add one batch's outcomes to the shared window in one write, and get the whole window back.

        ``bucket`` is the bucket's start (epoch seconds). ``consecutive_unreachable`` counts the failures
        to reach Meta since the batch's last answer; with any answer in the batch it replaces the
        shared count, otherwise it is added. ``stale`` buckets are dropped by the same write.
        """
        answered = ok + sum(count for cause, count in failed.items() if cause not in STREAKS)
        adds = {_name(bucket, _OK): ok, **{_name(bucket, cause): count for cause, count in failed.items()}}
        adds = {name: count for name, count in adds.items() if count}
        names: dict[str, str] = {"#c": _CONSECUTIVE}
        values: dict[str, Any] = {":c": {"N": str(consecutive_unreachable)}}
        parts: list[str] = []
        for index, (name, count) in enumerate(adds.items()):
            names[f"#a{index}"] = name
            values[f":a{index}"] = {"N": str(count)}
            parts.append(f"#a{index} :a{index}")
        expression = ""
        if answered:
            expression = "SET #c = :c"
        else:
            parts.append("#c :c")
        if parts:
            expression += " ADD " + ", ".join(parts)
        doomed = {
            f"#r{index}": name
            for index, name in enumerate(
                _name(start, suffix) for start in stale for suffix in (_OK, *sorted(WINDOW_CAUSES))
            )
        }
        if doomed:
            names |= doomed
            expression += " REMOVE " + ", ".join(doomed)
        item = self._table.update(_WINDOW, scope, expression.strip(), names, values, "recording outcomes")
        return window_from_item(item)

    def clear_window(self, scope: str) -> None:
        """Start the window anew: failures of an outage that is over must not trip a second time."""
        self._table.delete(_WINDOW, scope, "clearing the outcome window")

    def window(self, scope: str) -> Window:
        """The shared window as it is now."""
        return window_from_item(self._table.get(_WINDOW, scope, "reading the outcome window"))


def window_from_item(item: Item) -> Window:
    """The window of a stored item; attributes of another form are left out."""
    buckets: dict[int, dict[str, int]] = {}
    for name, value in item.items():
        start, _, cause = name.removeprefix("b").partition("_")
        if name.startswith("b") and start.isdecimal() and cause:
            buckets.setdefault(int(start), {})[cause] = int(float(value["N"]))
    return Window(
        buckets=tuple(
            Bucket(start=start, ok=counts.pop(_OK, 0), failed=counts)
            for start, counts in sorted(buckets.items())
        ),
        consecutive_unreachable=int(float(item.get(_CONSECUTIVE, {}).get("N", "0"))),
    )


def _name(start: int, suffix: str) -> str:
    """The attribute of one count of a bucket."""
    return f"b{start}_{suffix}"
