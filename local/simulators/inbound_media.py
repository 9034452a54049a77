"""What people send to us at Meta: media by id, and addresses that work for minutes and with the token."""

from __future__ import annotations

import base64
import hashlib
import itertools
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.simulators.server import Answer, Request


@dataclass(frozen=True)
class _Medium:
    content: bytes
    mime_type: str
    say_size: bool = True


class InboundMedia:
    """Media in memory. ``seconds``: for how long an address works (Meta: 5 minutes)."""

    def __init__(self, seconds: float = 300.0) -> None:
        self.seconds = seconds
        self._ids = itertools.count(int(time.time() * 1000))
        self._media: dict[str, _Medium] = {}
        self._addresses: dict[str, tuple[str, float]] = {}

    def __contains__(self, media_id: object) -> bool:
        return media_id in self._media

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

    def keep(self, content: bytes, mime_type: str, *, say_size: bool = True) -> str:
        """Keep a medium; its id. ``say_size``: false, and its size is not told beforehand."""
        media_id = str(next(self._ids))
        self._media[media_id] = _Medium(content, mime_type, say_size)
        return media_id

    def described(self, media_id: str, root: str) -> dict[str, Any]:
        """The answer to ``GET /{media-id}``, with a new address."""
        medium = self._media[media_id]
        sign = secrets.token_urlsafe(16)
        until = time.time() + self.seconds
        self._addresses[sign] = (media_id, until)
        size = {"file_size": str(len(medium.content))} if medium.say_size else {}
        return {
            **size,
            "messaging_product": "whatsapp",
            "url": f"{root}/whatsapp_business/attachments/?mid={media_id}&ext={int(until)}&hash={sign}",
            "mime_type": medium.mime_type,
            "sha256": hashlib.sha256(medium.content).hexdigest(),
            "id": media_id,
        }

    def download(self, request: Request) -> Answer | None:
        """The medium behind an address; ``None`` where the address has run out or never was."""
        media_id, until = self._addresses.get(request.query.get("hash", ""), ("", 0.0))
        medium = self._media.get(media_id)
        if medium is None or until < time.time() or media_id != request.query.get("mid"):
            return None
        return Answer(200, raw=medium.content, content_type=medium.mime_type)

    def forget(self) -> int:
        """Meta keeps what people send for some days only; this ends them now."""
        count = len(self._media)
        self._media.clear()
        return count
