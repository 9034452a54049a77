"""Media by id: what people send and what we upload, and addresses that work for minutes and with the token.

Sizes and types: Meta, "Media" ("Supported media types"). Kept for 30 days (ours) and 7 days (people's); here
until they are deleted or forgotten. Uploads in sessions (``/{app-id}/uploads``) give the handle of a
template's example or of a profile's picture.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from local.simulators.forms import multipart
from local.simulators.graph.refusals import invalid, no_object, refusal
from local.simulators.server import Answer, Request

MEGABYTE: Final = 1024 * 1024
AUDIO: Final = ("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg", "audio/opus")
IMAGES: Final = ("image/jpeg", "image/png")
VIDEOS: Final = ("video/mp4", "video/3gpp")
STICKERS: Final = ("image/webp",)
DOCUMENTS: Final = (
    *("text/plain", "application/pdf", "application/msword", "application/vnd.ms-excel"),
    *("application/vnd.ms-powerpoint", "text/csv", "application/json"),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
)
LARGEST: Final[Mapping[str, int]] = {
    **dict.fromkeys(AUDIO, 16 * MEGABYTE),
    **dict.fromkeys(IMAGES, 5 * MEGABYTE),
    **dict.fromkeys(VIDEOS, 16 * MEGABYTE),
    **dict.fromkeys(STICKERS, 512_000),
    **dict.fromkeys(DOCUMENTS, 100 * MEGABYTE),
}
"""Bytes by type. 500 KB is for a sticker that moves; one that does not has 100 KB."""
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "audio": AUDIO,
    "image": IMAGES,
    "video": VIDEOS,
    "sticker": STICKERS,
    "document": (*DOCUMENTS, *IMAGES, *VIDEOS, *AUDIO, *STICKERS),
}
"""Which types a message of a kind may have."""


@dataclass(frozen=True)
class _Medium:
    content: bytes
    mime_type: str
    ours: bool
    say_size: bool = True


class Media:
    """Media in memory. ``seconds``: for how long an address works (Meta: 5 minutes)."""

    def __init__(self) -> None:
        self._ids = itertools.count(int(time.time() * 1000))
        self.reset()

    def reset(self) -> None:
        self.seconds = 300.0
        self._media: dict[str, _Medium] = {}
        self._addresses: dict[str, tuple[str, float]] = {}
        self._sessions: dict[str, tuple[int, bytes]] = {}

    def __contains__(self, media_id: object) -> bool:
        return media_id in self._media

    def type_of(self, media_id: str) -> str | None:
        """The MIME type without parameters; ``None`` where nothing has this id."""
        medium = self._media.get(media_id)
        return None if medium is None else _plain(medium.mime_type)

    def message(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Keep what somebody recorded; the part of the webhook's message that tells of it."""
        content = base64.b64decode(body["audio"]) if "audio" in body else bytes(int(body["audio_bytes"]))
        mime_type = str(body.get("mime_type", "audio/ogg; codecs=opus"))
        media_id = self.keep(content, mime_type)
        return {
            "type": "audio",
            "audio": {
                "id": media_id,
                "mime_type": mime_type,
                "sha256": base64.b64encode(hashlib.sha256(content).digest()).decode(),
                "voice": bool(body.get("voice", True)),
            },
        }

    def keep(self, content: bytes, mime_type: str, *, ours: bool = False, say_size: bool = True) -> str:
        """Keep a medium; its id. ``ours``: we uploaded it. ``say_size``: false, and its size is not told
        beforehand.
        """
        media_id = str(next(self._ids))
        self._media[media_id] = _Medium(content, mime_type, ours, say_size)
        return media_id

    def upload(self, request: Request) -> Answer:
        """``POST /{phone-number-id}/media``: a form with ``messaging_product``, ``type`` and ``file``."""
        fields, content, _ = multipart(request)
        if fields.get("messaging_product") != "whatsapp" or not content:
            return invalid("messaging_product and file are needed")
        mime_type = _plain(fields.get("type", ""))
        if mime_type not in LARGEST:
            return invalid(f"Param file must be a file with one of the following types: {', '.join(LARGEST)}")
        if mime_type == "audio/ogg" and not (content[:4] == b"OggS" and b"OpusHead" in content[:64]):
            return refusal(131053, details="audio/ogg must hold Opus")
        if len(content) > LARGEST[mime_type]:
            return refusal(131053, details=f"{mime_type} may have at most {LARGEST[mime_type]} bytes")
        return Answer(200, {"id": self.keep(content, fields["type"], ours=True)})

    def described(self, media_id: str, root: str) -> Answer:
        """The answer to ``GET /{media-id}``, with a new address."""
        medium = self._media[media_id]
        sign = secrets.token_urlsafe(16)
        until = time.time() + self.seconds
        self._addresses[sign] = (media_id, until)
        size = {"file_size": str(len(medium.content))} if medium.say_size else {}
        body = {
            **size,
            "messaging_product": "whatsapp",
            "url": f"{root}/whatsapp_business/attachments/?mid={media_id}&ext={int(until)}&hash={sign}",
            "mime_type": medium.mime_type,
            "sha256": hashlib.sha256(medium.content).hexdigest(),
            "id": media_id,
        }
        return Answer(200, body)

    def download(self, request: Request) -> Answer:
        """The medium behind an address; 404 where the address has run out or never was."""
        media_id, until = self._addresses.get(request.query.get("hash", ""), ("", 0.0))
        medium = self._media.get(media_id)
        if medium is None or until < time.time() or media_id != request.query.get("mid"):
            return refusal(100, "Media not found", 404)
        return Answer(200, raw=medium.content, content_type=medium.mime_type)

    def delete(self, media_id: str) -> Answer:
        """``DELETE /{media-id}``."""
        del self._media[media_id]
        return Answer(200, {"success": True})

    def forget(self) -> int:
        """Meta keeps what people send for some days only; this ends them now."""
        people = [media_id for media_id, medium in self._media.items() if not medium.ours]
        for media_id in people:
            del self._media[media_id]
        return len(people)

    # -- uploads in sessions ----------------------------------------------------------------------

    def open_session(self, request: Request) -> Answer:
        """``POST /{app-id}/uploads?file_name=&file_length=&file_type=`` (Graph, "Resumable Upload API")."""
        length = request.query.get("file_length", "")
        if not length.isdigit() or _plain(request.query.get("file_type", "")) not in LARGEST:
            return invalid("file_length and file_type are needed; the type must be one that WhatsApp takes")
        session = f"upload:{secrets.token_urlsafe(12)}"
        self._sessions[session] = (int(length), b"")
        return Answer(200, {"id": session})

    def session(self, method: str, session: str, request: Request) -> Answer:
        """``POST`` adds bytes at ``file_offset`` and answers a handle once all are there; ``GET`` tells how
        many there are.
        """
        if session not in self._sessions:
            return no_object(method, session)
        length, kept = self._sessions[session]
        if method == "GET":
            return Answer(200, {"id": session, "file_offset": len(kept)})
        if request.headers.get("file_offset", "0") != str(len(kept)):
            return invalid(f"file_offset must be {len(kept)}")
        kept += request.raw
        self._sessions[session] = (length, kept)
        if len(kept) != length:
            return invalid(f"{len(kept)} of {length} bytes are there")
        return Answer(200, {"h": f"4::{base64.urlsafe_b64encode(hashlib.sha256(kept).digest()).decode()}"})


def _plain(mime_type: str) -> str:
    return mime_type.partition(";")[0].strip().lower()
