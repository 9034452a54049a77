"""Records by name (``setting``): one value each, as JSON, with who kept it, why and when."""

from __future__ import annotations

import json
from typing import Final

from lifeline.adapters.control.table import Item, LostError, OnTable, attributes, plain, which
from lifeline.domain.records import Kept, KeptRecord, R
from lifeline.errors import ConflictError

_NAMED: Final = "setting"


class NamedRecords(OnTable):
    """The kinds are the subclasses of :class:`~lifeline.domain.records.KeptRecord`."""

    def kept(self, kind: type[R], of: str = "") -> Kept[R]:
        """One record, strongly consistent; the empty value where it was never kept."""
        return _from_item(kind, self._table.get(_NAMED, kind.key(of), "reading a record"))

    def all_kept(self, kind: type[R]) -> dict[str, Kept[R]]:
        """All records of a kind, by what they are of."""
        items = self._table.query(
            _NAMED,
            "reading records",
            range_condition="begins_with(sk, :name)",
            values={":name": {"S": kind.NAME}},
            consistent=True,
        )
        return {which(item).removeprefix(kind.NAME): _from_item(kind, item) for item in items}

    def keep(
        self,
        record: KeptRecord,
        of: str = "",
        *,
        actor: str,
        reason: str,
        now: float,
        read_version: int | None = None,
    ) -> None:
        """Keep a record; with ``read_version`` only if nobody kept it since (:class:`ConflictError`)."""
        condition = None
        values = attributes(
            {
                ":value": json.dumps(record.to_item(), separators=(",", ":")),
                ":actor": actor,
                ":reason": reason,
                ":at": now,
                ":one": 1,
            }
        )
        if read_version == 0:
            condition = "attribute_not_exists(sk)"
        elif read_version is not None:
            condition = "#version = :read"
            values[":read"] = {"N": str(read_version)}
        try:
            self._table.update(
                _NAMED,
                record.key(of),
                "SET #value = :value, #actor = :actor, #reason = :reason, #at = :at ADD #version :one",
                {f"#{name}": name for name in ("value", "actor", "reason", "at", "version")},
                values,
                "keeping a record",
                condition=condition,
            )
        except LostError as error:
            raise ConflictError(f"{record.key(of)} was changed by somebody else meanwhile") from error


def _from_item(kind: type[R], item: Item) -> Kept[R]:
    held = plain(item)
    try:
        value = json.loads(str(held.get("value", "null")))
    except ValueError:
        value = None
    return Kept(
        kind.from_item(value),
        actor=str(held.get("actor", "")),
        reason=str(held.get("reason", "")),
        at=float(held.get("at", 0.0)),
        version=int(held.get("version", 0)),
    )
