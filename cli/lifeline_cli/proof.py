"""Who asks, signed: a presigned ``sts:GetCallerIdentity`` request for one request to one stack.

Nothing is sent to STS from here; OperatorFunction asks it whose signature this is.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from lifeline.contract.operator_actions import OPERATOR_ACTIONS
from lifeline.contract.operator_proof import SECONDS, STS_QUERY, digest, is_loopback, signed_headers

GLOBAL: Final = "https://sts.amazonaws.com"
SPARE: Final = 20.0
"""Seconds that a proof must still stand to serve one more request."""


def sts_endpoint(session: Any, region: str) -> str:
    """The STS endpoint that the stack in ``region`` asks: the regional one, however this machine reaches AWS.

    Locally, what ``AWS_ENDPOINT_URL`` names.
    """
    from botocore.config import Config

    def endpoint(**settings: Any) -> str:
        client = session.client("sts", region_name=region, config=Config(**settings))
        return str(client.meta.endpoint_url).rstrip("/")

    configured = endpoint()
    if is_loopback(urlsplit(configured).netloc):
        return configured
    # A private endpoint, or one of another kind, is of this machine's network: the function has none of it.
    regional = endpoint(
        ignore_configured_endpoint_urls=True, use_fips_endpoint=False, use_dualstack_endpoint=False
    )
    # Which is the global one where a profile says sts_regional_endpoints = legacy.
    return f"https://sts.{region}.amazonaws.com" if regional == GLOBAL else regional


class Signer:
    """Signs requests to one stack with the credentials of a boto3 session."""

    def __init__(
        self, session: Any, region: str, stack_id: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._session = session
        self._region = region
        self._stack_id = stack_id
        self._clock = clock
        self._endpoint = ""
        self._serving: dict[str, tuple[float, dict[str, str]]] = {}

    def prove(self, request: Mapping[str, Any]) -> dict[str, str]:
        """The ``proof`` of a request. Raises botocore's ``NoCredentialsError``, and what it raises else."""
        left_open = OPERATOR_ACTIONS[request["action"]].bulk
        if not left_open:
            return self._sign(request, secrets.token_hex(16))
        same = digest(request, "", left_open)
        until, proof = self._serving.get(same, (0.0, {}))
        if self._clock() > until - SPARE:
            until = self._clock() + SECONDS
            proof = self._sign(request, secrets.token_hex(16), left_open)
            self._serving[same] = until, proof
        return proof

    def _sign(
        self, request: Mapping[str, Any], nonce: str, left_open: tuple[str, ...] = ()
    ) -> dict[str, str]:
        from botocore.auth import SigV4QueryAuth
        from botocore.awsrequest import AWSRequest
        from botocore.exceptions import NoCredentialsError

        credentials = self._session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        self._endpoint = self._endpoint or sts_endpoint(self._session, self._region)
        host = urlsplit(self._endpoint).netloc
        presigned = AWSRequest(
            method="GET",
            url=f"{self._endpoint}/?{urlencode(STS_QUERY)}",
            headers=signed_headers(host, self._stack_id, digest(request, nonce, left_open)),
        )
        signer = SigV4QueryAuth(credentials.get_frozen_credentials(), "sts", self._region, expires=SECONDS)
        signer.add_auth(presigned)
        query = dict(parse_qsl(urlsplit(str(presigned.url)).query))
        proof = {
            "host": host,
            "key": query["X-Amz-Credential"].partition("/")[0],
            "date": query["X-Amz-Date"],
            "nonce": nonce,
            "signature": query["X-Amz-Signature"],
        }
        token = query.get("X-Amz-Security-Token")
        return {**proof, "token": token} if token else proof
