"""Which messages a person who opted out does not get."""

from __future__ import annotations

from typing import Any

import pytest
from lifeline.domain.message.promotion import is_promotional
from lifeline.domain.message.row import Row


@pytest.mark.parametrize(
    ("fields", "promotional"),
    [
        ({}, False),
        ({"category": "appointment"}, False),
        ({"category": "promotion"}, True),
        ({"category": "Marketing"}, True),
        ({"campaign": "spring"}, True),
        ({"campaign": "spring", "category": "appointment"}, True),
        ({"priority": "bulk"}, True),
        ({"priority": "bulk", "category": "appointment"}, False),
        ({"template": "offer"}, True),
        ({"template": "reminder"}, False),
        ({"priority": "critical", "template": "offer", "category": "promotion", "campaign": "x"}, False),
    ],
)
def test_what_is_promotional(fields: dict[str, Any], promotional: bool) -> None:
    assert is_promotional(Row("m", **fields), {"offer"}) is promotional
