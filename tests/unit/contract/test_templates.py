"""Templates: values by place or by name, headers, buttons, offers, cards; each limit crossed is named."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lifeline.contract.messages import ContractError, Template, parse_message
from lifeline.contract.templates import VALUES

from tests.support.kinds import HOST, OFFER_ENDS, OFFER_ENDS_MS, SAMPLES

CARDS = SAMPLES["template-carousel"].fields["template"]["carousel"]


def parsed(**values: Any) -> Template:
    template = {"name": "a", "language": "en", **values}
    body = {"id": "m", "to": "+4915112345678", "type": "template", "template": template}
    found = parse_message(json.dumps(body)).template
    assert found
    return found


def quick(payload: str = "p", **more: Any) -> dict[str, Any]:
    return {"type": "quick_reply", "payload": payload, **more}


CASES: list[tuple[dict[str, Any], str]] = [
    ({"parameters": {"Name": "x"}}, ".parameters.Name: its name: must hold only small letters"),
    ({"parameters": {"x" * 65: "x"}}, "its name: has 65 characters, at most 64"),
    ({"parameters": {f"n{n}": "x" for n in range(65)}}, ".parameters: has 65 fields, at most 64"),
    ({"parameters": ["x"] * 65}, ".parameters: has 65 items, at most 64"),
    ({"parameters": {"name": "a\nb"}}, ".parameters.name: holds a line break"),
    ({"parameters": {"name": ""}}, ".parameters.name: must not be empty"),
    ({"parameters": {"name": "x" * 1025}}, ".parameters.name: has 1025 characters, at most 1024"),
    ({"parameters": "Ana"}, ".parameters: must be of type array or object"),
    ({"header": {"type": "text", "text": "x" * 61}}, ".header.text: has 61 characters, at most 60"),
    ({"header": {"type": "text", "text": "a\nb"}}, ".header.text: holds a line break"),
    ({"header": {"type": "audio"}}, ".header.type: must be one of text, image, video, document, location"),
    ({"header": {"type": "image"}}, ".header.image: is required"),
    ({"header": {"type": "image", "image": {"link": f"{HOST}/a.pdf"}}}, ".header.image.link: ends in a type"),
    ({"header": {"type": "location", "location": {"latitude": 1}}}, ".location.longitude: is required"),
    ({"buttons": []}, ".buttons: must have at least 1 items"),
    ({"buttons": [quick()] * 11}, ".buttons: has 11 items, at most 10"),
    ({"buttons": [quick("x" * 257)]}, ".buttons[0].payload: has 257 characters, at most 256"),
    ({"buttons": [quick(index=10)]}, ".buttons[0].index: must be at most 9"),
    ({"buttons": [quick(index=1.5)]}, ".buttons[0].index: must be of type integer"),
    ({"buttons": [quick(index=1), quick()]}, ".buttons: index 1 is there more than once"),
    ({"buttons": [{"type": "call"}]}, ".buttons[0].type: must be one of url, quick_reply, copy_code, flow"),
    ({"buttons": [{"type": "url", "text": "x" * 2001}]}, ".text: has 2001 characters, at most 2000"),
    (
        {"buttons": [{"type": "copy_code", "coupon_code": "x" * 16}]},
        ".coupon_code: has 16 characters, at most 15",
    ),
    ({"limited_time_offer": {}}, ".limited_time_offer.expires_at: is required"),
    (
        {"limited_time_offer": {"expires_at": "2030-02-30T00:00:00Z"}},
        "message.template.limited_time_offer.expires_at: is not a real instant",
    ),
    ({"carousel": CARDS[:1]}, ".carousel: must have at least 2 items"),
    ({"carousel": CARDS[:1] * 11}, ".carousel: has 11 items, at most 10"),
    ({"carousel": [CARDS[0], {"parameters": ["x"]}]}, ".carousel[1].header: is required"),
    (
        {"carousel": [CARDS[0], {**CARDS[0], "buttons": [quick(index=0), quick(index=0)]}]},
        "message.template.carousel[1].buttons: index 0 is there more than once",
    ),
    (
        {"carousel": [{**CARDS[0], "header": {"type": "text", "text": "x"}}] * 2},
        ".carousel[0].header.type: must be one of image, video",
    ),
    *(
        (
            {field: SAMPLES[name].fields["template"][field], "components": []},
            f"must not have {field} and components",
        )
        for field, name in {
            "parameters": "template",
            "header": "template-header-image",
            "buttons": "template-buttons",
            "limited_time_offer": "template-offer",
            "carousel": "template-carousel",
        }.items()
    ),
]


@pytest.mark.parametrize(("values", "said"), CASES, ids=range(len(CASES)))
def test_each_limit_that_is_crossed_is_named(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ContractError) as caught:
        parsed(**values)
    assert any(said in reason for reason in caught.value.reasons), caught.value.reasons


def test_each_value_excludes_components() -> None:
    assert sum("components" in values for values, _ in CASES) == len(VALUES)


def test_values_by_place_and_by_name() -> None:
    assert (parsed(parameters=["a", 2]).parameters, parsed(parameters=["a"]).names) == (("a", "2"), ())
    named = parsed(parameters={"day": "Monday", "hour": 9})
    assert (named.parameters, named.names) == (("Monday", "9"), ("day", "hour"))


def test_when_an_offer_ends() -> None:
    assert parsed(limited_time_offer={"expires_at": OFFER_ENDS}).offer_ends == OFFER_ENDS_MS / 1000


def test_ten_cards_of_ten_buttons_are_taken() -> None:
    card = {**CARDS[0], "buttons": [quick(str(n)) for n in range(10)]}
    assert len(parsed(carousel=[card] * 10).cards) == 10
