"""What the command line signs, and for which endpoint."""

from __future__ import annotations

import pytest
from botocore.exceptions import NoCredentialsError
from lifeline.contract.operator_actions import request_faults
from lifeline.contract.operator_proof import digest
from lifeline.domain.caller import check_caller
from lifeline_cli.proof import SPARE, Signer, sts_endpoint

from tests.support.proofs import ACCOUNT, ADA, HOST, REGION, STACK, Person, Witness

ENABLE = {"action": "panic.enable", "scope": "whatsapp", "reason": "why"}
ADD = {"action": "campaign.add", "campaign": "spring", "chunk": 0, "messages": [{}]}


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_USE_FIPS_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("token", ["", "FwoGZXIvYXdzE/+=="])
def test_a_signed_request_keeps_the_contract_and_convinces_sts(token: str) -> None:
    ada = Person(token=token)
    signed = ada.sign(ENABLE)
    assert request_faults(signed) == ()
    assert ("token" in signed["proof"]) == bool(token)
    caller = Witness(ada).caller(signed["proof"], digest(signed, signed["proof"]["nonce"]))
    check_caller(caller, ACCOUNT, ADA)


@pytest.mark.parametrize(
    ("name", "value", "endpoint"),
    [
        ("AWS_REGION", REGION, f"https://{HOST}"),
        ("AWS_USE_FIPS_ENDPOINT", "true", f"https://{HOST}"),
        ("AWS_STS_REGIONAL_ENDPOINTS", "legacy", f"https://{HOST}"),
        ("AWS_ENDPOINT_URL_STS", "https://vpce-1.sts.eu-west-1.vpce.amazonaws.com", f"https://{HOST}"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566", "http://127.0.0.1:4566"),
    ],
)
def test_it_signs_for_the_endpoint_that_the_function_asks(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, endpoint: str
) -> None:
    monkeypatch.setenv(name, value)
    assert sts_endpoint(Person(), REGION) == endpoint


def test_a_bulk_load_signs_anew_before_its_proof_ends() -> None:
    now = [1000.0]
    signer = Signer(Person(), REGION, STACK, lambda: now[0])
    first = signer.prove(ADD)
    assert signer.prove(ADD | {"chunk": 1}) == first
    assert signer.prove(ADD | {"campaign": "autumn"}) != first
    now[0] += 60 - SPARE + 1
    assert signer.prove(ADD | {"chunk": 2}) != first
    assert signer.prove(ENABLE)["nonce"] != signer.prove(ENABLE)["nonce"]


def test_who_has_no_credentials_cannot_sign() -> None:
    class Nobody(Person):
        def get_credentials(self) -> None:
            return None

    with pytest.raises(NoCredentialsError):
        Signer(Nobody(), REGION, STACK).prove(ENABLE)
