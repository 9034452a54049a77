"""How much of what its connections could send a worker does send, by batch, connections and kind of answer.

The real use case with everything in memory, and a Meta that only waits: always 150 ms, or lognormal (median
400 ms, 99th percentile 2 s), which is more like the real one. The limit is connections over mean answer. One
worker, batches one after the other; several workers fill each other's gaps. Prints the shares, writes
``out/bench-shape.json``.

    python -m benchmarks.shape
"""

from __future__ import annotations

import json
import math
import random
import statistics
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from lifeline.adapters.whatsapp import Accepted
from lifeline.contract.messages import Message
from lifeline.settings import Limiter, Sending, Settings
from lifeline.use_cases.deliver import SqsRecord
from lifeline.wiring import sender

from local.build import ROOT
from tests.support.services import Services

SHAPES: Final = ((100, 32), (100, 50), (250, 50), (500, 50), (1000, 50))
"""Records of a batch, connections."""
LEAST: Final = 500
"""Messages of each measurement."""
MEDIAN: Final = 0.4
SIGMA: Final = math.log(2.0 / MEDIAN) / statistics.NormalDist().inv_cdf(0.99)
ANSWERS: Final[dict[str, Callable[[random.Random], float]]] = {
    "steady": lambda chance: 0.15,
    "lognormal": lambda chance: chance.lognormvariate(math.log(MEDIAN), SIGMA),
}
"""Seconds of one answer."""


class _Meta:
    """Answers after a while; ``waited`` adds up how long."""

    last_usage = None

    def __init__(self, answer: Callable[[random.Random], float]) -> None:
        self._answer, self._chance = answer, random.Random(1)
        self._lock = threading.Lock()
        self.waited = 0.0

    def reaches(self, within: float) -> None:
        """Nobody asks: nothing fails."""

    def send(self, message: Message, *_: Any, **__: Any) -> Accepted:
        """Take it."""
        with self._lock:
            seconds = self._answer(self._chance)
            self.waited += seconds
        time.sleep(seconds)
        return Accepted(f"wamid.{message.id}", False, None)


def body(name: str) -> str:
    """One text message."""
    return json.dumps({"id": name, "to": "+4915112345678", "type": "text", "text": "At ten."})


def share(batch: int, connections: int, answer: Callable[[random.Random], float]) -> float:
    """Of the limit, from 0 to 1."""
    limiter = Limiter(rate=1000, burst=1000, horizon=10)
    world = Services(Settings(sending=Sending(connections=connections), limiter=limiter))
    meta = _Meta(answer)
    with ThreadPoolExecutor(connections) as pool:
        deliver = sender.build(
            world.adapters("sender", whatsapp=meta, clock=time.time, pause=time.sleep, pool=lambda *_: pool)
        )
        took = 0.0
        for number in range(max(1, LEAST // batch)):
            world.control.tats.clear()
            records = [SqsRecord(f"{number}-{index}", body(f"m{number}-{index}")) for index in range(batch)]
            began = time.monotonic()
            if deliver(records, lambda: 60.0):
                raise SystemExit("messages came back; the figures would mean nothing")
            took += time.monotonic() - began
    return meta.waited / connections / took


def main() -> None:
    """Measure and print."""
    result = {
        kind: {
            f"{batch} records, {connections} connections": round(share(batch, connections, answer), 2)
            for batch, connections in SHAPES
        }
        for kind, answer in ANSWERS.items()
    }
    target = ROOT / "out" / "bench-shape.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
