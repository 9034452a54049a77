"""What is kept of incidents that are over: the report as it was told, and which one was told last. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from lifeline.domain.records import KeptRecord, fields_of, number, text


@dataclass(frozen=True, slots=True)
class KeptReport(KeptRecord):
    """The report of an incident as it was told; of its id."""

    NAME: ClassVar[str] = "incident/report/"
    document: Mapping[str, Any] = field(default_factory=dict)

    def to_item(self) -> dict[str, Any]:
        return dict(self.document)

    @classmethod
    def from_item(cls, item: object) -> Self:
        return cls(fields_of(item))


@dataclass(frozen=True, slots=True)
class IncidentTold(KeptRecord):
    """Which incident of a scope was told last, and at which end of panic (epoch seconds); of the scope."""

    NAME: ClassVar[str] = "incident/told/"
    incident_id: str = ""
    left_panic_at: float = 0.0

    def to_item(self) -> dict[str, Any]:
        return {"incident_id": self.incident_id, "left_panic_at": self.left_panic_at}

    @classmethod
    def from_item(cls, item: object) -> Self:
        held = fields_of(item)
        return cls(text(held.get("incident_id")) or "", number(held.get("left_panic_at")) or 0.0)
