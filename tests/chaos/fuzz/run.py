"""``make fuzz SEEDS=N``: many runs, each from one seed; a violation is shortened and printed."""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from tests.chaos.fuzz.escalation import Violation
from tests.chaos.fuzz.world import World


@dataclass(frozen=True, slots=True)
class Finding:
    """What a seed found; ``text`` empty: nothing."""

    seed: int
    text: str = ""
    decisions: int = 0


def attempt(seed: int, skip: frozenset[str] = frozenset()) -> tuple[World, str]:
    """One run; the violation's text, or nothing."""
    world = World(seed, skip)
    try:
        world.run()
    except Violation as violation:
        return world, str(violation)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return (
            world,
            f"crash: {type(error).__name__}: {error} ({where.filename.rpartition('/')[2]}:{where.lineno})",
        )
    return world, ""


def shorten(seed: int) -> tuple[World, str]:
    """The run with as few decisions as still break the same invariant (delta debugging)."""
    world, text = attempt(seed)
    kind = text.split(":")[0]
    skip: frozenset[str] = frozenset()
    size = max(1, len(world.made) // 2)
    deadline = time.monotonic() + 60.0
    while size >= 1 and time.monotonic() < deadline:
        keys = [key for key, _ in world.made]
        for start in range(0, len(keys), size):
            trial = skip | set(keys[start : start + size])
            shorter, found = attempt(seed, trial)
            if found.split(":")[0] == kind and len(shorter.made) < len(world.made):
                world, text, skip = shorter, found, trial
                break
        else:
            size //= 2
    return world, text


def batch(seeds: range) -> list[Finding]:
    """The findings of some seeds."""
    found = []
    for seed in seeds:
        _, text = attempt(seed)
        if text:
            found.append(Finding(seed, text))
    return found


def fuzz(seeds: Iterable[int], processes: int) -> tuple[int, list[Finding]]:
    """Run all; returns how many ran, and what they found."""
    numbers = list(seeds)
    parts = [
        range(numbers[at], min(numbers[at] + 250, numbers[-1] + 1)) for at in range(0, len(numbers), 250)
    ]
    findings: list[Finding] = []
    done = 0
    began = time.monotonic()
    if processes == 1:
        results: Iterable[list[Finding]] = map(batch, parts)
    else:
        pool = ProcessPoolExecutor(processes)
        results = pool.map(batch, parts)
    for part, found in zip(parts, results, strict=True):
        done += len(part)
        findings += found
        for finding in found[:3]:
            print(f"seed {finding.seed}: {finding.text}", flush=True)
        if sys.stdout.isatty() or done % 2500 < 250:
            spent = time.monotonic() - began
            print(f"{done} runs, {len(findings)} violations, {spent:.0f} s", flush=True)
    return done, findings


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many runs")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seed", type=int, help="one seed, with its log")
    parser.add_argument("--whole", action="store_true", help="with --seed: do not shorten")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    if arguments.seed is not None:
        world, text = attempt(arguments.seed) if arguments.whole else shorten(arguments.seed)
        print("\n".join(world.log))
        print(f"seed {arguments.seed}: {text or 'no violation'}")
        return 1 if text else 0
    done, findings = fuzz(range(arguments.first, arguments.first + arguments.seeds), arguments.processes)
    if findings:
        world, text = shorten(findings[0].seed)
        print(f"the shortest run of seed {findings[0].seed}:")
        print("\n".join(world.log))
        print(f"{text}\nagain: .venv/bin/python -m tests.chaos.fuzz.run --seed {findings[0].seed}")
    print(f"{done} runs, {len(findings)} violations")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
