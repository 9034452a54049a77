"""The validator: the part of JSON Schema that Lifeline's documents use, with JSON Schema's own meaning."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from lifeline.contract.patterns import TEXT, compiled, why

DEFINITIONS: Final[dict[str, Any]] = {
    "clean": {
        "description": "Any value; its texts and keys hold no control characters and no lone surrogates.",
        "type": ["string", "number", "boolean", "null", "object", "array"],
        "pattern": TEXT,
        "propertyNames": {"pattern": TEXT},
        "additionalProperties": {"$ref": "#/$defs/clean"},
        "items": {"$ref": "#/$defs/clean"},
    },
}
"""What ``$ref`` may name: ``#/$defs/NAME``."""

_JSON_TYPES: Final[dict[str, type | tuple[type, ...]]] = {
    "string": str,
    "object": Mapping,
    "array": list,
    "boolean": bool,
    "null": type(None),
}
_ANNOTATIONS: Final = frozenset({"$schema", "$id", "$defs", "title", "description", "default"})
_LARGEST: Final = sys.float_info.max
"""Beyond it a number is none: ``1e400`` reads as infinity, which JSON cannot write."""


def _is(value: object, name: str) -> bool:
    if isinstance(value, bool):
        return name == "boolean"
    if name == "number":
        return isinstance(value, int | float) and -_LARGEST <= value <= _LARGEST
    if name == "integer":
        return _is(value, "number") and cast(float, value) == int(cast(float, value))
    return isinstance(value, _JSON_TYPES[name])


def violations(value: object, schema: Mapping[str, Any] | bool, path: str) -> Iterator[str]:
    """Yield one sentence for each way in which ``value`` breaks ``schema``, with its place from ``path`` on.

    A keyword for strings says nothing about a number. The schema ``False`` refuses every value. An unknown
    keyword raises ``NotImplementedError``, so a schema can never say more than is checked.
    """
    if isinstance(schema, bool):
        if not schema:
            yield f"{path}: does not belong to a message of this type"
        return
    for keyword, rule in schema.items():
        if keyword in _ANNOTATIONS:
            continue
        check = _KEYWORDS.get(keyword)
        if check is None:
            if keyword in ("then",):
                continue
            raise NotImplementedError(f"schema keyword {keyword!r} has no check")
        yield from check(value, rule, schema, path)


def _check_type(value: object, rule: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    names = [rule] if isinstance(rule, str) else rule
    if isinstance(value, float) and not _is(value, "number"):
        yield f"{path}: is not a number that can be written"
    elif not any(_is(value, name) for name in names):
        yield f"{path}: must be of type {' or '.join(names)}"


def _check_enum(value: object, rule: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if not any(type(value) is type(option) and value == option for option in rule):
        yield f"{path}: must be one of {', '.join(map(str, rule))}"


def _check_const(value: object, rule: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if type(value) is not type(rule) or value != rule:
        yield f"{path}: must be {rule}"


def _check_required(value: object, rule: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name in rule:
            if name not in value:
                yield f"{path}.{name}: is required"


def _check_properties(value: object, rule: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in rule.items():
            if name in value:
                yield from violations(value[name], inner, f"{path}.{name}")


def _check_additional(value: object, rule: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        known = schema.get("properties", {})
        for name in value:
            if name in known:
                continue
            place = f"{path}.{str(name)[:40]}"
            if rule is False:
                yield f"{place}: is not a known field; known are {', '.join(known)}"
            else:
                yield from violations(value[name], rule, place)


def _check_property_names(value: object, rule: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name in value:
            yield from violations(name, rule, f"{path}.{str(name)[:40]}: its name")


def _check_ref(value: object, rule: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    yield from violations(value, DEFINITIONS[rule.removeprefix("#/$defs/")], path)


def _check_items(value: object, rule: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from violations(item, rule, f"{path}[{index}]")


def _check_max_items(value: object, rule: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if isinstance(value, list) and len(value) > rule:
        yield f"{path}: has {len(value)} items, at most {rule} are allowed"


def _check_min_items(value: object, rule: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if isinstance(value, list) and len(value) < rule:
        yield f"{path}: must have at least {rule} items"


def _check_minimum(value: object, rule: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if _is(value, "number") and not cast(float, value) >= rule:
        yield f"{path}: must be at least {rule}"


def _check_maximum(value: object, rule: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if _is(value, "number") and not cast(float, value) <= rule:
        yield f"{path}: must be at most {rule}"


def _check_min_length(value: object, rule: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if isinstance(value, str) and len(value) < rule:
        yield f"{path}: must not be empty" if rule == 1 else f"{path}: must have at least {rule} characters"


def _check_max_length(value: object, rule: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if isinstance(value, str) and len(value) > rule:
        yield f"{path}: has {len(value)} characters, at most {rule} are allowed"


def _check_pattern(value: object, rule: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if isinstance(value, str) and not compiled(rule).search(value):
        yield f"{path}: {why(value, rule)}"


def _check_not(value: object, rule: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if not any(True for _ in violations(value, rule, path)):
        yield f"{path}: must not have {' and '.join(rule.get('required', ['this form']))} together"


def _check_all_of(value: object, rule: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    for inner in rule:
        yield from violations(value, inner, path)


def _check_if(value: object, rule: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if not any(True for _ in violations(value, rule, path)):
        yield from violations(value, schema.get("then", {}), path)


def _check_max_properties(value: object, rule: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if isinstance(value, Mapping) and len(value) > rule:
        yield f"{path}: has {len(value)} fields, at most {rule} are allowed"


def _check_min_properties(value: object, rule: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if isinstance(value, Mapping) and len(value) < rule:
        yield f"{path}: must have at least {rule} fields"


def _check_one_of(value: object, rule: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    """Branches differ in a constant (``type``), or only in the field that they require (``id``, ``link``)."""
    fits = sum(1 for branch in rule if not any(True for _ in violations(value, branch, path)))
    if fits == 1 or not isinstance(value, Mapping):
        if fits != 1:
            yield f"{path}: must be an object"
        return
    if all(branch.keys() == {"required"} for branch in rule):
        names = [" and ".join(branch["required"]) for branch in rule]
        yield f"{path}: must have {'only ' if fits else ''}one of {', '.join(names)}"
        return
    constants = [
        {name: part["const"] for name, part in branch["properties"].items() if "const" in part}
        for branch in rule
    ]
    meant = [
        branch
        for branch, signs in zip(rule, constants, strict=True)
        if all(value.get(name) == sign for name, sign in signs.items())
    ]
    if meant:
        yield from violations(value, meant[0], path)
        return
    (name,) = {name for signs in constants for name in signs}
    if name in value:
        yield f"{path}.{name}: must be one of {', '.join(str(signs[name]) for signs in constants)}"
    else:
        yield f"{path}.{name}: is required"


def repeated(values: Sequence[object], what: str) -> Iterator[str]:
    """One sentence for each value that is there more than once; ``what`` names the place."""
    for value in dict.fromkeys(value for value in values if values.count(value) > 1):
        yield f"{what} {value} is there more than once"


_KEYWORDS: Final = {
    "type": _check_type,
    "enum": _check_enum,
    "const": _check_const,
    "required": _check_required,
    "properties": _check_properties,
    "additionalProperties": _check_additional,
    "propertyNames": _check_property_names,
    "$ref": _check_ref,
    "items": _check_items,
    "maxItems": _check_max_items,
    "minItems": _check_min_items,
    "minimum": _check_minimum,
    "maximum": _check_maximum,
    "minLength": _check_min_length,
    "maxLength": _check_max_length,
    "pattern": _check_pattern,
    "minProperties": _check_min_properties,
    "maxProperties": _check_max_properties,
    "oneOf": _check_one_of,
    "not": _check_not,
    "allOf": _check_all_of,
    "if": _check_if,
}
