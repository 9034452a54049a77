"""The commands that documents name, and what the command line really offers."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import typer.main
from lifeline_cli.main import app
from lifeline_cli.options import hoist

ROOT: Final = Path(__file__).parents[2]
RUNBOOK: Final = ROOT / "docs" / "runbook.md"

_FENCE: Final = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_INLINE: Final = re.compile(r"`(lifeline(?:\s[^`]*)?)`")
_GLOBAL: Final = ("--stack", "--region", "--profile", "--json", "--help")


@dataclass(frozen=True)
class Block:
    """One block of commands under its heading."""

    heading: str
    commands: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.heading}: {self.commands[0]}"


def blocks(document: Path = RUNBOOK) -> list[Block]:
    """The blocks that a reader types, in order."""
    text = document.read_text()
    found = []
    for match in _FENCE.finditer(text):
        if match[1] == "bash":
            lines = [line.strip() for line in match[2].splitlines()]
            commands = tuple(line for line in lines if line and not line.startswith("#"))
            found.append(Block(headings(text[: match.start()])[-1], commands))
    return found


def anchors(text: str) -> set[str]:
    """The anchors of a page, as the repository's service makes them of its headings."""
    names = [re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-") for name in headings(text)]
    return set(names) | {f"{name}-{n}" for name in names for n in range(1, names.count(name))}


def mentioned(text: str) -> Iterator[str]:
    """Every command named in prose, tables and descriptions."""
    for match in _INLINE.finditer(_FENCE.sub("", text)):
        yield " ".join(match[1].split())


def headings(text: str) -> list[str]:
    """The headings of a document, in order; comments of commands are none."""
    return re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE)


@cache
def _tree() -> Any:
    return typer.main.get_command(app)


def _found(command: str) -> tuple[Any, list[str]]:
    """The command of the tree that a line names, and the words that are left for it."""
    words = hoist(shlex.split(command)[1:])
    here = _tree()
    while words and words[0] in _GLOBAL:
        words = words[1 if words[0] in ("--json", "--help") else 2 :]
    while getattr(here, "commands", None) and words and words != ["--version"]:
        here = here.commands[words.pop(0)]
    return here, words


def is_whole(command: str) -> bool:
    """Whether a command that exists can be run as it stands: ``lifeline campaign pause`` only names one."""
    here, words = _found(command)
    if getattr(here, "commands", None):
        return words == ["--version"]
    try:
        here.make_context(command, [word for word in words if word != "--json"])
    except Exception as error:
        if type(error).__name__ in ("MissingParameter", "BadOptionUsage"):
            return False
        raise
    return True


def fault(command: str) -> str | None:
    """Why a command does not exist as it is written; ``None`` where it does.

    A command without its arguments (``lifeline panic history``) is a name, and that is enough.
    """
    words = hoist(shlex.split(command)[1:])
    here = _tree()
    while words and words[0] in _GLOBAL:
        words = words[1 if words[0] in ("--json", "--help") else 2 :]
    while getattr(here, "commands", None):
        if not words or words == ["--version"]:
            return None
        name = words.pop(0)
        if name not in here.commands:
            return f"there is no command {name!r}; there are {', '.join(sorted(here.commands))}"
        here = here.commands[name]
    known = {
        spelling: parameter
        for parameter in here.params
        for spelling in (*parameter.opts, *parameter.secondary_opts)
    }
    arguments = sum(parameter.param_type_name == "argument" for parameter in here.params)
    given = 0
    while words:
        word = words.pop(0)
        name, has_value, _ = word.partition("=")
        if not word.startswith("-") or word == "-":
            given += 1
        elif name in _GLOBAL:
            continue
        elif name not in known:
            return f"{command!r}: there is no option {name}; there are {', '.join(sorted(known))}"
        elif not has_value and not getattr(known[name], "is_flag", False):
            words = words[1:]
    if given > arguments:
        return f"{command!r} takes {arguments} arguments, not {given}"
    return None
