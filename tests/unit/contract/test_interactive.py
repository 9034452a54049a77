"""Interactive messages: each limit that is crossed is named, with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lifeline.contract.messages import ContractError, parse_message

from tests.support.kinds import HOST, SAMPLES


def reasons(interactive: dict[str, Any]) -> tuple[str, ...]:
    body = {"id": "m", "to": "+4915112345678", "type": "interactive", "interactive": interactive}
    try:
        parse_message(json.dumps(body))
    except ContractError as error:
        return tuple(reason.removeprefix("message.interactive") for reason in error.reasons)
    return ()


def of(name: str, **changes: Any) -> dict[str, Any]:
    """A sample's content with other parts; ``None`` takes one away."""
    whole = {**SAMPLES[name].fields["interactive"], **changes}
    return {key: value for key, value in whole.items() if value is not None}


def buttons(*replies: tuple[str, str]) -> dict[str, Any]:
    found = [{"type": "reply", "reply": {"id": name, "title": title}} for name, title in replies]
    return {"buttons": found}


def rows(*sections: int, **more: Any) -> dict[str, Any]:
    """A list with sections of so many rows."""
    count = iter(range(1000))
    made = [
        {
            "title": f"S{number}",
            "rows": [{"id": f"r{next(count)}", "title": "T", **more} for _ in range(size)],
        }
        for number, size in enumerate(sections)
    ]
    return {"button": "Choose", "sections": made}


def products(*sections: int) -> dict[str, Any]:
    made = [
        {"title": f"S{number}", "product_items": [{"product_retailer_id": "sku"}] * size}
        for number, size in enumerate(sections)
    ]
    return {"catalog_id": "1", "sections": made}


def flow(**changes: Any) -> dict[str, Any]:
    given = {**SAMPLES["flow"].fields["interactive"]["action"]["parameters"], **changes}
    return {"name": "flow", "parameters": {key: value for key, value in given.items() if value is not None}}


def link(url: str, text: str = "Open") -> dict[str, Any]:
    return {"name": "cta_url", "parameters": {"display_text": text, "url": url}}


TEXT = {"type": "text", "text": "Header"}
CASES: list[tuple[dict[str, Any], str]] = [
    (
        of("buttons", type="fax"),
        ".type: must be one of button, list, cta_url, flow, location_request_message,",
    ),
    (of("buttons", type=None), ".type: is required"),
    (of("buttons", body=None), ".body: is required"),
    (of("buttons", action=None), ".action: is required"),
    (of("buttons", more=1), ".more: is not a known field; known are type, header, body, footer, action"),
    (of("buttons", body={"text": "x" * 1025}), ".body.text: has 1025 characters, at most 1024"),
    (of("buttons", body={"text": ""}), ".body.text: must not be empty"),
    (of("buttons", footer={"text": "x" * 61}), ".footer.text: has 61 characters, at most 60"),
    (of("buttons", header={"type": "text", "text": "x" * 61}), ".header.text: has 61 characters, at most 60"),
    (of("buttons", header={"type": "location"}), ".header.type: must be one of text, image, video, document"),
    (
        of("buttons", header={"type": "image", "image": {"link": f"{HOST}/a.gif"}}),
        ".header.image.link: ends in a type of file",
    ),
    (
        of("buttons", header={"type": "image", "image": {"id": "1", "caption": "x"}}),
        ".header.image.caption: is not a known field",
    ),
    (of("buttons", action=buttons()), ".action.buttons: must have at least 1 items"),
    (
        of("buttons", action=buttons(*[(str(n), str(n)) for n in range(4)])),
        ".action.buttons: has 4 items, at most 3",
    ),
    (of("buttons", action=buttons(("a", "x" * 21))), "[0].reply.title: has 21 characters, at most 20"),
    (of("buttons", action=buttons(("x" * 257, "A"))), "[0].reply.id: has 257 characters, at most 256"),
    (of("buttons", action=buttons((" a", "A"))), "[0].reply.id: must neither begin nor end with a space"),
    (of("buttons", action=buttons(("a ", "A"))), "[0].reply.id: must neither begin nor end with a space"),
    (of("buttons", action=buttons(("a", "A"), ("a", "B"))), ".action.buttons: id a is there more than once"),
    (
        of("buttons", action=buttons(("a", "A"), ("b", "A"))),
        ".action.buttons: title A is there more than once",
    ),
    (of("list", body={"text": "x" * 4097}), ".body.text: has 4097 characters, at most 4096"),
    (of("list", header={"type": "image", "image": {"id": "1"}}), ".header.type: must be text"),
    (of("list", action={**rows(1), "button": "x" * 21}), ".action.button: has 21 characters, at most 20"),
    (of("list", action=rows()), ".action.sections: must have at least 1 items"),
    (of("list", action=rows(*[1] * 11)), ".action.sections: has 11 items, at most 10"),
    (of("list", action=rows(0)), ".action.sections[0].rows: must have at least 1 items"),
    (of("list", action=rows(11)), ".action.sections[0].rows: has 11 items, at most 10"),
    (of("list", action=rows(5, 6)), ".action.sections: have 11 rows in all, at most 10 are allowed"),
    (of("list", action=rows(1, title="x" * 25)), ".rows[0].title: has 25 characters, at most 24"),
    (of("list", action=rows(1, id="x" * 201)), ".rows[0].id: has 201 characters, at most 200"),
    (of("list", action=rows(1, description="x" * 73)), ".rows[0].description: has 73 characters, at most 72"),
    (of("list", action=rows(2, id="a")), ".action.sections: rows: id a is there more than once"),
    (
        of("list", action={"button": "B", "sections": [{"rows": r["rows"]} for r in rows(1, 1)["sections"]]}),
        ".action.sections[0].title: is required",
    ),
    (
        of("list", action={"button": "B", "sections": [{**rows(1)["sections"][0], "title": "x" * 25}]}),
        ".action.sections[0].title: has 25 characters, at most 24",
    ),
    (of("link", action=link("ftp://a")), ".action.parameters.url: must be a web address"),
    (
        of("link", action=link(f"{HOST}/{'x' * 2000}")),
        ".action.parameters.url: has 2026 characters, at most 2000",
    ),
    (
        of("link", action=link(HOST, "x" * 21)),
        ".action.parameters.display_text: has 21 characters, at most 20",
    ),
    (of("link", action={**link(HOST), "name": "open"}), ".action.name: must be cta_url"),
    (of("flow", action=flow(flow_cta="x" * 31)), ".flow_cta: has 31 characters, at most 30"),
    (of("flow", action=flow(flow_name="n")), ".parameters: must have only one of flow_id, flow_name"),
    (of("flow", action=flow(flow_id=None)), ".parameters: must have one of flow_id, flow_name"),
    (of("flow", action=flow(flow_message_version="4")), ".flow_message_version: must be 3"),
    (of("flow", action=flow(mode="test")), ".mode: must be one of draft, published"),
    (
        of("flow", action=flow(flow_action_payload={"screen": "A", "data": {}})),
        ".data: must have at least 1 fields",
    ),
    (of("location-request", header=TEXT), ".header: is not a known field; known are type, body, action"),
    (of("location-request", action={"name": "send"}), ".action.name: must be send_location"),
    (of("product", header=TEXT), ".header: is not a known field"),
    (of("product", action={"catalog_id": "1"}), ".action.product_retailer_id: is required"),
    (of("product-list", header=None), ".header: is required"),
    (of("product-list", action=products(31)), ".product_items: has 31 items, at most 30"),
    (of("product-list", action=products(16, 15)), ".action.sections: have 31 products in all, at most 30"),
    (of("product-list", action=products(*[1] * 11)), ".action.sections: has 11 items, at most 10"),
]


@pytest.mark.parametrize(("content", "said"), CASES, ids=range(len(CASES)))
def test_each_limit_that_is_crossed_is_named(content: dict[str, Any], said: str) -> None:
    assert any(said in reason for reason in reasons(content)), reasons(content)


@pytest.mark.parametrize(
    "content",
    [
        of("buttons", action=buttons(("x" * 256, "x" * 20), ("b", "B"), ("c", "C"))),
        of("list", body={"text": "x" * 4096}, action=rows(5, 5, description="x" * 72)),
        of("list", action={"button": "B", "sections": [{"rows": rows(1)["sections"][0]["rows"]}]}),
        of("product", body=None),
        of("product-list", action=products(15, 15)),
        of("flow", action=flow(flow_id=None, flow_name="booking")),
        of("link", action=link("http://example.org")),
    ],
    ids=range(7),
)
def test_what_is_at_its_limit_is_taken(content: dict[str, Any]) -> None:
    assert reasons(content) == ()
