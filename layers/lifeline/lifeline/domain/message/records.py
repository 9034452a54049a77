"""How far the look for contents whose time is over has come. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from lifeline.domain.records import KeptRecord, fields_of, number, text


@dataclass(frozen=True, slots=True)
class ContentSweep(KeptRecord):
    """The ledger is read part by part; ``part`` and ``after`` say where the next minute goes on.

    ``began``: when this pass began (epoch seconds); ``done``: it has come to its end.
    """

    NAME: ClassVar[str] = "content_sweep"
    part: int = 0
    after: str | None = None
    began: float = 0.0
    done: bool = True

    def to_item(self) -> dict[str, Any]:
        return {"part": self.part, "after": self.after, "began": self.began, "done": self.done}

    @classmethod
    def from_item(cls, item: object) -> Self:
        held = fields_of(item)
        return cls(
            part=int(number(held.get("part")) or 0),
            after=text(held.get("after")),
            began=number(held.get("began")) or 0.0,
            done=held.get("done") is not False,
        )
