"""The options that every command takes, and may take before or after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

FLAGS: Final = ("--json",)
VALUED: Final = ("--stack", "--region", "--profile")
WATCH_EVERY: Final = "5"
"""Seconds between two looks of ``--watch`` where none are given."""


@dataclass(frozen=True, slots=True)
class Options:
    """Where to find the system, and how to print. Empty: as the environment says."""

    stack: str = ""
    region: str = ""
    profile: str = ""
    as_json: bool = False


def hoist(arguments: Sequence[str]) -> list[str]:
    """Move the global options to the front, so that ``lifeline panic status --json`` works as well.

    A bare ``--watch`` looks every :data:`WATCH_EVERY` seconds. Everything after ``--`` stays as it is.
    """
    front: list[str] = []
    rest: list[str] = []
    index = 0
    while index < len(arguments):
        word = arguments[index]
        if word == "--":
            rest += arguments[index:]
            break
        if word in FLAGS or (word.partition("=")[0] in VALUED and "=" in word):
            front.append(word)
        elif word in VALUED and index + 1 < len(arguments):
            front += [word, arguments[index + 1]]
            index += 1
        else:
            rest.append(word)
            if word == "--watch" and (index + 1 == len(arguments) or arguments[index + 1].startswith("-")):
                rest.append(WATCH_EVERY)
        index += 1
    return front + rest
