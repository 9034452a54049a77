"""Every kind of message over real HTTP to the simulator, which refuses what Meta refuses; counted there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from lifeline.adapters.whatsapp import Accepted, WhatsApp
from lifeline.contract.kinds import TYPES
from lifeline.domain.failure.classify import Failure
from lifeline.domain.message.kinds import request

from local.simulators.graph import GraphSimulator
from local.simulators.meta_schema import MetaSchema
from tests.support.graph_client import TOKEN, client
from tests.support.kinds import SAMPLES, sent_with, uploaded
from tests.support.openapi import MISSING, OPENAPI

TO = "+4915112345678"


@pytest.fixture(scope="module")
def simulator() -> Iterator[GraphSimulator]:
    running = GraphSimulator(openapi=str(OPENAPI) if OPENAPI.exists() else None)
    running.start()
    for sample in SAMPLES.values():
        if sample.template:
            requests.post(
                f"{running.control_url}/_control/templates",
                json={**sample.template, "webhook": False},
                timeout=5,
            ).raise_for_status()
    yield running
    running.stop()
    assert running.schema_faults == []


@pytest.fixture(scope="module")
def whatsapp(simulator: GraphSimulator) -> WhatsApp:
    return client(simulator)


@pytest.mark.skipif(not OPENAPI.exists(), reason=MISSING)
@pytest.mark.parametrize("name", SAMPLES)
def test_each_request_fits_metas_file(name: str) -> None:
    assert MetaSchema(OPENAPI).send_errors(request(SAMPLES[name].message(), TO, "m-1#1")) == []


def test_each_kind_is_sent_and_counted_there(simulator: GraphSimulator, whatsapp: WhatsApp) -> None:
    root = f"{simulator.url}/v23.0/{simulator.phone_number_id}"
    media_id = uploaded(root, TOKEN)
    before = len(simulator.requests)
    refused: dict[str, Failure] = {}
    for name, sample in SAMPLES.items():
        outcome = whatsapp.send(sent_with(sample, media_id).message(name), TO, f"{name}#1")
        if not isinstance(outcome, Accepted):
            refused[name] = outcome
    assert refused == {}
    seen = [
        entry["body"]
        for entry in simulator.requests[before:]
        if isinstance(entry["body"], dict) and "biz_opaque_callback_data" in entry["body"]
    ]
    assert [body["biz_opaque_callback_data"] for body in seen] == [f"{name}#1" for name in SAMPLES]
    assert {body["type"] for body in seen} == {*TYPES} - {"voice"}
    spoken = whatsapp.send(
        SAMPLES["voice"].message(), TO, "v#1", media_id=uploaded(root, TOKEN, "audio/mpeg")
    )
    assert isinstance(spoken, Accepted)
    assert simulator.requests[-1]["body"]["type"] == "audio"


@pytest.mark.parametrize(
    ("name", "values", "code"),
    [
        ("template-named", {"parameters": {"day": "Monday", "hour": "10:30"}}, 100),
        ("template", {"parameters": ["Ana"]}, 132000),
        ("template-header-image", {"header": {"type": "text", "text": "x"}}, 132012),
        ("template-buttons", {"buttons": [{"type": "quick_reply", "payload": "x"}]}, 132018),
        ("template-offer", {"limited_time_offer": None}, 131008),
    ],
)
def test_what_does_not_fit_the_template_is_refused_and_counts_towards_no_panic(
    whatsapp: WhatsApp, name: str, values: dict[str, Any], code: int
) -> None:
    template = {**SAMPLES[name].fields["template"], **values}
    template = {field: value for field, value in template.items() if value is not None}
    outcome = whatsapp.send(SAMPLES[name].message(template=template), TO, "x#1")
    assert isinstance(outcome, Failure)
    assert (outcome.code, outcome.cause) == (code, "bad_request")
