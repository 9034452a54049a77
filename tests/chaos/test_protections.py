"""Each protection is taken away in turn, and the fuzz has to notice: what finds nothing proves nothing."""

from __future__ import annotations

import pytest

from tests.chaos.fuzz.protections import PROTECTIONS
from tests.chaos.fuzz.run import attempt

WITHIN = 1500
"""Seeds. Most are found within a hundred."""


@pytest.mark.parametrize("name", PROTECTIONS)
def test_without_this_protection_the_fuzz_finds_a_violation(name: str) -> None:
    with PROTECTIONS[name]():
        found = next((text for seed in range(1, WITHIN) if (text := attempt(seed)[1])), "")
    assert found, f"nobody would miss: {name}"
