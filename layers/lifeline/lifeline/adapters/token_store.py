"""Secrets Manager as the token's store: a new value is current only when it is known to work."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.aws import code_of, unavailable
from lifeline.errors import ConflictError, UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CURRENT: Final = "AWSCURRENT"
PENDING: Final = "AWSPENDING"
PREVIOUS: Final = "AWSPREVIOUS"
_SERVICE: Final = "Secrets Manager"


@dataclass(frozen=True, slots=True)
class SecretVersion:
    """One version of the secret. Its values stay out of ``repr``."""

    id: str
    values: Mapping[str, Any] = field(repr=False)

    @property
    def token(self) -> str:
        """The access token; empty where the version has none."""
        return str(self.values.get("access_token") or "")


class TokenStore:
    """The versions of one JSON secret, by their staging labels (Secrets Manager, "Rotation").

    Raises :class:`UnavailableError` when Secrets Manager does not answer, refuses, or the value is no JSON
    object. No value leaves by an exception.
    """

    def __init__(self, client: SecretsManagerClient, arn: str) -> None:
        self._client = client
        self._arn = arn

    def current(self) -> SecretVersion:
        """What all functions use."""
        token = self._read(CURRENT)
        if token is None:
            raise UnavailableError(_SERVICE, "reading the secret", "it has no value yet")
        return token

    def present(self) -> SecretVersion | None:
        """As :meth:`current`, but None where the secret has no value yet, and without values where it holds
        no JSON object: what is to be replaced may be anything.
        """
        try:
            answer = self._client.get_secret_value(SecretId=self._arn, VersionStage=CURRENT)
        except (ClientError, BotoCoreError) as error:
            if code_of(error) == "ResourceNotFoundException":
                return None
            raise unavailable(_SERVICE, "reading the secret", error) from error
        try:
            values = json.loads(answer["SecretString"])
        except (ValueError, KeyError):
            values = None
        return SecretVersion(answer["VersionId"], values if isinstance(values, dict) else {})

    def put_first(self, values: Mapping[str, Any]) -> None:
        """Give a secret that has no value its first one, current at once."""
        try:
            self._client.put_secret_value(
                SecretId=self._arn, SecretString=json.dumps(dict(values)), VersionStages=[CURRENT]
            )
        except (ClientError, BotoCoreError) as error:
            # Not chained: botocore's validation errors quote the value.
            raise unavailable(_SERVICE, "storing the first token", error) from None

    def previous(self) -> SecretVersion | None:
        """What was current before; None where there was nothing."""
        return self._read(PREVIOUS)

    def put_pending(self, values: Mapping[str, Any]) -> str:
        """Keep ``values`` as a version that nobody uses yet. Returns the version's id."""
        try:
            answer = self._client.put_secret_value(
                SecretId=self._arn,
                SecretString=json.dumps(dict(values)),
                VersionStages=[PENDING],
            )
        except (ClientError, BotoCoreError) as error:
            # Not chained: botocore's validation errors quote the value.
            raise unavailable(_SERVICE, "storing the new token", error) from None
        return answer["VersionId"]

    def promote(self, version_id: str, instead_of: str) -> None:
        """Make a pending version current; the one it replaces becomes AWSPREVIOUS.

        Raises :class:`ConflictError` where ``instead_of`` is not current any more: somebody else has written
        the secret meanwhile, and that stays.
        """
        try:
            self._client.update_secret_version_stage(
                SecretId=self._arn,
                VersionStage=CURRENT,
                MoveToVersionId=version_id,
                RemoveFromVersionId=instead_of,
            )
        except ClientError as error:
            if code_of(error) == "InvalidParameterException":
                raise ConflictError("the secret was changed by somebody else meanwhile") from error
            raise unavailable(_SERVICE, "making the new token current", error) from error
        except BotoCoreError as error:
            raise unavailable(_SERVICE, "making the new token current", error) from error

    def not_pending(self, version_id: str) -> None:
        """Take the label AWSPENDING off a version; one without any label is deleted by AWS in time."""
        try:
            self._client.update_secret_version_stage(
                SecretId=self._arn, VersionStage=PENDING, RemoveFromVersionId=version_id
            )
        except (ClientError, BotoCoreError) as error:
            raise unavailable(_SERVICE, "taking AWSPENDING off", error) from error

    def _read(self, stage: str) -> SecretVersion | None:
        try:
            answer = self._client.get_secret_value(SecretId=self._arn, VersionStage=stage)
            values = json.loads(answer["SecretString"])
        except (ClientError, BotoCoreError) as error:
            if code_of(error) == "ResourceNotFoundException" and stage != CURRENT:
                return None
            raise unavailable(_SERVICE, f"reading the secret ({stage})", error) from error
        except (ValueError, KeyError):
            values = None
        if not isinstance(values, dict):
            raise UnavailableError(_SERVICE, f"reading the secret ({stage})", "it is no JSON object")
        return SecretVersion(answer["VersionId"], values)
