"""From SQS to Meta, end to end, and how soon an outage is noticed: the deployed template on the local AWS.

The clock starts when the producer's request to SQS leaves and stops when Meta's simulator has the send; both
are of this machine. Until the row's claim it is the event source mapping: on AWS its poll and the batching
window of a second for normal messages, here ministack's poller, which waits for no window. From the claim on
it is Lifeline's code, and its calls to the local DynamoDB.
"""

from __future__ import annotations

import statistics
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from local.build import ROOT
from local.stack import running
from tests.support.system import System

LATENCY_MS: Final = 150
BUSY: Final = 50
"""Messages/s."""
CRITICAL_OF: Final = 10
"""One message in so many is critical."""
PAUSE: Final = 1.7
"""Seconds between lone messages: no two fall into one batching window."""


@dataclass(frozen=True, slots=True)
class Put:
    """One message that was put on a queue. ``at``: epoch seconds, just before the request."""

    name: str
    critical: bool
    at: float


def put(system: System, names: Sequence[str], critical: bool) -> list[Put]:
    """Put messages on their queue with one request."""
    priority = "critical" if critical else "normal"
    numbers = [10_000_000 + zlib.crc32(name.encode()) % 80_000_000 for name in names]
    messages = [
        system.person(name, to=f"+49151{number}", recipient={}, priority=priority)
        for name, number in zip(names, numbers, strict=True)
    ]
    at = time.time()
    system.produce(*messages, queue="Critical" if critical else "Whatsapp")
    return [Put(name, critical, at) for name in names]


def idle(system: System, prefix: str, count: int) -> list[Put]:
    """Lone messages, critical and normal in turn."""
    found = []
    for number in range(2 * count):
        found += put(system, [f"{prefix}-{number}"], critical=number % 2 == 0)
        time.sleep(PAUSE)
    return found


def busy(system: System, prefix: str, seconds: int) -> list[Put]:
    """:data:`BUSY` messages each second, a few at a time."""
    found: list[Put] = []
    began = time.monotonic()
    at_once = CRITICAL_OF
    for number in range(0, BUSY * seconds, at_once):
        time.sleep(max(0.0, began + number / BUSY - time.monotonic()))
        names = [f"{prefix}-{number + index}" for index in range(at_once)]
        found += put(system, names[:1], critical=True)
        found += put(system, names[1:], critical=False)
    return found


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so many are at most; the nearest that was seen."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def spans(system: System, listed: Sequence[Put], prefix: str, within: float) -> dict[str, Any]:
    """Milliseconds from SQS to Meta and to the claim, once all have arrived."""
    deadline = time.monotonic() + within
    while len(arrived := {one["message_id"]: one["time"] for one in system.sends(prefix)}) < len(listed):
        if time.monotonic() > deadline:
            raise SystemExit(f"{len(listed) - len(arrived)} messages not at Meta within {within:.0f} s")
        time.sleep(0.5)
    found: dict[str, Any] = {}
    for kind, critical in (("critical", True), ("normal", False)):
        mine = [one for one in listed if one.critical == critical]
        whole = [1000 * (arrived[one.name] - one.at) for one in mine]
        claimed = [1000 * (float(system.row(one.name)["created_at"]) - one.at) for one in mine]
        found[kind] = {
            "messages": len(mine),
            "p50": round(percentile(whole, 0.5)),
            "p99": round(percentile(whole, 0.99)),
            "until_claim_p50": round(percentile(claimed, 0.5)),
            "claim_to_meta_p50": round(
                statistics.median(one - two for one, two in zip(whole, claimed, strict=True))
            ),
        }
    return found


def detected(system: System, prefix: str) -> float:
    """Seconds from the first failed send to panic, at one message a second while nothing can be reached."""
    names: list[str] = []

    def one_a_second(until: Callable[[], bool], within: float) -> None:
        deadline = time.monotonic() + within
        while not until():
            if time.monotonic() > deadline:
                raise SystemExit(f"detection did not come to its end within {within:.0f} s")
            names.append(f"{prefix}-{len(names)}")
            put(system, names[-1:], critical=False)
            time.sleep(1.0)

    one_a_second(lambda: len(system.accepted(prefix)) >= 3, 60)
    began = time.time()
    system.fault("unreachable")
    try:
        one_a_second(lambda: system.flag()["state"] == "panic", 60)
    finally:
        system.faults_off()
    failed = [
        float(row["attempted_at"])
        for row in map(system.row, names)
        if row.get("attempted_at") and row.get("status") not in ("SENT", "DELIVERED", "READ")
    ]
    return round(float(system.flag()["since"]) - min(at for at in failed if at >= began - 1), 2)


def measured(lone: int, seconds: int, detections: int) -> tuple[dict[str, Any], float]:
    """Milliseconds from SQS to Meta, and seconds until panic (the median of some).

    ``lone``: messages of each kind while all is idle; ``seconds`` at :data:`BUSY`.
    """
    with running(ROOT / ".local" / "bench", name="lifeline-bench", quiet=True) as stack:
        system = System(stack)
        system.control_settings(latency_ms=LATENCY_MS, throughput=100_000, pair_limit=False)
        warm = system.fresh()
        spans(system, busy(system, warm, 2), warm, 60)
        one = system.fresh()
        quiet = spans(system, idle(system, one, lone), one, 60)
        two = system.fresh()
        loaded = spans(system, busy(system, two, seconds), two, 120)
        took = [detected(system, system.fresh()) for _ in range(detections)]
    return {"idle": quiet, f"at_{BUSY}_per_s": loaded, "meta_answers_ms": LATENCY_MS}, statistics.median(took)
