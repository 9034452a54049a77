"""Marks that one of several askers moves: probe slots (``probe``, by scope) and planned time (``plan``)."""

from __future__ import annotations

from typing import Any, Final

from lifeline.adapters.control.table import OnTable, number
from lifeline.errors import ConflictError

_PROBE: Final = "probe"
_SLOT: Final = "slot"
_PLAN: Final = "plan"
_UPTO: Final = "upto"


class Marks(OnTable):
    """Each is moved by a conditional write: of two askers one gets it."""

    def claim_slot(self, scope: str, slot: int) -> bool:
        """Claim a probe slot: True for the first asker, False for a duplicate or an older slot."""
        try:
            self._table.update(
                _PROBE,
                scope,
                "SET #s = :s",
                {"#s": _SLOT},
                {":s": {"N": str(slot)}},
                "claiming a probe slot",
                condition="attribute_not_exists(#s) OR #s < :s",
            )
        except ConflictError:
            return False
        return True

    def advance(self, name: str, upto: float, seen: float | None) -> bool:
        """Claim a stretch of time for a planner: move ``name``'s mark from ``seen`` to ``upto``, once."""
        values: dict[str, Any] = {":u": {"N": f"{upto:.3f}"}}
        condition = "attribute_not_exists(#u)"
        if seen is not None:
            condition = "#u = :s"
            values[":s"] = {"N": f"{seen:.3f}"}
        try:
            self._table.update(
                _PLAN, name, "SET #u = :u", {"#u": _UPTO}, values, "claiming a plan", condition=condition
            )
        except ConflictError:
            return False
        return True

    def mark(self, name: str) -> float | None:
        """A planner's mark (epoch seconds), see :meth:`advance`."""
        return number(self._table.get(_PLAN, name, "reading a mark"), _UPTO)
