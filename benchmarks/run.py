"""Messages per second and CPU per message: one at a time (what most handlers do) beside this sender.

Both run in this process against the same local AWS and the same Graph simulator, which answers in 150 ms.
Figures of one machine are good as ratios only. Prints a table and writes ``out/bench.json``.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import requests
from botocore.session import Session
from lifeline.use_cases.deliver import SqsRecord
from lifeline.wiring import sender

from local.build import ROOT
from local.stack import LocalStack, running

LATENCY_MS = 150
ONE_AT_A_TIME = 40
BATCHES = 4
BATCH = 100


def body(number: int, run: str) -> dict[str, Any]:
    """One text message."""
    return {"id": f"{run}:{number}", "to": f"+49151{30000000 + number}", "type": "text", "text": "Hello."}


def environment_of(stack: LocalStack, function: str) -> dict[str, str]:
    """The environment that the deployed function has."""
    name = stack.outputs[f"{function}FunctionName"]
    found = stack.client("lambda").get_function_configuration(FunctionName=name)
    return dict(found["Environment"]["Variables"])


def one_at_a_time(stack: LocalStack, env: dict[str, str]) -> None:
    """The usual handler: claim, send, record, one message after the other, a new connection for each send."""
    table = boto3.resource("dynamodb").Table(env["MESSAGES_TABLE"])
    secret = json.loads(
        boto3.client("secretsmanager").get_secret_value(SecretId=env["TOKEN_SECRET_ARN"])["SecretString"]
    )
    url = f"{env['GRAPH_BASE_URL']}/{env['GRAPH_VERSION']}/{env['PHONE_NUMBER_ID']}/messages"
    for number in range(ONE_AT_A_TIME):
        message = body(number, "slow")
        table.put_item(
            Item={"id": message["id"], "status": "CLAIMED"}, ConditionExpression="attribute_not_exists(id)"
        )
        answer = requests.post(
            url,
            json={
                "messaging_product": "whatsapp",
                "to": message["to"].lstrip("+"),
                "type": "text",
                "text": {"body": message["text"]},
            },
            headers={"Authorization": f"Bearer {secret['access_token']}"},
            timeout=10,
        )
        table.update_item(
            Key={"id": message["id"]},
            UpdateExpression="SET #s = :s, wamid = :w",
            ExpressionAttributeNames={"#s": "status"},
            ExpressionAttributeValues={":s": "SENT", ":w": answer.json()["messages"][0]["id"]},
        )


def this_sender(run: str) -> None:
    """The real use case, batch after batch."""
    deliver = sender.use_case()
    for batch in range(BATCHES):
        records = [
            SqsRecord(f"{run}-{batch}-{n}", json.dumps(body(batch * BATCH + n, run))) for n in range(BATCH)
        ]
        failed = deliver(records, lambda: 30.0)
        if failed:
            raise SystemExit(f"{len(failed)} messages came back; the figures would mean nothing")


def measured(work: Callable[[], None], messages: int, calls: Counter[str]) -> dict[str, Any]:
    """Wall and CPU time per message, and AWS calls per message by service."""
    calls.clear()
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "messages_per_second": round(messages / wall, 1),
        "cpu_ms_per_message": round(1000 * cpu / messages, 2),
        "aws_calls_per_message": {name: round(count / messages, 3) for name, count in sorted(calls.items())},
    }


def cold_start(function: str, env: dict[str, str]) -> float:
    """Median milliseconds of a fresh process: import the handler and build its use case and clients."""
    layer = ROOT / ".aws-sam" / "build" / "LifelineLayer" / "python"
    paths = [str(layer), f"functions/{function}"]
    code = f"import sys; sys.path[:0] = {paths!r}; import app; app.{function}.use_case()"
    times = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, check=True)
        times.append(1000 * (time.perf_counter() - started))
    return round(statistics.median(times), 0)


def main() -> None:
    """Measure and print."""
    settings = {"limiter": {"rate": 1000, "burst": 1000, "horizon": 5}}
    with running(ROOT / ".local" / "bench", name="lifeline-bench", settings=settings, quiet=True) as stack:
        control = stack.endpoints["graph_control"]
        wanted = {"latency_ms": LATENCY_MS, "throughput": 100000, "pair_limit": False, "webhook_url": ""}
        requests.post(f"{control}/_control/settings", json=wanted, timeout=5).raise_for_status()
        env = environment_of(stack, "Sender") | stack.environment()
        os.environ.update(env | {"LOG_LEVEL": "ERROR"})
        calls: Counter[str] = Counter()
        count_calls(calls)
        this_sender(f"warm{random.random()}")
        slow = measured(lambda: one_at_a_time(stack, env), ONE_AT_A_TIME, calls)
        fast = measured(lambda: this_sender("fast"), BATCHES * BATCH, calls)
        starts = {}
        for output, function in (
            ("Sender", "sender"),
            ("Prober", "prober"),
            ("Drainer", "drainer"),
            ("Alarm", "alarm"),
            ("Webhook", "webhook"),
            ("Operator", "operator"),
        ):
            own = environment_of(stack, output) | stack.environment() | {"PATH": os.environ["PATH"]}
            starts[function] = cold_start(function, own)
    result = {
        "latency_ms": LATENCY_MS,
        "one_at_a_time": slow,
        "this_sender": fast,
        "ratio_messages_per_second": round(fast["messages_per_second"] / slow["messages_per_second"], 1),
        "ratio_cpu_per_message": round(fast["cpu_ms_per_message"] / slow["cpu_ms_per_message"], 2),
        "cold_start_ms": starts,
    }
    target = ROOT / "out" / "bench.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def count_calls(calls: Counter[str]) -> None:
    """Count every AWS request that leaves this process, by service."""
    original = Session.create_client

    def create(self: Session, service: str, *args: Any, **more: Any) -> Any:
        client = original(self, service, *args, **more)
        client.meta.events.register("before-send", lambda **_: calls.update([service]))
        return client

    Session.create_client = create  # type: ignore[method-assign]


if __name__ == "__main__":
    Path(ROOT / "out").mkdir(exist_ok=True)
    main()
