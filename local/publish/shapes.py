"""The shapes of a JSON Schema of the contract, as a generator of types for another language needs them.

Only what the contract uses is read; another keyword that changes a shape raises ``NotImplementedError``, so
that no type says less than the schema without anybody's notice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lifeline.contract.instants import INSTANT

JSON: Final = "json"
"""Any JSON object."""
MAP: Final = "map"
"""An object with any keys; its part is the shape of each value."""

_NO_SHAPE: Final = frozenset(
    [
        "$schema",
        "$id",
        "$defs",
        "title",
        "description",
        "default",
        "examples",
        "minLength",
        "maxLength",
        "pattern",
        "minItems",
        "maxItems",
        "minProperties",
        "maxProperties",
        "minimum",
        "maximum",
        "not",
        "allOf",
        "if",
        "then",
        "propertyNames",
        "format",
        "additionalProperties",
    ]
)
"""Keywords that narrow values and leave types as they are; a kind's ``allOf`` is read by :func:`kinds`."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A type. ``what``: string, number, boolean, null, instant, json, map, array, enum, union, or a
    structure's name."""

    what: str
    parts: tuple[Shape, ...] = ()
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """A field of a structure."""

    name: str
    shape: Shape
    required: bool
    description: str = ""


@dataclass(frozen=True, slots=True)
class Structure:
    """An object with known fields."""

    name: str
    members: tuple[Member, ...]
    description: str = ""


@dataclass(slots=True)
class Reader:
    """Reads a schema; the structures met on the way are collected by name."""

    definitions: Mapping[str, Any]
    prefix: str = ""
    """Of the names of structures below the first: ``Error`` alone would hide TypeScript's own."""
    structures: dict[str, Structure] = field(default_factory=dict)

    def structure(self, name: str, schema: Mapping[str, Any]) -> Structure:
        """The structure of an object, and below it all others."""
        required = schema.get("required", ())
        members = tuple(
            Member(
                field_name, self.shape(field_name, part), field_name in required, part.get("description", "")
            )
            for field_name, part in schema["properties"].items()
        )
        return Structure(name, members, schema.get("description", ""))

    def shape(self, name: str, schema: Mapping[str, Any]) -> Shape:
        """The shape of a value that is called ``name``. Raises ``NotImplementedError``."""
        if (
            unknown := schema.keys()
            - _NO_SHAPE
            - {"type", "enum", "const", "properties", "required", "items", "$ref", "oneOf"}
        ):
            raise NotImplementedError(f"{name}: no shape for {', '.join(sorted(unknown))}")
        if "enum" in schema:
            return Shape("enum", values=tuple(schema["enum"]))
        if "const" in schema:
            return Shape("enum", values=(schema["const"],))
        if "$ref" in schema:
            target = schema["$ref"].removeprefix("#/$defs/")
            defined = self.definitions[target]
            return self._named(target, defined) if "properties" in defined else Shape(JSON)
        branches = [branch for branch in schema.get("oneOf", ()) if branch.keys() != {"required"}]
        if branches:
            return Shape("union", tuple(self.shape(name, branch) for branch in branches))
        kind = schema.get("type", JSON)
        if isinstance(kind, list):
            return Shape("union", tuple(self.shape(name, {**schema, "type": one}) for one in kind))
        if kind == "string":
            return Shape("instant" if schema.get("pattern") == INSTANT else "string")
        if kind == "array":
            return Shape("array", (self.shape(name.removesuffix("s"), schema.get("items", {})),))
        if kind == "object":
            if "properties" in schema:
                return self._named(name, schema)
            values = schema.get("additionalProperties")
            return Shape(MAP, (self.shape(name, values),)) if isinstance(values, Mapping) else Shape(JSON)
        return Shape("number" if kind == "integer" else kind)

    def _named(self, name: str, schema: Mapping[str, Any]) -> Shape:
        title = self.prefix + (schema.get("title") or "".join(word.capitalize() for word in name.split("_")))
        read = self.structure(title, schema)
        if self.structures.setdefault(title, read) != read:
            raise NotImplementedError(f"two different objects are called {name}")
        return Shape(title)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of message: the fields that it requires, and those that it may not have."""

    name: str
    required: frozenset[str]
    foreign: frozenset[str]


def kinds(schema: Mapping[str, Any]) -> list[Kind]:
    """The kinds of message (``type``) of the message schema, in its order."""
    common = set(schema["required"]) - {"type"}
    rules = {
        rule["if"]["properties"]["type"]["const"]: rule["then"]
        for rule in schema["allOf"]
        if "type" in rule["if"].get("properties", {})
    }
    return [
        Kind(
            kind,
            frozenset(common | set(rules[kind]["required"])),
            frozenset(name for name, part in rules[kind]["properties"].items() if part is False),
        )
        for kind in schema["properties"]["type"]["enum"]
    ]
