"""One SMS to one person: AWS End User Messaging SMS, or SNS where a region lacks it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import ClientError

from lifeline.adapters.outcomes import NotTaken, UnknownOutcome, outcome_of
from lifeline.domain.fallback.mail_tag import ACT_TAG, ID_TAG
from lifeline.domain.fallback.sms_text import fitted, measured
from lifeline.domain.text import plain

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

MIN_TTL: Final = 5
MAX_TTL: Final = 259_200
"""Seconds, bounds of ``TimeToLive`` (End User Messaging SMS API reference, SendTextMessage)."""
OPTED_OUT: Final = frozenset({"DESTINATION_PHONE_NUMBER_OPTED_OUT", "OptedOut", "OptedOutException"})
"""Reason and codes by which the services say that this person wants no SMS."""
OFF: Final = "SmsIsOff"
CEILING: Final = "SpendingCeiling"


class TextCarrier(Protocol):
    """A service that takes an SMS. Raises whatever the SDK raises."""

    def __call__(self, number: str, text: str, message_id: str, act: int, ttl: int | None) -> str:
        """Hand one SMS over; returns the service's id of it."""
        ...


class TextMessages(Protocol):
    """The client of End User Messaging SMS (``pinpoint-sms-voice-v2``)."""

    def send_text_message(self, **arguments: Any) -> Any: ...


class EndUserMessaging:
    """SendTextMessage: with a time to live, and events that bring id and act back."""

    def __init__(self, client: TextMessages, origination: str, configuration_set: str) -> None:
        """``client``: built with ``client_config(attempts=1)``; ``origination``: what the SMS comes from."""
        self._client = client
        self._origination = origination
        self._configuration_set = configuration_set

    def __call__(self, number: str, text: str, message_id: str, act: int, ttl: int | None) -> str:
        more: dict[str, Any] = {} if ttl is None else {"TimeToLive": max(MIN_TTL, min(MAX_TTL, ttl))}
        if self._configuration_set:
            more["ConfigurationSetName"] = self._configuration_set
        answer = self._client.send_text_message(
            DestinationPhoneNumber=number,
            OriginationIdentity=self._origination,
            MessageBody=text,
            MessageType="TRANSACTIONAL",
            Context={ID_TAG: message_id, ACT_TAG: str(act)},
            **more,
        )
        return str(answer["MessageId"])


class SnsText:
    """SNS Publish to a phone number: no time to live, and no event that a function could take."""

    def __init__(self, client: SNSClient) -> None:
        """``client``: built with ``client_config(attempts=1)``, so that the SDK never publishes again."""
        self._client = client

    def __call__(self, number: str, text: str, message_id: str, act: int, ttl: int | None) -> str:
        attributes: Any = {"AWS.SNS.SMS.SMSType": {"DataType": "String", "StringValue": "Transactional"}}
        answer = self._client.publish(PhoneNumber=number, Message=text, MessageAttributes=attributes)
        return str(answer["MessageId"])


class Sms:
    """Fits a text into its parts, asks whether they may be paid for, and hands it over."""

    def __init__(
        self, carrier: TextCarrier | None, may_spend: Callable[[int], bool], most_parts: int
    ) -> None:
        """``carrier``: ``None`` where SMS is off. ``may_spend``: asked once for the parts of each SMS."""
        self._carrier = carrier
        self._may_spend = may_spend
        self._most_parts = most_parts

    def send(
        self, address: str, title: str, body: str, message_id: str, act: int, ttl_seconds: int | None
    ) -> str:
        """Send one SMS; returns the service's id. The contract is that of ``Courier.send``.

        An SMS has no title. Raises :class:`~lifeline.adapters.outcomes.NotTaken` (:data:`OFF`,
        :data:`CEILING`, or the service's code; ``gone`` where the person has opted out) and
        :class:`~lifeline.adapters.outcomes.UnknownOutcome`.
        """
        if self._carrier is None:
            raise NotTaken(OFF)
        text = fitted(plain(body), self._most_parts)
        if not self._may_spend(measured(text).parts):
            raise NotTaken(CEILING, retryable=True)
        try:
            return self._carrier(address, text, message_id, act, ttl_seconds)
        except Exception as error:
            outcome = outcome_of(error)
            if isinstance(outcome, UnknownOutcome):
                raise outcome from error
            reason = str(error.response.get("Reason", "")) if isinstance(error, ClientError) else ""
            gone = not OPTED_OUT.isdisjoint({reason, outcome.code})
            raise NotTaken(reason or outcome.code, retryable=outcome.retryable, gone=gone) from error
