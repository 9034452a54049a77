"""HTTP/1.1 over kept connections, for the services that are asked once per message.

On :mod:`http.client` without what a general client adds to each request (sessions, cookies, hooks, redirects,
proxies, retries): that was two thirds of the processor time of a send. What matters here is to know of every
error whether the request may have left, so connecting, sending and reading are steps of their own.
"""

from __future__ import annotations

import re
import select
import socket
import ssl
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage, HTTPResponse, LineTooLong, UnknownProtocol
from typing import Any, Final, cast
from urllib.parse import urlsplit

from lifeline.domain.failure.causes import Fault

IDLE_SECONDS: Final = 30.0
"""A connection that was idle for longer is not used again. While a worker was frozen, a NAT may have
forgotten it without a word (AWS NAT gateway: after 350 seconds), and a request on it would end in doubt.
"""
HEADER_SAFE: Final = re.compile(r"[\x21-\x7e]+")
"""What a credential must match, so that it can stand in a header."""
_PART: Final = 64 * 1024
"""Bytes that are read at once."""
_LONGEST_LINE: Final = 65_536
_MOST_HEADERS: Final = 100
"""Bytes of a header's line, and headers of an answer, as :mod:`http.client` bounds them."""
_PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class HttpReply:
    """One answer. ``headers``: names in lower case. ``body``: none where it was larger than allowed."""

    status: int
    headers: Mapping[str, str]
    body: bytes | None


class HttpError(Exception):
    """No answer came. ``fault`` says above all whether the request may have left; the text names no address,
    since addresses hold secrets.
    """

    def __init__(self, fault: Fault, error: BaseException) -> None:
        super().__init__(_said(error))
        self.fault = fault


def _said(error: BaseException) -> str:
    """What the operating system, TLS or the parser found; empty where the fault's kind says it already."""
    if isinstance(error, ssl.SSLError):
        return error.reason or ""
    if isinstance(error, OSError):
        return error.strerror or ""
    return type(error).__name__


class _StaleError(Exception):
    """A kept connection was closed by the other side before a byte of the request was taken."""


@dataclass(frozen=True, slots=True)
class _Origin:
    scheme: str
    host: str
    port: int

    @property
    def name(self) -> str:
        """As the ``Host`` header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


class Http:
    """Connections to some hosts, shared by the threads that ask.

    Each call holds one connection, so there are as many as threads that ask at once, and at most
    ``connections`` of each host are kept. Nothing is asked twice, but for one case: a kept connection turns
    out to be closed before it took a byte, and the request goes over another.
    """

    def __init__(self, *, connections: int, connect_timeout: float, read_timeout: float) -> None:
        """Time-outs in seconds: for a connection with its TLS handshake (each step), and for each wait for
        bytes of an answer.
        """
        self._timeouts = (connect_timeout, read_timeout)
        self._connections = connections
        self._idle: dict[_Origin, deque[tuple[socket.socket, float]]] = {}

    def ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        limit: int,
        within: float | None = None,
        wait: float | None = None,
    ) -> HttpReply:
        """Ask once. Redirects are answers as others. Raises :class:`HttpError`.

        ``limit``: bytes of an answer that are read at most. ``within``: seconds that the whole call may take,
        where it has less than its time-outs; looked at after each 64 KiB. ``wait``: seconds for each wait,
        where they are others than usual.
        """
        try:
            origin, target = _place(url)
            request = _request(method, target, origin, headers, body)
        except (ValueError, KeyError) as error:  # no address, or one that cannot be written
            raise HttpError(Fault.DNS, error) from None
        connect, read = self._timeouts[0], wait or self._timeouts[1]
        end = None
        if within is not None:
            end = time.monotonic() + within
            connect, read = min(connect, within), min(read, within)
        while True:
            kept = self._kept(origin)
            connection = kept or self._connect(origin, connect)
            try:
                _send(connection, request, read, kept is not None)
                reply, again = _receive(connection, method, limit, end)
            except _StaleError:
                connection.close()
                continue
            except TimeoutError as error:
                connection.close()
                raise HttpError(Fault.READ_TIMEOUT, error) from None
            except (OSError, HTTPException) as error:
                connection.close()
                raise HttpError(Fault.BROKEN, error) from None
            except BaseException:
                connection.close()
                raise
            if again:
                self._keep(origin, connection)
            else:
                connection.close()
            return reply

    # -- connections -----------------------------------------------------------------------------------

    def _kept(self, origin: _Origin) -> socket.socket | None:
        """The connection used last that can still be used."""
        idle = self._idle.get(origin)
        while idle:
            try:
                connection, since = idle.pop()
            except IndexError:  # another thread took it
                return None
            if time.monotonic() - since < IDLE_SECONDS and not _readable(connection):
                return connection
            connection.close()
        return None

    def _keep(self, origin: _Origin, connection: socket.socket) -> None:
        idle = self._idle.setdefault(origin, deque())
        if len(idle) < self._connections:
            idle.append((connection, time.monotonic()))
        else:
            connection.close()

    def _connect(self, origin: _Origin, timeout: float) -> socket.socket:
        try:
            plain = socket.create_connection((origin.host, origin.port), timeout)
        except TimeoutError as error:
            raise HttpError(Fault.CONNECT_TIMEOUT, error) from None
        except (socket.gaierror, UnicodeError) as error:
            raise HttpError(Fault.DNS, error) from None
        except OSError as error:
            raise HttpError(Fault.REFUSED, error) from None
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if origin.scheme != "https":
            return plain
        try:
            return self._tls.wrap_socket(plain, server_hostname=origin.host)
        except TimeoutError as error:
            plain.close()
            raise HttpError(Fault.CONNECT_TIMEOUT, error) from None
        except (OSError, ValueError) as error:  # a certificate that is not theirs, a reset, no TLS at all
            plain.close()
            raise HttpError(Fault.TLS, error) from None

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made with the first connection that needs it: to read the certificates takes 15 ms."""
        import certifi

        context = ssl.create_default_context(cafile=certifi.where())
        context.set_alpn_protocols(["http/1.1"])
        return context


def _place(url: str) -> tuple[_Origin, str]:
    """Where to connect, and what to ask for there. Raises ``ValueError`` or ``KeyError``."""
    parts = urlsplit(url)
    origin = _Origin(parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme])
    path = parts.path or "/"
    return origin, f"{path}?{parts.query}" if parts.query else path


def _request(
    method: str, target: str, origin: _Origin, headers: Mapping[str, str], body: bytes | None
) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", f"Host: {origin.name}", "User-Agent: lifeline"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body is not None or method != "GET":
        lines.append(f"Content-Length: {len(body or b'')}")
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a header of a request has a line break")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def _readable(connection: socket.socket) -> bool:
    """Bytes or an end that nobody asked for: it cannot carry another request."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def _send(connection: socket.socket, request: bytes, timeout: float, kept: bool) -> None:
    connection.settimeout(timeout)
    try:
        taken = connection.send(request)
    except TimeoutError:
        raise
    except OSError:
        # Not a byte was taken, so it cannot have been carried out.
        if kept:
            raise _StaleError from None
        raise
    if taken < len(request):
        connection.sendall(memoryview(request)[taken:])


def _receive(connection: socket.socket, method: str, limit: int, end: float | None) -> tuple[HttpReply, bool]:
    """The answer, and whether the connection can carry another request."""
    with _Response(connection, method=method) as response:
        response.begin()
        read = bytearray()
        while len(read) <= limit and (part := response.read(min(_PART, limit + 1 - len(read)))):
            read += part
            if end is not None and time.monotonic() > end:
                raise TimeoutError
        whole = len(read) <= limit
        if whole and response.length:
            raise ConnectionError("the answer ended early")
        reply = HttpReply(response.status, response.fields, bytes(read) if whole else None)
        return reply, whole and not response.will_close


class _Response(HTTPResponse):
    """An answer whose headers are read line by line: :mod:`http.client` has them parsed as a mail's, which
    takes a fifth of a send. ``fields``: the headers, names in lower case; of several of a name the first.
    """

    fields: dict[str, str]

    def begin(self) -> None:
        """Read up to the body. Raises :class:`HTTPException` for what is no answer, or too long."""
        general: Any = self  # what http.client itself works with
        status = int(HTTPStatus.CONTINUE)
        while status == HTTPStatus.CONTINUE:
            version, status, self.reason = general._read_status()
            self.fields = self._read_fields()
        if not version.startswith("HTTP/1."):
            raise UnknownProtocol(version)
        self.version = 10 if version == "HTTP/1.0" else 11
        self.status = general.code = status
        self.headers = self.msg = cast(HTTPMessage, self.fields)
        self.chunked = self.fields.get("transfer-encoding", "").lower() == "chunked"
        general.chunk_left = None
        length = self.fields.get("content-length", "")
        self.length = int(length) if length.isascii() and length.isdigit() and not self.chunked else None
        bare = status < HTTPStatus.OK or status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
        if bare or general._method == "HEAD":
            self.length = 0
        self.will_close = general._check_close() or (not self.chunked and self.length is None)

    def _read_fields(self) -> dict[str, str]:
        fields: dict[str, str] = {}
        name = ""
        for _ in range(_MOST_HEADERS):
            line = self.fp.readline(_LONGEST_LINE + 1)
            if len(line) > _LONGEST_LINE:
                raise LineTooLong("header line")
            if line in (b"\r\n", b"\n", b""):
                return fields
            text = line.decode("latin-1")
            if text[0] in " \t":  # goes on with the header before
                fields[name] = f"{fields.get(name, '')} {text.strip()}"
                continue
            name, _, value = text.partition(":")
            name = name.strip().lower()
            fields.setdefault(name, value.strip())
        raise HTTPException(f"got more than {_MOST_HEADERS} headers")
