"""Who asks, proven: a presigned ``sts:GetCallerIdentity`` request that serves one request to one stack.

The command line signs it (Signature Version 4, in the query) and sends its parts. The function puts the
request together anew and sends it to STS, which alone can check the signature and answers with the signer's
ARN. So address, method, action and headers are never the caller's to choose: forged ones were the way around
the check of HashiCorp Vault (CVE-2020-16250), repeated parameters around that of aws-iam-authenticator
(CVE-2022-2385).

Two headers are signed beside ``host``: the id of the stack, and a digest of the operator's request with a
number used once. So a proof says nothing to another stack, nor for another request.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from lifeline.contract.patterns import SHA256, TOKEN, worded

SECONDS: Final = 60
"""How long a proof stands, by the function's clock: STS may take a presigned request for 15 minutes."""

STS_QUERY: Final[Mapping[str, str]] = {"Action": "GetCallerIdentity", "Version": "2011-06-15"}
ALGORITHM: Final = "AWS4-HMAC-SHA256"
_STACK: Final = "x-lifeline-stack"
_REQUEST: Final = "x-lifeline-request"


_LOOPBACK: Final = ("127.0.0.1", "localhost")


_SIGNED: Final = "must be as the command line signs it"


def _text(pattern: str, longest: int, description: str) -> dict[str, Any]:
    return {
        "type": "string",
        "pattern": worded(pattern, _SIGNED),
        "maxLength": longest,
        "description": description,
    }


PROOF: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["host", "key", "date", "nonce", "signature"],
    "properties": {
        "host": _text(r"^[a-z0-9.-]+(:[0-9]+)?$", 253, "The STS endpoint that it was signed for"),
        "key": _text("^[A-Za-z0-9_]+$", 128, "The access key's id"),
        "date": _text("^[0-9]{8}T[0-9]{6}Z$", 16, "X-Amz-Date"),
        "token": {
            "type": "string",
            "pattern": TOKEN,
            "maxLength": 16_384,
            "description": "The session token, of temporary credentials",
        },
        "nonce": _text("^[0-9a-f]{32}$", 32, "A number used once"),
        "signature": {
            "type": "string",
            "pattern": SHA256,
            "maxLength": 64,
            "description": "X-Amz-Signature",
        },
    },
    "description": "Who asks, signed; the command line makes it (contract/operator_proof.py)",
}
"""JSON Schema of a request's ``proof``."""


def is_loopback(host: str) -> bool:
    """Whether a host, with or without its port, is this machine."""
    return host.partition(":")[0] in _LOOPBACK


def digest(request: Mapping[str, Any], nonce: str, left_open: Sequence[str] = ()) -> str:
    """What is signed of a request: all but the proof itself and the fields that are ``left_open``."""
    covered = {name: value for name, value in request.items() if name not in ("proof", *left_open)}
    text = json.dumps([nonce, covered], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def signed_headers(host: str, stack_id: str, covered: str) -> dict[str, str]:
    """The headers of the request to STS; all are signed. ``covered``: of :func:`digest`."""
    return {"host": host, _REQUEST: covered, _STACK: stack_id}


def signed_query(proof: Mapping[str, str], region: str) -> dict[str, str]:
    """The query of the request to STS, from a proof that fits :data:`PROOF`."""
    day = proof["date"][:8]
    return {
        **STS_QUERY,
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{proof['key']}/{day}/{region}/sts/aws4_request",
        "X-Amz-Date": proof["date"],
        "X-Amz-Expires": str(SECONDS),
        **({"X-Amz-Security-Token": proof["token"]} if "token" in proof else {}),
        "X-Amz-SignedHeaders": ";".join(sorted(signed_headers("", "", ""))),
        "X-Amz-Signature": proof["signature"],
    }
