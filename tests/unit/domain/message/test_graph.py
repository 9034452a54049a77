"""Messages as Meta wants them; Meta's own file judges each in ``tests/integration/test_meta_schema.py``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from lifeline.domain.message import graph

from tests.support.kinds import HOST, OFFER_ENDS_MS, PLACE, SAMPLES


def components(name: str) -> list[dict[str, Any]]:
    template = SAMPLES[name].message().template
    assert template
    found: list[dict[str, Any]] = graph.template(template)["template"].get("components", [])
    return found


def texts(*values: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": value} for value in values]


@pytest.mark.parametrize("name", ["image", "document", "location", "contacts", "buttons", "flow", "reaction"])
def test_content_is_passed_on_as_it_is(name: str) -> None:
    sample = SAMPLES[name]
    assert graph.content(sample.message()) == {"type": sample.type, sample.type: sample.fields[sample.type]}


def test_texts_with_and_without_a_preview() -> None:
    assert graph.text(SAMPLES["text"].message())["text"] == {"body": "A plain text.", "preview_url": False}
    assert graph.text(SAMPLES["text-preview"].message())["text"]["preview_url"] is True


def test_values_by_place_and_by_name() -> None:
    assert components("template") == [{"type": "body", "parameters": texts("Ana", "10:30")}]
    head, body = components("template-named")
    assert head["parameters"] == [{"type": "text", "text": "Ana", "parameter_name": "name"}]
    assert body["parameters"] == [
        {"type": "text", "parameter_name": "day", "text": "Monday"},
        {"type": "text", "parameter_name": "time", "text": "10:30"},
    ]


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("image", {"link": f"{HOST}/h.jpg"}),
        ("document", {"link": f"{HOST}/h", "filename": "h.pdf"}),
        ("video", {"link": f"{HOST}/h.mp4"}),
        ("location", PLACE),
    ],
)
def test_headers(kind: str, content: dict[str, Any]) -> None:
    assert components(f"template-header-{kind}")[0] == {
        "type": "header",
        "parameters": [{"type": kind, kind: content}],
    }


def test_buttons_by_their_place_or_the_one_given() -> None:
    assert [
        (part["sub_type"], part["index"], part["parameters"]) for part in components("template-buttons")
    ] == [
        ("url", "0", texts("summer")),
        ("quick_reply", "1", [{"type": "payload", "payload": "more"}]),
        ("copy_code", "2", [{"type": "coupon_code", "coupon_code": "SAVE20"}]),
    ]
    (flow,) = components("template-flow")
    assert flow["parameters"] == [
        {"type": "action", "action": {"flow_token": "t", "flow_action_data": {"a": 1}}}
    ]
    offered = [(part["sub_type"], part["index"]) for part in components("template-offer") if "index" in part]
    assert offered == [("url", "1"), ("copy_code", "0")]


def test_an_offer_ends_in_milliseconds() -> None:
    (offer,) = [part for part in components("template-offer") if part["type"] == "limited_time_offer"]
    ends = {"expiration_time_ms": OFFER_ENDS_MS}
    assert offer["parameters"] == [{"type": "limited_time_offer", "limited_time_offer": ends}]


def test_cards_count_from_zero_and_have_components_of_their_own() -> None:
    _, carousel = components("template-carousel")
    assert [card["card_index"] for card in carousel["cards"]] == [0, 1]
    head, body, first, second = carousel["cards"][1]["components"]
    assert head["parameters"][0]["image"] == {"link": f"{HOST}/c1.jpg"}
    assert body["parameters"] == texts("1 euros")
    assert (first["sub_type"], second["sub_type"], second["index"]) == ("quick_reply", "url", "1")


def test_a_card_with_named_values() -> None:
    template = SAMPLES["template-carousel"].message().template
    assert template
    card = {**template.cards[0], "parameters": {"price": 5}}
    cards = graph.template(replace(template, cards=(card, card)))["template"]["components"][-1]["cards"]
    assert cards[0]["components"][1]["parameters"] == [
        {"type": "text", "parameter_name": "price", "text": "5"}
    ]


def test_native_components_are_passed_on_and_a_template_without_values_has_none() -> None:
    assert (
        components("template-components") == SAMPLES["template-components"].fields["template"]["components"]
    )
    template = SAMPLES["template"].message().template
    assert template
    bare = graph.template(replace(template, parameters=()))
    assert bare["template"] == {"name": "kinds_positional", "language": {"code": "en_US"}}


def test_a_replacement_keeps_all_values() -> None:
    template = SAMPLES["template-carousel"].message().template
    assert template
    other = graph.template(replace(template, name="other"))["template"]
    assert other == {**graph.template(template)["template"], "name": "other"}


def test_a_recording() -> None:
    assert graph.recording("m") == {"type": "audio", "audio": {"id": "m"}}
