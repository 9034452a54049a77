"""Proofs of who asks, and a stand-in for STS that checks signatures by itself (Signature Version 4)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from botocore.session import Session
from lifeline.contract.operator_proof import signed_headers, signed_query
from lifeline.domain.caller import Caller, account_of, proof_end
from lifeline.errors import RefusedError, UnavailableError
from lifeline_cli.proof import Signer

REGION = "eu-west-1"
ACCOUNT = "111122223333"
STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/lifeline-test/0a1b"
HOST = f"sts.{REGION}.amazonaws.com"
ADA = f"arn:aws:iam::{ACCOUNT}:user/ada"
SAMPLE = {
    "host": HOST,
    "key": "AKIDADA",
    "date": "20260301T090000Z",
    "nonce": "0" * 32,
    "signature": "0" * 64,
}
"""A proof by its form; nobody has signed it."""


class Person:
    """Somebody with an access key, and a command line that signs with it."""

    def __init__(
        self, arn: str = ADA, key: str = "AKIDADA", secret: str = "secret-of-ada", token: str = ""
    ) -> None:
        self.arn = arn
        self.key = key
        self.secret = secret
        self.token = token
        self.signers: dict[tuple[str, str], Signer] = {}

    def get_credentials(self) -> Any:
        """As a boto3 session does."""
        session = Session()
        session.set_credentials(self.key, self.secret, self.token or None)
        return session.get_credentials()

    def client(self, service: str, **settings: Any) -> Any:
        """As a boto3 session does."""
        return Session().create_client(
            service, aws_access_key_id="none", aws_secret_access_key="none", **settings
        )

    def sign(self, request: Mapping[str, Any], stack_id: str = STACK, region: str = REGION) -> dict[str, Any]:
        """The request with the proof that the command line makes."""
        signer = self.signers.setdefault((stack_id, region), Signer(self, region, stack_id))
        return {**request, "proof": signer.prove(request)}


def made_at(request: Mapping[str, Any]) -> float:
    """When a request's proof was signed (epoch seconds)."""
    return proof_end(request["proof"]) - 60


class Witness:
    """STS for those it knows. ``asked``: how often."""

    def __init__(self, *people: Person, stack_id: str = STACK) -> None:
        self.host = HOST
        self.people = {person.key: person for person in people}
        self.stack_id = stack_id
        self.asked = 0
        self.broken = False

    def caller(self, proof: Mapping[str, str], covered: str) -> Caller:
        self.asked += 1
        if self.broken:
            raise UnavailableError("STS", "asking who signed the request", "broken on purpose")
        person = self.people.get(proof["key"])
        query = signed_query(proof, REGION)
        given = query.pop("X-Amz-Signature")
        headers = signed_headers(proof["host"], self.stack_id, covered)
        if (
            person is None
            or proof.get("token", "") != person.token
            or not hmac.compare_digest(given, signature(person.secret, query, headers))
        ):
            raise RefusedError("proof_refused", "AWS does not accept the proof of who asks")
        return Caller(person.arn, account_of(f"{person.arn}:"))


def signature(secret: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """Of a presigned GET without a body (IAM User Guide, "Create a signed AWS API request")."""
    scope = query["X-Amz-Credential"].partition("/")[2]
    names = sorted(headers)
    canonical = "\n".join(
        (
            "GET",
            "/",
            "&".join(
                f"{quote(name, safe='-_.~')}={quote(query[name], safe='-_.~')}" for name in sorted(query)
            ),
            *(f"{name}:{headers[name].strip()}" for name in names),
            "",
            ";".join(names),
            hashlib.sha256(b"").hexdigest(),
        )
    )
    text = "\n".join(
        (query["X-Amz-Algorithm"], query["X-Amz-Date"], scope, hashlib.sha256(canonical.encode()).hexdigest())
    )
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


class MemoryProofs:
    """Used proofs, kept in memory."""

    def __init__(self) -> None:
        self.until: dict[str, float] = {}

    def use(self, signature: str, until: float) -> bool:
        fresh = signature not in self.until
        self.until[signature] = until
        return fresh


class Reply:
    """An HTTP answer as botocore's session gives it."""

    def __init__(self, status: int, content: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.status_code = status
        self.content = content
        self.headers = dict(headers or {})
