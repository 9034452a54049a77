"""What Graph's nodes and edges share: fields that a caller picks, and pages with cursors."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from local.simulators.graph.refusals import invalid, refusal
from local.simulators.server import Answer, Request

MAX_PAGE: Final = 1000
_FIELD: Final = re.compile(r"[^,(){}.]+(?:\.\w+\([^)]*\))*(?:\{[^}]*\})?")
Row = Mapping[str, Any]


class Node:
    """A kind of object. ``known``: fields that exist (one without a value is left out of an answer);
    ``default``: those of a request that names none.
    """

    def __init__(self, name: str, known: Sequence[str], default: Sequence[str]) -> None:
        self.name = name
        self.known = frozenset({"id", *known, *default})
        self.default = tuple(default)

    def wanted(self, request: Request) -> list[str] | Answer:
        """The fields that a request asks for; a refusal where one does not exist."""
        text = request.query.get("fields", "")
        names = [re.split(r"[.{(]", field)[0].strip() for field in _FIELD.findall(text)]
        for name in names:
            if name not in self.known:
                return refusal(100, f"Tried accessing nonexisting field ({name}) on node type ({self.name})")
        return names or list(self.default)

    def shown(self, row: Row, request: Request) -> Answer:
        """One object, with the fields that were asked for, and its id."""
        names = self.wanted(request)
        if isinstance(names, Answer):
            return names
        return Answer(200, {**_picked(row, names), "id": row["id"]})

    def listed(
        self, rows: Sequence[Row], request: Request, *, limit: int = 25, with_id: bool = True
    ) -> Answer:
        """A page of objects. ``limit``: rows where the request names no number."""
        names = self.wanted(request)
        if isinstance(names, Answer):
            return names
        if with_id and "id" not in names:
            names = ["id", *names]
        return page(rows, request, limit, lambda row: _picked(row, names))


def page(
    rows: Sequence[Row], request: Request, limit: int, show: Callable[[Row], Row] = lambda row: row
) -> Answer:
    """One page: ``limit``, ``after`` and ``before`` of the request; ``next`` is absent on the last."""
    try:
        size = min(MAX_PAGE, int(request.query.get("limit", limit)))
        if size < 1:
            raise ValueError(size)
        if "before" in request.query:
            end = _index(request.query["before"])
            start = max(0, end - size)
            size = end - start
        else:
            start = _index(request.query["after"]) + 1 if request.query.get("after") else 0
    except (ValueError, binascii.Error):
        return invalid("limit must be a number from 1 on; after and before must be cursors of an answer")
    found = rows[start : start + size]
    body: dict[str, Any] = {"data": [dict(show(row)) for row in found]}
    if found:
        paging: dict[str, Any] = {
            "cursors": {"before": _cursor(start), "after": _cursor(start + len(found) - 1)}
        }
        if start + len(found) < len(rows):
            paging["next"] = _address(request, "after", paging["cursors"]["after"])
        if start:
            paging["previous"] = _address(request, "before", paging["cursors"]["before"])
        body["paging"] = paging
    return Answer(200, body)


def _picked(row: Row, names: Sequence[str]) -> dict[str, Any]:
    return {name: row[name] for name in names if name in row}


def _cursor(index: int) -> str:
    return base64.urlsafe_b64encode(f"{index}ZD".encode()).decode().rstrip("=")


def _index(cursor: str) -> int:
    text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode(errors="replace")
    return int(text.removesuffix("ZD"))


def _address(request: Request, way: str, cursor: str) -> str:
    query = {name: value for name, value in request.query.items() if name not in ("after", "before")}
    return f"http://{request.headers.get('host', '')}{request.path}?{urlencode({**query, way: cursor})}"
