"""What is kept by name in the control table: one typed value per kind, its name made and read here. Pure.

Each kind stands beside its subject (``domain/*/records.py``) as a frozen value with ``to_item`` and
``from_item``. Another version of Lifeline may have written the item: a field that is not known is left out,
and one that is missing or of another type has its default. So no record of another version breaks a batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Self, TypeVar


class KeptRecord:
    """Base of all kinds. ``NAME``: under which it is kept; where it ends in ``/``, what it is of follows."""

    __slots__ = ()
    NAME: ClassVar[str]

    @classmethod
    def key(cls, of: str = "") -> str:
        """The name of the record of ``of``: an incident, a cause, a scope; empty where there is only one."""
        return cls.NAME + of

    def to_item(self) -> Any:
        """As JSON can hold it."""
        raise NotImplementedError

    @classmethod
    def from_item(cls, item: object) -> Self:
        """What :meth:`to_item` gave, of any version; the empty value for ``None``, which was never kept."""
        raise NotImplementedError


R = TypeVar("R", bound=KeptRecord)


@dataclass(frozen=True, slots=True)
class Kept(Generic[R]):
    """A record with who kept it, why and when (epoch seconds). ``version`` 0: it was never kept."""

    value: R
    actor: str = ""
    reason: str = ""
    at: float = 0.0
    version: int = 0

    @property
    def is_there(self) -> bool:
        """Whether it was ever kept."""
        return self.version > 0


def fields_of(item: object) -> Mapping[str, Any]:
    """The item's fields; none where it is of another shape."""
    return item if isinstance(item, Mapping) else {}


def number(value: object) -> float | None:
    """A number, or ``None`` where it is none."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def text(value: object) -> str | None:
    """A text, or ``None`` where it is none."""
    return value if isinstance(value, str) else None


def texts(value: object) -> dict[str, str]:
    """Texts by text; entries of another type are left out."""
    return {name: one for name, one in fields_of(value).items() if isinstance(one, str)}
