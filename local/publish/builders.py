"""The builders of the Python package ``lifeline-producer``, one per kind of message, from the schema."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator

from lifeline.contract.messages import MESSAGE_SCHEMA

from local.publish.shapes import JSON, MAP, Member, Reader, Shape, Structure, kinds

WIDTH = 110
"""Characters of a line, as the formatter has them."""
HEAD = '''"""Typed builders, one per kind of message.

Written by ``make schema`` from Lifeline's contract: do not edit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Required, TypedDict

from lifeline_producer.draft import Draft, Instant

'''


def builders() -> str:
    """The module's text."""
    reader = Reader(MESSAGE_SCHEMA["$defs"])
    whole = reader.structure("Message", MESSAGE_SCHEMA)
    members = [member for member in whole.members if member.name != "type"]
    aliases = {
        member.name: f"{member.name.capitalize()} = {_type(member.shape)}\n"
        for member in members
        if member.shape.what == "enum"
    }
    names = [member.name.capitalize() for member in members if member.name in aliases]
    names += [*reader.structures, *(kind.name for kind in kinds(MESSAGE_SCHEMA))]
    exported = "".join(f'    "{name}",\n' for name in sorted(names))
    parts = [f"__all__ = [\n{exported}]\n\n" + "\n".join(aliases.values())]
    parts += [_typed_dict(item) for item in reader.structures.values()]
    for kind in kinds(MESSAGE_SCHEMA):
        own = [member for member in members if member.name not in kind.foreign]
        parts.append(_builder(kind.name, own, kind.required, aliases))
    return HEAD + "\n\n".join(part for part in parts if part)


def _typed_dict(structure: Structure) -> str:
    lines = [f"class {structure.name}(TypedDict, total=False):\n"]
    lines.append(
        f'    """{_first(structure.description) or f"The ``{structure.name.lower()}`` of a message."}"""\n\n'
    )
    for member in structure.members:
        inner = _type(member.shape)
        lines.append(f"    {member.name}: {f'Required[{inner}]' if member.required else inner}\n")
        if member.description:
            lines += _docstring(member.description, "    ")
    return "".join(lines)


def _first(text: str) -> str:
    return text.split("\n", 1)[0]


def _docstring(text: str, indent: str) -> Iterator[str]:
    lines = textwrap.wrap(text, 100)
    yield f'{indent}"""{lines[0]}'
    yield from (f"\n{indent}{line}" for line in lines[1:])
    yield '"""\n'


def _builder(kind: str, members: list[Member], required: frozenset[str], aliases: dict[str, str]) -> str:
    ordered = sorted(members, key=lambda member: member.name not in required)
    lines = [f"def {kind}(\n    *,\n"]
    for member in ordered:
        inner = member.name.capitalize() if member.name in aliases else _type(member.shape)
        end = "," if member.name in required else " | None = None,"
        line = f"    {member.name}: {inner}{end}\n"
        lines.append(line if len(line) <= WIDTH else line.replace(" | ", "\n    | "))
    lines.append(f') -> Draft:\n    """A message of type ``{kind}``, checked when it is sent.\n\n')
    for member in ordered:
        if member.description:
            text = f"{member.name}: {member.description}"
            lines += (f"    {line}\n" for line in textwrap.wrap(text, 100, subsequent_indent="    "))
    lines.append('    """\n    return Draft(\n        {\n')
    lines.append(f'            "type": "{kind}",\n')
    lines += (f'            "{member.name}": {member.name},\n' for member in members)
    lines.append("        }\n    )\n")
    return "".join(lines)


def _type(shape: Shape) -> str:
    match shape.what:
        case "enum":
            return f"Literal[{', '.join(json.dumps(value) for value in shape.values)}]"
        case "union":
            return " | ".join(_type(part) for part in shape.parts)
        case "array":
            return f"Sequence[{_type(shape.parts[0])}]"
        case name if name == MAP:
            return f"Mapping[str, {_type(shape.parts[0])}]"
        case "string":
            return "str"
        case "number":
            return "float"
        case "boolean":
            return "bool"
        case "null":
            return "None"
        case "instant":
            return "Instant"
        case name if name == JSON:
            return "Mapping[str, Any]"
        case name:
            return name
