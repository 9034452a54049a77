"""Names of those who act: ARNs as AWS knows them, and as people read them."""

from __future__ import annotations

import re
from typing import Final

UNVERIFIED: Final = " (unverified)"
"""Ends the name of an actor who was declared and not proven."""

_LONGEST: Final = 32
_ROLE: Final = re.compile(r"arn:[^:]*:sts::\d*:assumed-role/(?P<role>[^/]+)/(?P<session>.+)")
# IAM Identity Center names its roles AWSReservedSSO_PERMISSIONSET_16 hexadecimal digits.
_SSO: Final = re.compile(r"AWSReservedSSO_(?P<set>.+)_[0-9a-f]{16}")


def unverified(name: str) -> str:
    """A declared name as the history keeps it."""
    return name.removesuffix(UNVERIFIED) + UNVERIFIED


def short(actor: str) -> str:
    """An actor as people read it: ``ada``, ``ada@example.org as OnCall``; others than ARNs as they are.

    A session is named with its role: who may assume the role chooses the session's name.
    """
    name = actor.removesuffix(UNVERIFIED)
    if not name.startswith("arn:"):
        return actor
    end = actor[len(name) :]
    role = _ROLE.fullmatch(name)
    if role is None:
        return (name.replace("/", ":").rpartition(":")[2] or name) + end
    session = role["session"]
    if len(session) > _LONGEST:
        session = session[: _LONGEST - 1] + "…"
    permissions = _SSO.fullmatch(role["role"])
    return f"{session} as {permissions['set'] if permissions else role['role']}{end}"
