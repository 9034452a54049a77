"""Meta's own OpenAPI file as a judge of requests, answers and webhooks.

The file ``business-messaging-api_v23.0.yaml`` (facebook/openapi, MIT) is not part of this project; give its
path. It rejects its own examples as it stands, so a few places are repaired on reading:

- ``allOf`` beside ``additionalProperties: false`` refuses every field of the other branches: the whole is
  closed with ``unevaluatedProperties`` instead, which sees through ``allOf``.
- Webhook schemas point at the outgoing twins of what comes in (``TextMessage`` for ``TextMessage_2``, ...).
- ``language.policy`` and ``recipient_type`` are called required; Meta takes messages without them.
- ``biz_opaque_callback_data``, ``recipient`` and the status ``played`` are missing.
- A button's ``index`` has a pattern that refuses the indices in the file's own examples.
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
_SENDS = {"text": "TextMessage", "template": "TemplateMessage", "audio": "AudioMessage"}
_MISSING = {"biz_opaque_callback_data": {"type": "string", "maxLength": 512}, "recipient": {"type": "string"}}
_REF = "#/components/schemas/"


class MetaSchema:
    """Answers with the faults of a document; an empty list where it fits."""

    def __init__(self, path: str | Path) -> None:
        self._document = _load(str(path))

    def send_errors(self, body: Any) -> list[str]:
        """Faults of a ``POST /{phone-number-id}/messages``."""
        kind = body.get("type", "text") if isinstance(body, dict) else None
        name = _SENDS.get(str(kind))
        return [f"type {kind!r} is not one that Lifeline sends"] if name is None else self.errors(name, body)

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
        return self._validate({"$ref": _REF + name})

    def _validate(self, schema: dict[str, Any]) -> Draft202012Validator:
        return Draft202012Validator({**schema, "components": self._document["components"]})


def _words(error: Any) -> str:
    place = "/".join(str(part) for part in error.absolute_path) or "the document"
    return f"{place}: {error.message}"[:300]


@functools.cache
def _load(path: str) -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document: dict[str, Any] = yaml.load(Path(path).read_text(encoding="utf-8"), Loader=loader)
    schemas = document["components"]["schemas"]
    _point_webhooks_at_what_comes_in(schemas)
    for schema in schemas.values():
        _close_as_a_whole(schema)
    _let_buttons_count_from_zero(schemas)
    schemas["BaseMessageProperties"]["required"].remove("recipient_type")
    language = schemas["LanguageObject"]
    language["required"] = [name for name in language.get("required", []) if name != "policy"]
    schemas["Statuses"]["properties"]["status"]["enum"].append("played")
    schemas["Statuses"]["properties"]["biz_opaque_callback_data"] = {"type": "string"}
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
            node["pattern"] = "^[0-9]$"
        for inner in node.values():
            _let_buttons_count_from_zero(inner)
    elif isinstance(node, list):
        for inner in node:
            _let_buttons_count_from_zero(inner)


def _close_as_a_whole(schema: Any) -> None:
    if not isinstance(schema, dict) or not isinstance(schema.get("allOf"), list):
        return
    closed = [branch for branch in schema["allOf"] if branch.get("additionalProperties") is False]
    for branch in closed:
        del branch["additionalProperties"]
        branch.setdefault("properties", {}).update(_MISSING)
    if closed:
        schema["unevaluatedProperties"] = False
