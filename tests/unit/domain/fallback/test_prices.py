"""What an SMS may cost has bounds."""

from __future__ import annotations

import pytest
from lifeline.domain.fallback.prices import Prices


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("price", 0.0),
        ("price", 10.1),
        ("ceiling", -1.0),
        ("ceiling", 100_001.0),
        ("most_parts", 0),
        ("most_parts", 11),
    ],
)
def test_a_value_out_of_its_range_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} must be between"):
        Prices(**{name: value})  # type: ignore[arg-type]


def test_a_ceiling_of_nothing_is_allowed() -> None:
    assert Prices(ceiling=0).ceiling == 0
