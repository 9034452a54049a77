"""Messages as Meta wants them: the part of a request that says what is sent. Pure.

Meta's OpenAPI file, ``Message``; templates: Meta, "Send message templates".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lifeline.contract.messages import Message, Template

Part = dict[str, Any]


def text(message: Message) -> Part:
    """Of a text, and of a voice message that goes as text."""
    return {"type": "text", "text": {"body": message.text or "", "preview_url": message.preview_url}}


def recording(media_id: str) -> Part:
    """Of a voice message whose recording lies at Meta."""
    return {"type": "audio", "audio": {"id": media_id}}


def content(message: Message) -> Part:
    """Of a kind whose content a producer writes as Meta has it."""
    return {"type": message.type, message.type: message.content}


def template(chosen: Template) -> Part:
    """Of a template, with a component for each part that takes values."""
    body: Part = {"name": chosen.name, "language": {"code": chosen.language}}
    components = [*map(dict, chosen.components), *_values(chosen)]
    if components:
        body["components"] = components
    return {"type": "template", "template": body}


def _values(chosen: Template) -> list[Part]:
    parts = _components(chosen.header, _texts(chosen.parameters, chosen.names), chosen.buttons)
    if chosen.offer_ends is not None:
        ends = {"expiration_time_ms": int(chosen.offer_ends * 1000)}
        offer = {"type": "limited_time_offer", "limited_time_offer": ends}
        parts.append({"type": "limited_time_offer", "parameters": [offer]})
    if chosen.cards:
        cards = [{"card_index": index, "components": _card(card)} for index, card in enumerate(chosen.cards)]
        parts.append({"type": "carousel", "cards": cards})
    return parts


def _card(card: Mapping[str, Any]) -> list[Part]:
    given = card.get("parameters", ())
    names = tuple(given) if isinstance(given, Mapping) else ()
    values = [str(value) for value in (given.values() if names else given)]
    return _components(card["header"], _texts(values, names), card.get("buttons", ()))


def _components(
    header: Mapping[str, Any] | None, texts: Sequence[Part], buttons: Sequence[Mapping[str, Any]]
) -> list[Part]:
    parts: list[Part] = []
    if header is not None:
        parts.append({"type": "header", "parameters": [dict(header)]})
    if texts:
        parts.append({"type": "body", "parameters": list(texts)})
    return [*parts, *(_button(button, place) for place, button in enumerate(buttons))]


def _texts(values: Sequence[str], names: Sequence[str]) -> list[Part]:
    if names:
        return [
            {"type": "text", "parameter_name": name, "text": value}
            for name, value in zip(names, values, strict=True)
        ]
    return [{"type": "text", "text": value} for value in values]


def _button(button: Mapping[str, Any], place: int) -> Part:
    value: Part
    match button["type"]:
        case "url":
            value = {"type": "text", "text": button["text"]}
        case "quick_reply":
            value = {"type": "payload", "payload": button["payload"]}
        case "copy_code":
            value = {"type": "coupon_code", "coupon_code": button["coupon_code"]}
        case kind:
            assert kind == "flow", "the contract knows no other button"
            names = ("flow_token", "flow_action_data")
            value = {"type": "action", "action": {name: button[name] for name in names if name in button}}
    return {
        "type": "button",
        "sub_type": button["type"],
        "index": str(int(button.get("index", place))),
        "parameters": [value],
    }
