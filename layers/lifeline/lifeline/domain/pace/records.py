"""What is kept of the drain: the operator's rate, and where the ramp stands. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Self

from lifeline.domain.records import KeptRecord, fields_of, number, text


@dataclass(frozen=True, slots=True)
class DrainRate(KeptRecord):
    """An operator's rate of the drain, messages per second; ``None``: the deployment's holds."""

    NAME: ClassVar[str] = "drain_rate"
    rate: float | None = None

    def to_item(self) -> float | None:
        return self.rate

    @classmethod
    def from_item(cls, item: object) -> Self:
        return cls(number(item))

    def ceiling(self, default: float) -> float:
        """The rate that an operator set, or the deployment's ``default``."""
        return default if self.rate is None else self.rate


@dataclass(frozen=True, slots=True)
class LaneSizes(KeptRecord):
    """How many wait in each lane, as the tick counted them last."""

    NAME: ClassVar[str] = "lane_sizes"
    sizes: Mapping[str, int] = field(default_factory=dict)

    def to_item(self) -> dict[str, int]:
        return dict(self.sizes)

    @classmethod
    def from_item(cls, item: object) -> Self:
        counted = {lane: number(count) for lane, count in fields_of(item).items()}
        return cls({lane: int(count) for lane, count in counted.items() if count is not None})


@dataclass(frozen=True, slots=True)
class DrainState(KeptRecord):
    """Where the ramp stood after the last plan. Rates in messages per second."""

    NAME: ClassVar[str] = "drain_state"
    rate: float = 0.0
    stepped_at: float = 0.0
    """When the ramp took its last step (epoch seconds)."""
    owed: float = 0.0
    """Turns that the next plan begins with."""
    why: str = "nothing waits"
    ceiling: float | None = None
    room: float | None = None
    """What live traffic left of the limiter; ``None``: nothing was planned."""
    limits: Mapping[str, int] = field(default_factory=dict)
    """Rate-limit answers that the ramp has answered, by part of the window."""

    def to_item(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_item(cls, item: object) -> Self:
        held = fields_of(item)
        limits = fields_of(held.get("limits"))
        return cls(
            rate=number(held.get("rate")) or 0.0,
            stepped_at=number(held.get("stepped_at")) or 0.0,
            owed=number(held.get("owed")) or 0.0,
            why=text(held.get("why")) or "nothing waits",
            ceiling=number(held.get("ceiling")),
            room=number(held.get("room")),
            limits={at: int(count) for at, count in limits.items() if number(count) is not None},
        )
