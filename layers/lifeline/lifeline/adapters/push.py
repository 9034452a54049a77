"""SNS mobile push: one notification to one device."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from lifeline.adapters.aws import code_of, unavailable
from lifeline.adapters.outcomes import NotTaken, UnknownOutcome, outcome_of
from lifeline.domain.text import ELLIPSIS, one_line, plain

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

MAX_PAYLOAD_BYTES: Final = 4_000
"""APNs and FCM take 4,096 bytes of UTF-8 for one notification; the rest is left for what SNS adds."""
MAX_TTL: Final = 2_419_200
"""Four weeks: the longest time to live that FCM keeps a message (Firebase, "Set the lifespan")."""
MAX_COLLAPSE_BYTES: Final = 64
"""The longest collapse id of APNs."""
_GONE: Final = frozenset({"EndpointDisabled", "EndpointDisabledException", "NotFound", "NotFoundException"})
_INVALID: Final = frozenset({"InvalidParameter", "InvalidParameterException"})


class PushRefused(NotTaken):
    """SNS did not take the notification. ``gone``: the endpoint is disabled or unknown."""


class Push:
    """Publishes to SNS platform endpoints. A publish that succeeds is a push handed over, not one seen."""

    def __init__(self, client: SNSClient, clock: Callable[[], float] = time.time) -> None:
        """``client``: ``client_config`` with ``attempts=1``, so that the SDK never publishes again."""
        self._client = client
        self._clock = clock

    def enabled(self, endpoint: str) -> bool:
        """Whether SNS would push to this device; false where it is gone. Raises :class:`UnavailableError`."""
        try:
            answer = self._client.get_endpoint_attributes(EndpointArn=endpoint)
        except (ClientError, BotoCoreError) as error:
            if code_of(error) in ("NotFound", "NotFoundException"):
                return False
            raise unavailable("SNS", "reading a push endpoint", error) from error
        return answer["Attributes"].get("Enabled", "").lower() == "true"

    def send(
        self, address: str, title: str, body: str, message_id: str, act: int, ttl_seconds: int | None
    ) -> str:
        """Send one notification; returns SNS's message id. The contract is that of ``Courier.send``.

        ``address``: the ARN of an SNS platform endpoint. A repeat replaces what the device shows, since both
        carry the message's collapse key. ``ttl_seconds``: how long the push service keeps it for a device
        that is off, 1 second to :data:`MAX_TTL`. Raises :class:`PushRefused` and :class:`UnknownOutcome`.
        """
        ttl = None if ttl_seconds is None else max(1, min(MAX_TTL, ttl_seconds))
        until = None if ttl is None else int(self._clock()) + ttl
        message = _message(one_line(title), plain(body), message_id, act, ttl, until)
        attributes = _attributes(message_id, ttl)
        try:
            answer = self._client.publish(
                TargetArn=address, Message=message, MessageStructure="json", MessageAttributes=attributes
            )
            return str(answer["MessageId"])
        except Exception as error:
            outcome = outcome_of(error)
            if isinstance(outcome, UnknownOutcome):
                raise outcome from error
            gone = _gone(outcome.code, error)
            raise PushRefused(outcome.code, retryable=outcome.retryable, gone=gone) from error


def collapse_key(message_id: str) -> str:
    """One key per message, 64 bytes at most: of the notifications that carry it a device shows the newest."""
    if len(message_id.encode()) <= MAX_COLLAPSE_BYTES:
        return message_id
    return hashlib.sha256(message_id.encode()).hexdigest()


def _gone(code: str, error: Exception) -> bool:
    # SNS also says InvalidParameter of a payload that is too long, which is no fault of the device.
    return code in _GONE or (code in _INVALID and "TargetArn" in str(error))


def _attributes(message_id: str, ttl: int | None) -> Any:
    values = {"AWS.SNS.MOBILE.APNS.COLLAPSE_ID": collapse_key(message_id)}
    if ttl is not None:
        for platform in ("APNS", "APNS_SANDBOX", "FCM"):
            values[f"AWS.SNS.MOBILE.{platform}.TTL"] = str(ttl)
    return {name: {"DataType": "String", "StringValue": value} for name, value in values.items()}


def _message(title: str, body: str, message_id: str, act: int, ttl: int | None, until: int | None) -> str:
    """SNS's JSON: one payload per platform, each within :data:`MAX_PAYLOAD_BYTES`.

    ``ttl`` in seconds; ``until``: its end in epoch seconds.
    """
    key = collapse_key(message_id)
    ours = {"lifeline_id": message_id, "lifeline_act": str(act)}
    # Under "android": in "data" a collapse key is a value like any other and collapses nothing. The key works
    # while the device is off, the tag once the notification is shown.
    android: dict[str, Any] = {"collapse_key": key, "notification": {"tag": key}}
    # What is registered with FCM and is no Android: an iPhone, a browser. They collapse by these headers.
    apns_headers = {"apns-collapse-id": key}
    webpush_headers = {"Topic": _topic(message_id)}
    if ttl is not None:
        android["ttl"] = f"{ttl}s"
        apns_headers["apns-expiration"] = str(until)
        webpush_headers["TTL"] = str(ttl)

    def fcm(text: str) -> str:
        message = {
            "notification": {"title": title, "body": text},
            "data": ours,
            "android": android,
            "apns": {"headers": apns_headers},
            "webpush": {"headers": webpush_headers},
        }
        return _json({"fcmV1Message": {"message": message}})

    def apns(text: str) -> str:
        return _json({"aps": {"alert": {"title": title, "body": text}, "sound": "default"}, **ours})

    def bare(text: str) -> str:
        return f"{title}\n{text}"

    iphone = _fitted(apns, body)
    return _json(
        {
            "default": _fitted(bare, body),
            "GCM": _fitted(fcm, body),
            "APNS": iphone,
            "APNS_SANDBOX": iphone,
        }
    )


def _topic(message_id: str) -> str:
    # 32 characters of URL-safe base64 at most (RFC 8030, 5.4).
    digest = hashlib.sha256(message_id.encode()).digest()
    return base64.urlsafe_b64encode(digest[:24]).decode()


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _fitted(build: Callable[[str], str], body: str) -> str:
    """The payload of ``body``, cut where the whole would be too long in UTF-8 with JSON's escapes."""
    whole = build(body)
    if len(whole.encode()) <= MAX_PAYLOAD_BYTES:
        return whole
    room = MAX_PAYLOAD_BYTES - len(build(ELLIPSIS).encode())
    kept = 0
    for char in body:
        room -= len(_json(char).encode()) - 2  # without its quotes
        if room < 0:
            break
        kept += 1
    return build(body[:kept].rstrip() + ELLIPSIS)
