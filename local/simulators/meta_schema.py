"""Meta's own OpenAPI file as a judge of requests, answers and webhooks.

The file ``business-messaging-api_v23.0.yaml`` (facebook/openapi, MIT) is not part of this project; give its
path. It rejects its own examples as it stands, so a few places are repaired on reading:

- ``allOf`` beside ``additionalProperties: false`` refuses every field of the other branches: the whole is
  closed with ``unevaluatedProperties`` instead, which sees through ``allOf``.
- Webhook schemas point at the outgoing twins of what comes in (``TextMessage`` for ``TextMessage_2``, ...).
- ``language.policy``, ``recipient_type``, ``type`` (of text) and ``to`` (beside a ``recipient``) are called
  required; Meta takes messages without them.
- ``biz_opaque_callback_data``, ``recipient``, its identity key and the status ``played`` are missing.
- A button's ``index`` has a pattern that refuses the indices in the file's own examples, and is a number too.
- Interactive messages lack the newer kinds (CTA URL, carousel, location and contact requests, voice call)
  and the 4096 characters of a list's body; templates lack carousel, limited-time offer, newer buttons.
- A location's coordinates are numbers in Meta's examples and strings in the schema; labels of a contact's
  phones, emails and addresses are free.
- Numbers lack the status of all that send (``CONNECTED``); webhooks of a business-scoped user id have no
  ``from`` and no ``recipient_id``.
"""

from __future__ import annotations

import copy
import functools
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

_INCOMING = {
    "TextMessage": "TextMessage_2",
    "AudioMessage": "AudioMessage_1",
    "DocumentMessage": "DocumentMessage_1",
    "ImageMessage": "ImageMessage_1",
    "StickerMessage": "StickerMessage_1",
    "VideoMessage": "VideoMessage_1",
    "LocationMessage": "LocationMessage_1",
    "ReactionMessage": "ReactionMessage_1",
}
_KINDS = (
    *("text", "template", "audio", "document", "image", "video", "sticker", "location", "reaction"),
    *("interactive", "contacts"),
)
_MISSING = {
    "biz_opaque_callback_data": {"type": "string", "maxLength": 512},
    "recipient": {"type": "string"},
    "recipient_identity_key_hash": {"type": "string"},
    "message_activity_sharing": {"type": "boolean"},
}
_INTERACTIVE = (
    *("cta_url", "carousel", "location_request_message", "request_contact_info", "voice_call"),
    *("order_details", "order_status", "address_message"),
)
_COMPONENTS = ("carousel", "limited_time_offer", "order_status", "tap_target_configuration")
_BUTTONS = ("copy_code", "flow", "mpm", "voice_call", "order_details")
_LABELLED = ("AddressObject", "EmailObject", "PhoneObject", "UrlObject")
_REF = "#/components/schemas/"


class MetaSchema:
    """Answers with the faults of a document; an empty list where it fits."""

    def __init__(self, path: str | Path) -> None:
        self._document = _load(str(path))
        self._validators: dict[str, Draft202012Validator] = {}

    def send_errors(self, body: Any) -> list[str]:
        """Faults of a ``POST /{phone-number-id}/messages``."""
        kind = body.get("type", "text") if isinstance(body, dict) else None
        if kind not in _KINDS:
            return [f"type {kind!r} is not one that Meta's file knows"]
        if "to" not in body and "recipient" not in body:
            return ["the document: 'to' or 'recipient' is a required property"]
        return self.errors(f"{str(kind).capitalize()}Message", body)

    def errors(self, name: str, document: Any) -> list[str]:
        """Faults of a document against the schema called ``name``."""
        return [_words(error) for error in self._validator(name).iter_errors(document)]

    def answer_errors(self, path: str, document: Any) -> list[str]:
        """Faults of an answer with status 200 to ``GET path``, the path as the file writes it."""
        answer = self._document["paths"][path]["get"]["responses"]["200"]
        schema = answer["content"]["application/json"]["schema"]
        return [_words(error) for error in self._validate(schema).iter_errors(document)]

    def examples(self, path: str) -> list[dict[str, Any]]:
        """The bodies that the file itself gives as examples of a POST."""
        content = self._document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
        return [example["value"] for example in content["examples"].values()]

    def _validator(self, name: str) -> Draft202012Validator:
        if name not in self._validators:
            self._validators[name] = self._validate({"$ref": _REF + name})
        return self._validators[name]

    def _validate(self, schema: dict[str, Any]) -> Draft202012Validator:
        return Draft202012Validator({**schema, "components": self._document["components"]})


def _words(error: Any) -> str:
    place = "/".join(str(part) for part in error.absolute_path) or "the document"
    return f"{place}: {error.message}"[:300]


@functools.cache
def _load(path: str) -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document: dict[str, Any] = yaml.load(Path(path).read_text(encoding="utf-8"), Loader=loader)  # noqa: S506  # either is a safe loader
    schemas = document["components"]["schemas"]
    _point_webhooks_at_what_comes_in(schemas)
    for schema in schemas.values():
        _close_as_a_whole(schema)
    _let_buttons_count_from_zero(schemas)
    _add_newer_kinds(schemas)
    base = schemas["BaseMessageProperties"]
    base["required"] = ["messaging_product"]
    language = schemas["LanguageObject"]
    language["required"] = [name for name in language.get("required", []) if name != "policy"]
    schemas["Statuses"]["properties"]["status"]["enum"].append("played")
    schemas["Statuses"]["properties"]["biz_opaque_callback_data"] = {"type": "string"}
    schemas["Statuses"]["properties"]["recipient_user_id"] = {"type": "string"}
    incoming = schemas["BaseMessageProperties_1"]
    incoming["required"] = [name for name in incoming.get("required", []) if name != "from"]
    schemas["Statuses"]["required"].remove("recipient_id")
    schemas["Statuses"]["anyOf"] = [{"required": ["recipient_id"]}, {"required": ["recipient_user_id"]}]
    schemas["WhatsAppPhoneNumberStatus"]["enum"].append("CONNECTED")
    return document


def _point_webhooks_at_what_comes_in(schemas: dict[str, Any]) -> None:
    for outgoing, incoming in _INCOMING.items():
        twin = copy.deepcopy(schemas[incoming])
        for branch in twin.get("allOf", []):
            if branch.get("$ref") == f"{_REF}BaseMessageProperties":
                branch["$ref"] = f"{_REF}BaseMessageProperties_1"
        schemas[incoming] = twin
        for branch in schemas["IncomingMessage"]["oneOf"]:
            if branch.get("$ref") == _REF + outgoing:
                branch["$ref"] = _REF + incoming


def _let_buttons_count_from_zero(node: Any) -> None:
    if isinstance(node, dict):
        if node.get("pattern") == "^[2-6, 11-14]$":
            node |= {"pattern": "^[0-9]$", "type": ["string", "integer"]}
        for inner in node.values():
            _let_buttons_count_from_zero(inner)
    elif isinstance(node, list):
        for inner in node:
            _let_buttons_count_from_zero(inner)


def _add_newer_kinds(schemas: dict[str, Any]) -> None:
    interactive = schemas["InteractiveObject"]["properties"]
    interactive["type"]["enum"] += _INTERACTIVE
    interactive["body"] = {
        "type": "object",
        "required": ["text"],
        "properties": {"text": {"type": "string", "maxLength": 4096}},
    }
    # The branches of an action exclude each other, and none of them is that of a newer kind.
    schemas["ActionObject"]["oneOf"].append(
        {
            "required": ["name"],
            "properties": {
                "name": {"enum": [*_INTERACTIVE, "send_location", "review_and_pay", "review_order"]}
            },
            "not": {"required": ["cards"]},
        }
    )
    schemas["ActionObject"]["oneOf"].append({"required": ["cards"]})
    catalog = next(
        branch
        for branch in schemas["ActionObject"]["oneOf"]
        if "catalog_message" in branch.get("properties", {}).get("name", {}).get("enum", ())
    )
    catalog["required"] = ["name"]
    component = schemas["TemplateComponent"]["properties"]
    component["type"]["enum"] += _COMPONENTS
    component["sub_type"]["enum"] += _BUTTONS
    place = schemas["LocationMessage"]["allOf"][1]["properties"]["location"]["properties"]
    for name in ("latitude", "longitude"):
        place[name]["type"] = ["string", "number"]
    for name in _LABELLED:
        schemas[name]["properties"]["type"].pop("enum")


def _close_as_a_whole(schema: Any) -> None:
    if not isinstance(schema, dict) or not isinstance(schema.get("allOf"), list):
        return
    closed = [branch for branch in schema["allOf"] if branch.get("additionalProperties") is False]
    for branch in closed:
        del branch["additionalProperties"]
        branch.setdefault("properties", {}).update(_MISSING)
    if closed:
        schema["unevaluatedProperties"] = False
