"""What a million messages cost: the deployed template on the local AWS, everything that it asks counted.

Normal operation, an outage with fallback, recovery and drain, and an idle minute; beside it the usual handler
(Powertools' batch and idempotency utilities). Counts and prices: :mod:`benchmarks.meter`,
:mod:`benchmarks.pricing`. Writes ``out/cost.json``; ``--docs`` also stores it as ``docs/cost.json`` and
writes its blocks of ``docs/operations.md`` and ``README.md``.

    python -m benchmarks.cost [--messages 600] [--docs] [--render]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import yaml
from lifeline.settings import Sending

from benchmarks import pricing, workers
from benchmarks.meter import Meter, Totals
from benchmarks.stub import running as running_stub
from benchmarks.units import STORED_OVERHEAD, stored_bytes
from benchmarks.workers import Work
from local.build import ROOT
from local.stack import LocalStack, free_port
from tests.chaos.proxy import FaultProxy, Faults

MESSAGES: Final = 600
WARM: Final = 100
"""Messages before anything is counted: what starts once has started."""
RATE: Final = 50.0
"""Messages/s."""
LATENCY_MS: Final = 150
STATUSES: Final = 3
"""Webhooks of one message: sent, delivered, read."""
PLATFORM_BYTES: Final = 400
"""Of Lambda's own three log lines of a run, with their overhead."""
IDEMPOTENCY_BYTES: Final = 400
"""Of an item of the usual handler and of one of its statuses: well under a write unit."""
EACH_MINUTE: Final = ("drainer", "prober")
"""Functions with a schedule of a minute."""
FALLBACKS: Final = ("EMAILED", *("PUSHED",) * 6, *("PARKED",) * 3)
"""What becomes of ten messages in the outage."""
STORED: Final = ROOT / "docs" / "cost.json"
DOCUMENTS: Final = (
    (ROOT / "docs" / "operations.md", pricing.block),
    (ROOT / "README.md", pricing.short_block),
)
WITHIN: Final = 600.0
"""Seconds for which a case may take at most."""


class System:
    """The running stack, and what is counted of it."""

    def __init__(self, stack: LocalStack, meter: Meter) -> None:
        self.stack, self.meter = stack, meter
        self._sqs, self._dynamodb = stack.client("sqs"), stack.client("dynamodb")
        self._device = stack.new_push_endpoint()

    def control(self, method: str, path: str, **body: Any) -> None:
        """Ask the Graph simulator's control surface."""
        url = f"{self.stack.endpoints['graph_control']}/_control{path}"
        requests.request(method, url, json=body or None, timeout=10).raise_for_status()

    def produce(self, run: str, count: int, outage: bool) -> list[str]:
        """Put messages on their queues at :data:`RATE`; their ids."""
        ids = []
        began = time.monotonic()
        for start in range(0, count, 10):
            pause = began + start / RATE - time.monotonic()
            time.sleep(max(0.0, pause))
            queues: dict[str, list[dict[str, str]]] = {}
            for number in range(start, min(start + 10, count)):
                message = self._message(f"{run}-{number}", number, outage)
                queue = "Critical" if message["priority"] == "critical" else "Whatsapp"
                entry = {"Id": str(number), "MessageBody": json.dumps(message)}
                queues.setdefault(queue, []).append(entry)
                ids.append(message["id"])
            for queue, entries in queues.items():
                url = self.stack.outputs[f"{queue}QueueUrl"]
                self._sqs.send_message_batch(QueueUrl=url, Entries=entries)
        return ids

    def _message(self, name: str, number: int, outage: bool) -> dict[str, Any]:
        fate = FALLBACKS[number % len(FALLBACKS)] if outage else ""
        recipient = {
            "EMAILED": {"email": f"p{number}@example.com"},
            "PUSHED": {"push_endpoint": self._device},
        }.get(fate, {})
        return {
            "id": name,
            "to": f"+49151{10_000_000 + number}",
            "type": "template",
            "template": {
                "name": "appointment_reminder",
                "language": "en_US",
                "parameters": ["Ms Example", "Dr Ito", "1 October, 09:30"],
            },
            "text": "Your appointment with Dr Ito is on 1 October at 09:30.",
            "priority": "critical" if fate == "EMAILED" else "normal",
            "category": "appointment",
            "recipient": recipient,
        }

    def items(self, run: str) -> list[Mapping[str, Any]]:
        """The rows of one case."""
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self.stack.outputs["MessagesTableName"], ConsistentRead=True
        )
        return [item for page in pages for item in page["Items"] if item["id"]["S"].startswith(f"{run}-")]

    def statuses(self, run: str) -> Counter[str]:
        """How many rows of one case have which status."""
        return Counter(item["status"]["S"] for item in self.items(run))

    def until(self, run: str, holds: Callable[[Counter[str]], bool]) -> Counter[str]:
        """Poll until the rows' statuses are so. Ends the program after :data:`WITHIN` seconds."""
        deadline = time.monotonic() + WITHIN
        while not holds(found := self.statuses(run)):
            if time.monotonic() > deadline:
                raise SystemExit(f"{run} did not come to its end within {WITHIN:.0f} s: {dict(found)}")
            time.sleep(1.0)
        return found

    def lifeline(self, *words: str) -> None:
        """Run the operator's command line."""
        env = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT / 'cli'}{os.pathsep}{ROOT / 'layers' / 'lifeline'}",
            "LIFELINE_STACK": self.stack.name,
            "HOME": str(self.stack.folder),
        }
        done = subprocess.run(
            [sys.executable, "-c", "from lifeline_cli.main import run; raise SystemExit(run())", *words],
            env=env | self.stack.environment(),
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(f"lifeline {' '.join(words)} was refused: {done.stdout}{done.stderr}"[:1000])

    def settled(self) -> Totals:
        """The totals once nothing has been asked for a few seconds: batches end, counters are flushed."""
        before = self.meter.totals()
        while True:
            time.sleep(4.0)
            now = self.meter.totals()
            if now.minus(before).requests.keys() <= {"sqs ReceiveMessage"}:
                return now
            before = now


def idle_minute(system: System) -> dict[str, Any]:
    """The counts of a minute in which nothing is sent: each schedule runs once, in workers that are warm."""

    def since(before: Totals, runs: int) -> Totals:
        deadline = time.monotonic() + WITHIN
        while True:
            found = system.meter.totals().minus(before)
            if min(found.runs[name] for name in EACH_MINUTE) >= runs:
                return found
            if time.monotonic() > deadline:
                raise SystemExit(f"the schedules did not run within {WITHIN:.0f} s")
            time.sleep(1.0)

    since(Totals(), 2)
    before = system.settled()
    # A few seconds before the next minute both have ended, whichever began first.
    since(before, 1)
    found = system.settled().minus(before)
    return found.per(min(found.runs[name] for name in EACH_MINUTE))


def _case(
    system: System, run: str, work: Callable[[], int], idle: Mapping[str, Any], **more: Any
) -> dict[str, Any]:
    """One case's counts by message, without those of the minutes that passed."""
    before, began = system.meter.totals(), time.monotonic()
    messages = work()
    found = system.settled().minus(before)
    minutes = (time.monotonic() - began) / 60
    counts = found.per(messages)
    for kind, values in counts.items():
        for name in values:
            values[name] = max(0.0, values[name] - minutes * idle[kind].get(name, 0.0) / messages)
    rows = system.items(run)
    table = system.stack.outputs["MessagesTableName"]
    return {
        "messages": messages,
        "minutes": round(minutes, 2),
        "per_message": counts,
        "stored_bytes": stored_bytes(rows, system.meter.indexes(table)) / len(rows),
        **more,
    }


def normal(system: System, messages: int) -> int:
    """All is well: sent, delivered, read."""
    system.produce("normal", messages, outage=False)
    system.until("normal", lambda found: found["READ"] == messages)
    return messages


def outage(system: System, messages: int) -> int:
    """WhatsApp cannot be reached: panic, fallback; then it is back, and what was parked is sent."""
    system.control("POST", "/faults", kind="unreachable")
    system.produce("outage", messages, outage=True)
    wanted = Counter(FALLBACKS[number % len(FALLBACKS)] for number in range(messages))
    system.until("outage", lambda found: all(found[name] >= wanted[name] for name in ("EMAILED", "PUSHED")))
    system.until("outage", lambda found: sum(found.values()) == messages and found["PARKED"] > 0)
    system.control("DELETE", "/faults")
    system.lifeline("queue", "set-rate", "--queue", "whatsapp-queue", "--rate", "50/s")
    system.lifeline("panic", "disable", "whatsapp", "the outage is over", "--no-ramp", "--yes")
    system.until("outage", lambda found: found["READ"] >= wanted["PARKED"] and not found["PARKED"])
    return messages


def setup(stack: LocalStack) -> dict[str, Any]:
    """What the prices of runs depend on."""
    client = stack.client("lambda")
    prefix = f"{stack.name}-"
    memory = {}
    for page in client.get_paginator("list_functions").paginate():
        for one in page["Functions"]:
            memory[one["FunctionName"].removeprefix(prefix)] = one["MemorySize"]
    mappings = client.list_event_source_mappings()["EventSourceMappings"]
    queued = {one["FunctionArn"].rpartition(":function:")[2].split(":")[0] for one in mappings}
    return {
        "memory_mb": memory,
        "queue_functions": sorted(name.removeprefix(prefix) for name in queued),
        "http_function": stack.outputs["WebhookFunctionName"].removeprefix(prefix),
        "kept_days": Sending().retention_days,
        "event_sources": len(mappings),
    }


def there(stack: LocalStack, meter: Meter, event_sources: int) -> dict[str, int]:
    """What costs by the month."""

    class Loader(yaml.SafeLoader):
        """Reads CloudFormation's tags as plain values, which are not looked at here."""

    Loader.add_multi_constructor("!", lambda loader, suffix, node: None)
    template = yaml.load((ROOT / "template.yaml").read_text(), Loader)  # noqa: S506  # it extends the safe one
    kinds = Counter(one["Type"] for one in template["Resources"].values())
    schedules = [
        one["Properties"]["ScheduleExpression"]
        for one in template["Resources"].values()
        if one["Type"] == "AWS::Scheduler::Schedule"
    ]
    return {
        "event_sources": event_sources,
        "schedules_per_minute": schedules.count("rate(1 minute)"),
        "metrics": meter.metrics(),
        "alarms": kinds["AWS::CloudWatch::Alarm"],
        "dashboards": kinds["AWS::CloudWatch::Dashboard"],
        "secrets": kinds["AWS::SecretsManager::Secret"],
        "keys": kinds["AWS::KMS::Key"],
    }


def usual(messages: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The usual handler's counts by message, and what their prices depend on."""
    counts: dict[str, dict[str, float]] = {"requests": {}, "units": {}}
    runs, milliseconds, log_bytes = {}, {}, {}
    with running_stub(1 if (os.cpu_count() or 1) > 1 else None) as stub:
        for name, function, of_ten, times in (
            ("usual sender", "sender", 10, 1),
            ("usual webhook", "webhook", 1, STATUSES),
        ):
            with workers.started([Work(name, 1)], stub.url, None) as (worker,):
                stub.set(LATENCY_MS / 1000)
                worker.ask(10, "warm")
                stub.counted()
                found = worker.ask(messages, "usual")
                aws = stub.counted()["aws"]
            runs[function] = times / of_ten
            milliseconds[function] = times * 1000 * found["seconds"] / messages
            log_bytes[function] = times * (found["log_bytes"] / messages + PLATFORM_BYTES / of_ten)
            for operation, count in aws.items():
                key = f"dynamodb {operation} of {function}"
                counts["requests"][key] = times * count / messages
                counts["units"][f"write {function} {operation}"] = times * count / messages
    per_message = {**counts, "runs": runs, "milliseconds": milliseconds, "log_bytes": log_bytes}
    # One item for idempotency and one of the message's statuses; both are kept as long as Lifeline's rows.
    return (
        {
            "messages": messages,
            "per_message": per_message,
            "stored_bytes": 2 * (IDEMPOTENCY_BYTES + STORED_OVERHEAD),
        },
        {
            "memory_mb": {"sender": 512, "webhook": 512},
            "queue_functions": ["sender"],
            "http_function": "webhook",
            "kept_days": Sending().retention_days,
        },
    )


def measure(messages: int) -> dict[str, Any]:
    """Run everything; the figures."""
    meter = Meter()
    port = free_port()
    proxy = FaultProxy(port, Faults(1)).start()
    proxy.seen = meter.seen
    stack = LocalStack(
        ROOT / ".local" / "bench-cost",
        name="lifeline-cost",
        quiet=True,
        aws_port=port,
        functions_endpoint=proxy.url,
        # Not a word with a subscriber less: what it costs to tell producers is in.
        parameters={"SmsService": "off", "SenderConcurrency": "5"},
    )
    try:
        stack.start()
        assert stack.mail_events is not None, "it starts with the stack"
        proxy.others["ses"] = urlsplit(stack.mail_events.url).port or 0
        meter.attach(stack)
        system = System(stack, meter)
        system.control(
            "POST",
            "/settings",
            latency_ms=LATENCY_MS,
            throughput=100_000,
            pair_limit=False,
            webhook_read=True,
            webhook_at_once=1,
        )
        system.produce("warm", WARM, outage=False)
        system.until("warm", lambda found: found["READ"] == WARM)
        idle = idle_minute(system)
        print("counted: an idle minute", flush=True)
        case = _case(system, "normal", lambda: normal(system, messages), idle)
        print(f"counted: {messages} messages in normal operation", flush=True)
        count = max(20, messages * 2 // 5 // 10 * 10)
        mix = {name: FALLBACKS.count(name) / len(FALLBACKS) for name in dict.fromkeys(FALLBACKS)}
        failing = _case(system, "outage", lambda: outage(system, count), idle, mix=mix)
        print(f"counted: {count} messages in an outage", flush=True)
        own = setup(stack)
        resources = there(stack, meter, own["event_sources"])
    finally:
        stack.stop()
        proxy.stop()
    peer, peer_setup = usual(max(20, messages // 20))
    return {
        "date": time.strftime("%Y-%m-%d"),
        "rate": RATE,
        "latency_ms": LATENCY_MS,
        "cores": os.cpu_count(),
        "load": [round(value, 1) for value in os.getloadavg()],
        "setup": own,
        "there": resources,
        "idle_minute": idle,
        "normal": case,
        "outage": failing,
        "usual": peer,
        "usual_setup": peer_setup,
    }


def rounded(value: Any) -> Any:
    """Floats with as many digits as mean something."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return [rounded(inner) for inner in value] if isinstance(value, list) else value


def summary(figures: Mapping[str, Any]) -> dict[str, Any]:
    """US dollars of a million messages."""
    cases: Iterable[str] = ("normal", "outage", "usual")
    found = {case: pricing.per_million(figures, case) for case in cases}
    return {
        case: {"total": round(sum(parts.values()), 2), **{key: round(one, 3) for key, one in parts.items()}}
        for case, parts in found.items()
    }


def store(figures: Mapping[str, Any], target: Path) -> None:
    """With the prices as they are now."""
    target.parent.mkdir(exist_ok=True)
    kept = {**figures, "usd_per_million": summary(figures)}
    target.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Measure, store and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--docs", action="store_true", help="write docs/cost.json and its blocks")
    parser.add_argument("--render", action="store_true", help="measure nothing: show the stored counts anew")
    options = parser.parse_args()
    if options.render:
        figures = json.loads(STORED.read_text())
    else:
        figures = rounded(measure(options.messages))
        store(figures, ROOT / "out" / "cost.json")
    if options.docs or options.render:
        store(figures, STORED)
        for document, body in DOCUMENTS:
            document.write_text(pricing.with_block(document.read_text("utf-8"), figures, body), "utf-8")
    print(json.dumps(summary(figures), indent=2))
    print(pricing.monthly_table(figures))


if __name__ == "__main__":
    main()
