"""What one send costs: the adapter beside the general clients that do the same.

CPU of this process per send, medians of interleaved rounds against a stub in a process of its own, so that
whatever else the machine does hits all alike. Figures of one machine are good as ratios only. Prints them,
writes ``out/bench-send.json``.

    python -m benchmarks.send
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

import requests
import urllib3
from lifeline.adapters.secrets import Secrets
from lifeline.adapters.whatsapp import Accepted, WhatsApp
from lifeline.contract.messages import Message
from lifeline.domain.message.kinds import request
from requests.adapters import HTTPAdapter

from benchmarks.stub import running
from local.build import ROOT

SENDS = 300
ROUNDS = 9
TOKEN = "EAA" + "x" * 180
MESSAGE = Message(
    id="clinic-2026-10-01-000123",
    to="+4915112345678",
    type="text",
    text="Your appointment is at ten.",
)


class _Token(Secrets):
    """One token, and no Secrets Manager behind it."""

    def __init__(self) -> None:
        pass

    def get(self, name: str) -> str:
        return TOKEN


def clients(port: int) -> dict[str, Callable[[], None]]:
    """One send each."""
    url = f"http://127.0.0.1:{port}/v23.0/1/messages"
    headers = {
        "Authorization": f"Bearer {TOKEN}",
        "Accept": "application/json",
        "Content-Type": "application/json",
    }
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", HTTPAdapter(pool_maxsize=4, pool_block=True))
    pool = urllib3.HTTPConnectionPool("127.0.0.1", port, maxsize=4, block=True)
    ours = WhatsApp(
        _Token(),
        app_token=str,
        base_url=f"http://127.0.0.1:{port}",
        version="v23.0",
        phone_number_id="1",
        waba_id="2",
        connections=4,
        connect_timeout=3.0,
        read_timeout=5.0,
    )

    def body() -> bytes:
        return json.dumps(request(MESSAGE, MESSAGE.to or "", "tag")).encode()

    def with_requests() -> None:
        session.post(url, data=body(), headers=headers, timeout=(3.0, 5.0)).json()["messages"][0]["id"]

    def with_urllib3() -> None:
        answer = pool.urlopen(
            "POST", "/v23.0/1/messages", body(), headers, retries=False, timeout=urllib3.Timeout(3.0, 5.0)
        )
        json.loads(answer.data)["messages"][0]["id"]

    def with_lifeline() -> None:
        if not isinstance(ours.send(MESSAGE, MESSAGE.to or "", "tag"), Accepted):
            raise SystemExit("a send was refused; the figures would mean nothing")

    return {"requests": with_requests, "urllib3": with_urllib3, "lifeline": with_lifeline}


def main() -> None:
    """Measure and print."""
    times: dict[str, list[float]] = {}
    with running() as stub:
        work = clients(stub.port)
        for _ in range(ROUNDS):
            for name, once in work.items():
                started = time.process_time()
                for _ in range(SENDS):
                    once()
                times.setdefault(name, []).append(1000 * (time.process_time() - started) / SENDS)
    medians = {name: statistics.median(found) for name, found in times.items()}
    result = {
        "cpu_ms": {name: round(value, 3) for name, value in medians.items()},
        "spread_ms": {name: [round(min(one), 3), round(max(one), 3)] for name, one in times.items()},
        "of_requests": {name: round(value / medians["requests"], 2) for name, value in medians.items()},
    }
    target = ROOT / "out" / "bench-send.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
