"""pywa, the usual client of the Cloud API in Python, in as many threads as there are connections."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import boto3
import httpx
from botocore.config import Config
from common import CONNECTIONS, STUB, TEXT, TO, TOKEN, claim, outcome, serve
from pywa import WhatsApp


class ToStub(httpx.HTTPTransport):
    """Takes what is meant for Meta's host to the stub."""

    def __init__(self) -> None:
        super().__init__(
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
        )
        self._stub = httpx.URL(STUB)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        stub = self._stub
        request.url = request.url.copy_with(scheme=stub.scheme, host=stub.host, port=stub.port)
        return super().handle_request(request)


meta = WhatsApp(phone_id="1", token=TOKEN, session=httpx.Client(transport=ToStub(), trust_env=False))
dynamodb = boto3.client("dynamodb", config=Config(max_pool_connections=CONNECTIONS))
threads = ThreadPoolExecutor(CONNECTIONS)


def one(name: str) -> None:
    """Claim, send, record."""
    dynamodb.put_item(**claim(name))
    sent = meta.send_message(TO, TEXT)
    dynamodb.update_item(**outcome(name, sent.id))


def work(ids: list[str]) -> None:
    """All of them."""
    list(threads.map(one, ids))


if __name__ == "__main__":
    serve(work)
