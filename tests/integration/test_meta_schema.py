"""What Lifeline sends and what the simulator answers, held against Meta's own OpenAPI file."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from lifeline.adapters.whatsapp import Accepted, Answer, WhatsApp
from lifeline.contract.messages import Message, parse_message
from lifeline.domain.failure.causes import Cause
from lifeline.domain.failure.classify import Failure
from lifeline.domain.inbound import webhooks
from lifeline.domain.inbound.ours import Ours
from lifeline.domain.message.kinds import request

from local.simulators.graph import GraphSimulator
from local.simulators.graph.template_sends import in_small_letters
from local.simulators.meta_schema import MetaSchema
from tests.support.graph_client import client
from tests.support.openapi import MISSING, OPENAPI
from tests.support.system import eventually

pytestmark = pytest.mark.skipif(not OPENAPI.exists(), reason=MISSING)

OURS = Ours("102290129340398", frozenset({"106540352242922"}))
"""As the simulator calls them unless told."""
IMAGE = {"type": "header", "parameters": [{"type": "image", "image": {"id": "4490709327384033"}}]}
BODY = {"type": "body", "parameters": [{"type": "text", "text": "Ana"}]}
BUTTON = {
    "type": "button",
    "sub_type": "url",
    "index": "0",
    "parameters": [{"type": "text", "text": "suffix"}],
}
BODIES: list[dict[str, Any]] = [
    {"type": "text", "text": "Your appointment is at ten. \u00c4 \u2713"},
    {"type": "text", "text": "x" * 4096},
    {
        "type": "template",
        "template": {"name": "order_update", "language": "en_US", "parameters": ["42"]},
    },
    {"type": "template", "template": {"name": "hello_world", "language": "en_US"}},
    {
        "type": "template",
        "template": {"name": "order_update", "language": "en_US", "components": [BODY]},
    },
    {
        "type": "template",
        "template": {"name": "x", "language": "de", "components": [IMAGE, BODY, BUTTON]},
    },
]


def message(body: dict[str, Any]) -> Message:
    return parse_message(json.dumps({"id": "m-1", "to": "+4915112345678", **body}))


@pytest.fixture(scope="module")
def schema() -> MetaSchema:
    return MetaSchema(OPENAPI)


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_what_lifeline_sends_fits(schema: MetaSchema, body: dict[str, Any]) -> None:
    assert schema.send_errors(request(message(body), "+4915112345678", "m-1#1")) == []


@pytest.mark.parametrize(
    "body",
    [
        {"messaging_product": "whatsapp", "to": "4915112345678", "type": "text"},
        {"messaging_product": "whatsapp", "type": "text", "text": {"body": "x"}},
        {"messaging_product": "whatsapp", "to": "49", "type": "text", "text": {"body": "x"}, "txet": 1},
        {"messaging_product": "whatsapp", "to": "49", "type": "text", "text": {"boddy": "x"}},
        {"messaging_product": "whatsapp", "to": 49, "type": "text", "text": {"body": "x"}},
        {"messaging_product": "whatsapp", "to": "49", "type": "template", "template": {"name": "x"}},
        {"messaging_product": "whatsapp", "to": "49", "type": "fax"},
        [],
    ],
)
def test_the_repaired_file_still_refuses(schema: MetaSchema, body: Any) -> None:
    assert schema.send_errors(body)


def test_the_files_own_examples_fit(schema: MetaSchema) -> None:
    content = schema.examples("/{Version}/{Phone-Number-ID}/messages")
    sends = [
        {**body, "template": in_small_letters(body.get("template", {}))} if "template" in body else body
        for body in content
        if body.get("status") != "read"
    ]
    bad = [body for body in sends if schema.send_errors(body)]
    assert len(sends) >= 45
    # One has no type, one a placeholder where its header's type should be.
    assert [("type" in body, "<HEADER_TYPE>" in json.dumps(body)) for body in bad] in (
        [(False, False), (True, True)],
        [(True, True), (False, False)],
    )


class Sink:
    """A webhook address that keeps what is posted."""

    def __init__(self) -> None:
        self.posts: list[bytes] = []
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                sink.posts.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/webhook"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def updates(self) -> list[webhooks.Update]:
        return [update for raw in self.posts for update in webhooks.parse(raw, OURS)]


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    yield made
    made.stop()


@pytest.fixture
def simulator(sink: Sink) -> Iterator[GraphSimulator]:
    made = GraphSimulator(openapi=str(OPENAPI))
    made.start()
    made.apply_settings({"webhook_url": sink.url, "webhook_read": True})
    yield made
    made.stop()
    assert made.schema_faults == [], "what the simulator said fits Meta's file"


@pytest.fixture
def whatsapp(simulator: GraphSimulator) -> WhatsApp:
    return client(simulator, app_token=lambda: "1234567890|local-app-secret")


@pytest.mark.parametrize("body", BODIES[:5], ids=range(5))
def test_a_send_and_its_statuses(
    simulator: GraphSimulator, sink: Sink, whatsapp: WhatsApp, body: dict[str, Any]
) -> None:
    outcome = whatsapp.send(message(body), "+4915112345678", "m-1#1")
    assert isinstance(outcome, Accepted), outcome
    states = eventually(
        lambda: (
            [update.state for update in sink.updates() if isinstance(update, webhooks.StatusUpdate)]
            == ["sent", "delivered", "read"]
        ),
        10,
        "three statuses",
    )
    assert states
    assert all(
        update.message_id == "m-1" and update.wamid == outcome.wamid
        for update in sink.updates()
        if isinstance(update, webhooks.StatusUpdate)
    )


def test_a_send_that_breaks_metas_file_is_refused(simulator: GraphSimulator, whatsapp: WhatsApp) -> None:
    outcome = whatsapp.post_message({"messaging_product": "whatsapp", "to": "49151", "type": "fax"})
    assert isinstance(outcome, Failure)
    assert outcome.cause is Cause.BAD_REQUEST
    assert simulator.requests[-1]["schema_errors"]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "auth"},
        {"kind": "account"},
        {"kind": "rate_limit", "regain_minutes": 3},
        {"kind": "spam_limit"},
        {"kind": "pair_rate_limit"},
        {"kind": "template_rejected"},
        {"kind": "invalid_phone"},
        {"kind": "server_error"},
        {"kind": "code", "code": 131000, "subcode": 5},
        {"kind": "held"},
        {"kind": "undelivered", "code": 131049},
        {"kind": "ambiguous"},
    ],
    ids=lambda fault: fault["kind"],
)
def test_every_fault_says_what_meta_would_say(
    simulator: GraphSimulator, sink: Sink, whatsapp: WhatsApp, fault: dict[str, Any]
) -> None:
    simulator.add_fault(fault)
    whatsapp.send(message(BODIES[2]), "+4915112345678", "m-1#1")
    if fault["kind"] in ("undelivered", "ambiguous"):
        eventually(lambda: bool(sink.posts), 10, "a status")
    assert simulator.requests


def test_a_failure_that_is_reported_later_says_what_it_is_told_to_say(
    simulator: GraphSimulator, sink: Sink, whatsapp: WhatsApp
) -> None:
    details = "Downloading media from weblink failed with http code 503"
    simulator.add_fault({"kind": "undelivered", "code": 131053, "details": details})
    whatsapp.send(message(BODIES[2]), "+4915112345678", "m-1#1")
    eventually(lambda: any(details in str(post) for post in sink.posts), 10, "the details")


def test_questions_about_the_account(
    simulator: GraphSimulator, whatsapp: WhatsApp, schema: MetaSchema
) -> None:
    number = whatsapp.phone_number(
        "id,display_phone_number,verified_name,status,quality_rating,throughput,name_status,platform_type"
    )
    assert isinstance(number, Answer)
    assert schema.errors("PhoneNumberInfo", number.body) == []
    templates = whatsapp.templates()
    assert isinstance(templates, Answer)
    assert schema.answer_errors("/{Version}/{WABA-ID}/message_templates", templates.body) == []


def test_what_people_write(simulator: GraphSimulator, sink: Sink) -> None:
    answer = requests.post(
        f"{simulator.control_url}/_control/inbound",
        json={"from": "491700000001", "text": "thanks"},
        timeout=5,
    )
    assert answer.ok
    (update,) = eventually(sink.updates, 10, "an inbound message")
    assert isinstance(update, webhooks.InboundMessage)
    assert update.type == "text"
