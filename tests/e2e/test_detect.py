"""How soon a failing channel is noticed at a low and at a usual volume: the first failure is asked about."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.system import System, eventually

LATENCY = 2.0
"""Seconds that may pass besides the two, on a machine that does other things too."""


@contextmanager
def traffic(system: System, prefix: str, per_second: int) -> Iterator[list[str]]:
    """Messages at a steady rate, from another thread; the ids that were put so far."""
    put: list[str] = []
    stop = threading.Event()
    at_once = max(1, per_second // 10)

    def produce() -> None:
        while not stop.wait(at_once / per_second):
            names = [f"{prefix}-{len(put) + number}" for number in range(at_once)]
            system.produce(
                *(
                    system.person(name, to=f"+49151123{10000 + (len(put) + index) % 80000}", recipient={})
                    for index, name in enumerate(names)
                )
            )
            put.extend(names)

    thread = threading.Thread(target=produce)
    thread.start()
    try:
        yield put
    finally:
        stop.set()
        thread.join()


def first_failure(system: System, ids: list[str], after: float) -> float:
    """When the first send after ``after`` began that Meta did not take (epoch seconds)."""
    began = [
        float(row["attempted_at"])
        for row in map(system.row, ids)
        if row.get("attempted_at") and row.get("status") not in ("SENT", "DELIVERED")
    ]
    return min(at for at in began if at >= after - 1)


@pytest.mark.parametrize("per_second", [1, 50])
@pytest.mark.parametrize(
    ("kind", "cause"),
    [("unreachable", "unreachable"), ("server_error", "unreachable"), ("rate_limit", "rate_limit")],
)
def test_panic_comes_within_two_seconds_of_the_first_failure(
    system: System, kind: str, cause: str, per_second: int, record_property: Any
) -> None:
    prefix = system.fresh()
    with traffic(system, prefix, per_second) as put:
        eventually(lambda: len(system.accepted(prefix)) >= 3 or None, 30, "messages go out")
        began = time.time()
        system.fault(kind)
        flag = system.panics(cause, within=20)
    took = float(flag["since"]) - first_failure(system, put, began)
    record_property("detect_seconds", round(took, 2))
    print(f"{kind} at {per_second}/s: panic after {took:.2f} s")
    assert took < 2.0 + LATENCY
    evidence = json.loads(flag["evidence"])
    assert per_second > 1 or evidence["rule"] == "confirmed"


def test_one_bad_answer_is_no_reason_to_panic(system: System) -> None:
    prefix = system.fresh()
    with traffic(system, prefix, 2) as put:
        eventually(lambda: len(system.accepted(prefix)) >= 3 or None, 30, "messages go out")
        for kind in ("server_error", "rate_limit"):
            system.fault(kind, count=1)
            wanted = len(put) + 6
            eventually(lambda: len(put) >= wanted or None, 30, "further messages")  # noqa: B023
    system.wait_for(put, "DELIVERED", within=40)
    assert system.flag()["state"] == "normal"
    assert system.history() == []
