"""Lambda: another function of the stack, started, or called and waited for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError

from lifeline.adapters.aws import code_of, unavailable
from lifeline.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


class Functions:
    """Invokes functions of this stack."""

    def __init__(self, client: LambdaClient, patient: Callable[[float], LambdaClient] | None = None) -> None:
        """``patient``: makes a client that waits so many seconds for an answer, and asks once."""
        self._client = client
        self._patient = patient

    def start(self, name: str, event: Mapping[str, Any]) -> None:
        """Start ``name`` asynchronously. Raises :class:`UnavailableError`."""
        try:
            self._client.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(event).encode())
        except (ClientError, BotoCoreError) as error:
            raise unavailable("Lambda", f"starting {name}", error) from error

    def call(self, name: str, event: Mapping[str, Any], within: float) -> Mapping[str, Any]:
        """Run ``name`` and wait at most ``within`` seconds for its answer, a JSON object.

        Raises :class:`UnavailableError`, also where the function failed; it may then still be at work.
        """
        client = self._patient(max(1.0, within)) if self._patient else self._client
        try:
            answer = client.invoke(FunctionName=name, Payload=json.dumps(event).encode())
            document = json.loads(answer["Payload"].read())
        except ReadTimeoutError as error:
            code = code_of(error)
            raise UnavailableError("Lambda", f"waiting for {name}", "it is still at work", code) from error
        except (ClientError, BotoCoreError) as error:
            raise unavailable("Lambda", f"calling {name}", error) from error
        except ValueError:
            raise UnavailableError("Lambda", f"calling {name}", "its answer is not JSON") from None
        if answer.get("FunctionError") or not isinstance(document, dict):
            raise UnavailableError("Lambda", f"calling {name}", "it failed; its log says why")
        return document
