"""The proxy of chaos over real HTTP: what each fault does to the effect and to the caller."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.chaos import proxy as chaos
from tests.chaos.proxy import FaultProxy, Faults
from tests.support import aws


class Behind:
    """Stands in for DynamoDB and SNS: keeps what reached it."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        behind = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one write per answer instead of one per header

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                behind.bodies.append(body)
                if b"Action=Publish" in body:
                    answer = (
                        b"<PublishResponse><PublishResult><MessageId>m</MessageId></PublishResult>"
                        b"</PublishResponse>"
                    )
                elif body.startswith(b'{"Statements"'):
                    answer = json.dumps({"Responses": [{} for _ in json.loads(body)["Statements"]]}).encode()
                else:
                    answer = b'{"TableNames": ["t"]}'
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture
def behind() -> Iterator[Behind]:
    found = Behind()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def proxy(behind: Behind) -> Iterator[FaultProxy]:
    found = FaultProxy(behind.server.server_address[1], Faults(1)).start()
    yield found
    found.stop()


def client(proxy: FaultProxy, service: str, tries: int = 1, read_timeout: float = 5.0) -> Any:
    config = Config(retries={"mode": "standard", "total_max_attempts": tries}, read_timeout=read_timeout)
    return aws.client(service, proxy.url, config=config)


def only(proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch, *script: str) -> None:
    """Every call meets this script."""
    monkeypatch.setattr(chaos, "SCRIPTS", ((1, script),))
    monkeypatch.setattr(chaos, "ONE_WEIGHT", 0)
    proxy.faults.rate = 1.0


def test_without_faults_all_passes(proxy: FaultProxy, behind: Behind) -> None:
    assert client(proxy, "dynamodb").list_tables()["TableNames"] == ["t"]
    assert proxy.requests == {"dynamodb ListTables": 1}
    assert not proxy.faults.count


def test_a_refused_call_has_no_effect(
    proxy: FaultProxy, behind: Behind, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(proxy, monkeypatch, "refuse")
    with pytest.raises(ClientError):
        client(proxy, "sns").publish(TargetArn="arn:d", Message="m")
    with pytest.raises(ClientError):
        client(proxy, "dynamodb").list_tables()
    assert behind.bodies == []
    assert proxy.effects == []


def test_a_lost_answer_leaves_the_effect(
    proxy: FaultProxy, behind: Behind, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(proxy, monkeypatch, "lose")
    with pytest.raises((ClientError, BotoCoreError)):
        client(proxy, "sns").publish(TargetArn="arn:d", Message="m")
    assert len(behind.bodies) == 1
    assert [effect.service for effect in proxy.effects] == ["sns"]


def test_a_script_goes_on_over_the_tries_of_one_call(
    proxy: FaultProxy, behind: Behind, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(proxy, monkeypatch, "lose", "refuse", "lose")
    with pytest.raises((ClientError, BotoCoreError)):
        client(proxy, "dynamodb", tries=3).list_tables()
    assert len(behind.bodies) == 2
    only(proxy, monkeypatch, "refuse")
    assert client(proxy, "dynamodb", tries=3).list_tables()["TableNames"] == ["t"]
    assert proxy.faults.count == {"dynamodb lose": 2, "dynamodb refuse": 2}


@pytest.mark.parametrize("kind", ["straggle", "stall"])
def test_the_client_gives_up_and_the_effect_comes_all_the_same(
    proxy: FaultProxy, behind: Behind, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(chaos, "LATE", 0.4)
    only(proxy, monkeypatch, kind)
    with pytest.raises(BotoCoreError):
        client(proxy, "dynamodb", read_timeout=0.2).list_tables()
    assert len(behind.bodies) == (1 if kind == "stall" else 0)
    deadline = time.monotonic() + 5
    while len(behind.bodies) != 1:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_one_statement_of_a_batch_is_throttled(
    proxy: FaultProxy, behind: Behind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chaos, "SCRIPTS", ())
    proxy.faults.rate = 1.0
    statements = [{"Statement": f"statement {number}"} for number in range(4)]
    answers = client(proxy, "dynamodb").batch_execute_statement(Statements=statements)["Responses"]
    refused = [number for number, answer in enumerate(answers) if "Error" in answer]
    assert len(refused) == 1
    assert answers[refused[0]]["Error"]["Code"] == "ThrottlingError"
    reached = json.loads(behind.bodies[0])["Statements"]
    assert reached == [one for number, one in enumerate(statements) if number != refused[0]]


def test_it_does_not_slow_the_functions_down(proxy: FaultProxy) -> None:
    caller = client(proxy, "dynamodb")
    began = time.monotonic()
    for _ in range(100):
        caller.list_tables()
    assert time.monotonic() - began < 2.0
