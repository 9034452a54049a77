"""What a cold start costs: each function's imports and clients, beside boto3 with one client.

CPU of fresh processes (user and system) without their end, medians of interleaved rounds: Lambda gives an
INIT a whole core, so CPU is its length. ``ratio`` is to a handler that imports boto3 and makes one client.
Figures of one machine are good as ratios only. Prints them; ``make bench`` keeps them in ``out/bench.json``.

    python -m benchmarks.cold_start [ROUNDS]
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
from typing import Any, Final

from lifeline.settings import NEEDS

from local.build import BUILT, ROOT, build

ROUNDS: Final = 7
BASELINE: Final = "boto3"
PROGRAMS: Final = {
    "python": "",
    BASELINE: "import boto3; boto3.client('dynamodb'); ",
    **{
        path.parent.name: f"import app; app.{path.parent.name}.use_case(); "
        for path in sorted((ROOT / "functions").glob("*/app.py"))
    },
}


def environment(name: str) -> dict[str, str]:
    """As the deployed function has it, with values that nobody answers to; the layer is the built one."""
    names = (*NEEDS.get(name, ()), "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    settings = dict.fromkeys(names, "https://x.test/x")
    paths = [str(BUILT / "LifelineLayer" / "python"), str(ROOT / "functions" / name)]
    return {
        **settings,
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(paths),
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }


def once(name: str) -> float:
    """CPU milliseconds of one fresh process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-S", "-c", f"{PROGRAMS[name]}import os; os._exit(0)"],
        env=environment(name),
        cwd=ROOT,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def measured(rounds: int = ROUNDS) -> dict[str, Any]:
    """CPU milliseconds and ratio of each function."""
    times: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(rounds):
        for name, found in times.items():
            found.append(once(name))
    medians = {name: statistics.median(found) for name, found in times.items()}
    # What Python itself takes is no part of an INIT: the runtime is there before.
    bare = medians.pop("python")
    base = medians.pop(BASELINE) - bare
    return {
        name: {"cpu_ms": round(value - bare), "ratio": round((value - bare) / base, 2)}
        for name, value in medians.items()
    }


def main() -> None:
    """Measure and print."""
    build(say=False)
    result = measured(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
