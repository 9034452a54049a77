"""What SES says of the account; an answer that lacks something is no answer."""

from __future__ import annotations

from typing import Any

import pytest
from lifeline.adapters.mail_account import PAGES, MailAccounts
from lifeline.domain.incident.readiness import MailAccount
from lifeline.errors import UnavailableError

from tests.support.aws import stubbed


def test_the_account_is_read() -> None:
    ses, stub = stubbed("sesv2")
    quota = {"Max24HourSend": 200.0, "MaxSendRate": 1.0, "SentLast24Hours": 3.0}
    answer = {
        "ProductionAccessEnabled": False,
        "SendingEnabled": True,
        "EnforcementStatus": "HEALTHY",
        "SendQuota": quota,
    }
    stub.add_response("get_account", answer)
    assert MailAccounts(ses).account() == MailAccount(False, True, "HEALTHY", 200.0, 3.0, 1.0)


@pytest.mark.parametrize("missing", ["ProductionAccessEnabled", "SendingEnabled", "SendQuota"])
def test_an_answer_that_lacks_something_is_no_answer(missing: str) -> None:
    ses, stub = stubbed("sesv2")
    answer: dict[str, Any] = {"ProductionAccessEnabled": True, "SendingEnabled": True, "SendQuota": {}}
    del answer[missing]
    stub.add_response("get_account", answer)
    with pytest.raises(UnavailableError, match="lacks"):
        MailAccounts(ses).account()


def test_an_identity_that_is_not_there_is_not_verified_and_a_refusal_is_not_known() -> None:
    ses, stub = stubbed("sesv2")
    stub.add_response("get_email_identity", {"VerifiedForSendingStatus": True})
    stub.add_client_error("get_email_identity", "NotFoundException")
    stub.add_client_error("get_email_identity", "AccessDeniedException")
    stub.add_response("get_email_identity", {})
    mail = MailAccounts(ses)
    assert mail.verified("example.org") is True
    assert mail.verified("example.org") is False
    for _ in range(2):
        with pytest.raises(UnavailableError):
            mail.verified("example.org")


def test_the_suppression_list_is_read_whole_or_not_at_all() -> None:
    ses, stub = stubbed("sesv2")

    def page(address: str, token: str | None) -> dict[str, Any]:
        entry = {"EmailAddress": address, "Reason": "BOUNCE", "LastUpdateTime": 0}
        return {"SuppressedDestinationSummaries": [entry], **({"NextToken": token} if token else {})}

    stub.add_response("list_suppressed_destinations", page("ANA@example.org", "more"))
    stub.add_response("list_suppressed_destinations", page("else@example.org", None))
    assert MailAccounts(ses).suppressed(["ana@example.org", "bo@example.org"]) == 1
    for _ in range(PAGES):
        stub.add_response("list_suppressed_destinations", page("else@example.org", "more"))
    with pytest.raises(UnavailableError, match="longer"):
        MailAccounts(ses).suppressed(["ana@example.org"])
