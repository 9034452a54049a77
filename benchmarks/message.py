"""What a message costs the sender: CPU and AWS requests, alone and in a full batch.

The wired function with its real adapters; AWS answers inside the process, Meta is a stub in a process of its
own. CPU of this process, medians of interleaved rounds: good as ratios only. Prints them, writes
``out/bench-message.json``.

    python -m benchmarks.message
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections import Counter
from pathlib import Path

from lifeline.settings import NEEDS
from lifeline.use_cases.deliver import SqsRecord
from lifeline.wiring import sender

from benchmarks.answers import answer_all
from benchmarks.stub import running
from local.build import ROOT

ROUNDS = 7
SIZES = {1: 40, 10: 20, 100: 4}
"""Batches of a round, by their size."""


def environment(port: int) -> dict[str, str]:
    """The function's settings; nobody but the stub listens."""
    names = (*NEEDS["sender"], "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    limiter = {"rate": 1000, "burst": 1000, "horizon": 10}
    return {
        **dict.fromkeys(names, "https://x.test/x"),
        **dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), "eu-west-1"),
        "GRAPH_BASE_URL": f"http://127.0.0.1:{port}",
        "SETTINGS_JSON": json.dumps({"limiter": limiter}),
        "LOG_LEVEL": "WARNING",
    }


def body(name: str) -> str:
    """A reminder."""
    return json.dumps(
        {
            "id": name,
            "to": "+4915112345678",
            "type": "template",
            "template": {
                "name": "appointment_reminder",
                "language": "de",
                "parameters": ["Frau Beispiel", "Dr. Muster", "1. Oktober", "09:30"],
            },
            "text": "Ihr Termin bei Dr. Muster ist am 1. Oktober um 09:30.",
            "category": "appointment",
        }
    )


def batch(name: str, size: int) -> None:
    """One invocation."""
    records = [SqsRecord(f"{name}-{index}", body(f"{name}-{index}")) for index in range(size)]
    if sender.use_case()(records, lambda: 50.0):
        raise SystemExit("messages came back; the figures would mean nothing")


def main() -> None:
    """Measure and print."""
    requests: Counter[str] = Counter()
    answer_all(requests)
    cpu: dict[int, list[float]] = {size: [] for size in SIZES}
    asked: dict[int, Counter[str]] = {size: Counter() for size in SIZES}
    with running() as port, Path(os.devnull).open("w") as nowhere:
        os.environ.update(environment(port))
        out, sys.stdout = sys.stdout, nowhere  # metrics
        batch("warm", 100)
        for turn in range(ROUNDS):
            for size, batches in SIZES.items():
                requests.clear()
                started = time.process_time()
                for number in range(batches):
                    batch(f"m{turn}-{size}-{number}", size)
                cpu[size].append(1000 * (time.process_time() - started) / batches / size)
                asked[size] += requests
        sys.stdout = out
    result = {
        f"batch of {size}": {
            "cpu_ms": round(statistics.median(cpu[size]), 3),
            "aws_requests": round(asked[size].total() / ROUNDS / batches / size, 3),
            "of_a_batch": {name: round(count / ROUNDS / batches, 2) for name, count in asked[size].items()},
        }
        for size, batches in SIZES.items()
    }
    target = ROOT / "out" / "bench-message.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
