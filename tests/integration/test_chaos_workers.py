"""Killing workers: only children of the local AWS that the run started, and in the middle of their calls."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.plan import Kill
from tests.chaos.proxy import Call
from tests.chaos.workers import PROC, Workers

pytestmark = pytest.mark.skipif(not (PROC / "self").exists(), reason="workers are found in /proc")

SCRIPT = """
import socket, sys
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
connection.recv(1)
"""


class Listener:
    """Workers connect to it; it knows their ports."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.server.getsockname()[1])
        self.connections: list[socket.socket] = []

    def next(self) -> int:
        connection, (_, port) = self.server.accept()
        self.connections.append(connection)
        return int(port)


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()
    found.server.settimeout(10)
    yield found
    for connection in found.connections:
        connection.close()
    found.server.close()


def worker(folder: Path, stack: str, function: str, port: int) -> subprocess.Popen[bytes]:
    path = folder / f"ministack-lambda-{stack}-{function}-ab12_x" / "_worker.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(SCRIPT)
    return subprocess.Popen([sys.executable, str(path), str(port)])


def test_a_worker_is_killed_at_one_of_its_calls(tmp_path: Path, listener: Listener) -> None:
    with (
        worker(tmp_path, "x", "sender", listener.port) as sender,
        worker(tmp_path, "other", "sender", listener.port) as stranger,
    ):
        ports = [listener.next(), listener.next()]
        workers = Workers(os.getpid(), "x", seed=1)
        assert workers.listed() == {sender.pid: "sender"}
        assert Workers(1, "x", seed=1).listed() == {}, "nobody else's children"
        workers.kill(Kill(0.0, "sender", "after", calls=1))
        for _ in range(2):
            assert sender.poll() is None, "it may still make one call"
            for port in ports:
                call = Call("dynamodb", "Query", "i", "k", port)
                workers.before(call)
                workers.after(call)
        assert sender.wait(5) == -9
        assert stranger.poll() is None
        assert workers.killed == {"sender after": 1}
        stranger.kill()


def test_an_idle_worker_is_killed_at_once_and_a_minute_function_rests(
    tmp_path: Path, listener: Listener
) -> None:
    with (
        worker(tmp_path, "x", "drainer", listener.port) as drainer,
        worker(tmp_path, "x", "sender", listener.port) as sender,
    ):
        for _ in (drainer, sender):
            listener.next()  # none is killed before both have connected
        workers = Workers(os.getpid(), "x", seed=1)
        workers.kill(Kill(0.0, "drainer", "idle"))
        assert drainer.wait(5) == -9
        workers.kill(Kill(0.0, "drainer", "idle"))
        assert sender.wait(5) == -9
        assert workers.killed == {"drainer idle": 1, "sender idle": 1}
