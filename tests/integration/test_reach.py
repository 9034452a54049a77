"""The way to Meta below HTTP, on real sockets of the loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from lifeline.adapters.reach import GraphHost, UnreachedError
from lifeline.domain.failure.causes import Fault


@pytest.fixture
def port() -> Iterator[int]:
    """A port that takes connections and answers every one with a line of text."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                taken, _ = server.accept()
            except OSError:
                return
            with taken:
                taken.sendall(b"220 no TLS here\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield int(server.getsockname()[1])
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(5)


def test_a_host_that_takes_connections(port: int) -> None:
    reach = GraphHost(f"http://127.0.0.1:{port}", 2)
    assert reach.resolve() == ["127.0.0.1"]
    assert reach.connect() == f"127.0.0.1:{port} takes connections"


def test_a_closed_port_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    with pytest.raises(UnreachedError, match="refused") as caught:
        GraphHost(f"http://127.0.0.1:{closed}", 2).connect()
    assert caught.value.fault is Fault.REFUSED


def test_a_host_that_speaks_no_tls_is_told_apart(port: int) -> None:
    with pytest.raises(UnreachedError) as caught:
        GraphHost(f"https://127.0.0.1:{port}", 2).connect()
    assert caught.value.fault is Fault.TLS


def test_a_host_that_never_answers_is_told_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:  # it takes nothing: TLS waits in vain
        reach = GraphHost(f"https://127.0.0.1:{server.getsockname()[1]}", 0.3)
        with pytest.raises(UnreachedError, match="does not answer") as caught:
            reach.connect()
    assert caught.value.fault is Fault.CONNECT_TIMEOUT


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 300])
def test_a_name_without_an_address(host: str) -> None:
    with pytest.raises(UnreachedError) as caught:
        GraphHost(f"https://{host}", 2).resolve()
    assert caught.value.fault is Fault.DNS
