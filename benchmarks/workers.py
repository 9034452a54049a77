"""Messages per second, CPU and AWS requests of workers that do the same work, side by side.

Each worker is a program (:mod:`benchmarks.peers`) in the environment that has its packages. All ask one stub,
which has the other core; they take turns, round after round, so that whatever else the machine does hits all
alike. What is told is the median of the rounds and their spread.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import yaml
from lifeline.settings import NEEDS, Sending

from benchmarks.stub import LOGNORMAL, MEDIAN, STEADY, Running, pin
from local.build import BUILT, ROOT

PEERS: Final = ROOT / "benchmarks" / "peers"
ENVIRONMENT: Final = ROOT / ".venv-bench"
PYTHON: Final = ENVIRONMENT / "bin" / "python"
NODE_FOLDER: Final = ENVIRONMENT / "node"
LIFELINE: Final = "lifeline"
PROGRAMS: Final = {
    "asyncio": "aio.py",
    "pywa": "pywa_threads.py",
    "powertools": "powertools.py",
    "usual sender": "usual_sender.py",
    "usual webhook": "usual_webhook.py",
}
"""Of ``.venv-bench``'s Python, by peer. The usual ones are for :mod:`benchmarks.cost`."""
LATENCY: Final = 0.15
"""Seconds of a steady answer."""
LEVELS: Final = (32, 64, 128)
"""Connections."""
LARGE: Final = 1000
"""Records of Lifeline's event where its shape is not the question: its peers get all messages at once."""


@dataclass(frozen=True, slots=True)
class Work:
    """One worker at one number of connections. ``batch``: records of an event; 0: the peer's own."""

    name: str
    connections: int
    batch: int = 0
    kind: str = STEADY

    def messages(self, seconds: float) -> int:
        """Of one measurement of about so many seconds, in whole events."""
        at_once = min(self.connections, self.batch or self.connections)
        wanted = seconds * at_once / (LATENCY if self.kind == STEADY else 1.25 * MEDIAN)
        unit = self.batch or 1
        return max(unit, round(wanted / unit) * unit)


@dataclass(slots=True)
class Found:
    """One value for each round."""

    msg_s: list[float] = field(default_factory=list)
    share: list[float] = field(default_factory=list)
    """Of connections over the mean answer, from 0 to 1."""
    cpu_ms: list[float] = field(default_factory=list)
    aws_requests: list[float] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    """Requests/s that the stub was asked, sends and AWS together."""


def deployed_shape() -> tuple[int, int]:
    """Records of an event of ``whatsapp-queue`` and connections, as template and settings have them."""

    class Loader(yaml.SafeLoader):
        """Reads CloudFormation's tags as plain values, which are not looked at here."""

    Loader.add_multi_constructor("!", lambda loader, suffix, node: None)
    template = yaml.load((ROOT / "template.yaml").read_text(), Loader)  # noqa: S506  # it extends the safe one
    events = template["Resources"]["SenderFunction"]["Properties"]["Events"]
    return int(events["Messages"]["Properties"]["BatchSize"]), Sending().connections


def missing() -> dict[str, str]:
    """The peers that cannot run here, each with the reason."""
    found: dict[str, str] = {}
    if not PYTHON.exists():
        found |= dict.fromkeys(("powertools", "asyncio", "pywa"), "no .venv-bench: make bench installs it")
    if shutil.which("node") is None:
        found["node"] = "there is no node on the path"
    elif not (NODE_FOLDER / "node_modules").exists():
        found["node"] = "its packages are not installed; npm does that in make bench"
    return found


def command(work: Work) -> list[str]:
    """What runs the worker."""
    if work.name == LIFELINE:
        # -S: nothing of this environment but Python itself; the layer brings the rest.
        return [sys.executable, "-S", "-B", str(PEERS / "lifeline_sender.py")]
    if work.name == "node":
        return ["node", str(PEERS / "node.mjs")]
    return [str(PYTHON), str(PEERS / PROGRAMS[work.name])]


def environment(work: Work, url: str) -> dict[str, str]:
    """Where the worker finds everything; Lifeline has what the deployed function has."""
    env = {
        "PATH": os.environ["PATH"],
        "STUB": url,
        "CONNECTIONS": str(work.connections),
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "NODE_FOLDER": str(NODE_FOLDER),
        "NODE_ENV": "production",
        "NODE_NO_WARNINGS": "1",  # it says when the SDK will want another Node
    }
    if work.name != LIFELINE:
        return env
    # The stub takes whatever comes, so the limiter is as fast as it can be set.
    settings = {
        "limiter": {"rate": 1000, "burst": 1000, "horizon": 10},
        "sending": {"connections": work.connections},
    }
    return {
        **dict.fromkeys(NEEDS["sender"], "https://x.test/x"),
        **env,
        "BUILT": str(BUILT),
        "BATCH": str(work.batch),
        "GRAPH_BASE_URL": url,
        "LOG_LEVEL": "INFO",
        "POWERTOOLS_SERVICE_NAME": "lifeline",
        "POWERTOOLS_METRICS_NAMESPACE": "Lifeline",
        "SETTINGS_JSON": json.dumps(settings),
    }


class Worker:
    """A started worker, which waits to be asked."""

    def __init__(self, work: Work, url: str, core: int | None) -> None:
        self.work = work
        self._process = subprocess.Popen(
            command(work),
            env=environment(work, url),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        pin(self._process.pid, core)

    def ask(self, messages: int, run: str) -> dict[str, float]:
        """Seconds and CPU of so many messages."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"messages": messages, "run": run}) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.work.name} ended with {process.wait()}; the figures would mean nothing")
        found: dict[str, float] = json.loads(line)
        return found

    def stop(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def started(works: Sequence[Work], url: str, core: int | None) -> Iterator[list[Worker]]:
    """All of them, for the time of a ``with`` block."""
    with ExitStack() as stack:
        workers = []
        for work in works:
            worker = Worker(work, url, core)
            stack.callback(worker.stop)
            workers.append(worker)
        yield workers


def once(worker: Worker, stub: Running, messages: int, run: str, found: Found) -> None:
    """One measurement of so many messages, added to ``found``."""
    work = worker.work
    stub.set(LATENCY, work.kind)
    took = worker.ask(messages, run)
    counted = stub.counted()
    if counted["sends"] != messages:
        raise SystemExit(
            f"{work.name} was given {messages} messages and sent {counted['sends']}; no figures of that"
        )
    requests = sum(counted["aws"].values())
    found.msg_s.append(messages / took["seconds"])
    found.share.append(counted["waited"] / work.connections / took["seconds"])
    found.cpu_ms.append(took["cpu_ms"] / messages)
    found.aws_requests.append(requests / messages)
    found.asked.append((requests + messages) / took["seconds"])


def measured(
    works: Sequence[Work], stub: Running, core: int | None, seconds: float, rounds: int
) -> dict[Work, Found]:
    """Each work's rounds, one round of all after the other."""
    found = {work: Found() for work in works}
    with started(works, stub.url, core) as workers:
        for worker in workers:
            once(worker, stub, 2 * worker.work.connections, "warm", Found())
        for number in range(rounds):
            for worker in workers:
                once(worker, stub, worker.work.messages(seconds), f"r{number}", found[worker.work])
    return found


def works(levels: Sequence[int], without: Mapping[str, str]) -> list[Work]:
    """What ``make bench`` measures."""
    batch, connections = deployed_shape()
    listed = [
        Work("powertools", 1),
        *(Work(name, level) for level in levels for name in ("asyncio", "pywa", "node")),
        *(Work(LIFELINE, level, LARGE) for level in levels),
        *(Work(LIFELINE, connections, size) for size in dict.fromkeys((batch, 10, 1))),
        *(Work(LIFELINE, connections, size, LOGNORMAL) for size in dict.fromkeys((batch, LARGE))),
    ]
    return [work for work in dict.fromkeys(listed) if work.name not in without]


def _told(found: Mapping[str, Found]) -> dict[str, Any]:
    """Of one worker, by its connections."""
    every = [value for one in found.values() for value in one.cpu_ms]
    requests = [value for one in found.values() for value in one.aws_requests]
    return {
        "msg_s": {key: round(statistics.median(one.msg_s), 1) for key, one in found.items()},
        "share": {key: round(statistics.median(one.share), 3) for key, one in found.items()},
        "cpu_ms": round(statistics.median(every), 3),
        "aws_requests": round(statistics.median(requests), 3),
        "cpu_ms_by_connections": {key: round(statistics.median(one.cpu_ms), 3) for key, one in found.items()},
        "spread": {
            key: {
                name: [round(min(values), digits), round(max(values), digits)]
                for name, values, digits in (("msg_s", one.msg_s, 1), ("cpu_ms", one.cpu_ms, 3))
            }
            for key, one in found.items()
        },
    }


def told(found: Mapping[Work, Found]) -> dict[str, Any]:
    """The figures as ``out/bench.json`` has them."""
    batch, connections = deployed_shape()
    names = dict.fromkeys(work.name for work in found if work.name != LIFELINE)
    steady = {work: one for work, one in found.items() if work.name == LIFELINE and work.kind == STEADY}
    own = {
        **_told({str(work.connections): one for work, one in steady.items() if work.batch == LARGE}),
        "batch": LARGE,
        "by_batch": {
            str(work.batch): {
                key: value
                for key, value in _told({str(connections): one}).items()
                if key in ("msg_s", "share", "cpu_ms", "aws_requests")
            }
            for work, one in steady.items()
            if work.connections == connections
        },
        "template": {"batch": batch, "connections": connections},
    }
    shape = steady.get(Work(LIFELINE, connections, batch))
    if shape is not None:
        own["template"] |= {
            "msg_s": round(statistics.median(shape.msg_s), 1),
            "share": round(statistics.median(shape.share), 3),
            "cpu_ms": round(statistics.median(shape.cpu_ms), 3),
            "aws_requests": round(statistics.median(shape.aws_requests), 3),
        }
    slow = {
        work.batch: round(statistics.median(one.share), 3)
        for work, one in found.items()
        if work.kind == LOGNORMAL
    }
    return {
        "peers": {
            name: _told({str(work.connections): one for work, one in found.items() if work.name == name})
            for name in names
        },
        LIFELINE: own,
        "lognormal": {
            "share": slow.get(batch),
            "batch": batch,
            "connections": connections,
            "share_by_batch": {str(size): value for size, value in slow.items()},
            "median_ms": 1000 * MEDIAN,
            "p99_ms": 2000,
        },
    }
