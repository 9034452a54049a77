"""``make bench`` in its smallest form: its keys are there and its figures can be; how fast is not asked."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import run, workers
from benchmarks.workers import LIFELINE, Work

LEVEL = "8"
SMALLEST = run.Options(rounds=1, seconds=0.3, levels=(int(LEVEL),), parts=("workers",), lognormal=False)


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    return run.measure(SMALLEST)


def test_peers_are_measured_or_it_is_said_why_not(result: dict[str, Any]) -> None:
    every = {"powertools", "asyncio", "pywa", "node"}
    assert result["peers"].keys() | result["missing"].keys() == every
    assert result["peers"].keys() & result["missing"].keys() == set()


def test_each_worker_did_the_same_work(result: dict[str, Any]) -> None:
    for name, one in result["peers"].items():
        assert one["aws_requests"] == 2, name
        assert one["msg_s"].keys() == one["share"].keys() == {"1" if name == "powertools" else LEVEL}


def test_nobody_sends_more_than_connections_over_latency(result: dict[str, Any]) -> None:
    for one in [*result["peers"].values(), result[LIFELINE]]:
        for level, share in one["share"].items():
            assert 0 < share <= 1
            assert one["msg_s"][level] <= int(level) / workers.LATENCY * 1.001
        assert one["cpu_ms"] > 0


def test_lifeline_is_measured_at_the_templates_own_settings(result: dict[str, Any]) -> None:
    batch, connections = workers.deployed_shape()
    own = result[LIFELINE]
    assert own["template"]["batch"] == batch
    assert own["template"]["connections"] == connections
    assert own["by_batch"].keys() >= {str(batch), "1"}
    assert own["by_batch"]["1"]["aws_requests"] > 1 > own["template"]["aws_requests"]


def test_the_stub_is_not_what_is_measured(result: dict[str, Any]) -> None:
    stub = result["stub"]
    assert stub["busiest_requests_s"] < run.BUSIEST * stub["limit_requests_s"]


def test_what_was_not_measured_has_a_key_and_no_figure(result: dict[str, Any]) -> None:
    assert result["cold_start"] is None
    assert result["detect_seconds"] == {"unreachable_1_per_s": None}
    assert result["webhook"].keys() == {"front_cpu_ms", "status_cpu_ms"}
    assert {"lognormal", "cost_usd_per_million", "sqs_to_meta_ms"} <= result.keys()


def test_the_table_has_a_row_for_each(result: dict[str, Any]) -> None:
    rows = run.table(result).splitlines()[2:]
    assert len(rows) == len(result["peers"]) + 1
    assert rows[-1].startswith("| **Lifeline** |")


@pytest.mark.parametrize(("batch", "wanted"), [(0, 27), (100, 100), (10, 30), (1, 3)])
def test_a_measurement_is_of_whole_events(batch: int, wanted: int) -> None:
    assert Work(LIFELINE, 8, batch).messages(0.5) == wanted
