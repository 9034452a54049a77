"""STS's answers: whom they name, and which say nothing of the signature."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from lifeline.adapters import sts as module
from lifeline.adapters.sts import Sts
from lifeline.domain.caller import Caller
from lifeline.errors import ConfigError, RefusedError, UnavailableError

from tests.support.proofs import ACCOUNT, ADA, HOST, REGION, SAMPLE, STACK, Reply

SPACE = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'
GOOD = (
    f"<GetCallerIdentityResponse {SPACE}><GetCallerIdentityResult><Arn>{ADA}</Arn><UserId>AIDA</UserId>"
    f"<Account>{ACCOUNT}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
)


def fault(code: str) -> str:
    return (
        f"<ErrorResponse {SPACE}><Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error>"
        "<RequestId>1</RequestId></ErrorResponse>"
    )


class Http:
    """botocore's session, as a test wants it to answer."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings
        self.sent: list[Any] = []
        self.answer: Reply | Exception = Reply(200, GOOD.encode())

    def send(self, request: Any) -> Reply:
        self.sent.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def client(**settings: Any) -> Any:
    return boto3.client(
        "sts", region_name=REGION, aws_access_key_id="own", aws_secret_access_key="own", **settings
    )


@pytest.fixture
def http(monkeypatch: pytest.MonkeyPatch) -> Http:
    made = Http()

    def make(**settings: Any) -> Http:
        made.settings = settings
        return made

    monkeypatch.setattr(module, "URLLib3Session", make)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    return made


def test_it_asks_the_regions_own_endpoint_once_with_time_outs(http: Http) -> None:
    sts = Sts(client(), STACK)
    assert sts.host == HOST
    assert sts.caller(SAMPLE | {"token": "a/b+c=="}, "c" * 64) == Caller(ADA, ACCOUNT)
    assert http.settings["timeout"] == (2.0, 4.0)
    (request,) = http.sent
    parts = urlsplit(request.url)
    assert (request.method, parts.scheme, parts.netloc, parts.path, request.body) == (
        "GET",
        "https",
        HOST,
        "/",
        None,
    )
    query = parse_qsl(parts.query)
    assert len(query) == len(dict(query))
    assert dict(query)["Action"] == "GetCallerIdentity"
    assert dict(query)["X-Amz-Security-Token"] == "a/b+c=="
    assert dict(request.headers) == {
        "host": HOST,
        "x-lifeline-request": "c" * 64,
        "x-lifeline-stack": STACK,
    }


def test_the_address_is_of_the_functions_own_environment(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    sts = Sts(client(), STACK)
    sts.caller(SAMPLE | {"host": "localhost:4566"}, "c" * 64)
    assert http.sent[0].url.startswith("http://127.0.0.1:4566/?Action=")
    assert http.sent[0].headers["host"] == "localhost:4566", "as it was signed"


def test_plain_http_is_for_this_machine_alone(http: Http) -> None:
    with pytest.raises(ConfigError, match="https"):
        Sts(client(endpoint_url="http://sts.example.org"), STACK)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("SignatureDoesNotMatch", "another secret, or for another request"),
        ("ExpiredToken", "sign in again"),
        ("InvalidClientTokenId", "sign in again"),
        ("AccessDenied", "sign in again"),
    ],
)
def test_a_signature_that_sts_refuses_proves_nothing(http: Http, code: str, words: str) -> None:
    http.answer = Reply(403, fault(code).encode())
    with pytest.raises(RefusedError, match=words) as raised:
        Sts(client(), STACK).caller(SAMPLE, "c" * 64)
    assert raised.value.code == "proof_refused"
    assert code in str(raised.value)


@pytest.mark.parametrize(
    "answer",
    [
        Reply(400, fault("Throttling").encode()),
        Reply(503, b"busy"),
        Reply(500, fault("InternalFailure").encode()),
        Reply(429, fault("TooMany").encode()),
        Reply(302, b"", {"location": "https://evil.example/"}),
        Reply(200, b"not xml"),
        ConnectTimeoutError(endpoint_url=HOST),
        ReadTimeoutError(endpoint_url=HOST),
    ],
    ids=lambda answer: getattr(answer, "status_code", type(answer).__name__),
)
def test_what_says_nothing_of_the_signature_is_no_refusal_of_it(http: Http, answer: Any) -> None:
    http.answer = answer
    with pytest.raises(UnavailableError, match="STS is not available while asking who signed"):
        Sts(client(), STACK).caller(SAMPLE, "c" * 64)
    assert len(http.sent) == 1, "no redirect, no repeat"


@pytest.mark.parametrize(
    "body",
    [
        f"<GetSessionTokenResponse {SPACE}/>",
        f"<GetCallerIdentityResponse {SPACE}><Arn>{ADA}</Arn></GetCallerIdentityResponse>",
    ],
)
def test_an_answer_of_another_form_names_nobody(http: Http, body: str) -> None:
    http.answer = Reply(200, body.encode())
    assert Sts(client(), STACK).caller(SAMPLE, "c" * 64) == Caller("", "")
