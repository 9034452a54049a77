"""The charts of the README: valid SVG, a bar for each figure, both schemes."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from benchmarks import charts

SVG = "{http://www.w3.org/2000/svg}"
OWN: dict[str, Any] = {"msg_s": {"32": 200.0, "64": 400.0}, "cpu_ms": 0.5, "aws_requests": 0.1}
RESULT: dict[str, Any] = {
    "stub": {"latency_ms": 150.0},
    "lifeline": OWN,
    "peers": {
        "pywa": {"msg_s": {"32": 150.0, "64": 180.0}, "cpu_ms": 3.0, "aws_requests": 2.0},
        "powertools": {"msg_s": {"1": 6.0}, "cpu_ms": 5.0, "aws_requests": 2.0},
    },
}


def bars(text: str) -> list[tuple[str, float]]:
    """Class and width of each bar."""
    return [
        (one.attrib["class"], float(one.attrib["width"])) for one in ET.fromstring(text).iter(f"{SVG}rect")
    ]


def test_throughput_has_a_bar_for_each_worker_and_level_within_its_limit() -> None:
    text = charts.throughput(RESULT)
    found = bars(text)
    assert [kind for kind, _ in found] == ["own", "other", "own", "other", "other"]
    limits = [one for one in ET.fromstring(text).iter(f"{SVG}line") if one.attrib["class"] == "limit"]
    assert len(limits) == 2
    assert charts.LEFT + found[0][1] < float(limits[0].attrib["x1"])
    assert found[0][1] / found[1][1] == 200 / 150


def test_the_smallest_comes_first_where_less_is_better() -> None:
    assert [kind for kind, _ in bars(charts.effort(RESULT))] == ["own", "other", "other"]
    assert "0.10" in charts.calls(RESULT)


def test_it_follows_the_readers_scheme() -> None:
    text = charts.effort(RESULT)
    assert "prefers-color-scheme: dark" in text
    assert "#fff" not in text, "no background of its own"


def test_charts_are_written(tmp_path: Path) -> None:
    charts.write(RESULT, None, tmp_path)
    assert {"bench-throughput.svg", "bench-cpu.svg", "bench-requests.svg"} <= {
        path.name for path in tmp_path.iterdir()
    }
