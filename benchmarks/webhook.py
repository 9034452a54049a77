"""What a webhook costs: the front door and its worker beside work done within the request.

**CPU and requests**: POSTs of one status each, as Meta mostly sends them, every one about another message.
AWS answers at once and inside this process, so that only our own and the SDK's work is measured; producers
are not told of outcomes. *In the request* means that the signature is checked and the same work done before
the POST is answered, one at a time. The kinds take turns; medians of the rounds. **A POST of 1,000 updates**:
against the deployed template on the local AWS, until it is answered and until all of it is written. Figures
of one machine are good as ratios only. Prints them, writes ``out/bench-webhook.json`` and its keys of
``out/bench.json``.

    python -m benchmarks.webhook
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import requests
from aws_lambda_powertools.utilities.typing import LambdaContext
from lifeline.adapters import row_items
from lifeline.adapters.queues import Outgoing
from lifeline.domain.message.row import WHATSAPP, Row
from lifeline.domain.message.status import Status
from lifeline.settings import Settings
from lifeline.use_cases.webhook.bodies import Body, TakeBodies
from lifeline.use_cases.webhook.front import Front
from lifeline.wiring import webhook, webhook_events
from lifeline.wiring.adapters import Adapters

from benchmarks.answers import answer, answer_all
from local.build import ROOT
from local.stack import APP, LocalStack, running
from tests.support.meta import PHONE_NUMBER_ID, WABA_ID, post, status, statuses

ROUNDS: Final = 9
POSTS: Final = 300
"""Each round, of each kind."""
BATCHES: Final = (1, 10, 100)
UPDATES: Final = 1000
APP_SECRET: Final = "made-up"  # noqa: S105  # nosec B105  # opens nothing
NOW: Final = time.time()
WORDS: Final = ("sent", "delivered", "read")
SETTINGS: Final = Settings(
    control_table="c",
    messages_table="m",
    contacts_table="p",
    webhook_queue_url="https://sqs/1/webhook-queue",
    webhook_dlq_url="https://sqs/1/webhook-dlq",
    wake_queue_url="https://sqs/1/wake-queue",
    app_secret_arn="arn:aws:secretsmanager:eu-west-1:000000000000:secret:app",  # noqa: S106  # nosec B106  # its name
    phone_number_id=PHONE_NUMBER_ID,
    waba_id=WABA_ID,
)


def say(operation: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Every message was sent a second ago, and all goes well."""
    if operation == "BatchGetItem":
        keys = asked["RequestItems"]["m"]["Keys"]
        return {"Responses": {"m": [_item(key["id"]["S"]) for key in keys]}, "UnprocessedKeys": {}}
    if operation == "SendMessageBatch":
        if asked["QueueUrl"] == SETTINGS.webhook_dlq_url:
            raise SystemExit("bodies became dead letters; the figures would mean nothing")
        return {"Successful": [{"Id": entry["Id"]} for entry in asked["Entries"]], "Failed": []}
    if operation == "GetSecretValue":
        return {"SecretString": json.dumps({"app_secret": APP_SECRET})}
    return answer(operation, asked)


@cache
def _item(name: str) -> dict[str, Any]:
    body = json.dumps({"id": name, "to": "+4915112345678", "type": "text", "text": "x" * 300})
    row = Row(
        name, status=Status.SENT, rev=2, act=1, via=1, way=WHATSAPP, attempt=1, attempted_at=NOW, body=body
    )
    return row_items.encode(row)


class AtOnce:
    """In the place of the queue: the worker does it before the POST is answered."""

    def __init__(self, worker: TakeBodies) -> None:
        self._worker = worker

    def send(self, url: str, messages: Sequence[Outgoing]) -> list[bool]:
        """As SQS's adapter."""
        bodies = [Body(str(place), message.body) for place, message in enumerate(messages)]
        back = self._worker(bodies, lambda: 20.0)
        return [body.id not in back for body in bodies]


def event(raw: bytes, secret: str = APP_SECRET) -> dict[str, Any]:
    """What API Gateway hands to the function."""
    signature = "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    return {
        "version": "2.0",
        "headers": {"x-hub-signature-256": signature, "content-type": "application/json"},
        "requestContext": {"http": {"method": "POST", "path": "/webhook"}},
        "body": raw.decode(),
        "isBase64Encoded": False,
    }


def kinds(raws: Sequence[bytes]) -> dict[str, Callable[[], None]]:
    """The kinds of work on the same POSTs, by name."""
    from functions.webhook import app

    events = [event(raw) for raw in raws]
    worker = webhook_events.build(Adapters("webhook_events", {"settings": SETTINGS}))
    front = webhook.build(Adapters("webhook", {"settings": SETTINGS}))
    both = webhook.build(Adapters("webhook", {"settings": SETTINGS, "queues": AtOnce(worker)}))

    def posted(use_case: Front) -> Callable[[], None]:
        def work() -> None:
            webhook.use_case = lambda: use_case  # type: ignore[assignment]
            for one in events:
                if app.handler(one, LambdaContext())["statusCode"] != 200:
                    raise SystemExit("a POST was refused; the figures would mean nothing")

        return work

    def taken(batch: int) -> Callable[[], None]:
        bodies = [Body(str(place), raw.decode()) for place, raw in enumerate(raws)]

        def work() -> None:
            for start in range(0, len(bodies), batch):
                if worker(bodies[start : start + batch], lambda: 20.0):
                    raise SystemExit("bodies came back; the figures would mean nothing")

        return work

    return {
        "in_the_request": posted(both),
        "front": posted(front),
        **{f"worker_batch_{batch}": taken(batch) for batch in BATCHES},
    }


def costs() -> dict[str, dict[str, float]]:
    """CPU (ms) and AWS requests for each POST of one status, by kind of work."""
    asked: Counter[str] = Counter()
    answer_all(asked, say)
    os.environ |= {
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    raws = [post(statuses([status(f"m{n}", WORDS[n % 3], act=1)])) for n in range(POSTS)]
    spent: dict[str, list[float]] = {}
    calls: dict[str, float] = {}
    with quiet():
        made = kinds(raws)
        for turn in range(1 + ROUNDS):
            for name, work in made.items():
                asked.clear()
                began = time.process_time()
                work()
                if turn:  # the first warms up
                    spent.setdefault(name, []).append(1000 * (time.process_time() - began) / POSTS)
                    calls[name] = sum(asked.values()) / POSTS
    return {
        name: {
            "cpu_ms": round(statistics.median(times), 3),
            "spread_ms": round(max(times) - min(times), 3),
            "aws_requests": round(calls[name], 3),
        }
        for name, times in spent.items()
    }


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Log lines are written, as they are on Lambda, and go nowhere."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


def large_post() -> dict[str, float]:
    """Seconds of a POST of 1,000 statuses, on the deployed system."""
    with running(ROOT / ".local" / "bench", name="lifeline-bench", quiet=True) as stack:
        table, dynamodb = stack.outputs["MessagesTableName"], stack.client("dynamodb")
        names = [f"bench-{number}" for number in range(UPDATES)]
        for start in range(0, UPDATES, 25):
            puts = [{"PutRequest": {"Item": _item(name)}} for name in names[start : start + 25]]
            dynamodb.batch_write_item(RequestItems={table: puts})
        _post(stack, post(statuses([status("nobody", "sent")])))  # workers have started
        time.sleep(3)
        began = time.monotonic()
        _post(stack, post(statuses([status(name, "delivered", act=1) for name in names])))
        answered = time.monotonic() - began
        while not _all_delivered(dynamodb, table, names):
            if time.monotonic() - began > 60:
                raise SystemExit("not all updates were written within a minute")
            time.sleep(0.05)
        return {
            "answered_seconds": round(answered, 2),
            "written_seconds": round(time.monotonic() - began, 2),
        }


def _post(stack: LocalStack, raw: bytes) -> None:
    secret = APP["app_secret"]
    headers = event(raw, secret)["headers"] | {"Host": stack.endpoints["webhook_host"]}
    requests.post(stack.endpoints["webhook"], data=raw, headers=headers, timeout=30).raise_for_status()


def _all_delivered(dynamodb: Any, table: str, names: Sequence[str]) -> bool:
    for start in range(0, len(names), 100):
        keys = [{"id": {"S": name}} for name in names[start : start + 100]]
        asked = {
            table: {"Keys": keys, "ProjectionExpression": "#s", "ExpressionAttributeNames": {"#s": "status"}}
        }
        items = dynamodb.batch_get_item(RequestItems=asked)["Responses"][table]
        if any(item["status"]["S"] != "DELIVERED" for item in items):
            return False
    return True


def main() -> None:
    """Measure and print."""
    large = large_post()
    by_kind = costs()
    best = by_kind[f"worker_batch_{BATCHES[-1]}"]
    result = {"one_status": by_kind, f"post_of_{UPDATES}_updates": large}
    out = ROOT / "out"
    out.mkdir(exist_ok=True)
    (out / "bench-webhook.json").write_text(json.dumps(result, indent=2) + "\n")
    shared = out / "bench.json"
    known = json.loads(shared.read_text()) if shared.exists() else {}
    known["webhook"] = {"front_cpu_ms": by_kind["front"]["cpu_ms"], "status_cpu_ms": best["cpu_ms"]}
    shared.write_text(json.dumps(known, indent=2) + "\n")
    print(json.dumps(result, indent=2), file=sys.stdout)


if __name__ == "__main__":
    main()
