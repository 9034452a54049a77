"""The ``template`` of a message: values for each part of a template that was approved.

Sources: Meta's OpenAPI file (``TemplateObject`` and its components), and Meta's pages on media card
carousels, limited-time offers and copy-code buttons, which are not in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from lifeline.contract.instants import INSTANT
from lifeline.contract.parts import CARD_HEADER, PARAMETER_NAME, TEMPLATE_HEADER, closed, line
from lifeline.contract.patterns import LANGUAGE, TEMPLATE_WORD, VALUE
from lifeline.contract.schema import repeated

MAX_VALUES: Final = 64
MAX_VALUE: Final = 1024
MAX_BUTTONS: Final = 10
MAX_URL_VALUE: Final = 2000
MAX_PAYLOAD: Final = 256
"""Characters of what comes back from a quick reply; Meta's file names no figure, this is a reply button's."""
MAX_COUPON: Final = 15
"""Characters of a code to copy (Meta, "Coupon code templates")."""
MIN_CARDS: Final = 2
MAX_CARDS: Final = 10
"""Cards of a carousel (Meta, "Media card carousel templates")."""

_VALUE: Final[dict[str, Any]] = {
    "type": ["string", "number"],
    "minLength": 1,
    "maxLength": MAX_VALUE,
    "pattern": VALUE,
}
PARAMETERS: Final[dict[str, Any]] = {
    "type": ["array", "object"],
    "maxItems": MAX_VALUES,
    "items": _VALUE,
    "maxProperties": MAX_VALUES,
    "propertyNames": {"pattern": PARAMETER_NAME["pattern"], "maxLength": PARAMETER_NAME["maxLength"]},
    "additionalProperties": _VALUE,
    "description": "Values of the body's placeholders: a list in their order, or an object by their names. "
    "No line break, no tab, at most four spaces in a row.",
}
_INDEX: Final[dict[str, Any]] = {
    "type": "integer",
    "minimum": 0,
    "maximum": MAX_BUTTONS - 1,
    "description": "The button's place in the template, from 0; default: its place in this list.",
}


def _button(kind: str, title: str, required: tuple[str, ...], /, **fields: Any) -> dict[str, Any]:
    return closed(title, ("type", *required), type={"const": kind}, index=_INDEX, **fields)


BUTTONS: Final[dict[str, Any]] = {
    "type": "array",
    "minItems": 1,
    "maxItems": MAX_BUTTONS,
    "items": {
        "oneOf": [
            _button(
                "url",
                "UrlButton",
                ("text",),
                text=line(MAX_URL_VALUE, "What the address ends in; the code of a one-time password."),
            ),
            _button(
                "quick_reply",
                "QuickReplyButton",
                ("payload",),
                payload=line(MAX_PAYLOAD, "What comes back when it is pressed."),
            ),
            _button("copy_code", "CopyCodeButton", ("coupon_code",), coupon_code=line(MAX_COUPON)),
            _button(
                "flow",
                "FlowButton",
                (),
                flow_token=line(1024, "Comes back with the answers."),
                flow_action_data={"type": "object", "$ref": "#/$defs/clean"},
            ),
        ]
    },
    "description": "Values of the template's buttons; those that take none are left out.",
}
CARD: Final = closed("Card", ("header",), header=CARD_HEADER, parameters=PARAMETERS, buttons=BUTTONS)
_COMPONENTS: Final[dict[str, Any]] = {
    "type": "array",
    "maxItems": 16,
    "items": {
        "type": "object",
        "$ref": "#/$defs/clean",
        "properties": {
            "parameters": {
                "items": {
                    "if": {
                        "type": "object",
                        "properties": {"type": {"const": "text"}},
                        "required": ["type"],
                    },
                    "then": {"properties": {"text": {"type": "string", "minLength": 1, "pattern": VALUE}}},
                }
            }
        },
    },
    "description": "Graph-native components, passed on as they are, instead of all other values.",
}
VALUES: Final = ("parameters", "header", "buttons", "limited_time_offer", "carousel")
"""Fields that become components; each excludes ``components``."""

TEMPLATE: Final[dict[str, Any]] = {
    **closed(
        "Template",
        ("name", "language"),
        name=line(512, pattern=TEMPLATE_WORD),
        language={
            "type": "string",
            "pattern": LANGUAGE,
            "maxLength": 35,
        },
        parameters=PARAMETERS,
        header=TEMPLATE_HEADER,
        buttons=BUTTONS,
        limited_time_offer=closed(
            "LimitedTimeOffer",
            ("expires_at",),
            expires_at={"type": "string", "pattern": INSTANT, "description": "When the offer ends."},
        ),
        carousel={
            "type": "array",
            "minItems": MIN_CARDS,
            "maxItems": MAX_CARDS,
            "items": CARD,
            "description": "Values of each card, in order.",
        },
        components=_COMPONENTS,
    ),
    "allOf": [{"not": {"required": [name, "components"]}} for name in VALUES],
}


def faults(template: Mapping[str, Any], path: str) -> Iterator[str]:
    """What a schema cannot say of a template's values that keep it: two for one button."""
    yield from _places(template, path)
    for number, card in enumerate(template.get("carousel", ())):
        yield from _places(card, f"{path}.carousel[{number}]")


def _places(part: Mapping[str, Any], path: str) -> Iterator[str]:
    buttons = part.get("buttons", ())
    places = [int(button.get("index", place)) for place, button in enumerate(buttons)]
    yield from repeated(places, f"{path}.buttons: index")
