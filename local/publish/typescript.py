"""TypeScript types of messages, outcomes and inbound notifications, from their schemas."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import replace

from lifeline.contract.inbound import INBOUND_SCHEMA, KINDS
from lifeline.contract.messages import MESSAGE_SCHEMA
from lifeline.contract.outcomes import OUTCOME_SCHEMA, OUTCOMES

from local.publish.shapes import JSON, MAP, Member, Reader, Shape, Structure, kinds

HEAD = """// Messages to Lifeline, outcomes from it, and inbound messages.
// Written by `make schema` from Lifeline's contract: do not edit.

/** ISO 8601 with a zone: "2030-03-04T08:00:00Z". */
export type Instant = string;

export type Json = { readonly [name: string]: unknown };
"""


def typescript() -> str:
    """The module's text."""
    messages = Reader(MESSAGE_SCHEMA["$defs"])
    whole = messages.structure("Message", MESSAGE_SCHEMA)
    outcomes = Reader(OUTCOME_SCHEMA["$defs"])
    outcome = outcomes.structure("Outcome", OUTCOME_SCHEMA)
    parts = [HEAD, *(_interface(item) for item in messages.structures.values())]
    common = tuple(member for member in whole.members if member.name != "type")
    names = []
    for kind in kinds(MESSAGE_SCHEMA):
        name = f"{kind.name.capitalize()}Message"
        members = (
            Member("type", Shape("enum", values=(kind.name,)), True),
            *(
                replace(item, required=item.name in kind.required)
                for item in common
                if item.name not in kind.foreign
            ),
        )
        names.append(name)
        parts.append(_interface(Structure(name, members, f"A message of type {kind.name}.")))
    parts.append(
        _comment([MESSAGE_SCHEMA["description"]], "") + f"export type Message = {' | '.join(names)};\n"
    )
    parts += [_interface(item) for item in outcomes.structures.values()]
    statuses = " | ".join(json.dumps(status) for status in OUTCOMES)
    parts.append(
        f"/** A newer Lifeline may say more. */\nexport type OutcomeStatus = {statuses} | (string & {{}});\n"
    )
    parts.append(_interface(outcome).replace("readonly status: string;", "readonly status: OutcomeStatus;"))
    inbound = Reader(INBOUND_SCHEMA["$defs"], prefix="Inbound")
    notification = inbound.structure("Inbound", INBOUND_SCHEMA)
    parts += [_interface(item) for item in inbound.structures.values()]
    told = " | ".join(json.dumps(kind) for kind in KINDS)
    parts.append(
        f"/** A newer Lifeline may say more. */\nexport type InboundKind = {told} | (string & {{}});\n"
    )
    parts.append(_interface(notification).replace("readonly kind: string;", "readonly kind: InboundKind;"))
    return "\n".join(parts)


def _comment(texts: Iterable[str], indent: str) -> str:
    text = " ".join(texts)
    if not text:
        return ""
    lines = textwrap.wrap(text, 106 - len(indent))
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */\n"
    return "".join([f"{indent}/**\n", *(f"{indent} * {line}\n" for line in lines), f"{indent} */\n"])


def _interface(structure: Structure) -> str:
    return (
        _comment([structure.description], "")
        + f"export interface {structure.name} {{\n"
        + "".join(_members(structure.members))
        + "}\n"
    )


def _members(members: Iterable[Member]) -> Iterator[str]:
    for member in members:
        yield _comment([member.description], "  ")
        yield f"  readonly {member.name}{'' if member.required else '?'}: {_type(member.shape)};\n"


def _type(shape: Shape) -> str:
    match shape.what:
        case "enum":
            return " | ".join(json.dumps(value) for value in shape.values)
        case "union":
            return " | ".join(_type(part) for part in shape.parts)
        case "array":
            inner = _type(shape.parts[0])
            return f"readonly ({inner})[]" if " " in inner else f"readonly {inner}[]"
        case name if name == MAP:
            return f"{{ readonly [name: string]: {_type(shape.parts[0])} }}"
        case "instant":
            return "Instant"
        case name if name == JSON:
            return "Json"
        case name:
            return name
