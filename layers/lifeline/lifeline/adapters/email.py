"""SESv2: one plain-text email to one person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.aws import code_of

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client


class EmailRefused(Exception):  # noqa: N818 - a refusal is an outcome that the caller acts on
    """SES did not take the mail. ``code`` is SES's error code."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(f"email refused: {code}")


class Email:
    """Sends through SES. Acceptance is not delivery: bounces and complaints come back as events."""

    def __init__(self, client: SESV2Client, sender: str, configuration_set: str = "") -> None:
        """``configuration_set``: through which SES tells of bounces and complaints."""
        self._client = client
        self._sender = sender
        self._more: Any = {"ConfigurationSetName": configuration_set} if configuration_set else {}

    def send(self, address: str, subject: str, body: str, message_id: str) -> str:
        """Send one mail; returns SES's message id. Raises :class:`EmailRefused`."""
        try:
            answer = self._client.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [address]},
                Content={
                    "Simple": {
                        "Subject": {"Data": " ".join(subject.split()), "Charset": "UTF-8"},
                        "Body": {"Text": {"Data": body, "Charset": "UTF-8"}},
                    }
                },
                # SES tag values: letters, digits, "_", "-", "." and "@"; ids may also hold ":".
                EmailTags=[{"Name": "lifeline_id", "Value": message_id.replace(":", "_")}],
                **self._more,
            )
        except (ClientError, BotoCoreError) as error:
            raise EmailRefused(code_of(error)) from error
        return answer["MessageId"]
