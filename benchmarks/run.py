"""What Lifeline costs and how fast it is, beside what people would pick instead: ``make bench``.

Figures of one machine are good as ratios only: all workers take turns in one run. Prints a table and writes
``out/bench.json``; ``--docs`` also stores it as ``docs/bench.json`` and draws the charts of the README.

    python -m benchmarks.run [--quick] [--rounds 5] [--seconds 2] [--only workers,cold_start,system] [--docs]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks import charts, cold_start, cost, latency, workers
from benchmarks.stub import STEADY, running
from local.build import ROOT, build

OUT: Final = ROOT / "out" / "bench.json"
STORED: Final = ROOT / "docs" / "bench.json"
PARTS: Final = ("workers", "cold_start", "system")
BUSIEST: Final = 0.5
"""Of the stub's own limit that a worker may ask; beyond it the stub would be measured."""


@dataclass(frozen=True, slots=True)
class Options:
    """How much is measured. ``seconds`` of one measurement of one worker."""

    rounds: int = 5
    seconds: float = 2.0
    levels: tuple[int, ...] = workers.LEVELS
    cold_starts: int = 5
    lone: int = 10
    busy_seconds: int = 10
    detections: int = 3
    parts: tuple[str, ...] = PARTS
    lognormal: bool = True
    names: tuple[str, ...] = field(default=())
    """The workers; empty: all."""


QUICK: Final = Options(
    rounds=1,
    seconds=1.0,
    levels=(32, 128),
    cold_starts=1,
    parts=("workers", "cold_start"),
    lognormal=False,
)


def of_workers(options: Options) -> dict[str, Any]:
    """Peers and Lifeline on one stub, and the stub's own limit."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    own, other = (cores[0], cores[1]) if len(cores) > 1 else (None, None)
    missing = workers.missing()
    works = [
        work
        for work in workers.works(options.levels, missing)
        if (options.lognormal or work.kind == STEADY) and (not options.names or work.name in options.names)
    ]
    with running(other) as stub:
        limit = stub.limit(min(2.0, options.seconds))
        found = workers.measured(works, stub, own, options.seconds, options.rounds)
    busiest = max(max(one.asked) for one in found.values())
    if busiest > BUSIEST * limit:
        raise SystemExit(f"the stub takes {limit:.0f} requests/s and a worker made {busiest:.0f}: too near")
    return {
        "stub": {
            "limit_requests_s": round(limit),
            "busiest_requests_s": round(busiest),
            "own_core": other is not None,
            "latency_ms": 1000 * workers.LATENCY,
        },
        "missing": missing,
        **workers.told(found),
    }


def webhook() -> dict[str, float | None]:
    """What :mod:`benchmarks.webhook` wrote last."""
    found = json.loads(OUT.read_text()).get("webhook", {}) if OUT.exists() else {}
    return {key: found.get(key) for key in ("front_cpu_ms", "status_cpu_ms")}


def dollars() -> dict[str, Any]:
    """Of the last count: this machine's, or the stored one."""
    target = ROOT / "out" / "cost.json"
    source = target if target.exists() else cost.STORED
    if not source.exists():
        return {"cost_usd_per_million": None}
    found = json.loads(source.read_text())
    return {
        "cost_usd_per_million": found["usd_per_million"]["normal"]["total"],
        "cost_usd_per_million_by_case": {
            case: parts["total"] for case, parts in found["usd_per_million"].items()
        },
        "cost_date": found["date"],
    }


def machine() -> dict[str, Any]:
    """On which the figures are good."""
    node = shutil.which("node")
    version = node and subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "node": version.strip() if version else None,
        "load": [round(value, 1) for value in os.getloadavg()],
    }


def measure(options: Options) -> dict[str, Any]:
    """All parts that are asked for; keys of the others are there and ``None``."""
    build(say=False)
    result: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d"),
        "rounds": options.rounds,
        "machine": machine(),
    }
    if "workers" in options.parts:
        result |= of_workers(options)
    starts = cold_start.measured(options.cold_starts) if "cold_start" in options.parts else None
    spans, seconds = None, None
    if "system" in options.parts:
        spans, seconds = latency.measured(options.lone, options.busy_seconds, options.detections)
    return {
        **result,
        "webhook": webhook(),
        "cold_start": starts,
        "sqs_to_meta_ms": spans,
        "detect_seconds": {"unreachable_1_per_s": seconds},
        **dollars(),
    }


def table(result: Mapping[str, Any]) -> str:
    """Markdown: the workers side by side."""
    levels = list(result["lifeline"]["msg_s"])
    head = " / ".join(levels)
    lines = [
        f"| worker | msg/s at {head} connections (share of connections/latency) | CPU ms/msg"
        " | AWS requests/msg |",
        "|---|---|---:|---:|",
    ]
    for name, one in [*result["peers"].items(), ("**Lifeline**", result["lifeline"])]:
        keys = [key for key in levels if key in one["msg_s"]] or list(one["msg_s"])
        rates = " / ".join(f"{one['msg_s'][key]:.0f}" for key in keys)
        shares = " / ".join(f"{100 * one['share'][key]:.0f}" for key in keys)
        where = "" if keys == levels else f", {', '.join(keys)} connection"
        lines.append(
            f"| {name} | {rates} ({shares} %){where} | {one['cpu_ms']:.2f} | {one['aws_requests']:.3g} |"
        )
    return "\n".join(lines)


def report(result: Mapping[str, Any]) -> str:
    """What is printed at the end."""
    lines = []
    if "lifeline" in result:
        stub, own = result["stub"], result["lifeline"]["template"]
        lines += [
            f"stub: its own limit is {stub['limit_requests_s']} requests/s; "
            f"the busiest worker made {stub['busiest_requests_s']}",
            *(f"{name} was not measured: {why}" for name, why in result["missing"].items()),
            table(result),
        ]
        if "share" in own:
            lines.append(
                f"Lifeline at the template's own settings ({own['batch']} records, "
                f"{own['connections']} connections): "
                f"{own['msg_s']:.0f} msg/s, {own['share']:.0%} of the limit"
            )
        lines.append(f"lognormal answers: {json.dumps(result['lognormal'])}")
    lines += [
        f"{key}: {json.dumps(result[key])}"
        for key in ("webhook", "cold_start", "sqs_to_meta_ms", "detect_seconds", "cost_usd_per_million")
    ]
    return "\n".join(lines)


def store(result: Mapping[str, Any], target: Path) -> None:
    """As JSON."""
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, store and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="one round and no local AWS: under three minutes"
    )
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--only", help=f"of {','.join(PARTS)}; the last figures of the others are kept")
    parser.add_argument("--docs", action="store_true", help="write docs/bench.json and the charts")
    parser.add_argument("--render", action="store_true", help="measure nothing: --docs with the last figures")
    asked = parser.parse_args(arguments)
    start = QUICK if asked.quick else Options()
    options = Options(
        **{name: getattr(start, name) for name in Options.__slots__}
        | {name: value for name in ("rounds", "seconds") if (value := getattr(asked, name)) is not None}
        | ({"parts": tuple(asked.only.split(","))} if asked.only else {})
    )
    result = json.loads(OUT.read_text()) | dollars() if asked.render else measure(options)
    if asked.only and OUT.exists():
        kept = json.loads(OUT.read_text())
        result = kept | {key: value for key, value in result.items() if not _empty(value)}
    store(result, OUT)
    if asked.docs or asked.render:
        store(result, STORED)
        charts.write(result)
    print(report(result))


def _empty(value: object) -> bool:
    return value is None or (isinstance(value, dict) and all(inner is None for inner in value.values()))


if __name__ == "__main__":
    main()
