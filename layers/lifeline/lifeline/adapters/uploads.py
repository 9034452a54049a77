"""Files at Meta that operators uploaded: ``pk`` ``upload``, ``sk`` digest and type, in ``control``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

from lifeline.adapters.control.table import EXPIRES, Item, OnTable, attributes, plain, which

_UPLOAD: Final = "upload"


@dataclass(frozen=True, slots=True)
class Upload:
    """One file. ``size`` in bytes; instants are epoch seconds; ``expires_at``: when Meta forgets it."""

    media_id: str
    sha256: str
    mime_type: str
    name: str
    size: int
    uploaded_at: float
    expires_at: float
    actor: str


class Uploads(OnTable):
    """Raises :class:`UnavailableError` when DynamoDB does not answer."""

    def find(self, sha256: str, mime_type: str) -> Upload | None:
        """The file with this content, also where Meta has forgotten it since."""
        item = self._table.get(_UPLOAD, _key(sha256, mime_type), "finding an upload")
        return _read(item) if item else None

    def all(self) -> list[Upload]:
        """Every file; DynamoDB removes those that have expired hours later."""
        return [_read(item) for item in self._table.query(_UPLOAD, "reading uploads", consistent=True)]

    def keep(self, upload: Upload) -> None:
        """Keep a file's id in the place of an older one for the same content."""
        values = {
            name: value for name, value in asdict(upload).items() if name not in ("sha256", "mime_type")
        }
        item = {**attributes(values), EXPIRES: {"N": str(int(upload.expires_at))}}
        self._table.put(_UPLOAD, _key(upload.sha256, upload.mime_type), item, "keeping an upload")

    def forget(self, upload: Upload) -> None:
        """Meta has the file no longer."""
        self._table.delete(_UPLOAD, _key(upload.sha256, upload.mime_type), "forgetting an upload")


def _key(sha256: str, mime_type: str) -> str:
    return f"{sha256}:{mime_type}"


def _read(item: Item) -> Upload:
    held = plain(item)
    sha256, _, mime_type = which(item).partition(":")
    return Upload(
        media_id=str(held.get("media_id", "")),
        sha256=sha256,
        mime_type=mime_type,
        name=str(held.get("name", "")),
        size=int(held.get("size", 0)),
        uploaded_at=float(held.get("uploaded_at", 0.0)),
        expires_at=float(held.get("expires_at", 0.0)),
        actor=str(held.get("actor", "")),
    )
