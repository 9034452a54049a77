"""A small run of ``make chaos``: the deployed system under faults accounts for every id."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from local.build import SAM
from tests.chaos.run import Options, run


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_three_hundred_messages_under_faults_are_all_accounted_for() -> None:
    if not SAM.exists():
        pytest.skip(f"{SAM} is missing; make setup installs it")
    with tempfile.TemporaryDirectory(prefix="lifeline-chaos-") as folder:
        summary = run(
            Options(
                messages=300,
                quiet_limit=420,
                out=Path(folder) / "out",
                folder=Path(folder) / "stack",
                name=f"lifeline-chaos-{os.environ.get('PYTEST_XDIST_WORKER', 'test')}",
            )
        )
    assert summary["aws_faults"] >= 50, "faults were met"
    assert summary["kills"] >= 3, "workers were killed"
    assert summary["accepted"] == 300
    assert summary["balanced"], summary
