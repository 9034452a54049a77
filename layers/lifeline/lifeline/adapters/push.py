"""SNS mobile push: one notification to one device."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.aws import code_of
from lifeline.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

MAX_BODY_CHARS: Final = 1000
"""Keeps the whole payload under APNs' 4 KB for one notification, whatever the script."""
MAX_TTL: Final = 2_419_200
"""Four weeks: the longest time to live that FCM keeps a message (Firebase, "Set the lifespan")."""


class PushRefused(Exception):  # noqa: N818 - a refusal is an outcome that the caller acts on
    """The device cannot be reached this way. ``gone`` is true where the endpoint is disabled or unknown."""

    def __init__(self, code: str, gone: bool) -> None:
        self.code = code
        self.gone = gone
        super().__init__(f"push refused: {code}")


class Push:
    """Publishes to SNS platform endpoints. A publish that succeeds is a push handed over, not one seen."""

    def __init__(self, client: SNSClient) -> None:
        self._client = client

    def enabled(self, endpoint: str) -> bool:
        """Whether SNS would push to this device; false where it is gone. Raises :class:`UnavailableError`."""
        try:
            answer = self._client.get_endpoint_attributes(EndpointArn=endpoint)
        except (ClientError, BotoCoreError) as error:
            code = code_of(error)
            if code in ("NotFound", "NotFoundException"):
                return False
            raise UnavailableError("SNS", "reading a push endpoint", code) from error
        return answer["Attributes"].get("Enabled", "").lower() == "true"

    def send(self, endpoint: str, title: str, body: str, message_id: str, ttl: int | None) -> str:
        """Send one notification; returns SNS's message id.

        ``ttl`` in seconds: how long the push service may keep it for a device that is off, so that a
        reminder never arrives after its time. Raises :class:`PushRefused`.
        """
        body = body[:MAX_BODY_CHARS]
        payload = {
            "default": f"{title}\n{body}",
            "GCM": json.dumps(
                {
                    "fcmV1Message": {
                        "message": {
                            "notification": {"title": title, "body": body},
                            "data": {"lifeline_id": message_id},
                        }
                    }
                },
                ensure_ascii=False,
            ),
            "APNS": json.dumps(
                {
                    "aps": {"alert": {"title": title, "body": body}, "sound": "default"},
                    "lifeline_id": message_id,
                },
                ensure_ascii=False,
            ),
        }
        payload["APNS_SANDBOX"] = payload["APNS"]
        attributes = {}
        if ttl is not None:
            seconds = str(max(1, min(MAX_TTL, ttl)))
            for name in ("AWS.SNS.MOBILE.APNS.TTL", "AWS.SNS.MOBILE.FCM.TTL"):
                attributes[name] = {"DataType": "String", "StringValue": seconds}
        try:
            answer = self._client.publish(
                TargetArn=endpoint,
                Message=json.dumps(payload, ensure_ascii=False),
                MessageStructure="json",
                MessageAttributes=attributes,  # type: ignore[arg-type]
            )
        except (ClientError, BotoCoreError) as error:
            code = code_of(error)
            gone = code in ("EndpointDisabled", "EndpointDisabledException", "NotFound", "NotFoundException")
            raise PushRefused(
                code, gone or code in ("InvalidParameter", "InvalidParameterException")
            ) from error
        return answer["MessageId"]
