"""Interactive messages: what Meta calls so, each type a closed branch of the schema.

The shape is Meta's own (Graph API, "Interactive messages"), limits too: Meta's OpenAPI file
(``InteractiveObject``, ``ActionObject``, ``SectionObject``) and, for CTA URL and location requests, which are
not in it, Meta's pages on these.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from lifeline.contract.parts import HEADER, TEXT_HEADER, closed, line, text
from lifeline.contract.patterns import TRIMMED, WEB_LINK
from lifeline.contract.schema import repeated

MAX_BODY: Final = 1024
MAX_LIST_BODY: Final = 4096
MAX_FOOTER: Final = 60
MAX_BUTTONS: Final = 3
MAX_BUTTON_TITLE: Final = 20
MAX_BUTTON_ID: Final = 256
MAX_SECTIONS: Final = 10
MAX_SECTION_TITLE: Final = 24
MAX_ROWS: Final = 10
"""Of all sections of a list together (Meta, "Interactive list messages")."""
MAX_ROW_TITLE: Final = 24
MAX_ROW_ID: Final = 200
MAX_ROW_DESCRIPTION: Final = 72
MAX_PRODUCTS: Final = 30
"""Of all sections of a product list together."""
MAX_FLOW_BUTTON: Final = 30
MAX_URL: Final = 2000
MAX_NAME: Final = 256
"""Characters of ids of catalogues, products and flows; ours, as that of a web address."""


def _body(most: int = MAX_BODY) -> dict[str, Any]:
    return closed("InteractiveBody", ("text",), text=text(most))


FOOTER: Final = closed("InteractiveFooter", ("text",), text=line(MAX_FOOTER))


def _branch(
    name: str,
    title: str,
    action: dict[str, Any],
    *,
    header: dict[str, Any] | None = HEADER,
    body: dict[str, Any] | None = None,
    footer: bool = True,
    required: tuple[str, ...] = ("body",),
) -> dict[str, Any]:
    parts: dict[str, Any] = {"type": {"const": name}}
    if header is not None:
        parts["header"] = header
    parts["body"] = body or _body()
    if footer:
        parts["footer"] = FOOTER
    return closed(title, ("type", *required, "action"), **parts, action=action)


def _sections(title: str, inner: str, items: dict[str, Any]) -> dict[str, Any]:
    section = closed(title, (inner,), title=line(MAX_SECTION_TITLE), **{inner: items})
    return {
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_SECTIONS,
        "items": section,
        "if": {"minItems": 2},
        "then": {"items": {"required": ["title"]}},
    }


REPLY_BUTTON: Final = closed(
    "ReplyButton",
    ("type", "reply"),
    type={"const": "reply"},
    reply=closed(
        "Reply",
        ("id", "title"),
        id=line(MAX_BUTTON_ID, "What comes back when it is pressed.", pattern=TRIMMED),
        title=line(MAX_BUTTON_TITLE),
    ),
)
ROW: Final = closed(
    "ListRow",
    ("id", "title"),
    id=line(MAX_ROW_ID, "What comes back when it is chosen."),
    title=line(MAX_ROW_TITLE),
    description=line(MAX_ROW_DESCRIPTION),
)
FLOW: Final[dict[str, Any]] = {
    **closed(
        "FlowParameters",
        ("flow_message_version", "flow_cta"),
        flow_message_version={"const": "3"},
        flow_id=line(MAX_NAME),
        flow_name=line(MAX_NAME),
        flow_cta=line(MAX_FLOW_BUTTON, "The button's text."),
        mode={"enum": ["draft", "published"]},
        flow_token=line(1024, "Comes back with the answers."),
        flow_action={"enum": ["navigate", "data_exchange"]},
        flow_action_payload=closed(
            "FlowStart",
            ("screen",),
            screen=line(MAX_NAME),
            data={"type": "object", "$ref": "#/$defs/clean", "minProperties": 1},
        ),
    ),
    "oneOf": [{"required": ["flow_id"]}, {"required": ["flow_name"]}],
}
_PRODUCT: Final = closed("ProductItem", ("product_retailer_id",), product_retailer_id=line(MAX_NAME))

INTERACTIVE: Final[dict[str, Any]] = {
    "type": "object",
    "oneOf": [
        _branch(
            "button",
            "InteractiveButtons",
            closed(
                "ButtonsAction",
                ("buttons",),
                buttons={"type": "array", "minItems": 1, "maxItems": MAX_BUTTONS, "items": REPLY_BUTTON},
            ),
        ),
        _branch(
            "list",
            "InteractiveList",
            closed(
                "ListAction",
                ("button", "sections"),
                button=line(MAX_BUTTON_TITLE, "Opens the list."),
                sections=_sections(
                    "ListSection",
                    "rows",
                    {"type": "array", "minItems": 1, "maxItems": MAX_ROWS, "items": ROW},
                ),
            ),
            header=TEXT_HEADER,
            body=_body(MAX_LIST_BODY),
        ),
        _branch(
            "cta_url",
            "InteractiveLink",
            closed(
                "LinkAction",
                ("name", "parameters"),
                name={"const": "cta_url"},
                parameters=closed(
                    "LinkParameters",
                    ("display_text", "url"),
                    display_text=line(MAX_BUTTON_TITLE),
                    url=line(MAX_URL, pattern=WEB_LINK),
                ),
            ),
        ),
        _branch(
            "flow",
            "InteractiveFlow",
            closed("FlowAction", ("name", "parameters"), name={"const": "flow"}, parameters=FLOW),
        ),
        _branch(
            "location_request_message",
            "InteractiveLocationRequest",
            closed("LocationRequestAction", ("name",), name={"const": "send_location"}),
            header=None,
            footer=False,
        ),
        _branch(
            "product",
            "InteractiveProduct",
            closed(
                "ProductAction",
                ("catalog_id", "product_retailer_id"),
                catalog_id=line(MAX_NAME),
                product_retailer_id=line(MAX_NAME),
            ),
            header=None,
            required=(),
        ),
        _branch(
            "product_list",
            "InteractiveProductList",
            closed(
                "ProductListAction",
                ("catalog_id", "sections"),
                catalog_id=line(MAX_NAME),
                sections=_sections(
                    "ProductSection",
                    "product_items",
                    {"type": "array", "minItems": 1, "maxItems": MAX_PRODUCTS, "items": _PRODUCT},
                ),
            ),
            header=TEXT_HEADER,
            required=("header", "body"),
        ),
    ],
    "description": "As Meta has it. Ids and titles of buttons differ, and so do ids of rows; a list has at "
    f"most {MAX_ROWS} rows in all its sections, a product list {MAX_PRODUCTS} products.",
}


def faults(content: Mapping[str, Any], path: str) -> Iterator[str]:
    """What a schema cannot say of an interactive message that keeps it: counts over sections, repetitions."""
    action = content["action"]
    buttons = [button["reply"] for button in action.get("buttons", ())]
    for name in ("id", "title"):
        yield from repeated([button[name] for button in buttons], f"{path}.action.buttons: {name}")
    sections = action.get("sections", ())
    rows = [row for section in sections for row in section.get("rows", ())]
    products = [item for section in sections for item in section.get("product_items", ())]
    for items, most, words in ((rows, MAX_ROWS, "rows"), (products, MAX_PRODUCTS, "products")):
        if len(items) > most:
            yield f"{path}.action.sections: have {len(items)} {words} in all, at most {most} are allowed"
    yield from repeated([row["id"] for row in rows], f"{path}.action.sections: rows: id")
