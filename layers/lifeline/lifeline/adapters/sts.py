"""STS as the witness of who asks: it checks a signature that nobody else can check, and names the signer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote, urlencode, urlsplit

from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from botocore.exceptions import BotoCoreError
from botocore.httpsession import URLLib3Session
from botocore.model import Shape
from botocore.parsers import ResponseParserError, create_parser
from botocore.utils import get_environ_proxies

from lifeline.adapters.aws import CONNECT_TIMEOUT, unavailable
from lifeline.contract.operator_proof import is_loopback, signed_headers, signed_query
from lifeline.domain.caller import Caller
from lifeline.errors import ConfigError, RefusedError, UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

READ_TIMEOUT: Final = 4.0
"""Seconds. STS answers within 100 ms; an operator waits."""
BUSY: Final = frozenset({"Throttling", "ThrottlingException", "RequestLimitExceeded", "ServiceUnavailable"})
"""Error codes that say nothing of the signature. Throttling comes with status 400."""
ADVICE: Final[Mapping[str, str]] = {
    "ExpiredToken": "the session has ended: sign in again",
    "ExpiredTokenException": "the session has ended: sign in again",
    "InvalidClientTokenId": "the access key is not known (any more): sign in again",
    "SignatureDoesNotMatch": "it was signed with another secret, or for another request or stack",
}
"""What to do, by STS's error code."""
_DOING: Final = "asking who signed the request"


class Sts:
    """Asks the one STS endpoint of the function's own region (or, locally, ``AWS_ENDPOINT_URL``).

    The endpoint comes from boto3's client, never from a request. No redirect is followed, nothing is
    repeated, and no credential of the function's own is sent.
    """

    def __init__(self, client: STSClient, stack_id: str) -> None:
        """``stack_id``: this stack's, which callers sign. Raises :class:`ConfigError` for plain HTTP."""
        self._endpoint = client.meta.endpoint_url
        parts = urlsplit(self._endpoint)
        self.host = parts.netloc
        if parts.scheme != "https" and not is_loopback(self.host):
            raise ConfigError([f"the STS endpoint must be https, not {self._endpoint!r}"])
        self._region = client.meta.region_name
        self._stack_id = stack_id
        model = client.meta.service_model.operation_model("GetCallerIdentity")
        self._shape = cast(Shape, model.output_shape)
        self._http = URLLib3Session(
            timeout=cast(Any, (CONNECT_TIMEOUT, READ_TIMEOUT)), proxies=get_environ_proxies(self._endpoint)
        )

    def caller(self, proof: Mapping[str, str], covered: str) -> Caller:
        """Who made ``proof`` for a request of the digest ``covered``.

        Raises :class:`RefusedError` (``proof_refused``) where STS does not accept the signature, and
        :class:`UnavailableError`.
        """
        query = urlencode(signed_query(proof, self._region), quote_via=quote, safe="-_.~")
        headers = cast(Any, HeadersDict(signed_headers(proof["host"], self._stack_id, covered)))
        request = AWSPreparedRequest("GET", f"{self._endpoint.rstrip('/')}/?{query}", headers, None, False)
        try:
            answer = self._http.send(request)
            status, document = answer.status_code, self._parse(answer)
        except (BotoCoreError, ResponseParserError) as error:
            raise unavailable("STS", _DOING, error) from error
        code = str(document.get("Error", {}).get("Code") or status)
        if status >= 500 or status == 429 or 300 <= status < 400 or code in BUSY:
            raise UnavailableError("STS", _DOING, code, code)
        if status != 200:
            advice = ADVICE.get(code, "sign in again")
            raise RefusedError(
                "proof_refused", f"AWS does not accept the proof of who asks ({code}): {advice}"
            )
        return Caller(str(document.get("Arn", "")), str(document.get("Account", "")))

    def _parse(self, answer: Any) -> dict[str, Any]:
        """By the parser that boto3 uses for STS; empty where the answer is of another action."""
        document = {
            "status_code": answer.status_code,
            "headers": answer.headers,
            "body": answer.content,
        }
        try:
            return dict(create_parser("query").parse(document, self._shape))
        except KeyError:  # there is no GetCallerIdentityResult
            return {}
