"""A stand-in for Meta and AWS that costs next to nothing: one thread, no parsing that is not needed.

It answers each send after a set latency and each request to DynamoDB, SQS or Secrets Manager at once, and
counts both. ``GET /_stub`` tells what it counted and forgets it; ``POST /_stub`` sets the latency.

with running() as stub: ... stub.port, stub.set(150), stub.counted(), stub.limit()
"""

from __future__ import annotations

import asyncio
import http.client
import json
import math
import os
import random
import socket
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.answers import answer

STEADY: Final = "steady"
LOGNORMAL: Final = "lognormal"
MEDIAN: Final = 0.4
"""Seconds of a lognormal answer at the median; the 99th percentile is at two."""
SIGMA: Final = math.log(2.0 / MEDIAN) / statistics.NormalDist().inv_cdf(0.99)
BODY: Final = json.dumps(
    {
        "messaging_product": "whatsapp",
        "contacts": [{"input": "+4915112345678", "wa_id": "4915112345678"}],
        "messages": [{"id": f"wamid.{'x' * 56}"}],
    }
).encode()
ANSWER: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\nx-fb-trace-id: BAVxxxx\r\n"
    b"x-fb-request-id: 1234\r\nfacebook-api-version: v23.0\r\nStrict-Transport-Security: max-age=15552000\r\n"
    b"x-fb-rev: 10101\r\nx-fb-debug: abcdefghijklmnopqrstuvwxyz==\r\nDate: Thu, 01 Oct 2026 00:00:00 GMT\r\n"
    b'Alt-Svc: h3=":443"\r\nConnection: keep-alive\r\nContent-Length: %d\r\n\r\n%s' % (len(BODY), BODY)
)
"""With as many headers as Meta's own answers have."""
PIPELINED: Final = 100
"""Requests of one write when the stub's own limit is measured: the asking side then costs next to nothing."""


class _Stub:
    """What all connections share."""

    def __init__(self) -> None:
        self.latency, self.kind = 0.0, STEADY
        self.sends = 0
        self.waited = 0.0
        self.aws: Counter[str] = Counter()
        self.chance = random.Random(1)

    def seconds(self) -> float:
        """Of the next send's answer."""
        if self.kind == LOGNORMAL:
            return self.chance.lognormvariate(math.log(MEDIAN), SIGMA)
        return self.latency

    def told(self) -> dict[str, Any]:
        """What was counted since the last time."""
        found = {"sends": self.sends, "waited": self.waited, "aws": dict(self.aws)}
        self.sends, self.waited = 0, 0.0
        self.aws.clear()
        return found


def _http(body: bytes, kind: bytes = b"application/x-amz-json-1.0") -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (kind, len(body), body)


def _aws(operation: str, body: bytes) -> bytes:
    """The answer of :func:`benchmarks.answers.answer`, for what is asked often without reading the body."""
    if operation == "PutItem":
        return _http(b"{}")
    if operation == "BatchExecuteStatement":
        return _http(b'{"Responses":[' + b",".join([b"{}"] * body.count(b'"Statement":')) + b"]}")
    return _http(json.dumps(answer(operation, json.loads(body))).encode())


class _Connection(asyncio.Protocol):
    def __init__(self, stub: _Stub) -> None:
        self._stub = stub
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop = asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        self._read = read = self._read + data if self._read else data
        while (end := read.find(b"\r\n\r\n")) >= 0:
            head = read[:end]
            low = head.lower()
            at = low.find(b"content-length:")
            length = int(low[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(read) < end + 4 + length:
                break
            body, read = read[end + 4 : end + 4 + length], read[end + 4 + length :]
            self._answer(head, low, body)
        self._read = read

    def _answer(self, head: bytes, low: bytes, body: bytes) -> None:
        stub = self._stub
        at = low.find(b"x-amz-target:")
        if at >= 0:
            operation = head[at + 13 :].split(b"\r\n", 1)[0].strip().rpartition(b".")[2].decode()
            stub.aws[operation] += 1
            self._transport.write(_aws(operation, body))
        elif b" /_stub" in head[:20]:
            if body:
                wanted = json.loads(body)
                stub.latency, stub.kind = wanted["seconds"], wanted["kind"]
            self._transport.write(_http(json.dumps(stub.told()).encode(), b"application/json"))
        else:
            stub.sends += 1
            seconds = stub.seconds()
            stub.waited += seconds
            if seconds:
                self._loop.call_later(seconds, self._transport.write, ANSWER)
            else:
                self._transport.write(ANSWER)


async def _serve() -> None:
    stub = _Stub()
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(stub), sock=listener)
    print(listener.getsockname()[1], flush=True)
    await server.serve_forever()


@dataclass(frozen=True, slots=True)
class Running:
    """A stub that runs."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def set(self, seconds: float, kind: str = STEADY) -> None:
        """How long each send's answer takes from now on; what was counted is forgotten."""
        self._ask(json.dumps({"seconds": seconds, "kind": kind}))

    def counted(self) -> dict[str, Any]:
        """``sends``, ``waited`` (seconds, of all answers together), ``aws`` (requests by operation) since the
        last time.
        """
        return self._ask(None)

    def _ask(self, body: str | None) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST" if body else "GET", "/_stub", body)
            found: dict[str, Any] = json.loads(connection.getresponse().read())
            return found
        finally:
            connection.close()

    def limit(self, seconds: float = 2.0) -> float:
        """Requests/s at which the stub itself is the limit: a mix as a worker asks, a claim, a send without
        latency, a record.
        """
        self.set(0.0)
        tell = b"POST /%s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Length: %d\r\n%s\r\n%s"
        claim = b'{"TableName":"t","Item":{"id":{"S":"' + b"x" * 300 + b'"}}}'
        one = b"".join(
            (
                tell % (b"", b"x" * 200, len(claim), b"X-Amz-Target: D.PutItem\r\n", claim),
                tell % (b"v23.0/1/messages", b"x" * 200, len(BODY), b"", BODY),
                tell % (b"", b"x" * 200, len(claim), b"X-Amz-Target: D.PutItem\r\n", claim),
            )
        )
        expected = PIPELINED * (2 * len(_http(b"{}")) + len(ANSWER))
        done = 0
        with socket.create_connection(("127.0.0.1", self.port)) as asking:
            began = time.monotonic()
            while (took := time.monotonic() - began) < seconds:
                asking.sendall(one * PIPELINED)
                left = expected
                while left:
                    left -= len(asking.recv(left))
                done += 3 * PIPELINED
        return done / took


@contextmanager
def running(core: int | None = None) -> Iterator[Running]:
    """A stub of one's own, on one core of the machine if that is given and the system can do it."""
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.stub"], stdout=subprocess.PIPE, text=True)
    try:
        pin(process.pid, core)
        assert process.stdout is not None
        yield Running(int(process.stdout.readline()), process.pid)
    finally:
        process.terminate()
        process.wait()


def pin(pid: int, core: int | None) -> None:
    """Keep a process that has just begun to one core. ``None``, or a system without it (macOS): nothing."""
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(pid, {core})


if __name__ == "__main__":
    asyncio.run(_serve())
