"""What messages of a way that costs may cost. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars. Raises ``ValueError`` where a value is out of its range."""

    price: float = 0.08
    """Of one part of an SMS. It differs by country (AWS End User Messaging price page): take the dearest that
    you send to.
    """
    ceiling: float = 10.0
    """Of an hour, all workers together; what would go beyond takes the next step of the fallback."""
    most_parts: int = 3
    """Of one SMS; a longer text is cut."""

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("price", self.price, 0.0001, 10),
            ("ceiling", self.ceiling, 0, 100_000),
            ("most_parts", self.most_parts, 1, 10),
        ):
            if not low <= value <= high:
                raise ValueError(f"{name} must be between {low} and {high}, not {value}")
