"""What is kept of failures: the latest of each cause, for ``lifeline errors``. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from lifeline.domain.failure.classify import Failure
from lifeline.domain.records import KeptRecord, fields_of, text


@dataclass(frozen=True, slots=True)
class FailureSample(KeptRecord):
    """The latest failure of a cause. ``id``: of the message, where one is known."""

    NAME: ClassVar[str] = "sample/"
    code: int | str | None = None
    details: str = ""
    http_status: int | None = None
    id: str | None = None
    by: str | None = None
    """Who reported it, where it was not the answer to a send."""

    def to_item(self) -> dict[str, Any]:
        item = {
            "id": self.id,
            "code": self.code,
            "details": self.details,
            "http_status": self.http_status,
            "by": self.by,
        }
        return {name: value for name, value in item.items() if value is not None}

    @classmethod
    def from_item(cls, item: object) -> Self:
        held = fields_of(item)
        code, status = held.get("code"), held.get("http_status")
        return cls(
            code=code if isinstance(code, int | str) else None,
            details=text(held.get("details")) or "",
            http_status=status if isinstance(status, int) else None,
            id=text(held.get("id")),
            by=text(held.get("by")),
        )

    @classmethod
    def of(cls, failure: Failure, *, message_id: str | None = None, by: str | None = None) -> Self:
        """A failure as it is kept."""
        return cls(failure.code, failure.details[:200], failure.http_status, message_id, by)
