"""What the documents show of the benchmarks is what the last stored figures give."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import charts, cost, pricing, run
from tests.support.template import ROOT

COST = json.loads(cost.STORED.read_text())
BENCH = json.loads(run.STORED.read_text())


def test_the_cost_tables_are_what_the_stored_counts_give() -> None:
    for document, body in cost.DOCUMENTS:
        text = document.read_text()
        again = pricing.with_block(text, COST, body)
        assert again == text, "python -m benchmarks.cost --render writes it anew"
    assert COST["usd_per_million"] == cost.summary(COST)


def test_the_charts_are_drawn_from_the_stored_figures(tmp_path: Path) -> None:
    charts.write(BENCH, COST, tmp_path)
    drawn = {path.name: path.read_text() for path in tmp_path.iterdir()}
    stored = {path.name: path.read_text() for path in (ROOT / "docs").glob("bench-*.svg")}
    assert drawn == stored, "python -m benchmarks.charts draws them anew"


@pytest.mark.parametrize("name", ["msg_s", "share", "cpu_ms", "aws_requests"])
def test_the_stored_figures_have_every_worker(name: str) -> None:
    assert {"powertools", "asyncio", "pywa", "node"} == BENCH["peers"].keys()
    assert all(one[name] for one in [*BENCH["peers"].values(), BENCH["lifeline"]])


def test_the_stored_figures_have_every_key_that_is_promised() -> None:
    assert BENCH["lognormal"]["share"]
    assert BENCH["webhook"].keys() == {"front_cpu_ms", "status_cpu_ms"}
    functions = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    assert BENCH["cold_start"].keys() <= functions
    assert BENCH["detect_seconds"]["unreachable_1_per_s"]
    assert BENCH["cost_usd_per_million"]
    for load in ("idle", "at_50_per_s"):
        assert {"p50", "p99"} <= BENCH["sqs_to_meta_ms"][load]["critical"].keys()
