"""SESv2: one plain-text email to one person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lifeline.adapters.outcomes import NotTaken, UnknownOutcome, outcome_of
from lifeline.domain.fallback.mail_tag import ACT_TAG, ID_TAG, encode
from lifeline.domain.text import one_line, plain

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client


class EmailRefused(NotTaken):
    """SES did not take the mail."""


class Email:
    """Sends through SES. Acceptance is not delivery: deliveries, bounces and complaints come as events."""

    def __init__(self, client: SESV2Client, sender: str, configuration_set: str = "") -> None:
        """``client``: ``client_config`` with ``attempts=1``, so that the SDK never sends a mail again.

        ``configuration_set``: through which SES tells what became of the mail.
        """
        self._client = client
        self._sender = sender
        self._more: Any = {"ConfigurationSetName": configuration_set} if configuration_set else {}

    def send(
        self, address: str, title: str, body: str, message_id: str, act: int, ttl_seconds: int | None
    ) -> str:
        """Send one mail; returns SES's message id. The contract is that of ``Courier.send``.

        Id and ``act`` go along as tags: SES sets the Message-ID itself, and its events bring the tags back,
        which settles a doubt. ``ttl_seconds`` has no effect: a mail that SES took cannot be called back.
        Raises :class:`EmailRefused` and :class:`UnknownOutcome`; ``ValueError`` for what is no id.
        """
        tags = [{"Name": ID_TAG, "Value": encode(message_id)}, {"Name": ACT_TAG, "Value": str(act)}]
        try:
            answer = self._client.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [address]},
                Content={
                    "Simple": {
                        "Subject": {"Data": one_line(title), "Charset": "UTF-8"},
                        "Body": {"Text": {"Data": plain(body), "Charset": "UTF-8"}},
                    }
                },
                EmailTags=tags,  # type: ignore[arg-type]
                **self._more,
            )
            return str(answer["MessageId"])
        except Exception as error:
            outcome = outcome_of(error)
            if isinstance(outcome, UnknownOutcome):
                raise outcome from error
            raise EmailRefused(outcome.code, retryable=outcome.retryable) from error
