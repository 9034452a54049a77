"""Some seeds of the fuzz (``make fuzz`` runs many); a run repeats exactly, and is shortened."""

from __future__ import annotations

import pytest

from tests.chaos.fuzz.protections import PROTECTIONS
from tests.chaos.fuzz.run import attempt, shorten

SEEDS = 2400
PART = 600


@pytest.mark.parametrize("first", range(1, SEEDS, PART))
def test_no_message_is_lost_late_or_told_twice_uncounted(first: int) -> None:
    found = {seed: text for seed in range(first, first + PART) if (text := attempt(seed)[1])}
    assert not found, "again: .venv/bin/python -m tests.chaos.fuzz.run --seed N"


def test_a_run_repeats_exactly() -> None:
    first, second = attempt(74)[0], attempt(74)[0]
    assert first.made
    assert first.log == second.log
    assert {name: row.status for name, row in first.ledger.rows.items()} == {
        name: row.status for name, row in second.ledger.rows.items()
    }


def test_runs_meet_faults_of_every_kind() -> None:
    made = [key for seed in range(1, 120) for key, _ in attempt(seed)[0].made]
    for kind in ("lose", "die", "fail", "late", "lag", "repeat", "swap", "meanwhile", "poison"):
        assert any(kind in key for key in made), kind


def test_a_violation_is_shortened_to_what_matters() -> None:
    with PROTECTIONS["op: own writes are recognised"]():
        seed = next(seed for seed in range(1, 2000) if attempt(seed)[1])
        whole, found = attempt(seed)
        shorter, still = shorten(seed)
    assert still.split(":")[0] == found.split(":")[0]
    assert 0 < len(shorter.made) <= len(whole.made)
