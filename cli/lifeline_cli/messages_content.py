"""What ``lifeline send`` sends: a file with a message, or the options that make one."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from lifeline.contract.kinds import TYPES
from lifeline.contract.parts import MEDIA

from lifeline_cli.errors import CliError, usage

Kind = Annotated[
    str, typer.Option("--type", metavar="KIND", help="voice, image, document, video, audio or sticker.")
]
Link = Annotated[str, typer.Option("--link", metavar="URL", help="URL from which Meta fetches the media.")]
MediumId = Annotated[str, typer.Option("--media", metavar="ID", help="Media ID, from lifeline media upload.")]
Caption = Annotated[str, typer.Option("--caption", help="Caption of the media.")]
Filename = Annotated[str, typer.Option("--filename", help="File name of a document.")]
ReplyTo = Annotated[str, typer.Option("--reply-to", metavar="WAMID", help="The message that it replies to.")]
File = Annotated[
    str,
    typer.Option("--message", metavar="FILE", help="A message of any kind as JSON; - reads standard input."),
]

_BY_FILE: Final = tuple(kind for kind in TYPES if kind not in ("template", "text", "voice", *MEDIA))
"""Kinds whose content has more than options can say."""


def message_of(file: str) -> dict[str, Any]:
    """The message in a JSON file, ``-`` for standard input; empty where no file is given."""
    if not file:
        return {}
    try:
        document = json.loads(sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CliError("unreadable_file", f"cannot read {file}: {error}", "It must be JSON.") from error
    if not isinstance(document, dict):
        raise CliError("unreadable_file", f"{file} is not a JSON object", "See docs/producers.md.")
    return document


def filled(**fields: Any) -> dict[str, Any]:
    """The fields that were given a value."""
    return {name: value for name, value in fields.items() if value}


def content_of(
    kind: str, text: str, template: str, language: str, parameters: Sequence[str], medium: Mapping[str, str]
) -> dict[str, Any]:
    """The fields that say what is sent. Raises :class:`CliError` for options that do not go together.

    ``medium``: what is given of ``link``, ``id``, ``caption`` and ``filename``.
    """
    kind = kind or ("template" if template else "text")
    if kind not in TYPES:
        raise usage(f"{kind!r} is not a kind of message", valid=TYPES)
    if kind in _BY_FILE:
        raise usage(f"a message of type {kind} needs a JSON file", "Use --message FILE.")
    if kind not in MEDIA and medium:
        raise usage(f"a message of type {kind} has no media", f"Use --type {', '.join(MEDIA)}.")
    if kind not in ("template", *MEDIA) and not text:
        raise usage("nothing to send", "Use --text, or --template with its --parameter values.")
    if (kind == "template") != bool(template):
        raise usage("--type template needs --template, and no other type takes it")
    body: dict[str, Any] = {"type": kind, **({"text": text} if text else {})}
    if template:
        values = {"parameters": [*parameters]} if parameters else {}
        body["template"] = {"name": template, "language": language, **values}
    if kind in MEDIA:
        body[kind] = dict(medium)
    return body
