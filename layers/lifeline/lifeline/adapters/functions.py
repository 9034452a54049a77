"""Lambda: start another function of the stack without waiting for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.aws import code_of
from lifeline.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


class Functions:
    """Invokes functions of this stack."""

    def __init__(self, client: LambdaClient) -> None:
        self._client = client

    def start(self, name: str, event: Mapping[str, Any]) -> None:
        """Start ``name`` asynchronously. Raises :class:`UnavailableError`."""
        try:
            self._client.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(event).encode())
        except (ClientError, BotoCoreError) as error:
            raise UnavailableError("Lambda", f"starting {name}", code_of(error)) from error
