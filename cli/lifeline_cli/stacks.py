"""The stacks that a person works with: ``~/.config/lifeline/config.toml``.

::

    default = "prod"

    [stacks.prod]
    stack = "lifeline-prod"    # the CloudFormation stack; else the short name itself
    region = "eu-west-1"
    profile = "on-call"
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from lifeline_cli.errors import usage
from lifeline_cli.options import Options

FIELDS: Final = ("stack", "region", "profile")


def path() -> Path:
    """Where the file lies; ``XDG_CONFIG_HOME`` moves it."""
    home = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(home) if home else Path.home() / ".config") / "lifeline" / "config.toml"


def resolved(options: Options) -> Options:
    """``options`` with what the file says of the stack named; the command line and the environment win.

    A name that the file does not know is a stack's own. Without a file nothing changes. Raises a usage error
    for a file that cannot be used.
    """
    file = path()
    try:
        document = tomllib.loads(file.read_text())
    except FileNotFoundError:
        return options
    except (OSError, ValueError) as error:
        raise usage(f"cannot read {file}: {error}") from error
    stacks = _stacks(document, file)
    name = options.stack or str(document.get("default", ""))
    known = stacks.get(name)
    if known is None:
        if not options.stack and name:
            raise usage(f"{file}: default {name!r} is not one of its stacks", valid=tuple(stacks))
        return options
    region = options.region or str(known.get("region", ""))
    # A profile of the environment was chosen for this shell.
    profile = options.profile or os.environ.get("AWS_PROFILE", "") or str(known.get("profile", ""))
    return replace(options, stack=str(known.get("stack", name)), region=region, profile=profile)


def _stacks(document: Mapping[str, Any], file: Path) -> Mapping[str, Mapping[str, Any]]:
    stacks = document.get("stacks", {})
    unknown = sorted(set(document) - {"default", "stacks"})
    if unknown:
        raise usage(f"{file}: unknown {', '.join(unknown)}", "It takes default and [stacks.NAME].")
    if not isinstance(stacks, dict) or not all(isinstance(entry, dict) for entry in stacks.values()):
        raise usage(f"{file}: write stacks as [stacks.NAME]")
    for name, entry in stacks.items():
        wrong = sorted(key for key, value in entry.items() if key not in FIELDS or not isinstance(value, str))
        if wrong:
            raise usage(
                f"{file}: [stacks.{name}] has {', '.join(wrong)}",
                f"It takes the strings {', '.join(FIELDS)}.",
            )
    return stacks
