"""What the command line says when it cannot do what was asked: one sentence, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from lifeline.contract.operator_actions import refused

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2


class CliError(Exception):
    """Refused or failed. ``code`` is stable for scripts; ``hint`` says what to do; ``exit_code`` 1 or 2."""

    def __init__(
        self,
        code: str,
        message: str,
        hint: str = "",
        *,
        exit_code: int = FAILED,
        action: str = "",
        valid: tuple[str, ...] = (),
        shown: bool = False,
    ) -> None:
        """``shown``: the answer on standard output tells it already, so JSON is not printed twice."""
        self.code = code
        self.message = message
        self.hint = hint
        self.exit_code = exit_code
        self.action = action
        self.valid = valid
        self.shown = shown
        super().__init__(message)

    def document(self) -> dict[str, Any]:
        """The error as ``--json`` prints it; the same keys as a refusal of OperatorFunction."""
        document = refused(self.action, self.code, self.message, self.valid)
        document["error"]["hint"] = self.hint
        return document


def usage(message: str, hint: str = "", valid: tuple[str, ...] = ()) -> CliError:
    """Wrong usage: exit code 2."""
    return CliError("usage", message, hint, exit_code=USAGE, valid=valid)


_DENIED: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedException"}
)
_BAD_KEYS: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "AuthFailure",
    }
)
_NO_KEYS: Final = frozenset(
    {
        "NoCredentialsError",
        "PartialCredentialsError",
        "CredentialRetrievalError",
        "SSOTokenLoadError",
        "UnauthorizedSSOTokenError",
        "TokenRetrievalError",
    }
)
_NO_WAY: Final = frozenset(
    {"EndpointConnectionError", "ConnectTimeoutError", "ConnectionClosedError", "ProxyConnectionError"}
)


def of_aws(error: BaseException, doing: str, region: str) -> CliError:
    """A fault of boto3 as a sentence. ``doing``: "reading stack x"."""
    kind = type(error).__name__
    response: Mapping[str, Any] = getattr(error, "response", None) or {}
    code = str(response.get("Error", {}).get("Code", ""))
    text = str(response.get("Error", {}).get("Message", "") or error)
    if kind in _NO_KEYS:
        return CliError(
            "no_credentials",
            f"found no AWS credentials while {doing}",
            "Sign in (aws sso login), use --profile or set AWS_PROFILE.",
        )
    if kind == "ProfileNotFound":
        return CliError("no_profile", text, "List the profiles with: aws configure list-profiles.")
    if kind in _NO_WAY:
        return CliError(
            "unreachable",
            f"cannot reach AWS while {doing}: {text}",
            f"Check the network, the region ({region or 'none'}) and AWS_ENDPOINT_URL.",
        )
    if kind == "ReadTimeoutError":
        return CliError(
            "timeout",
            f"timed out while {doing}; the request may have taken effect",
            "Check lifeline panic status or lifeline queue status before you try again.",
        )
    if code in _DENIED:
        return CliError(
            "denied",
            f"AWS denied access while {doing} ({text[:300]})",
            "Ask for the policy in the stack's output OperatorPolicyArn, or OperatorReadPolicyArn to "
            "read only.",
        )
    if code in _BAD_KEYS:
        return CliError(
            "bad_credentials",
            f"AWS rejected the credentials while {doing} ({code})",
            "Sign in again, or use another --profile.",
        )
    return CliError("aws", f"AWS returned an error while {doing}: {code or kind}: {text}"[:600])
