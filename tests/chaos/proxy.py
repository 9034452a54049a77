"""A proxy between the deployed functions and the local AWS: it faults a share of their calls, and keeps the
effects that an outside observer counts.

Bytes go through as they came, so that signatures hold. What one call of the SDK meets is a *script*: one
fault for each of its tries (the SDK names the call in ``amz-sdk-invocation-id``), so that all can fail.

=========== =====================================================================================
``refuse``   answered with the service's own error; never passed on
``lose``     passed on and carried out; then the connection breaks, or the answer is a 500
``straggle`` the client gives up waiting; only then is it passed on and carried out
``stall``    passed on and carried out at once; the answer comes when the client has given up
``one``      one statement of a batch is throttled, the others are carried out
=========== =====================================================================================
"""

from __future__ import annotations

import contextlib
import json
import random
import select
import socket
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BufferedIOBase
from typing import Any
from urllib.parse import parse_qs

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

REFUSE, LOSE, STRAGGLE, STALL, ONE = "refuse", "lose", "straggle", "stall", "one"
SCRIPTS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (20, (REFUSE,)),
    (26, (LOSE,)),
    (6, (REFUSE, REFUSE, REFUSE)),
    (10, (LOSE, LOSE, LOSE)),
    (6, (REFUSE, REFUSE, LOSE)),
    (6, (LOSE, REFUSE, REFUSE)),
    (1, (STRAGGLE,)),
    (1, (STALL,)),
)
"""How often, and what the tries of one call meet; tries beyond a script's end are left alone."""
ONE_WEIGHT = 24
"""How often ``one`` is met by a call that has statements."""
LATE = 6.0
"""Seconds: longer than the functions wait for an answer (5 s)."""
REMEMBERED = 20_000
"""Calls whose script is remembered."""
ROOT = Credentials("test", "test")
"""A batch that lacks a statement needs a new signature: that of the local account's root."""

ERRORS: dict[str, tuple[tuple[int, str], ...]] = {
    "dynamodb": (
        (500, "InternalServerError"),
        (400, "ThrottlingException"),
        (400, "ProvisionedThroughputExceededException"),
        (503, "ServiceUnavailable"),
    ),
    "sqs": ((500, "InternalFailure"), (503, "ServiceUnavailable"), (403, "RequestThrottled")),
    "sns": ((500, "InternalError"), (503, "ServiceUnavailable"), (429, "Throttled")),
    "ses": ((500, "InternalServiceErrorException"), (429, "TooManyRequestsException")),
    "secretsmanager": ((500, "InternalServiceError"), (400, "ThrottlingException")),
    "lambda": ((500, "ServiceException"), (429, "TooManyRequestsException")),
    "scheduler": ((500, "InternalServerException"), (429, "ThrottlingException")),
}
"""What each service answers when it cannot; calls of other services are left alone."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a function. ``caller`` is its access key: each function has one of its own."""

    service: str
    operation: str
    invocation: str
    caller: str
    port: int
    """The client's TCP port: which worker it is."""


@dataclass(frozen=True, slots=True)
class Effect:
    """A push or mail that the service took. ``at``: epoch seconds at which the call left its function."""

    service: str
    at: float
    body: bytes


@dataclass
class Faults:
    """Which calls are faulted. ``rate``: share of calls, from 0 to 1; 0 ends the faults."""

    seed: int
    rate: float = 0.0
    count: Counter[str] = field(default_factory=Counter)
    """Faults by ``service kind``."""

    def __post_init__(self) -> None:
        self._chance = random.Random(f"{self.seed}/aws")
        self._lock = threading.Lock()
        self._scripts: dict[str, list[str]] = {}

    def meet(self, call: Call, statements: int) -> str:
        """What this try of the call meets; empty: nothing. ``statements`` that it holds, 0 if none."""
        if call.service not in ERRORS:
            return ""
        with self._lock:
            script = self._scripts.get(call.invocation)
            if script is None:
                script = self._draw(statements)
                if len(self._scripts) >= REMEMBERED:
                    self._scripts.pop(next(iter(self._scripts)))
                self._scripts[call.invocation] = script
            kind = script.pop(0) if script and self.rate else ""
            if kind:
                self.count[f"{call.service} {kind}"] += 1
            return kind

    def _draw(self, statements: int) -> list[str]:
        if self._chance.random() >= self.rate:
            return []
        choices = [*SCRIPTS, *([(ONE_WEIGHT, (ONE,))] if statements > 1 else [])]
        (drawn,) = self._chance.choices([script for _, script in choices], [weight for weight, _ in choices])
        return list(drawn)

    def pick(self, number: int) -> int:
        """One of so many, by the same chance."""
        with self._lock:
            return self._chance.randrange(number)


class FaultProxy:
    """Listens on a port of its own; ``upstream`` is the local AWS on this machine."""

    def __init__(self, upstream: int, faults: Faults) -> None:
        self.upstream = upstream
        self.others: dict[str, int] = {}
        """Ports of services that stand behind a door of their own."""
        self.faults = faults
        self.effects: list[Effect] = []
        self.requests: Counter[str] = Counter()
        """Requests by ``service operation``."""
        self.before: Callable[[Call], None] | None = None
        """Called before a request is passed on, with the call; it may end the caller."""
        self.after: Callable[[Call], None] | None = None
        """Called when a request was carried out and nobody has been told yet."""
        self.seen: Callable[[Call, bytes, bytes], None] | None = None
        """As ``after``, with the bodies of request and answer."""
        self._server = _Server(("127.0.0.1", 0), _handler(self))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> FaultProxy:
        """Open the port."""
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 256
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke: a worker was killed, or the proxy was told to."""


@dataclass
class _Message:
    """A request or an answer: its first line, its headers as they came, its body."""

    first: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def header(self, name: bytes) -> str:
        return next((value.decode("latin-1") for key, value in self.headers if key.lower() == name), "")

    def raw(self) -> bytes:
        lines = [self.first, *(key + b": " + value for key, value in self.headers)]
        return b"\r\n".join(lines) + b"\r\n\r\n" + self.body

    @property
    def status(self) -> int:
        return int(self.first.split(b" ", 2)[1])


def _read(stream: BufferedIOBase) -> _Message | None:
    """The next message; ``None`` at the end of the stream. Chunks are joined."""
    first = stream.readline(65_536).rstrip(b"\r\n")
    if not first:
        return None
    headers: list[tuple[bytes, bytes]] = []
    length, chunked = 0, False
    while line := stream.readline(65_536).rstrip(b"\r\n"):
        key, _, value = line.partition(b":")
        value = value.strip()
        match key.lower():
            case b"content-length":
                length = int(value)
            case b"transfer-encoding":
                chunked = value.lower() == b"chunked"
                continue
        headers.append((key, value))
    if not chunked:
        return _Message(first, headers, stream.read(length) if length else b"")
    body = b""
    while size := int(stream.readline().split(b";")[0], 16):
        body += stream.read(size)
        stream.readline()
    stream.readline()
    return _Message(first, [*headers, (b"Content-Length", str(len(body)).encode())], body)


def call_of(request: _Message, port: int) -> Call:
    """Who asks which service for what."""
    scope = request.header(b"authorization").partition("Credential=")[2].partition(",")[0].split("/")
    caller, service = (scope[0], scope[3]) if len(scope) >= 5 else ("", "")
    target = request.header(b"x-amz-target")
    if target:
        operation = target.rpartition(".")[2]
    elif service == "sns":
        operation = parse_qs(request.body.decode(errors="replace")).get("Action", [""])[0]
    else:
        operation = request.first.split(b" ")[1].decode("latin-1").partition("?")[0]
    return Call(service, operation, request.header(b"amz-sdk-invocation-id"), caller, port)


def error_answer(service: str, status: int, code: str) -> bytes:
    """An error as the service tells it: XML from SNS, JSON from the others."""
    if service == "sns":
        kind = b"text/xml"
        body = (
            f"<ErrorResponse><Error><Type>Receiver</Type><Code>{code}</Code><Message>chaos</Message></Error>"
            "<RequestId>chaos</RequestId></ErrorResponse>"
        ).encode()
    else:
        kind, body = b"application/x-amz-json-1.0", json.dumps({"__type": code, "message": "chaos"}).encode()
    headers = [
        (b"Content-Type", kind),
        (b"Content-Length", str(len(body)).encode()),
        (b"x-amzn-ErrorType", code.encode()),
    ]
    return _Message(f"HTTP/1.1 {status} Chaos".encode(), headers, body).raw()


def without(request: _Message, index: int) -> _Message:
    """The same batch without one statement, signed anew."""
    document = json.loads(request.body)
    del document["Statements"][index]
    body = json.dumps(document).encode()
    signed = AWSRequest(
        "POST",
        f"http://{request.header(b'host')}/",
        data=body,
        headers={
            "Host": request.header(b"host"),
            "Content-Type": request.header(b"content-type"),
            "X-Amz-Target": request.header(b"x-amz-target"),
        },
    )
    SigV4Auth(ROOT, "dynamodb", "eu-west-1").add_auth(signed)
    headers = [(key.encode(), str(value).encode()) for key, value in signed.headers.items()]
    return _Message(request.first, [*headers, (b"Content-Length", str(len(body)).encode())], body)


def throttled(answer: _Message, index: int) -> _Message:
    """The answer to the smaller batch, with the throttled statement in its place."""
    document = json.loads(answer.body)
    error = {"Error": {"Code": "ThrottlingError", "Message": "chaos"}}
    document["Responses"].insert(index, error)
    body = json.dumps(document).encode()
    # The checksum that DynamoDB sends along is that of the other body.
    left_out = (b"content-length", b"x-amz-crc32")
    headers = [(key, value) for key, value in answer.headers if key.lower() not in left_out]
    return _Message(answer.first, [*headers, (b"Content-Length", str(len(body)).encode())], body)


def _handler(proxy: FaultProxy) -> type[socketserver.StreamRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        disable_nagle_algorithm = True
        rbufsize = 65_536

        def handle(self) -> None:
            self.behind: socket.socket | None = None
            self.service = ""
            try:
                while (request := _read(self.rfile)) is not None:
                    self.one(request)
            except (OSError, ValueError):
                return
            finally:
                self.drop()

        def one(self, request: _Message) -> None:
            """Pass one request on, or do to it what its script says."""
            at = time.time()
            call = call_of(request, self.client_address[1])
            proxy.requests[f"{call.service} {call.operation}"] += 1
            if proxy.before:
                proxy.before(call)
            statements = 0
            if call.operation == "BatchExecuteStatement":
                statements = len(json.loads(request.body)["Statements"])
            kind = proxy.faults.meet(call, statements)
            if kind == REFUSE:
                status, code = self.any_error(call)
                self.wfile.write(error_answer(call.service, status, code))
                return
            if kind == STRAGGLE:
                time.sleep(LATE)
            if kind == ONE:
                index = proxy.faults.pick(statements)
                answer = self.passed_on(without(request, index))
                if answer.status == 200:
                    answer = throttled(answer, index)
            else:
                answer = self.passed_on(request)
            if answer.status == 200 and (
                (call.service == "sns" and call.operation == "Publish")
                or (call.service == "ses" and call.operation.endswith("/outbound-emails"))
            ):
                proxy.effects.append(Effect(call.service, at, request.body))
            if proxy.after:
                proxy.after(call)
            if proxy.seen:
                proxy.seen(call, request.body, answer.body)
            if kind == STALL:
                time.sleep(LATE)
            if kind == LOSE:
                if proxy.faults.pick(5) < 3:
                    raise OSError("broken on purpose")
                answer_raw = error_answer(call.service, 500, ERRORS[call.service][0][1])
            else:
                answer_raw = answer.raw()
            self.wfile.write(answer_raw)

        def any_error(self, call: Call) -> tuple[int, str]:
            errors = ERRORS[call.service]
            return errors[proxy.faults.pick(len(errors))]

        def passed_on(self, request: _Message) -> _Message:
            """The answer of the local AWS, over a connection that is kept open."""
            service = call_of(request, 0).service
            if proxy.others and service != self.service:
                self.drop()  # a client asks one service; should one ask two, each has its port
            self.service = service
            if self.behind is not None and select.select([self.behind], [], [], 0)[0]:
                self.drop()  # closed from the other side while nothing was asked
            if self.behind is None:
                port = proxy.others.get(service, proxy.upstream)
                self.behind = socket.create_connection(("127.0.0.1", port), timeout=70)
                self.behind.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.answers = self.behind.makefile("rb")
            self.behind.sendall(request.raw())
            answer = _read(self.answers)
            if answer is None:
                raise OSError("the local AWS closed the connection")
            if answer.header(b"connection").lower() == "close":
                self.drop()
            return answer

        def drop(self) -> None:
            if self.behind is not None:
                with contextlib.suppress(OSError):
                    self.answers.close()
                    self.behind.close()
                self.behind = None

    return Handler
