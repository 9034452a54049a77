"""The validator: the part of JSON Schema that Lifeline's documents use, with JSON Schema's own meaning.

A schema is made into functions once, since every message is checked: each keyword gives a check, which says
what is wrong, or, where nobody listens, whether anything is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
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

_ANNOTATIONS: Final = frozenset({"$schema", "$id", "$defs", "title", "description", "default"})
_LARGEST: Final = sys.float_info.max
"""Beyond it a number is none: ``1e400`` reads as infinity, which JSON cannot write."""

Place = tuple["Place | None", str]
"""Where a value stands: the place of what holds it, and what comes after that. Written out when told."""
Say = Callable[[Place, str], None]
Check = Callable[[Any, Place, Say | None], bool]
"""Whether a value fits. With a listener every fault is told, else the first one ends it."""


def _text(place: Place | None) -> str:
    parts: list[str] = []
    while place is not None:
        place, part = place
        parts.append(part)
    return "".join(reversed(parts))


def violations(value: object, schema: Mapping[str, Any] | bool, path: str) -> list[str]:
    """One sentence for each way in which ``value`` breaks ``schema``, with its place from ``path`` on.

    A keyword for strings says nothing about a number. The schema ``False`` refuses every value. An unknown
    keyword raises ``NotImplementedError``, so a schema can never say more than is checked.
    """
    check = _of(schema)
    if check(value, (None, path), None):
        return []
    said: list[str] = []
    check(value, (None, path), lambda place, what: said.append(f"{_text(place)}: {what}"))
    return said


_made: Final[dict[int, tuple[Mapping[str, Any], Check]]] = {}
"""By the schema's identity; the schema is kept, so that no other takes that over. Schemas are constants."""


def _of(schema: Mapping[str, Any] | bool) -> Check:
    if isinstance(schema, bool):
        return _everything if schema else _nothing
    known = _made.get(id(schema))
    if known is None:
        known = _made[id(schema)] = (schema, _make(schema))
    return known[1]


def _make(schema: Mapping[str, Any]) -> Check:
    checks = []
    for keyword, rule in schema.items():
        if keyword in _ANNOTATIONS or keyword == "then":
            continue
        maker = _KEYWORDS.get(keyword)
        if maker is None:
            raise NotImplementedError(f"schema keyword {keyword!r} has no check")
        checks.append(maker(rule, schema))
    return _all(checks)


def _all(checks: Sequence[Check]) -> Check:
    if len(checks) == 1:
        return checks[0]

    def every(value: Any, place: Place, say: Say | None) -> bool:
        fits = True
        for check in checks:
            if not check(value, place, say):
                if say is None:
                    return False
                fits = False
        return fits

    return every


def _everything(value: Any, place: Place, say: Say | None) -> bool:
    return True


def _nothing(value: Any, place: Place, say: Say | None) -> bool:
    return _fault(place, say, "does not belong to a message of this type")


def _fault(place: Place, say: Say | None, what: str) -> bool:
    if say is not None:
        say(place, what)
    return False


# --- Types -----------------------------------------------------------------------------------------------


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -_LARGEST <= value <= _LARGEST


def _is_integer(value: Any) -> bool:
    return _is_number(value) and bool(value == int(value))


_TYPES: Final[dict[str, Callable[[Any], bool]]] = {
    "string": lambda value: isinstance(value, str),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": _is_number,
    "integer": _is_integer,
}


def _type(rule: Any, schema: Mapping[str, Any]) -> Check:
    names = [rule] if isinstance(rule, str) else rule
    kinds = [_TYPES[name] for name in names]

    def check(value: Any, place: Place, say: Say | None) -> bool:
        for is_one in kinds:
            if is_one(value):
                return True
        if isinstance(value, float) and not _is_number(value):
            return _fault(place, say, "is not a number that can be written")
        return _fault(place, say, f"must be of type {' or '.join(names)}")

    return check


def _enum(rule: Any, schema: Mapping[str, Any]) -> Check:
    def check(value: Any, place: Place, say: Say | None) -> bool:
        if any(type(value) is type(option) and value == option for option in rule):
            return True
        return _fault(place, say, f"must be one of {', '.join(map(str, rule))}")

    return check


def _const(rule: Any, schema: Mapping[str, Any]) -> Check:
    def check(value: Any, place: Place, say: Say | None) -> bool:
        return (type(value) is type(rule) and value == rule) or _fault(place, say, f"must be {rule}")

    return check


# --- Objects ---------------------------------------------------------------------------------------------


def _required(rule: Any, schema: Mapping[str, Any]) -> Check:
    def check(value: Any, place: Place, say: Say | None) -> bool:
        fits = True
        if isinstance(value, dict):
            for name in rule:
                if name not in value:
                    fits = _fault((place, f".{name}"), say, "is required")
        return fits

    return check


def _properties(rule: Any, schema: Mapping[str, Any]) -> Check:
    inner = [(name, _of(part), f".{name}") for name, part in rule.items()]

    def check(value: Any, place: Place, say: Say | None) -> bool:
        fits = True
        if isinstance(value, dict):
            for name, part, step in inner:
                if name in value and not part(value[name], (place, step), say):
                    if say is None:
                        return False
                    fits = False
        return fits

    return check


def _additional(rule: Any, schema: Mapping[str, Any]) -> Check:
    known = schema.get("properties", {})
    fields = frozenset(known)
    part = _of(rule)

    def check(value: Any, place: Place, say: Say | None) -> bool:
        fits = True
        if isinstance(value, dict) and not value.keys() <= fields:
            for name in value:
                if name in fields:
                    continue
                here = (place, f".{str(name)[:40]}")
                if rule is False:
                    fits = _fault(here, say, f"is not a known field; known are {', '.join(known)}")
                elif not part(value[name], here, say):
                    fits = False
        return fits

    return check


def _property_names(rule: Any, schema: Mapping[str, Any]) -> Check:
    part = _of(rule)

    def check(value: Any, place: Place, say: Say | None) -> bool:
        fits = True
        if isinstance(value, dict):
            for name in value:
                fits = part(name, (place, f".{str(name)[:40]}: its name"), say) and fits
        return fits

    return check


def _max_properties(rule: Any, schema: Mapping[str, Any]) -> Check:
    def check(value: Any, place: Place, say: Say | None) -> bool:
        if not isinstance(value, dict) or len(value) <= rule:
            return True
        return _fault(place, say, f"has {len(value)} fields, at most {rule} are allowed")

    return check


def _min_properties(rule: Any, schema: Mapping[str, Any]) -> Check:
    def check(value: Any, place: Place, say: Say | None) -> bool:
        if not isinstance(value, dict) or len(value) >= rule:
            return True
        return _fault(place, say, f"must have at least {rule} fields")

    return check


# --- Arrays ----------------------------------------------------------------------------------------------


def _items(rule: Any, schema: Mapping[str, Any]) -> Check:
    part = _of(rule)

    def check(value: Any, place: Place, say: Say | None) -> bool:
        fits = True
        if isinstance(value, list):
            for index, item in enumerate(value):
                fits = part(item, (place, f"[{index}]"), say) and fits
        return fits

    return check


def _max_items(rule: Any, schema: Mapping[str, Any]) -> Check:
    def check(value: Any, place: Place, say: Say | None) -> bool:
        if not isinstance(value, list) or len(value) <= rule:
            return True
        return _fault(place, say, f"has {len(value)} items, at most {rule} are allowed")

    return check


def _min_items(rule: Any, schema: Mapping[str, Any]) -> Check:
    def check(value: Any, place: Place, say: Say | None) -> bool:
        if not isinstance(value, list) or len(value) >= rule:
            return True
        return _fault(place, say, f"must have at least {rule} items")

    return check


# --- Numbers and texts -----------------------------------------------------------------------------------


def _minimum(rule: Any, schema: Mapping[str, Any]) -> Check:
    def check(value: Any, place: Place, say: Say | None) -> bool:
        if not _is_number(value) or cast(float, value) >= rule:
            return True
        return _fault(place, say, f"must be at least {rule}")

    return check


def _maximum(rule: Any, schema: Mapping[str, Any]) -> Check:
    def check(value: Any, place: Place, say: Say | None) -> bool:
        if not _is_number(value) or cast(float, value) <= rule:
            return True
        return _fault(place, say, f"must be at most {rule}")

    return check


def _min_length(rule: Any, schema: Mapping[str, Any]) -> Check:
    what = "must not be empty" if rule == 1 else f"must have at least {rule} characters"

    def check(value: Any, place: Place, say: Say | None) -> bool:
        return not isinstance(value, str) or len(value) >= rule or _fault(place, say, what)

    return check


def _max_length(rule: Any, schema: Mapping[str, Any]) -> Check:
    def check(value: Any, place: Place, say: Say | None) -> bool:
        if not isinstance(value, str) or len(value) <= rule:
            return True
        return _fault(place, say, f"has {len(value)} characters, at most {rule} are allowed")

    return check


def _pattern(rule: Any, schema: Mapping[str, Any]) -> Check:
    def check(value: Any, place: Place, say: Say | None) -> bool:
        if not isinstance(value, str) or compiled(rule).search(value):
            return True
        return _fault(place, say, why(value, rule))

    return check


# --- Schemas of schemas ----------------------------------------------------------------------------------


def _ref(rule: Any, schema: Mapping[str, Any]) -> Check:
    name = rule.removeprefix("#/$defs/")

    def check(value: Any, place: Place, say: Say | None) -> bool:
        # Made when it is first met: a definition may name itself.
        return _of(DEFINITIONS[name])(value, place, say)

    return check


def _not(rule: Any, schema: Mapping[str, Any]) -> Check:
    part = _of(rule)
    what = f"must not have {' and '.join(rule.get('required', ['this form']))} together"

    def check(value: Any, place: Place, say: Say | None) -> bool:
        return not part(value, place, None) or _fault(place, say, what)

    return check


def _all_of(rule: Any, schema: Mapping[str, Any]) -> Check:
    return _all([_of(part) for part in rule])


def _if(rule: Any, schema: Mapping[str, Any]) -> Check:
    condition, consequence = _of(rule), schema.get("then", True)

    def check(value: Any, place: Place, say: Say | None) -> bool:
        # Made when it first applies: most messages are of few kinds, and a worker starts with none.
        return not condition(value, place, None) or _of(consequence)(value, place, say)

    return check


def _one_of(rule: Any, schema: Mapping[str, Any]) -> Check:
    """Branches differ in a constant (``type``), or only in the field that they require (``id``, ``link``)."""
    branches = [_of(branch) for branch in rule]

    def check(value: Any, place: Place, say: Say | None) -> bool:
        fits = sum(branch(value, place, None) for branch in branches)
        if fits == 1:
            return True
        if say is not None:
            _which(value, rule, branches, fits, place, say)
        return False

    return check


def _which(
    value: Any, rule: Sequence[Any], branches: Sequence[Check], fits: int, place: Place, say: Say
) -> None:
    """Tell what is wrong with a value that fits no branch, or more than one: by the one that is meant."""
    if not isinstance(value, dict):
        return say(place, "must be an object")
    if all(branch.keys() == {"required"} for branch in rule):
        names = [" and ".join(branch["required"]) for branch in rule]
        return say(place, f"must have {'only ' if fits else ''}one of {', '.join(names)}")
    constants = [
        {name: part["const"] for name, part in branch["properties"].items() if "const" in part}
        for branch in rule
    ]
    for branch, signs in zip(branches, constants, strict=True):
        if all(value.get(name) == sign for name, sign in signs.items()):
            branch(value, place, say)
            return None
    (name,) = {name for signs in constants for name in signs}
    if name in value:
        options = ", ".join(str(signs[name]) for signs in constants)
        return say((place, f".{name}"), f"must be one of {options}")
    return say((place, f".{name}"), "is required")


def repeated(values: Sequence[object], what: str) -> Iterator[str]:
    """One sentence for each value that is there more than once; ``what`` names the place."""
    for value in dict.fromkeys(value for value in values if values.count(value) > 1):
        yield f"{what} {value} is there more than once"


_KEYWORDS: Final[dict[str, Callable[[Any, Mapping[str, Any]], Check]]] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "required": _required,
    "properties": _properties,
    "additionalProperties": _additional,
    "propertyNames": _property_names,
    "$ref": _ref,
    "items": _items,
    "maxItems": _max_items,
    "minItems": _min_items,
    "minimum": _minimum,
    "maximum": _maximum,
    "minLength": _min_length,
    "maxLength": _max_length,
    "pattern": _pattern,
    "minProperties": _min_properties,
    "maxProperties": _max_properties,
    "oneOf": _one_of,
    "not": _not,
    "allOf": _all_of,
    "if": _if,
}
