"""What a row costs at size: the report of an incident of a million messages, and the tick at 1,000/s.

The real use cases and adapters, down to botocore's requests, which are answered inside this process: what is
measured is the processor's time of one core, the memory at most, and the requests. Prints them, writes
``out/bench-wide-rows.json``.

    python -m benchmarks.wide_rows [ROWS OF THE WIDE.incident]
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections import Counter
from typing import Any, Final

from botocore.awsrequest import AWSResponse
from lifeline.adapters.agenda import Agenda
from lifeline.adapters.aws import Clients
from lifeline.adapters.ledger import Ledger
from lifeline.adapters.queues import Queues
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.failure.causes import Cause
from lifeline.domain.message.row import Lane
from lifeline.domain.pace.records import DrainState
from lifeline.domain.panic.entering import trip
from lifeline.domain.panic.flag import By, Flag, Rules
from lifeline.domain.shards import WIDE, of_lane
from lifeline.settings import Drain as DrainSettings
from lifeline.settings import Limiter, Settings
from lifeline.use_cases.operate.queue_lanes import LaneReader
from lifeline.use_cases.shared.incidents import Incidents
from lifeline.wiring import drainer

from local.build import ROOT
from tests.support.memory import Clock, MemoryControl, Recorder
from tests.support.services import Services

NOW: Final = 1_790_000_000.0
ID: Final = "20260921-131320-abcdef"
PAGE: Final = 1_900
"""Rows in a megabyte."""
MARK: Final = b"@@"
"""The number of the key in what is answered."""
STATUSES: Final = ("SENT", "DELIVERED", "READ", "EMAILED", "PUSHED")


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> list[bytes]:
        """As urllib3 gives it."""
        return [self._content]


class Aws:
    """DynamoDB and SQS, which answer at once. ``rows``: of the incident, and in the lane ``normal``."""

    def __init__(self, rows: int) -> None:
        self.requests: Counter[str] = Counter()
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            os.environ.setdefault(name, "x")
        os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")
        clients = Clients()
        self.dynamodb = clients.made("dynamodb", 10, 1)
        self.sqs = clients.made("sqs", 10, 1)
        for client in (self.dynamodb, self.sqs):
            client.meta.events.register("before-send", self._answer)
        self._incident = _pages(rows // WIDE.incident, _touched)
        self._lane = _pages(rows // of_lane(Lane.NORMAL), _parked)

    def _answer(self, request: Any, **_: object) -> AWSResponse:
        target = request.headers["X-Amz-Target"]
        operation = (target.decode() if isinstance(target, bytes) else target).rpartition(".")[2]
        self.requests[operation] += 1
        asked = json.loads(request.body)
        if operation == "Query":
            body = self._page(asked)
        elif operation == "BatchExecuteStatement":
            body = json.dumps({"Responses": [{} for _ in asked["Statements"]]}).encode()
        else:
            done = [{"Id": entry["Id"], "MessageId": "m"} for entry in asked.get("Entries", ())]
            body = json.dumps({"Successful": done, "Failed": [], "Items": [], "Attributes": {}}).encode()
        return AWSResponse(request.url, 200, {}, _Body(body))

    def _page(self, asked: dict[str, Any]) -> bytes:
        key = next(iter(asked["ExpressionAttributeValues"].values()))["S"]
        kind, _, shard = key.rpartition("#")
        pages = self._incident if kind == ID else self._lane if kind == Lane.NORMAL else []
        number = int(asked.get("ExclusiveStartKey", {"n": {"N": "0"}})["n"]["N"])
        if number >= len(pages):
            return b'{"Items":[],"Count":0}'
        if asked.get("Limit") == 1:
            first = json.loads(pages[0].replace(MARK, shard.encode()))["Items"][:1]
            return json.dumps({"Items": first, "Count": 1, "LastEvaluatedKey": {"n": {"N": "1"}}}).encode()
        if asked.get("Select") == "COUNT":
            more = {"LastEvaluatedKey": {"n": {"N": str(number + 1)}}} if number + 1 < len(pages) else {}
            return json.dumps({"Count": PAGE, **more}).encode()
        return pages[number].replace(MARK, shard.encode())


def _pages(rows: int, item: Any) -> list[bytes]:
    pages = []
    for start in range(0, rows, PAGE):
        answer: dict[str, Any] = {"Items": [item(n) for n in range(start, min(rows, start + PAGE))]}
        answer["Count"] = len(answer["Items"])
        if start + PAGE < rows:
            answer["LastEvaluatedKey"] = {"n": {"N": str(start // PAGE + 1)}}
        pages.append(json.dumps(answer, separators=(",", ":")).encode())
    return pages


def _touched(number: int) -> dict[str, Any]:
    """A message that was parked, released, sent and told of; each person has two."""
    status = STATUSES[number % len(STATUSES)]
    at = round((NOW - 3000) * 1000) + number
    trail = {
        f"{at}_PARKED": {"S": "panic"},
        f"{at + 600_000}_CLAIMED": {"S": "released"},
        f"{at + 601_000}_SENT": {"S": "Meta accepted it"},
        f"{at + 602_000}_{status}": {"S": f"webhook: {status.lower()}"},
    }
    return {
        "id": {"S": f"appointment-@@-{number:09d}"},
        "status": {"S": status},
        "created_at": {"N": f"{at / 1000:.3f}"},
        "rev": {"N": "5"},
        "category": {"S": "appointment"},
        "template": {"S": "appointment_reminder"},
        "person": {"S": f"@@{number // 2:030x}"},
        "trail": {"M": trail},
    }


def _parked(number: int) -> dict[str, Any]:
    return {
        "id": {"S": f"appointment-@@-{number:09d}"},
        "status": {"S": "PARKED"},
        "rev": {"N": "2"},
        "ops": {"S": "abcdef012345 0123456789ab"},
        "created_at": {"N": f"{NOW - 3000 + number / 1000:.3f}"},
        "template": {"S": "appointment_reminder"},
        "act": {"N": "0"},
        "agenda": {"S": "normal#@@"},
        "agenda_at": {"N": f"{NOW - 3000 + number / 1000:.3f}"},
    }


def _ledger(aws: Aws) -> Ledger:
    marks = iter(range(10**9))
    return Ledger(
        aws.dynamodb, "messages", 86_400.0, time.sleep, lambda: 0.5, lambda: f"{next(marks):012x}", workers=4
    )


def report(rows: int) -> dict[str, float]:
    """``incident report`` of so many rows."""
    aws, control = Aws(rows), MemoryControl()
    change = trip(
        Flag.normal(WHATSAPP),
        By("SenderFunction", "sender", "six in a row", NOW - 3000),
        cause=Cause.UNREACHABLE,
        evidence={},
        new_incident_id=ID,
        rules=Rules(),
    )
    assert change is not None
    control.write(change, 0)
    incidents = Incidents(control=control, ledger=_ledger(aws), clock=lambda: NOW)  # type: ignore[arg-type]
    before = _memory()
    cpu, began = time.process_time(), time.monotonic()
    found = incidents.report(ID, lambda: 600.0)
    cpu, seconds = time.process_time() - cpu, time.monotonic() - began
    total = found["messages"]["total"]
    assert found["complete"]
    assert total == rows // WIDE.incident * WIDE.incident
    return {
        "rows": total,
        "people": found["people"]["affected"],
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
        "cpu_us_per_row": round(1e6 * cpu / total, 1),
        "memory_mib_before": before,
        "memory_mib_at_most": _memory(),
        "queries": aws.requests["Query"],
    }


def _memory() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def _services(aws: Aws, rate: float) -> tuple[Services, dict[str, Any]]:
    settings = Settings(
        wake_queue_url="https://sqs.test/wake",
        limiter=Limiter(rate=rate, burst=100, critical_share=0.0),
        drain=DrainSettings(rate=rate),
    )
    services = Services(settings, clock=Clock(NOW))
    state = DrainState(rate=rate, stepped_at=NOW)
    services.control.keep(state, actor="DrainerFunction", reason="planned", now=NOW)
    real = {
        "ledger": _ledger(aws),
        "agenda": Agenda(aws.dynamodb, "messages"),
        "queues": Queues(aws.sqs),
        "telemetry": Recorder(),
    }
    return services, real


def tick(rate: float) -> dict[str, float]:
    """One run of the minute that releases as many as leave at this rate until the next one, and some more."""
    aws = Aws(round(rate * 100))
    services, real = _services(aws, rate)
    run = drainer.tick(services.adapters("drainer", **real))
    cpu, began = time.process_time(), time.monotonic()
    released = sum(run(lambda: 60.0)["released"].values())
    cpu, seconds = time.process_time() - cpu, time.monotonic() - began
    return {
        "rate": rate,
        "released": released,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
        "cpu_us_per_row": round(1e6 * cpu / max(1, released)),
        **dict(sorted(aws.requests.items())),
    }


def lanes(waiting: int) -> dict[str, float]:
    """What ``queue status`` asks of the agenda where so many wait."""
    aws = Aws(waiting)
    services, real = _services(aws, 10.0)
    reader = LaneReader(real["agenda"], tuple, services.control)  # type: ignore[arg-type]
    cpu = time.process_time()
    reader.all(NOW)
    return {
        "waiting": waiting,
        "queries": aws.requests["Query"],
        "cpu_seconds": round(time.process_time() - cpu, 2),
    }


def main() -> None:
    """Measure and print."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    found = {
        "lanes": [lanes(waiting) for waiting in (0, 1_000, 1_000_000)],
        "tick": [tick(80.0), tick(1000.0)],
        "report": report(rows),
    }
    text = json.dumps(found, indent=2)
    out = ROOT / "out"
    out.mkdir(exist_ok=True)
    (out / "bench-wide-rows.json").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
