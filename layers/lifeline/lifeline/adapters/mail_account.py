"""SESv2: what our mail account may do, and which addresses it swallows."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.aws import code_of, unavailable
from lifeline.domain.incident.readiness import MailAccount
from lifeline.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

PAGES: Final = 20
"""Pages of 1,000 suppressed addresses that are read: SES knows no question for several addresses."""


class MailAccounts:
    """Looks at SES. Raises :class:`UnavailableError` where SES does not answer, or not in full."""

    def __init__(self, client: SESV2Client) -> None:
        self._client = client

    def account(self) -> MailAccount:
        """The account's state and quota in this region."""
        try:
            answer = self._client.get_account()
        except (ClientError, BotoCoreError) as error:
            raise unavailable("SES", "reading the account", error) from error
        try:
            quota = answer["SendQuota"]
            return MailAccount(
                production=bool(answer["ProductionAccessEnabled"]),
                sending=bool(answer["SendingEnabled"]),
                enforcement=str(answer.get("EnforcementStatus", "")),
                quota=float(quota["Max24HourSend"]),
                sent=float(quota["SentLast24Hours"]),
                rate=float(quota["MaxSendRate"]),
            )
        except KeyError as error:
            raise UnavailableError("SES", "reading the account", f"its answer lacks {error}") from error

    def verified(self, identity: str) -> bool:
        """Whether we may send from this identity."""
        try:
            answer = self._client.get_email_identity(EmailIdentity=identity)
        except (ClientError, BotoCoreError) as error:
            if code_of(error) == "NotFoundException":
                return False
            raise unavailable("SES", "reading the mail identity", error) from error
        if "VerifiedForSendingStatus" not in answer:
            raise UnavailableError("SES", "reading the mail identity", "its answer lacks the status")
        return bool(answer["VerifiedForSendingStatus"])

    def suppressed(self, addresses: Collection[str]) -> int:
        """How many of these addresses are on the account's suppression list."""
        wanted = {address.lower() for address in addresses}
        suppressed: set[str] = set()
        arguments: dict[str, Any] = {"PageSize": 1000}
        for _ in range(PAGES):
            try:
                answer = self._client.list_suppressed_destinations(**arguments)
            except (ClientError, BotoCoreError) as error:
                raise unavailable("SES", "reading the suppression list", error) from error
            summaries = answer.get("SuppressedDestinationSummaries", [])
            suppressed |= wanted & {item["EmailAddress"].lower() for item in summaries}
            if not answer.get("NextToken"):
                return len(suppressed)
            arguments["NextToken"] = answer["NextToken"]
        raise UnavailableError("SES", "reading the suppression list", f"it is longer than {PAGES * 1000}")
