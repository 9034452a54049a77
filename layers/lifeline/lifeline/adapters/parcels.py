"""The bucket through which files come that are too large for a request; each is named by its SHA-256."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.aws import code_of, unavailable

ADDRESS_SECONDS: Final = 900
"""How long an address is good for a PUT."""


SIGNING: Final = Config(signature_version="s3v4", request_checksum_calculation="when_required")
"""Under a key of KMS S3 takes no older signature, and who has an address sends nothing but the file."""


class S3Calls(Protocol):
    """What is asked of boto3's client of S3."""

    def generate_presigned_url(self, name: str, /, **arguments: Any) -> str:
        """An address that carries our right to one call."""

    def get_object(self, **arguments: Any) -> Any:
        """The object, as a stream."""

    def delete_object(self, **arguments: Any) -> Any:
        """Without complaint also where there is none."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where one file is put: an HTTP ``method`` with these ``headers``, which the signature covers."""

    url: str
    method: str
    headers: dict[str, str]


class Parcels:
    """Raises :class:`UnavailableError` when S3 does not answer."""

    def __init__(self, client: S3Calls, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def address(self, sha256: str, size: int) -> Address:
        """Where to put the file of ``size`` bytes, for :data:`ADDRESS_SECONDS`; whoever has it needs no
        other right."""
        try:
            url = self._client.generate_presigned_url(
                "put_object",
                Params={"Bucket": self._bucket, "Key": sha256, "ContentLength": size},
                ExpiresIn=ADDRESS_SECONDS,
            )
        except (ClientError, BotoCoreError) as error:
            raise unavailable("S3", "signing an address", error) from error
        return Address(url, "PUT", {"Content-Length": str(size)})

    def take(self, sha256: str, limit: int) -> bytes | None:
        """The file that was put there, of a longer one ``limit`` bytes and one; ``None``: there is none."""
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=sha256)
            return bytes(answer["Body"].read(limit + 1))
        except (ClientError, BotoCoreError) as error:
            if code_of(error) in ("NoSuchKey", "404"):
                return None
            raise unavailable("S3", "reading a file", error) from error

    def drop(self, sha256: str) -> None:
        """Delete the file; the bucket's lifecycle does so a day later anyway."""
        try:
            self._client.delete_object(Bucket=self._bucket, Key=sha256)
        except (ClientError, BotoCoreError) as error:
            raise unavailable("S3", "deleting a file", error) from error
