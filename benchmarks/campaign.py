"""``lifeline campaign send`` of 10,000 and of 100,000 lines: how long, and how much memory at most.

The command runs as an operator types it, against the deployed template on the local AWS; OperatorFunction
checks and stores every line. Figures of one machine are good as ratios only. Writes
``out/bench-campaign.json``.

    python -m benchmarks.campaign
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from local.build import ROOT
from local.stack import LocalStack, running

SIZES: Final = (10_000, 100_000)
START: Final = """
import resource, sys
from lifeline_cli.main import run
code = run()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""
"""The command, and at the end the most memory that it had (KiB)."""


def write(file: Path, lines: int) -> None:
    """A file of people with a value each."""
    with file.open("w", encoding="utf-8") as out:
        out.write("to,email,parameter_1\n")
        for number in range(lines):
            out.write(f"+49151{10_000_000 + number},p{number}@example.com,10 %\n")


def send(stack: LocalStack, file: Path) -> dict[str, Any]:
    """Send one file; seconds, and the most memory that the command had (MiB)."""
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT / 'cli'}{os.pathsep}{ROOT / 'layers' / 'lifeline'}",
        "LIFELINE_STACK": stack.name,
        "HOME": str(stack.folder),
    }
    words = ["campaign", "send", str(file), "--template", "promo_offer", "--over", "1d", "--start"]
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", START, *words, "2027-06-01T09:00:00Z", "--json"],
        env=env | stack.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - began
    if done.returncode:
        raise SystemExit(f"campaign send ended with {done.returncode}: {done.stdout}{done.stderr}"[:1000])
    total = json.loads(done.stdout)["result"]["campaign"]["total"]
    peak = int(done.stderr.split()[-1]) / 1024
    return {"lines": total, "seconds": round(seconds, 1), "peak_mib": round(peak, 1)}


def main() -> None:
    """Measure and print."""
    found = []
    with running(ROOT / ".local" / "bench", name="lifeline-bench", quiet=True) as stack:
        for size in SIZES:
            file = stack.folder / f"campaign-{size}.csv"
            write(file, size)
            found.append(send(stack, file))
            line = "{lines:>9,} lines  {seconds:>7.1f} s  {peak_mib:>6.1f} MiB at most"
            print(line.format(**found[-1]), flush=True)
    small, large = found
    ratios = {name: round(large[name] / small[name], 2) for name in ("lines", "seconds", "peak_mib")}
    print(f"ratios: {ratios}")
    out = ROOT / "out"
    out.mkdir(exist_ok=True)
    (out / "bench-campaign.json").write_text(json.dumps({"sizes": found, "ratios": ratios}, indent=2) + "\n")


if __name__ == "__main__":
    main()
