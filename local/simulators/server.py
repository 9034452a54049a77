"""What both simulators share: an API port that can really close, a control port that stays, faults, a record.

Control surface: ``POST/DELETE/GET /_control/faults``, ``GET /_control/requests``, ``POST /_control/reset``,
``POST /_control/settings``, ``GET /_control/state``, ``GET /_control/health``.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

BREAK = -1
"""Status that breaks the connection instead of answering."""


@dataclass
class Request:
    """One request to the API port."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    raw: bytes
    body: Any
    time: float
    target: str = ""
    """Path and query as they were written."""

    @property
    def bearer(self) -> str:
        kind, _, token = self.headers.get("authorization", "").partition(" ")
        return token if kind.lower() == "bearer" else ""


@dataclass
class Answer:
    """What the API answers. ``notes`` go into the record only."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    raw: bytes | None = None
    content_type: str = "application/json"


@dataclass
class Fault:
    """A fault that is switched on. ``left`` is ``None`` for: until it is ended."""

    id: int
    kind: str
    left: int | None
    match: dict[str, Any]
    options: dict[str, Any]

    def shown(self) -> dict[str, Any]:
        return {"id": self.id, "kind": self.kind, "count": self.left, "match": self.match, **self.options}


class ControlError(ValueError):
    """A control request that makes no sense; answered with 400 and this text."""


class Simulator:
    """Base of a simulator: subclasses answer API requests and extend the control surface."""

    kinds: tuple[str, ...] = ()
    """Fault kinds besides ``unreachable`` and ``slow``, which every simulator has."""

    def __init__(self, port: int = 0, control_port: int = 0, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.faults: list[Fault] = []
        self.requests: list[dict[str, Any]] = []
        self.latency = 0.0
        self._ids = itertools.count(1)
        self._api: _Server | None = None
        self._port = port
        self._control = _Server(("127.0.0.1", control_port), self._control_handler())
        self.control_port = self._control.server_address[1]

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def control_url(self) -> str:
        return f"http://127.0.0.1:{self.control_port}"

    def start(self) -> Simulator:
        """Open both ports."""
        self._open()
        threading.Thread(target=self._control.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Close both ports and every connection."""
        self._close()
        self._control.shutdown()
        self._control.close_all()

    def run(self, name: str) -> None:
        """Start, say where, and stop at a termination signal."""
        self.start()
        print(f"{name} on {self.url}, control on {self.control_url}", flush=True)
        ended = threading.Event()
        for kind in (signal.SIGTERM, signal.SIGINT):
            signal.signal(kind, lambda *_: ended.set())
        ended.wait()
        self.stop()

    # -- the API port ----------------------------------------------------------------------------

    def _open(self) -> None:
        if self._api is None:
            self._api = _Server(("127.0.0.1", self._port), self._api_handler())
            self._port = self._api.server_address[1]
            threading.Thread(target=self._api.serve_forever, args=(0.05,), daemon=True).start()

    def _close(self) -> None:
        """Really close: the listening socket first, so that no connection can slip in, then the open ones."""
        api, self._api = self._api, None
        if api is not None:
            # Closed alone it would go on listening until the thread that polls it looks up.
            with contextlib.suppress(OSError):
                api.socket.shutdown(socket.SHUT_RDWR)
            api.socket.close()
            api.close_all()
            threading.Thread(target=api.shutdown, daemon=True).start()

    def answer(self, request: Request) -> Answer:
        """Answer one API request."""
        raise NotImplementedError

    def control(self, method: str, path: str, query: dict[str, str], body: Any) -> Any:
        """Answer a control request that is not common to all; ``None``: there is no such thing."""
        return None

    def apply_settings(self, body: Mapping[str, Any]) -> None:
        """Take settings of ``POST /_control/settings``."""
        if "latency_ms" in body:
            self.latency = float(body["latency_ms"]) / 1000

    def state(self) -> dict[str, Any]:
        """What ``GET /_control/state`` shows."""
        return {"faults": [fault.shown() for fault in self.faults], "requests": len(self.requests)}

    def reset(self) -> None:
        """Clear faults and the record."""
        with self.lock:
            self.faults.clear()
            self.requests.clear()
            self.latency = 0.0
        self._open()

    # -- faults ----------------------------------------------------------------------------------

    def take_fault(self, kinds: tuple[str, ...], facts: Mapping[str, Any]) -> Fault | None:
        """The first fault of one of ``kinds`` that matches; one use of it is counted."""
        with self.lock:
            for fault in self.faults:
                if fault.kind in kinds and _matches(fault.match, facts):
                    if fault.left is not None:
                        fault.left -= 1
                        if fault.left <= 0:
                            self.faults.remove(fault)
                    return fault
        return None

    def add_fault(self, body: Any) -> dict[str, Any]:
        """Switch a fault on."""
        if not isinstance(body, dict) or "kind" not in body:
            raise ControlError('a fault is a JSON object: {"kind": ..., "count": n or null, "match": {...}}')
        known = ("unreachable", "slow", *self.kinds)
        if body["kind"] not in known:
            raise ControlError(f"unknown kind {body['kind']!r}; known are {', '.join(known)}")
        count = body.get("count")
        if count is not None and (not isinstance(count, int) or count < 1):
            raise ControlError("count must be a whole number from 1 on, or null")
        options = {k: v for k, v in body.items() if k not in ("kind", "count", "match", "id")}
        fault = Fault(next(self._ids), body["kind"], count, dict(body.get("match") or {}), options)
        with self.lock:
            self.faults.append(fault)
        if fault.kind == "unreachable":
            self._close()
        return fault.shown()

    def end_faults(self, which: int | None = None) -> dict[str, Any]:
        """End one fault, or all."""
        with self.lock:
            ended = [fault for fault in self.faults if which is None or fault.id == which]
            self.faults = [fault for fault in self.faults if fault not in ended]
            closed = any(fault.kind == "unreachable" for fault in self.faults)
        if not closed:
            self._open()
        return {"ended": [fault.id for fault in ended]}

    # -- handlers --------------------------------------------------------------------------------

    def _api_handler(self) -> type[BaseHTTPRequestHandler]:
        simulator = self

        class Handler(_Handler):
            def handle_any(self) -> None:
                request = self.read()
                if simulator.latency:
                    time.sleep(simulator.latency)
                slow = simulator.take_fault(("slow",), {"path": request.path, "method": request.method})
                if slow:
                    time.sleep(float(slow.options.get("latency_ms", 30_000)) / 1000)
                answer = simulator.answer(request)
                simulator.keep(request, answer)
                if answer.status == BREAK:
                    self.break_off()
                else:
                    self.reply(answer)

        return Handler

    def keep(self, request: Request, answer: Answer) -> None:
        """Add to the record; a token is kept as a fingerprint only."""
        entry = {
            "method": request.method,
            "path": request.path,
            "query": {k: ("…" if "token" in k or "secret" in k else v) for k, v in request.query.items()},
            "body": request.body,
            "time": request.time,
            "token": hashlib.sha256(request.bearer.encode()).hexdigest()[:12] if request.bearer else None,
            "answer": {"status": None if answer.status == BREAK else answer.status, "body": answer.body},
            "accepted": False,
            **answer.notes,
        }
        with self.lock:
            self.requests.append(entry)

    def _control_handler(self) -> type[BaseHTTPRequestHandler]:
        simulator = self

        class Handler(_Handler):
            def handle_any(self) -> None:
                request = self.read()
                try:
                    result = simulator._controlled(request)
                except (ControlError, KeyError, TypeError, ValueError) as error:
                    self.reply(Answer(400, {"error": f"{error}"}))
                    return
                self.reply(
                    Answer(404, {"error": "no such control"}) if result is None else Answer(200, result)
                )

        return Handler

    def _controlled(self, request: Request) -> Any:
        path = request.path.removeprefix("/_control")
        match request.method, path:
            case "GET", "/health":
                return {"ok": True, "port": self._port, "reachable": self._api is not None}
            case "GET", "/state":
                return self.state()
            case "GET", "/faults":
                return {"faults": [fault.shown() for fault in self.faults]}
            case "POST", "/faults":
                return self.add_fault(request.body)
            case "DELETE", "/faults":
                return self.end_faults()
            case "POST", "/reset":
                self.reset()
                return {"reset": True}
            case "POST", "/settings":
                self.apply_settings(request.body or {})
                return self.state()
            case "GET", "/requests":
                return self._listed(request.query)
            case "DELETE", _ if path.startswith("/faults/"):
                return self.end_faults(int(path.removeprefix("/faults/")))
        return self.control(request.method, path, request.query, request.body)

    def _listed(self, query: Mapping[str, str]) -> dict[str, Any]:
        with self.lock:
            found = list(self.requests)
        if "path" in query:
            found = [entry for entry in found if query["path"] in entry["path"]]
        if "method" in query:
            found = [entry for entry in found if entry["method"] == query["method"].upper()]
        if "since" in query:
            found = [entry for entry in found if entry["time"] >= float(query["since"])]
        if query.get("accepted") == "true":
            found = [entry for entry in found if entry["accepted"]]
        if "limit" in query:
            found = found[-int(query["limit"]) :]
        return {"count": len(found), "requests": found}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, handler)

    def server_bind(self) -> None:
        # HTTPServer would look the host's name up; that can take seconds.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def close_all(self) -> None:
        """Close the listening socket and every open connection."""
        self.socket.close()
        with self._open_lock:
            doomed, self._open = list(self._open), set()
        for connection in doomed:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is what some tests ask for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One write per answer instead of one per header.
    wbufsize = -1

    def handle_any(self) -> None:
        raise NotImplementedError

    def do_GET(self) -> None:
        self.handle_any()

    do_POST = do_DELETE = do_PUT = do_GET  # noqa: N815 - the base class calls these names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """The record is the log."""

    def read(self) -> Request:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        split = urlsplit(self.path)
        body: Any = None
        if raw and "multipart" not in (self.headers.get("content-type") or ""):
            try:
                body = json.loads(raw)
            except ValueError:
                body = raw.decode(errors="replace")
        return Request(
            method=self.command,
            path=split.path,
            query={
                name: values[-1] for name, values in parse_qs(split.query, keep_blank_values=True).items()
            },
            headers={name.lower(): value for name, value in self.headers.items()},
            raw=raw,
            body=body,
            time=time.time(),
            target=self.path,
        )

    def reply(self, answer: Answer) -> None:
        raw = answer.raw
        if raw is None:
            raw = answer.body.encode() if isinstance(answer.body, str) else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(raw)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)

    def break_off(self) -> None:
        """Break the connection without an answer."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


def _matches(match: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    for name, wanted in match.items():
        value = facts.get(name)
        if name == "path":
            if not str(value or "").startswith(str(wanted)) and str(wanted) not in str(value or ""):
                return False
        elif name == "text":
            if str(wanted) not in str(value or ""):
                return False
        elif isinstance(wanted, list):
            if not any(_same(option, value) for option in wanted):
                return False
        elif not _same(wanted, value):
            return False
    return True


def _same(wanted: Any, value: Any) -> bool:
    return str(wanted).lstrip("+") == str(value or "").lstrip("+")
