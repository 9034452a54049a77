"""The public contract: what producers may send, what the queues are called, which states exist.

Standard library only: the operator's command line imports this module and nothing else of the layer.
``MESSAGE_SCHEMA`` is the single source. It is published as ``docs/message.schema.json`` and it is what
:func:`violations` interprets, so the published schema and the validator cannot drift apart.
"""

from __future__ import annotations

import functools
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, cast

MAX_BODY_BYTES: Final = 64 * 1024
"""Longest accepted message body, in bytes. The ledger keeps the body (DynamoDB: 400 KB an item)."""

MAX_TEXT_CHARS: Final = 4096
"""Longest text body that WhatsApp accepts (Meta, "Text messages")."""

MAX_DEPTH: Final = 32
"""Levels of objects and arrays in a message, itself included; parsers of others give up at some depth."""
MAX_REASONS: Final = 10
"""So many faults of one document are named; the others are counted."""
MAX_REASON_CHARS: Final = 200
RESERVED: Final = "lifeline:"
"""Ids that begin so are Lifeline's own (its probes and test sends); no message may have one."""

PRIORITIES: Final = ("critical", "normal", "bulk")
TYPES: Final = ("template", "text", "voice")
STATES: Final = ("normal", "panic", "recovering")
STATUSES: Final = (
    "CLAIMED",
    "SENT",
    "HELD",
    "DELIVERED",
    "READ",
    "FAILED",
    "PUSHED",
    "EMAILED",
    "PARKED",
    "EXPIRED",
    "REJECTED",
    "IN_DOUBT",
    "CANCELLED",
)

CRITICAL_QUEUE: Final = "whatsapp-critical-queue"
WHATSAPP_QUEUE: Final = "whatsapp-queue"
BULK_QUEUE: Final = "whatsapp-bulk-queue"
WAKE_QUEUE: Final = "wake-queue"
VOICE_QUEUE: Final = "voice-queue"
PROBE_QUEUE: Final = "probe-queue"
WHATSAPP_DLQ: Final = "whatsapp-dlq"
VOICE_DLQ: Final = "voice-dlq"
PROBE_DLQ: Final = "probe-dlq"
ENTRY_QUEUES: Final = (CRITICAL_QUEUE, WHATSAPP_QUEUE, BULK_QUEUE)
"""Where producers put messages. The body's priority decides what a message is, the queue only how soon it is
looked at."""
DEAD_LETTER_QUEUES: Final = (WHATSAPP_DLQ, VOICE_DLQ, PROBE_DLQ)
QUEUES: Final = (*ENTRY_QUEUES, WAKE_QUEUE, VOICE_QUEUE, PROBE_QUEUE, *DEAD_LETTER_QUEUES)

WHATSAPP: Final = "whatsapp"
OPENAI_VOICE: Final = "openai_voice"
TEMPLATE_PREFIX: Final = "whatsapp/template/"

REASON_ATTRIBUTE: Final = "lifeline_reason"
"""SQS message attribute on dead-letter messages: why a person must look."""

_LABEL = "^[A-Za-z0-9._:-]+$"
_ID = f"^(?!{RESERVED})[A-Za-z0-9._:-]+$"
# What no text may hold: C0 (a text of several lines may have tab, line feed, carriage return), DEL and C1,
# halves of surrogate pairs, and the two that are no characters. SQS takes none of the C0 controls, the halves
# and U+FFFE, U+FFFF (SendMessage: the characters of XML 1.0), and nothing can encode a lone half.
_NEVER = r"\u007f-\u009f\ud800-\udfff\ufffe\uffff"
_NOT_IN_TEXT = r"\u0000-\u0008\u000b\u000c\u000e-\u001f" + _NEVER
_NOT_IN_LINE = r"\u0000-\u001f" + _NEVER
_TEXT = f"^[^{_NOT_IN_TEXT}]*$"
_LINE = f"^[^{_NOT_IN_LINE}]*$"
# Meta: "Param text cannot have new-line/tab characters or more than 4 consecutive spaces" (132018).
_VALUE = f"^(?!.* {{5}})[^{_NOT_IN_LINE}]*$"
_ZEROS = (
    "0660 06f0 07c0 0966 09e6 0a66 0ae6 0b66 0be6 0c66 0ce6 0d66 0de6 0e50 0ed0 0f20 1040 1090 17e0 1810 "
    "1946 19d0 1a80 1a90 1b50 1bb0 1c40 1c50 a620 a8d0 a900 a9d0 a9f0 aa50 abf0 ff10 104a0 10d30 10d40 "
    "11066 110f0 11136 111d0 112f0 11450 114d0 11650 116c0 116d0 116da 11730 118e0 11950 11bf0 11c50 11d50 "
    "11da0 11de0 11f50 16130 16a60 16ac0 16b50 16d70 1ccf0 1d7ce 1d7d8 1d7e2 1d7ec 1d7f6 1e140 1e2f0 1e4f0 "
    "1e5f1 1e950 1fbf0"
)
"""The zero of each script's ten digits, but ASCII's (Unicode 17, category Nd)."""


def _digit_class(zero: int) -> str:
    # Beyond U+FFFF, ECMA 262 and Python write escapes differently; the characters themselves mean the same.
    write = "\\u{:04x}".format if zero + 9 <= 0xFFFF else chr
    return f"{write(zero)}-{write(zero + 9)}"


_NUMBER = f"^[^{_NOT_IN_LINE}{''.join(_digit_class(int(zero, 16)) for zero in _ZEROS.split())}]*$"
_INSTANT = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})$"

MESSAGE_SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:lifeline:message:1",
    "title": "Lifeline message",
    "description": "One message to one person, a JSON object: the body of an SQS message on whatsapp-queue.",
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "to", "type"],
    "$defs": {
        "clean": {
            "description": "Any value; its texts and keys hold no control characters and no lone surrogates.",
            "type": ["string", "number", "boolean", "null", "object", "array"],
            "pattern": _TEXT,
            "propertyNames": {"pattern": _TEXT},
            "additionalProperties": {"$ref": "#/$defs/clean"},
            "items": {"$ref": "#/$defs/clean"},
        },
    },
    "properties": {
        "id": {
            "type": "string",
            "minLength": 1,
            "maxLength": 128,
            "pattern": _ID,
            "description": "The producer's idempotency key: one id is delivered once. lifeline: is reserved.",
        },
        "to": {
            "type": "string",
            "minLength": 1,
            "maxLength": 64,
            "pattern": _NUMBER,
            "description": "Phone number, normalised to E.164; a national one takes the default region. "
            "Digits are 0 to 9.",
        },
        "type": {"enum": list(TYPES), "description": "What kind of WhatsApp message this is."},
        "template": {
            "type": "object",
            "additionalProperties": False,
            "required": ["name", "language"],
            "properties": {
                "name": {"type": "string", "minLength": 1, "maxLength": 512, "pattern": "^[a-z0-9_]+$"},
                "language": {
                    "type": "string",
                    "pattern": "^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*$",
                    "maxLength": 35,
                },
                "parameters": {
                    "type": "array",
                    "maxItems": 64,
                    "items": {
                        "type": ["string", "number"],
                        "minLength": 1,
                        "maxLength": 1024,
                        "pattern": _VALUE,
                    },
                    "description": "Values of the body's placeholders, in order: no line break, no tab, at "
                    "most four spaces in a row.",
                },
                "components": {
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
                                    "then": {
                                        "properties": {
                                            "text": {"type": "string", "minLength": 1, "pattern": _VALUE}
                                        }
                                    },
                                }
                            }
                        },
                    },
                    "description": "Graph-native components, passed on as they are, instead of parameters.",
                },
            },
            "not": {"required": ["parameters", "components"]},
        },
        "text": {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_TEXT_CHARS,
            "pattern": _TEXT,
            "description": "Text of a text or voice message; for a template, what a fallback says.",
        },
        "priority": {"enum": list(PRIORITIES), "default": "normal"},
        "category": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": _LABEL},
        "recipient": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "user_id": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": _LINE},
                "push_endpoint": {
                    "type": "string",
                    "maxLength": 512,
                    "pattern": "^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:(endpoint|app)"
                    "/[!-.0-~]+/[!-.0-~]+/[!-~]+$",
                },
                "email": {
                    "type": "string",
                    "maxLength": 320,
                    "pattern": rf"^[^@\s{_NOT_IN_LINE}]+@[^@\s{_NOT_IN_LINE}]+$",
                },
                "time_zone": {
                    "type": "string",
                    "maxLength": 64,
                    "pattern": "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$",
                    "description": "IANA name, for quiet hours; default: the zones of the number's country.",
                },
            },
        },
        "fallback": {
            "type": "object",
            "additionalProperties": False,
            "required": ["body"],
            "properties": {
                "title": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": _LINE},
                "body": {"type": "string", "minLength": 1, "maxLength": MAX_TEXT_CHARS, "pattern": _TEXT},
            },
        },
        "expires_at": {
            "type": "string",
            "pattern": _INSTANT,
            "description": "Never deliver later than this.",
        },
        "send_after": {"type": "string", "pattern": _INSTANT, "description": "Never deliver before this."},
        "campaign": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": _LABEL},
    },
    "allOf": [
        {
            "if": {"properties": {"type": {"const": "template"}}, "required": ["type"]},
            "then": {"required": ["template"]},
        },
        {
            "if": {"properties": {"type": {"enum": ["text", "voice"]}}, "required": ["type"]},
            "then": {"required": ["text"]},
        },
    ],
}
"""JSON Schema (draft 2020-12) of a message."""


_HIDDEN: Final = re.compile(rf"[{_NOT_IN_LINE}\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def escaped(text: str) -> str:
    """``text`` as a person can read it and anything can encode it: what does not show, or turns the direction
    of what follows, becomes ``\\u001b``."""
    return _HIDDEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def listed(faults: Iterable[str]) -> tuple[str, ...]:
    """Faults as they are told: each once, :func:`escaped`, of at most :data:`MAX_REASON_CHARS` characters;
    the first :data:`MAX_REASONS`, then ``and N more``."""
    every = [*dict.fromkeys(faults)]
    told = [_short(escaped(fault)) for fault in every[:MAX_REASONS]]
    return (*told, f"and {len(every) - MAX_REASONS} more") if len(every) > MAX_REASONS else tuple(told)


def _short(reason: str) -> str:
    """The beginning says where, the end says what: the middle goes."""
    if len(reason) <= MAX_REASON_CHARS:
        return reason
    return f"{reason[: MAX_REASON_CHARS - 105]} ... {reason[-100:]}"


class ContractError(ValueError):
    """A message breaks the contract. ``reasons`` names the faults, each with its place, as :func:`listed`."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.reasons = listed(faults)
        super().__init__("; ".join(self.reasons))


@dataclass(frozen=True, slots=True)
class Template:
    """A WhatsApp template and its values. ``language`` is written with an underscore (``en_US``)."""

    name: str
    language: str
    parameters: tuple[str, ...] = ()
    components: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Recipient:
    """How a person can be reached besides WhatsApp; missing ways are looked up by ``user_id``."""

    user_id: str | None = None
    push_endpoint: str | None = None
    email: str | None = None
    time_zone: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """An accepted message. ``to`` is as the producer wrote it; instants are epoch seconds (UTC)."""

    id: str
    to: str
    type: str
    template: Template | None = None
    text: str | None = None
    priority: str = "normal"
    category: str | None = None
    recipient: Recipient = field(default_factory=Recipient)
    fallback_title: str | None = None
    fallback_body: str | None = None
    expires_at: float | None = None
    send_after: float | None = None
    campaign: str | None = None


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
    return isinstance(value, _JSON_TYPES[name])


def violations(
    value: object, schema: Mapping[str, Any] = MESSAGE_SCHEMA, path: str = "message"
) -> Iterator[str]:
    """Yield one sentence for each way in which ``value`` breaks ``schema``.

    Interprets the part of JSON Schema that ``MESSAGE_SCHEMA`` uses, with JSON Schema's own meaning
    (a keyword for strings says nothing about a number). An unknown keyword raises ``NotImplementedError``,
    so a schema can never say more than is checked.
    """
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
    yield from violations(value, MESSAGE_SCHEMA["$defs"][rule.removeprefix("#/$defs/")], path)


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


@functools.cache
def _compiled(rule: str) -> re.Pattern[str]:
    # JSON Schema's "$" is the very end of the string; Python's also allows one line feed before it.
    return re.compile(rule.replace("$", r"\Z"), re.ASCII)


def _check_pattern(value: object, rule: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if isinstance(value, str) and not _compiled(rule).search(value):
        yield f"{path}: {_why(value, rule)}"


def _why(value: str, rule: str) -> str:
    """Why ``value`` does not match ``rule``, in words where there are any."""
    found = re.search(f"[{_NOT_IN_TEXT if rule == _TEXT else _NOT_IN_LINE}]", value)
    if rule == _VALUE and (not found or found[0] in "\t\n\r"):
        return "holds a line break, a tab or more than four spaces in a row; Meta refuses such a value"
    if found:
        code = ord(found[0])
        kind = "half a character" if 0xD800 <= code <= 0xDFFF else "a control character"
        return f"holds {kind} (U+{code:04X}) at character {found.start() + 1}"
    if rule == _ID and value.startswith(RESERVED):
        return f"begins with {RESERVED}, which is reserved for Lifeline itself"
    if rule == _NUMBER:
        return "holds digits other than 0 to 9"
    return f"does not match {rule}"


def _check_not(value: object, rule: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if not any(True for _ in violations(value, rule, path)):
        yield f"{path}: must not have {' and '.join(rule.get('required', ['this form']))} together"


def _check_all_of(value: object, rule: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    for inner in rule:
        yield from violations(value, inner, path)


def _check_if(value: object, rule: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    if not any(True for _ in violations(value, rule, path)):
        yield from violations(value, schema.get("then", {}), path)


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
    "not": _check_not,
    "allOf": _check_all_of,
    "if": _check_if,
}


def parse_instant(text: str) -> float:
    """ISO 8601 with a zone (``2026-03-01T09:00:00Z``) to epoch seconds. Raises ``ValueError``."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; write for example 2026-03-01T09:00:00Z")
    try:
        # Also beyond the years 1 to 9999 only once in UTC: format_instant must be able to write it.
        return moment.astimezone(UTC).timestamp()
    except OverflowError as error:
        raise ValueError(f"{text!r} is not in the years 1 to 9999") from error


def format_instant(epoch: float) -> str:
    """Epoch seconds to ISO 8601 in UTC with milliseconds and ``Z``."""
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _instant(document: Mapping[str, Any], name: str, faults: list[str]) -> float | None:
    if name not in document:
        return None
    try:
        return parse_instant(document[name])
    except ValueError as error:
        faults.append(f"message.{name}: is not a real instant ({error})")
        return None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


JSON_TOKENS: Final = re.compile(r'"(?:[^"\\]+|\\.)*"?|[\[{]|[\]}]', re.DOTALL)
"""Texts and brackets of a JSON document. A text may lack its end, so that nothing is ever read twice."""


def depth(document: str) -> int:
    """How deep objects and arrays are nested in a JSON document, without parsing it."""
    deepest = level = 0
    for token in JSON_TOKENS.finditer(document):
        match document[token.start()]:
            case "[" | "{":
                level += 1
                deepest = max(deepest, level)
            case "]" | "}":
                level -= 1
    return deepest


def parse_message(body: str) -> Message:
    """Turn the body of an SQS message into a :class:`Message`.

    Raises :class:`ContractError` that names the faults and their places.
    """
    size = len(body.encode("utf-8", "surrogatepass"))
    if size > MAX_BODY_BYTES:
        raise ContractError([f"message: has {size} bytes, at most {MAX_BODY_BYTES} are allowed"])
    if depth(body) > MAX_DEPTH:
        raise ContractError([f"message: is nested deeper than {MAX_DEPTH} levels"])
    try:
        document = json.loads(body, parse_constant=_no_constant)
    except ValueError as error:
        raise ContractError([f"message: is not valid JSON ({error})"]) from error
    faults = list(violations(document))
    if faults:
        raise ContractError(faults)
    expires_at = _instant(document, "expires_at", faults)
    send_after = _instant(document, "send_after", faults)
    if expires_at is not None and send_after is not None and send_after >= expires_at:
        faults.append("message.send_after: is not before expires_at, so it could never be delivered")
    if faults:
        raise ContractError(faults)
    template = document.get("template")
    recipient = document.get("recipient", {})
    fallback = document.get("fallback", {})
    return Message(
        id=document["id"],
        to=document["to"],
        type=document["type"],
        template=Template(
            name=template["name"],
            language=template["language"].replace("-", "_"),
            parameters=tuple(str(value) for value in template.get("parameters", ())),
            components=tuple(template.get("components", ())),
        )
        if template
        else None,
        text=document.get("text"),
        priority=document.get("priority", "normal"),
        category=document.get("category"),
        recipient=Recipient(
            recipient.get("user_id"),
            recipient.get("push_endpoint"),
            recipient.get("email"),
            recipient.get("time_zone"),
        ),
        fallback_title=fallback.get("title"),
        fallback_body=fallback.get("body"),
        expires_at=expires_at,
        send_after=send_after,
        campaign=document.get("campaign"),
    )


def template_scope(name: str) -> str:
    """The panic scope of one template."""
    return TEMPLATE_PREFIX + name


def is_scope(scope: str) -> bool:
    """Whether ``scope`` names something that can be in panic."""
    if scope in (WHATSAPP, OPENAI_VOICE):
        return True
    name = scope.removeprefix(TEMPLATE_PREFIX)
    return name != scope and re.fullmatch("[a-z0-9_]{1,512}", name) is not None


# --- What operators may ask ------------------------------------------------------------------------------

REFUSED: Final = "refused"
"""The lane of messages that a person must look at."""
LANES: Final = (*PRIORITIES, REFUSED, "timer")
"""The agenda's fixed lanes as operators name them; held ones are called template:NAME and campaign:NAME."""


@dataclass(frozen=True, slots=True)
class Action:
    """One operator action: what it does, what a request holds, what ``result`` answers.

    ``fields`` are JSON Schemas with a ``description`` each; ``required`` names those that must be there.
    ``changes``: the action changes something, so it is written into the history with its actor.
    """

    description: str
    answer: str
    fields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    changes: bool = False

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of the request."""
        return {
            "type": "object",
            "additionalProperties": False,
            "required": ["action", *self.required],
            "properties": {"action": {"type": "string", "pattern": _LINE}, **self.fields},
        }


_WORD: Final[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": _LINE}
_SCOPE: Final = {**_WORD, "maxLength": 600, "description": "whatsapp, openai_voice or whatsapp/template/NAME"}
_ACTOR: Final = {
    **_WORD,
    "maxLength": 512,
    "description": "Who asks; the command line sends the caller's ARN",
}
_REASON: Final = {**_WORD, "maxLength": 500, "description": "Why; one sentence for the incident's history"}
_CAMPAIGN: Final[dict[str, Any]] = {
    "type": "string",
    "minLength": 1,
    "maxLength": 100,
    "pattern": _LABEL,
    "description": "The campaign's name; its messages are called NAME:LINE",
}
_TEMPLATE: Final[dict[str, Any]] = {**_WORD, "maxLength": 512}
_QUEUE: Final = {**_WORD, "description": "A queue by its bare name, or with the stack's prefix"}
_HELD: Final = {**_WORD, "description": "refused, whatsapp-dlq, voice-dlq or probe-dlq"}
_ONLY: Final[dict[str, dict[str, Any]]] = {
    "id": {**_WORD, "description": "Only the message of this id"},
    "template": {**_WORD, "maxLength": 512, "description": "Of refused: only messages of this template"},
    "cause": {**_WORD, "description": "Of refused: only those refused for this cause, such as bad_request"},
}
_SPAN: Final = {"type": "number", "minimum": 1, "maximum": 31_622_400}

OPERATOR_ACTIONS: Final[dict[str, Action]] = {
    "panic.status": Action(
        description="The panic flag of each scope, or of one.",
        answer="at, panic (any scope is), scopes: [flag with since, incident_id, probe_successes, ...], "
        "planned: [id, scope, reason, actor, at, until]",
        fields={"scope": _SCOPE},
    ),
    "panic.enable": Action(
        description="Put a scope in panic, or change reason, hold and end of a panic under way.",
        answer="changed, incident_id, flag, warnings; with at: plan: {id, scope, reason, actor, at, until}",
        fields={
            "scope": _SCOPE,
            "reason": _REASON,
            "actor": _ACTOR,
            "hold": {"type": "boolean", "description": "Ends only by an operator or at until, not by probes"},
            "until": {
                "type": "string",
                "pattern": _INSTANT,
                "description": "Ends at this instant (ISO 8601)",
            },
            "for_seconds": {**_SPAN, "description": "Ends after so many seconds, instead of until"},
            "at": {
                "type": "string",
                "pattern": _INSTANT,
                "description": "Planned: begins at this instant by itself; needs until or for_seconds",
            },
        },
        required=("scope", "reason", "actor"),
        changes=True,
    ),
    "panic.cancel_plan": Action(
        description="Take a planned panic back before it begins.",
        answer="plan: {id, scope, reason, actor, at, until}",
        fields={
            "plan": {**_WORD, "description": "The plan's id, as panic.status shows it"},
            "reason": _REASON,
            "actor": _ACTOR,
        },
        required=("plan", "reason", "actor"),
        changes=True,
    ),
    "panic.disable": Action(
        description="End a panic: into recovering with a slow drain, or straight to normal.",
        answer="changed, incident_id, flag, alarms (still in ALARM), drain_started, warnings",
        fields={
            "scope": _SCOPE,
            "reason": _REASON,
            "actor": _ACTOR,
            "ramp": {
                "type": "boolean",
                "description": "Default true: drain slowly; false: at the set rate at once",
            },
        },
        required=("scope", "reason", "actor"),
        changes=True,
    ),
    "panic.history": Action(
        description="What happened to panic mode, newest first: who, what, why, when, on what evidence.",
        answer="at, events: [at, kind, scope, incident_id, actor, source, cause, reason, evidence]",
        fields={
            "scope": _SCOPE,
            "incident_id": {**_WORD, "description": "One incident only"},
            "since_seconds": {**_SPAN, "description": "How far back; default: 30 days"},
            "limit": {"type": "number", "minimum": 1, "maximum": 1000, "description": "At most; default 50"},
            "probes": {"type": "boolean", "description": "Default false: without the single probes"},
        },
    ),
    "panic.shadow": Action(
        description="Put a scope in shadow (it reports when it would panic, and does not), or take it out.",
        answer="changed, flag, warnings",
        fields={
            "scope": _SCOPE,
            "on": {"type": "boolean", "description": "true: in shadow; false: panic works again"},
            "reason": _REASON,
            "actor": _ACTOR,
        },
        required=("scope", "on", "reason", "actor"),
        changes=True,
    ),
    "queue.status": Action(
        description="What waits, how old it is, how fast it leaves and when it will be gone.",
        answer="at, queues: [name, kind (live, dead-letter, backlog, held, refused, timer), visible (due "
        "now), in_flight, delayed (due later), oldest_age_seconds, rate, eta_seconds, eta], drain: {rate, "
        "ceiling, state}, waiting (in the backlog), released (on its way), refused, unreadable (on "
        "whatsapp-dlq), "
        "eta_seconds, eta, notes",
        fields={
            "queue": {
                **_QUEUE,
                "description": "One queue or lane; whatsapp-queue means the entry queues and all lanes",
            }
        },
    ),
    "queue.set_rate": Action(
        description="Set the rate at which the backlog leaves, within a minute.",
        answer="queue, rate, text, before, effective_by",
        fields={
            "queue": _QUEUE,
            "rate": {
                "type": ["string", "number"],
                "maxLength": 40,
                "pattern": _LINE,
                "description": "10/s, 600/min, 0 (hold); a number is messages per second",
            },
            "reason": _REASON,
            "actor": _ACTOR,
        },
        required=("queue", "rate", "reason", "actor"),
        changes=True,
    ),
    "queue.peek": Action(
        description="A sample of the refused messages, or of a dead-letter queue, with the reasons.",
        answer="queue, to, waiting, seen, reasons: [reason, count], "
        "sample: [id, type, priority, template, cause, status, reason, since, age_seconds, receive_count, "
        "body]",
        fields={
            "queue": _HELD,
            "sample": {"type": "number", "minimum": 1, "maximum": 50, "description": "At most; default 10"},
            **_ONLY,
        },
        required=("queue",),
    ),
    "queue.redrive": Action(
        description="Send refused messages again, or move dead letters back to where they are handled.",
        answer="queue, to, moved, accounted (dead letters whose message was settled meanwhile: deleted), "
        "failed, waiting, complete (false: ask again for the rest)",
        fields={
            "queue": _HELD,
            "limit": {
                "type": "number",
                "minimum": 1,
                "maximum": 100_000,
                "description": "At most; default all",
            },
            **_ONLY,
            "reason": _REASON,
            "actor": _ACTOR,
        },
        required=("queue", "reason", "actor"),
        changes=True,
    ),
    "queue.discard": Action(
        description="Give up refused messages or dead letters that nobody can fix; the history keeps which.",
        answer="queue, discarded, failed, waiting, ids (some), complete (false: ask again for the rest)",
        fields={
            "queue": _HELD,
            "limit": {
                "type": "number",
                "minimum": 1,
                "maximum": 100_000,
                "description": "At most; default all",
            },
            **_ONLY,
            "reason": _REASON,
            "actor": _ACTOR,
        },
        required=("queue", "reason", "actor"),
        changes=True,
    ),
    "audit.run": Action(
        description="Is every message accounted for? By agenda and queues; with deep by the ledger too.",
        answer="at, verdict (accounted, look), command (the one to run, or null), findings: [what, count, "
        "command], timers: {waiting, overdue, ages: [over_seconds, count], oldest: {id, seconds}}, doubts: "
        "{open, ages, complete}, lanes: [name, count, oldest_age_seconds], refused, dead_letters, tick: "
        "{last_at, age_seconds}, deep (null, or {ids, found, woken, next (segment to go on from, or null)})",
        fields={
            "deep": {"type": "boolean", "description": "Read the ledger too: open messages off the agenda"},
            "wake": {"type": "boolean", "description": "With deep: let a worker look at those it finds"},
            "segment": {
                "type": "number",
                "minimum": 0,
                "maximum": 63,
                "description": "With deep: go on from here (next of the answer before)",
            },
        },
    ),
    "errors.list": Action(
        description="Failures by cause, with counts, codes, a masked sample each, and the remedy.",
        answer="at, since, failures, causes: [cause, count, codes: [code, count, last_at], last_at, remedy, "
        "sample], outcomes: [status, count]",
        fields={
            "since_seconds": {
                "type": "number",
                "minimum": 60,
                "maximum": 2_592_000,
                "description": "How far back, whole minutes; default 15 minutes",
            }
        },
    ),
    "whatsapp.templates": Action(
        description="Message templates as Meta lists them, which of them panic, and what stands in for them.",
        answer="templates: [name, language, category, status, reason, meaning, quality, sends, failures, "
        "failure_share, parameters, panic, replacement], mapped, hours (of sends and failures)",
        fields={
            "name": {**_TEMPLATE, "description": "Only this one"},
            "status": {**_WORD, "description": "Only these: APPROVED, PAUSED, REJECTED, ..."},
            "category": {**_WORD, "description": "Only these: UTILITY, MARKETING, AUTHENTICATION"},
        },
    ),
    "whatsapp.unpause_template": Action(
        description="Ask Meta to send a paused template again; after pacing it never resumes by itself.",
        answer="template, unpaused (languages), warnings",
        fields={
            "template": {**_TEMPLATE, "description": "The template that Meta has paused"},
            "reason": _REASON,
            "actor": _ACTOR,
        },
        required=("template", "reason", "actor"),
        changes=True,
    ),
    "whatsapp.rate_status": Action(
        description="Our limiter, Meta's throughput, tier and quality, and the usage headers last seen.",
        answer="at, state, limiter: {rate, burst, used_last_minute, share, tokens, booked_ahead, bulk}, "
        "meta (null where it refuses): {throughput_level, tier, quality, ...}, error: {cause, message, "
        "remedy}, usage: [by, at, age_seconds, percent, quotas, regain_at], notes",
    ),
    "whatsapp.volume": Action(
        description="What was handled in the last hours, of which kind, and what made the busiest minute.",
        answer="at, since, total, accepted, outcomes, priorities, categories, templates: [name, count], "
        "step_seconds, bars: [at, count, limited], peak: {at, count, usual, spike, made_of}",
        fields={
            "hours": {
                "type": "number",
                "minimum": 0.05,
                "maximum": 720,
                "description": "How far back; default 1",
            }
        },
    ),
    "whatsapp.test": Action(
        description="Go the whole way to WhatsApp step by step, in panic too; with to: a real send.",
        answer="at, ok (no step failed), seconds, to (masked), panic, steps: [name, ok (null: not tried), "
        "seconds, detail, remedy, warnings]",
        fields={
            "to": {**_WORD, "description": "A number of your own; it gets the template"},
            "template": {**_TEMPLATE, "description": "Approved and without values; default hello_world"},
            "language": {**_WORD, "description": "The template's language; default en_US"},
            "wait_seconds": {
                "type": "number",
                "minimum": 1,
                "maximum": 45,
                "description": "How long the status is waited for; default 30",
            },
            "actor": _ACTOR,
        },
        required=("actor",),
        changes=True,
    ),
    "whatsapp.map_template": Action(
        description="Let one template stand in for another while that one panics; values are compared first.",
        answer="template, replacement, before, warnings",
        fields={
            "template": {**_TEMPLATE, "description": "The template that Meta refuses"},
            "replacement": {**_TEMPLATE, "description": "The one that is sent instead"},
            "reason": _REASON,
            "actor": _ACTOR,
        },
        required=("template", "replacement", "reason", "actor"),
        changes=True,
    ),
    "whatsapp.unmap_template": Action(
        description="Let nothing stand in for a template any more.",
        answer="template, replacement (null), before, warnings",
        fields={
            "template": {**_TEMPLATE, "description": "The template that has a replacement"},
            "reason": _REASON,
            "actor": _ACTOR,
        },
        required=("template", "reason", "actor"),
        changes=True,
    ),
    "whatsapp.token_status": Action(
        description="What Meta says of the access token, when it is renewed, and how the last renewal went.",
        answer="at, state (never_expires, fine, to_renew, invalid), valid, expires_at, days_left, "
        "renew_days, renews_at, why_invalid, subcode, app_id, type, scopes, missing_scopes, "
        "keeper: {at, outcome, step, detail, remedy, renewed_at, source}",
    ),
    "whatsapp.refresh_token": Action(
        description="Exchange the access token now; the new one is verified before it becomes current.",
        answer="at, outcome (renewed, overtaken, never_expires), refreshed, state, expires_at, days_left, "
        "previous_kept, notes",
        fields={
            "force": {
                "type": "boolean",
                "description": "Exchange a token without an end as well; the new one lasts 60 days",
            },
            "reason": _REASON,
            "actor": _ACTOR,
        },
        required=("reason", "actor"),
        changes=True,
    ),
    "incident.list": Action(
        description="Incidents, newest first: one for each panic, with its returns within the settle time.",
        answer="at, incidents: [incident_id, scope, state (panic, recovering, over), cause, reason, "
        "opened_at, opened_by, left_panic_at, closed_by, over_at, duration_seconds, panic_seconds, flaps, "
        "probes]",
        fields={
            "scope": _SCOPE,
            "since_seconds": {**_SPAN, "description": "How far back; default: 90 days"},
            "limit": {"type": "number", "minimum": 1, "maximum": 1000, "description": "At most; default 50"},
        },
    ),
    "incident.report": Action(
        description="Everything that is asked after an incident: from history, ledger and counters.",
        answer="as incident.list, and opened, closed, causes, first_failure_at, detection_seconds, probes, "
        "messages (by outcome), people, delay, fallback, drain, failures, traffic, spike, cost, post_mortem, "
        "checklist, timeline, complete (false: too many messages to read), kept (true: as it was told)",
        fields={"incident_id": {**_WORD, "description": "The incident, or last for the newest one"}},
        required=("incident_id",),
    ),
    "status.show": Action(
        description="Everything at a glance: flags, queues, drain, the last hour, token, prober.",
        answer="at, panic, scopes (as panic.status), queues, waiting, refused, drain (as queue.status), "
        "dead_letters, limiter: {rate, booked_seconds}, last_hour: {accepted, last_accepted_at, failures, "
        "fallbacks: "
        "{push, email}, parked, expired}, token (the keeper's last look), prober: {age_seconds, last_at}, "
        "notes; a part that cannot be read is null",
    ),
    "drill.run": Action(
        description="Rehearse an outage without changing anything: who is reached, what is armed.",
        answer="at, stage, verdict (ready, not_ready, unclear), sampled, critical_today, recipients: "
        "[priority, people, push, email, waits], steps: [name, state (ok, warn, fail, unknown), found, mend]",
    ),
    "drill.start": Action(
        description="Begin a live rehearsal: panic, ten minutes at most, and test messages. Never in prod.",
        answer="incident_id, messages: [id, way, expected], until_seconds",
        fields={
            "to": {**_WORD, "maxLength": 64, "description": "Number of the test messages; default fictional"},
            "push_endpoint": {**_WORD, "maxLength": 512, "description": "A device for a test push"},
            "email": {**_WORD, "maxLength": 320, "description": "For the test mail; default SES's simulator"},
            "actor": _ACTOR,
        },
        required=("actor",),
        changes=True,
    ),
    "message.send": Action(
        description="Put one message on the queue of its priority, as a producer would.",
        answer="id, queue, to (masked), known (the id was seen before: it is not sent again)",
        fields={
            "message": {
                "type": "object",
                "description": "The message; see docs/producers.md. No id: a new one",
            },
            "actor": _ACTOR,
        },
        required=("message", "actor"),
        changes=True,
    ),
    "message.show": Action(
        description="One message's whole history, from the ledger.",
        answer="found, id, status, final, waits_for (in words, or null), type, to (masked), acts, attempts, "
        "doubts: [act, way, at], possible_duplicates, duplicates (acts), conflicts (the same id came with "
        "other content), trail: [at, status, note], ...",
        fields={"id": {**_WORD, "description": "The message's id"}},
        required=("id",),
    ),
    "campaign.check": Action(
        description="Hold lines of a campaign against the contract, and count who has a fallback.",
        answer="good, reachable, faults: [line, fault]",
        fields={
            "lines": {
                "type": "array",
                "minItems": 1,
                "maxItems": 100,
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["line", "message"],
                    "properties": {"line": {"type": "number"}, "message": {"type": "object"}},
                },
                "description": "Messages with their line in the file",
            }
        },
        required=("lines",),
    ),
    "campaign.create": Action(
        description="Begin to store a campaign; nothing is sent before campaign.start.",
        answer="campaign: {campaign, state, total, ...}, chunk (lines per campaign.add), warnings",
        fields={
            "campaign": _CAMPAIGN,
            "template": {
                **_TEMPLATE,
                "description": "The template of its messages; it must be APPROVED at Meta",
            },
            "language": {**_WORD, "description": "The template's language; default en_US"},
            "parameters": {
                "type": "number",
                "minimum": 0,
                "maximum": 99,
                "description": "How many values each line gives the template's body; unchecked where absent",
            },
            "total": {"type": "number", "minimum": 1, "maximum": 5_000_000, "description": "How many lines"},
            "over_seconds": {**_SPAN, "description": "The time over which it is spread"},
            "start": {"type": "string", "pattern": _INSTANT, "description": "Not before; default now"},
            "actor": _ACTOR,
        },
        required=("campaign", "template", "total", "over_seconds", "actor"),
        changes=True,
    ),
    "campaign.add": Action(
        description="Store one chunk of a campaign's messages; may be repeated.",
        answer="stored",
        fields={
            "campaign": _CAMPAIGN,
            "chunk": {"type": "number", "minimum": 0, "maximum": 50_000, "description": "Its place, from 0"},
            "messages": {
                "type": "array",
                "minItems": 1,
                "maxItems": 100,
                "items": {"type": "object"},
                "description": "A hundred messages of priority bulk with this campaign; the last chunk less",
            },
            "actor": _ACTOR,
        },
        required=("campaign", "chunk", "messages", "actor"),
        changes=True,
    ),
    "campaign.start": Action(
        description="Let a stored campaign run.",
        answer="campaign: {campaign, state, total, start, ends, pace, ...}, warnings",
        fields={"campaign": _CAMPAIGN, "actor": _ACTOR},
        required=("campaign", "actor"),
        changes=True,
    ),
    "campaign.status": Action(
        description="How far campaigns are and what became of their messages.",
        answer="at, campaigns: [campaign, state (loading, running, paused, cancelled), total, released, "
        "on_the_way, sent, fallback, failed, expired, cancelled, done, pace, start, ends, actor]",
        fields={"campaign": _CAMPAIGN},
    ),
    **{
        f"campaign.{verb}": Action(
            description=words,
            answer="changed, campaign: {campaign, state, ...}",
            fields={"campaign": _CAMPAIGN, "reason": _REASON, "actor": _ACTOR},
            required=("campaign", "reason", "actor"),
            changes=True,
        )
        for verb, words in (
            ("pause", "Let nothing more of a campaign leave."),
            ("resume", "Let a paused campaign go on; its end moves by the pause."),
            ("cancel", "Stop a campaign for good."),
        )
    },
    "message.cancel": Action(
        description="Take back a message at any moment before it is sent: while it waits, or is parked.",
        answer="id, status (CANCELLED), changed, in_doubt (an earlier send of it may have arrived)",
        fields={"id": {**_WORD, "description": "The message's id"}, "reason": _REASON, "actor": _ACTOR},
        required=("id", "reason", "actor"),
        changes=True,
    ),
    "message.reschedule": Action(
        description="Send a message that waits, or is parked, at another time within a year.",
        answer="id, status, at",
        fields={
            "id": {**_WORD, "description": "The message's id"},
            "at": {"type": "string", "pattern": _INSTANT, "description": "Its new send_after"},
            "actor": _ACTOR,
        },
        required=("id", "at", "actor"),
        changes=True,
    ),
    "contacts.import": Action(
        description="Register how people can be reached besides WhatsApp; may be repeated.",
        answer="saved, rejected: [line, fault]",
        fields={
            "contacts": {
                "type": "array",
                "minItems": 1,
                "maxItems": 100,
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["line"],
                    "properties": {
                        "line": {"type": "number", "description": "Where it stands in the file"},
                        "user_id": {"type": "string"},
                        "push_endpoint": {"type": "string"},
                        "email": {"type": "string"},
                    },
                },
                "description": "user_id with push_endpoint (an SNS endpoint's ARN), email, or both",
            },
            "actor": _ACTOR,
        },
        required=("contacts", "actor"),
        changes=True,
    ),
}
"""Every action of OperatorFunction. A request is ``{"action": NAME, ...fields}``; the answer is
``{"ok": true, "action", "result"}`` or ``{"ok": false, "action", "error": {"code", "message", "valid"}}``.
Instants are ISO 8601 in UTC; a name that ends in ``_seconds`` is a span in seconds.
"""
