"""Operator actions on files at Meta: upload one, see which there are, delete one."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

from lifeline.adapters.parcels import ADDRESS_SECONDS, Parcels
from lifeline.adapters.uploads import Upload, Uploads
from lifeline.adapters.whatsapp import Lost, WhatsApp
from lifeline.contract.instants import format_instant
from lifeline.contract.media import DIRECT_BYTES, FILE_TYPES, HEAD, ID_SECONDS, LARGEST, file_fault
from lifeline.contract.scopes import WHATSAPP
from lifeline.domain.failure.classify import Failure
from lifeline.domain.panic.flag import By, note
from lifeline.errors import RefusedError, UnavailableError
from lifeline.use_cases.operate.operate import Handler, Request
from lifeline.use_cases.shared.panic_mode import PanicMode

UPLOAD_SECONDS: Final = 40.0
"""How long Meta's answer to an upload is waited for; the function has 60 s."""
SPARE: Final = 86_400.0
"""Seconds for which an id must still be good to be given out again: messages with it may wait for hours."""


class OperateMedia:
    """Files at Meta as operators upload and delete them."""

    def __init__(
        self,
        *,
        uploads: Uploads,
        parcels: Callable[[], Parcels],
        whatsapp: WhatsApp,
        panic: PanicMode,
        clock: Callable[[], float],
    ) -> None:
        """``parcels``: looked for when a file comes by it, since S3's client takes its time to load."""
        self._uploads = uploads
        self._parcels = parcels
        self._whatsapp = whatsapp
        self._panic = panic
        self._clock = clock

    def handlers(self) -> Mapping[str, Handler]:
        """The actions of this group."""
        return {
            "media.prepare": self.prepare,
            "media.upload": self.upload,
            "media.list": self.present,
            "media.delete": self.delete,
        }

    def prepare(self, request: Request) -> dict[str, Any]:
        """Where a file is put that is too large for a request."""
        size = int(request["size"])
        fault = file_fault(request["type"], size)
        if fault:
            raise _bad_file(fault)
        address = self._parcels().address(request["sha256"], size)
        return {
            "url": address.url,
            "method": address.method,
            "headers": address.headers,
            "until": format_instant(self._clock() + ADDRESS_SECONDS),
        }

    def upload(self, request: Request) -> dict[str, Any]:
        """Give Meta a file, unless it still has the same one from us. Raises :class:`RefusedError` for a file
        that WhatsApp does not take."""
        now = self._clock()
        content, name, mime_type = self._content(request), request["file"], request["type"]
        fault = file_fault(mime_type, len(content), content[:HEAD])
        if fault:
            raise _bad_file(f"{name}: {fault}")
        sha256 = hashlib.sha256(content).hexdigest()
        kept = self._uploads.find(sha256, mime_type)
        known = kept is not None and self._is_good(kept, now)
        if kept is None or not known:
            kept = self._give(content, sha256, name, mime_type, request["actor"], now)
            self._note(request, f"file {name} uploaded as {kept.media_id}", {"media_id": kept.media_id}, now)
        if "data" not in request:
            self._parcels().drop(sha256)
        return {**_described(kept), "known": known}

    def present(self, request: Request) -> dict[str, Any]:
        """The files that Meta still has."""
        now = self._clock()
        files = [file for file in self._uploads.all() if file.expires_at > now]
        files.sort(key=lambda file: file.uploaded_at, reverse=True)
        return {
            "at": format_instant(now),
            "media": [{**_described(file), "actor": file.actor} for file in files],
        }

    def delete(self, request: Request) -> dict[str, Any]:
        """Delete a file at Meta, and forget it here."""
        media_id = request["id"]
        outcome = self._whatsapp.delete_media(media_id)
        if isinstance(outcome, Failure):
            raise UnavailableError(WHATSAPP, "deleting a file", outcome.words, str(outcome.code))
        kept = next((file for file in self._uploads.all() if file.media_id == media_id), None)
        if kept:
            self._uploads.forget(kept)
        deleted = outcome is None
        if deleted:
            self._note(request, f"file {media_id} deleted", {"media_id": media_id}, self._clock())
        return {"id": media_id, "deleted": deleted, "name": kept.name if kept else None}

    def _content(self, request: Request) -> bytes:
        if ("data" in request) == ("sha256" in request):
            raise RefusedError("invalid_request", "request: needs data or sha256, and not both")
        if "data" in request:
            try:
                content = base64.b64decode(request["data"], validate=True)
            except binascii.Error as error:
                raise RefusedError("invalid_request", f"request.data: is not Base64 ({error})") from error
            if len(content) > DIRECT_BYTES:
                raise RefusedError("invalid_request", f"request.data: has more than {DIRECT_BYTES} bytes")
            return content
        taken = self._parcels().take(request["sha256"], LARGEST)
        if taken is None:
            raise RefusedError(
                "no_file",
                "no file with this sha256 was uploaded in the last day to the URL from media.prepare",
            )
        if hashlib.sha256(taken).hexdigest() != request["sha256"]:
            raise _bad_file("the uploaded file has another sha256: upload it again")
        return taken

    def _is_good(self, kept: Upload, now: float) -> bool:
        """Whether Meta still has it, and will for a while."""
        if kept.expires_at - SPARE <= now:
            return False
        outcome = self._whatsapp.media_url(kept.media_id)
        if isinstance(outcome, Failure):
            raise UnavailableError(WHATSAPP, "looking for a file", outcome.words, str(outcome.code))
        return outcome is not Lost.GONE

    def _give(self, content: bytes, sha256: str, name: str, mime_type: str, actor: str, now: float) -> Upload:
        outcome = self._whatsapp.upload(content, name, mime_type, UPLOAD_SECONDS)
        if isinstance(outcome, Failure):
            if outcome.is_passing or outcome.may_have_left:
                raise UnavailableError(WHATSAPP, "uploading a file", outcome.words, str(outcome.code))
            raise RefusedError("refused_by_meta", f"Meta rejects {name}: {outcome.words}")
        upload = Upload(outcome, sha256, mime_type, name, len(content), now, now + ID_SECONDS, actor)
        self._uploads.keep(upload)
        return upload

    def _note(self, request: Request, what: str, evidence: Mapping[str, object], now: float) -> None:
        self._panic.change(
            WHATSAPP, lambda flag: note(flag, By(request["actor"], "operator", what, now), evidence=evidence)
        )


def _bad_file(fault: str) -> RefusedError:
    return RefusedError("bad_file", fault, tuple(FILE_TYPES))


def _described(file: Upload) -> dict[str, Any]:
    return {
        "id": file.media_id,
        "kind": FILE_TYPES[file.mime_type].kind if file.mime_type in FILE_TYPES else None,
        "type": file.mime_type,
        "name": file.name,
        "size": file.size,
        "sha256": file.sha256,
        "uploaded_at": format_instant(file.uploaded_at),
        "expires_at": format_instant(file.expires_at),
    }
