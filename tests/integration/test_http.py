"""The steps of a request over real sockets: what may have left, and what surely has not."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Final

import pytest
from lifeline.adapters import http
from lifeline.adapters.http import Http, HttpError, HttpReply
from lifeline.domain.failure.causes import Fault

from tests.support.certificates import Certificate

OK: Final = b"HTTP/1.1 200 OK\r\nX-Kind: a\r\nContent-Length: 2\r\n\r\nhi"
Serve = Callable[[socket.socket, int], None]


class Place:
    """A server that hands each connection with its number to ``serve``, one after the other."""

    def __init__(self, serve: Serve) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.connections = 0
        self.requests: list[bytes] = []
        self._serve = serve
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/x"

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                connection.settimeout(5)
                self._serve(connection, self.connections)

    def take(self, connection: socket.socket) -> bytes:
        """One request with its body."""
        read = b""
        while b"\r\n\r\n" not in read:
            part = connection.recv(4096)
            if not part:
                return b""
            read += part
        head, _, body = read.partition(b"\r\n\r\n")
        length = next(
            (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length")),
            0,
        )
        while len(body) < length:
            body += connection.recv(4096)
        self.requests.append(head + b"\n\n" + body)
        return read

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def place() -> Iterator[Callable[[Serve], Place]]:
    made: list[Place] = []

    def make(serve: Serve) -> Place:
        made.append(Place(serve))
        return made[-1]

    yield make
    for one in made:
        one.close()


def client(read_timeout: float = 5.0, connections: int = 4) -> Http:
    return Http(connections=connections, connect_timeout=2.0, read_timeout=read_timeout)


def ask(http_client: Http, url: str, body: bytes | None = b"{}", limit: int = 1000) -> HttpReply:
    return http_client.ask("POST", url, {"Authorization": "Bearer x"}, body, limit=limit)


def fault(http_client: Http, url: str, limit: int = 1000) -> Fault:
    with pytest.raises(HttpError) as raised:
        ask(http_client, url, limit=limit)
    assert "http" not in str(raised.value), "an address may hold secrets"
    return raised.value.fault


def answering(place: Callable[[Serve], Place]) -> Place:
    """One that answers each request."""

    def serve(connection: socket.socket, _: int) -> None:
        there.take(connection)
        connection.sendall(OK)

    there = place(serve)
    return there


def test_a_connection_carries_one_request_after_the_other(place: Callable[[Serve], Place]) -> None:
    def serve(connection: socket.socket, _: int) -> None:
        while there.take(connection):
            connection.sendall(OK)

    there, mine = place(serve), client()
    for _ in range(3):
        assert ask(mine, there.url) == HttpReply(200, {"x-kind": "a", "content-length": "2"}, b"hi")
    assert there.connections == 1
    head, _, body = there.requests[0].partition(b"\n\n")
    assert head.startswith(b"POST /v1/x HTTP/1.1\r\nHost: 127.0.0.1:")
    assert (body, b"Content-Length: 2" in head) == (b"{}", True)


def test_a_kept_connection_that_was_closed_meanwhile_is_replaced_without_asking_twice(
    place: Callable[[Serve], Place],
) -> None:
    closed = threading.Event()

    def serve(connection: socket.socket, number: int) -> None:
        there.take(connection)
        connection.sendall(OK)
        if number == 1:
            connection.close()
            closed.set()

    there, mine = place(serve), client()
    ask(mine, there.url)
    assert closed.wait(5)
    assert ask(mine, there.url).status == 200
    assert (there.connections, len(there.requests)) == (2, 2)


def test_a_kept_connection_that_takes_no_byte_is_replaced(
    place: Callable[[Serve], Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    there, mine = answering(place), client()
    monkeypatch.setattr(http, "_readable", lambda _: False)  # its end comes between the look and the use
    ask(mine, there.url)
    ((kept, _),) = mine._idle.popitem()[1]
    kept.shutdown(socket.SHUT_WR)
    mine._keep(http._place(there.url)[0], kept)
    assert ask(mine, there.url).status == 200
    assert len(there.requests) == 2


def test_an_end_after_the_request_was_taken_is_in_doubt_and_not_asked_again(
    place: Callable[[Serve], Place],
) -> None:
    def serve(connection: socket.socket, number: int) -> None:
        there.take(connection)
        if number == 1:
            connection.sendall(OK)
            there.take(connection)

    there, mine = place(serve), client()
    ask(mine, there.url)
    assert fault(mine, there.url) is Fault.BROKEN
    assert (there.connections, len(there.requests)) == (1, 2)


def test_a_connection_that_was_idle_for_long_is_not_used(
    place: Callable[[Serve], Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    there, mine = answering(place), client()
    ask(mine, there.url)
    monkeypatch.setattr(http, "IDLE_SECONDS", 0.0)
    assert ask(mine, there.url).status == 200
    assert there.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhi",
        b"SSH-2.0-x\r\n\r\n",
        b"",
    ],
)
def test_half_an_answer_is_in_doubt(place: Callable[[Serve], Place], answer: bytes) -> None:
    def serve(connection: socket.socket, _: int) -> None:
        there.take(connection)
        connection.sendall(answer)

    there = place(serve)
    assert fault(client(), there.url) is Fault.BROKEN
    assert there.connections == 1


def test_answers_in_parts_and_without_a_length_come_whole(place: Callable[[Serve], Place]) -> None:
    def serve(connection: socket.socket, number: int) -> None:
        there.take(connection)
        if number == 1:
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
            there.take(connection)
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\ngone")
        else:
            connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /else\r\nContent-Length: 0\r\n\r\n")

    there, mine = place(serve), client()
    assert ask(mine, there.url).body == b"hi"
    assert ask(mine, there.url).body == b"gone"
    assert ask(mine, there.url).status == 302, "a redirect is an answer"
    assert there.connections == 2


@pytest.mark.parametrize(
    ("answer", "status", "headers", "body", "asked"),
    [
        (
            b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nX-B:  b\r\n\tc\r\nCONTENT-LENGTH: 2\r\n\r\nhi",
            200,
            {"x-a": "1", "x-b": "b c", "content-length": "2"},
            b"hi",
            1,
        ),
        (
            b"HTTP/1.1 100 Continue\r\nX-Not: 1\r\n\r\n" + OK,
            200,
            {"x-kind": "a", "content-length": "2"},
            b"hi",
            1,
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, {}, b"", 1),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, {"content-length": "2"}, b"hi", 2),
        (
            b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 2\r\n\r\nhi",
            200,
            {"connection": "Close", "content-length": "2"},
            b"hi",
            2,
        ),
    ],
)
def test_what_stands_before_the_body(
    place: Callable[[Serve], Place],
    answer: bytes,
    status: int,
    headers: dict[str, str],
    body: bytes,
    asked: int,
) -> None:
    """``asked``: connections that two requests take."""

    def serve(connection: socket.socket, _: int) -> None:
        while there.take(connection):
            connection.sendall(answer)
            if asked > 1:
                return

    there = place(serve)
    own = client()
    assert [ask(own, there.url) for _ in range(2)] == [HttpReply(status, headers, body)] * 2
    assert there.connections == asked


@pytest.mark.parametrize(
    "head", [b"X: 1\r\n" * 101, b"X: " + b"1" * 70_000 + b"\r\n"], ids=["too many", "too long"]
)
def test_headers_without_end_are_no_answer(place: Callable[[Serve], Place], head: bytes) -> None:
    def serve(connection: socket.socket, _: int) -> None:
        there.take(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n")

    there = place(serve)
    assert fault(client(), there.url) is Fault.BROKEN


def test_no_more_is_read_than_allowed(place: Callable[[Serve], Place]) -> None:
    def serve(connection: socket.socket, _: int) -> None:
        while there.take(connection):
            connection.sendall(OK)

    there, mine = place(serve), client()
    assert ask(mine, there.url, limit=1).body is None
    assert ask(mine, there.url, limit=2).body == b"hi"
    assert there.connections == 2, "what was not read to its end carries nothing more"


def test_no_answer_in_time_is_in_doubt(place: Callable[[Serve], Place]) -> None:
    done = threading.Event()

    def serve(connection: socket.socket, _: int) -> None:
        there.take(connection)
        done.wait(5)

    there = place(serve)
    assert fault(client(read_timeout=0.05), there.url) is Fault.READ_TIMEOUT
    done.set()


def test_what_never_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nobody = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    assert fault(client(), nobody) is Fault.REFUSED
    with pytest.raises(HttpError, match=r"^Connection refused$"):
        ask(client(), nobody)
    for url in ("https://x.invalid:99999999/", "ftp://127.0.0.1/", "http://127.0.0.1/\u20ac"):
        assert fault(client(), url) is Fault.DNS
    with pytest.raises(HttpError) as raised:
        client().ask("GET", nobody, {"Authorization": "a\r\nb: c"}, limit=1)
    assert raised.value.fault is Fault.DNS


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_no_tls_means_that_nothing_left(place: Callable[[Serve], Place], answer: bytes) -> None:
    def serve(connection: socket.socket, _: int) -> None:
        connection.recv(4096)
        connection.sendall(answer)

    there = place(serve)
    assert fault(client(), there.url.replace("http:", "https:")) is Fault.TLS


def test_who_is_not_trusted_gets_nothing_and_a_broken_answer_over_tls_is_in_doubt(
    place: Callable[[Serve], Place],
) -> None:
    """After the handshake an error of TLS says nothing of whether the request was read."""
    certificate = Certificate("127.0.0.1")
    context = certificate.server()

    def serve(connection: socket.socket, number: int) -> None:
        try:
            with context.wrap_socket(connection, server_side=True) as secure:
                there.take(secure)
                if number == 2:
                    secure.sendall(OK)
                    there.take(secure)
                raw = socket.socket(fileno=secure.detach())
        except ssl.SSLError:
            return
        with raw:
            raw.sendall(b"no record of TLS at all, but forty bytes long")

    there = place(serve)
    url = there.url.replace("http:", "https:")
    assert fault(client(), url) is Fault.TLS
    assert there.requests == [], "a certificate that nobody vouches for"
    mine = client()
    vars(mine)["_tls"] = certificate.client()
    assert ask(mine, url).body == b"hi"
    assert fault(mine, url) is Fault.BROKEN
    assert len(there.requests) == 2
