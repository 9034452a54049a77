"""A stand-in for Meta that costs next to nothing: a process of its own that answers every POST alike.

with running() as port: ...
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

BODY = json.dumps(
    {
        "messaging_product": "whatsapp",
        "contacts": [{"input": "+4915112345678", "wa_id": "4915112345678"}],
        "messages": [{"id": f"wamid.{'x' * 56}"}],
    }
).encode()
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\nx-fb-trace-id: BAVxxxx\r\n"
    b"x-fb-request-id: 1234\r\nfacebook-api-version: v23.0\r\nStrict-Transport-Security: max-age=15552000\r\n"
    b"x-fb-rev: 10101\r\nx-fb-debug: abcdefghijklmnopqrstuvwxyz==\r\nDate: Thu, 01 Oct 2026 00:00:00 GMT\r\n"
    b'Alt-Svc: h3=":443"\r\nConnection: keep-alive\r\nContent-Length: %d\r\n\r\n%s' % (len(BODY), BODY)
)
"""With as many headers as Meta's own answers have."""


def _serve(connection: socket.socket) -> None:
    read = b""
    while part := connection.recv(65536):
        read += part
        while (end := read.find(b"\r\n\r\n")) >= 0:
            length = int(read[:end].lower().split(b"content-length:")[1].split(b"\r\n")[0])
            while len(read) < end + 4 + length:
                read += connection.recv(65536)
            read = read[end + 4 + length :]
            connection.sendall(ANSWER)


def main() -> None:
    """Print the port and answer until killed."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_serve, args=(connection,), daemon=True).start()


@contextmanager
def running() -> Iterator[int]:
    """The stub's port."""
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.stub"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
