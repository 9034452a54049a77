"""Operator actions on files at Meta that messages name by a media id."""

from __future__ import annotations

from typing import Final

from lifeline.contract.actions.action import ACTOR, WORD, Action
from lifeline.contract.media import DIRECT_BYTES, LARGEST
from lifeline.contract.patterns import SHA256, worded

_SHA256: Final = {"type": "string", "pattern": SHA256}
_TYPE: Final = {**WORD, "description": "Its MIME type: image/png, application/pdf, ..."}

ACTIONS: Final[dict[str, Action]] = {
    "media.prepare": Action(
        description="Say where a file is put (HTTP PUT) that is too large to stand in a request.",
        answer="url, method, headers, until",
        fields={
            "sha256": {**_SHA256, "description": "Of the file, in hexadecimal"},
            "size": {"type": "number", "minimum": 1, "maximum": LARGEST, "description": "Bytes"},
            "type": _TYPE,
            "actor": ACTOR,
        },
        required=("sha256", "size", "type", "actor"),
        changes=True,
    ),
    "media.upload": Action(
        description="Give Meta a file; a file that it still has keeps its id.",
        answer="id, kind (of message), type, name, size, sha256, uploaded_at, expires_at, known (it was "
        "there before)",
        fields={
            "file": {**WORD, "maxLength": 240, "description": "The file's name"},
            "type": _TYPE,
            "data": {
                "type": "string",
                "minLength": 1,
                "maxLength": (DIRECT_BYTES + 2) // 3 * 4,
                "pattern": worded("^[A-Za-z0-9+/]+={0,2}$", "must be base64"),
                "description": f"The file in Base64, at most {DIRECT_BYTES} bytes of it; a larger one is "
                "put where media.prepare says, and named by sha256",
            },
            "sha256": {**_SHA256, "description": "Of a file that was put there"},
            "actor": ACTOR,
        },
        required=("file", "type", "actor"),
        changes=True,
    ),
    "media.list": Action(
        description="Files that were uploaded here and that Meta still has, newest first.",
        answer="at, media: [id, kind, type, name, size, sha256, uploaded_at, expires_at, actor]",
    ),
    "media.delete": Action(
        description="Delete a file at Meta; messages that name it are refused from then on.",
        answer="id, deleted (false: Meta had it no longer), name (null: it was not uploaded here)",
        fields={"id": {**WORD, "description": "The media id"}, "actor": ACTOR},
        required=("id", "actor"),
        changes=True,
    ),
}
