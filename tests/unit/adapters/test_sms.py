"""An SMS as the services take it: fitted, paid for first, and never asked for twice."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError
from botocore.stub import ANY, Stubber
from lifeline.adapters.aws import client_config
from lifeline.adapters.outcomes import NotTaken, UnknownOutcome
from lifeline.adapters.sms import CEILING, MAX_TTL, MIN_TTL, OFF, EndUserMessaging, Sms, SnsText

from tests.support.aws import stand_in
from tests.support.couriers import Client

NUMBER = "+4915112345678"
ORIGIN = "arn:aws:sms-voice:eu-west-1:000000000000:phone-number/phone-1"


class Booked:
    """What was asked for; ``above``: the ceiling is reached."""

    def __init__(self) -> None:
        self.parts: list[int] = []
        self.above = False

    def __call__(self, parts: int) -> bool:
        self.parts.append(parts)
        return not self.above


def messaging(expected: dict[str, Any] | None = None, error: tuple[str, dict[str, str]] | None = None) -> Any:
    """boto3's own client, which holds requests against AWS's model; and its stub."""
    client: Any = boto3.client(
        "pinpoint-sms-voice-v2",
        region_name="eu-west-1",
        aws_access_key_id="made-up",
        aws_secret_access_key="made-up",  # nosec B106  # nobody's
        config=client_config("pinpoint-sms-voice-v2", attempts=1),
    )
    stub = Stubber(client)
    if error:
        code, modeled = error
        stub.add_client_error("send_text_message", code, http_status_code=400, modeled_fields=modeled)
    else:
        stub.add_response("send_text_message", {"MessageId": "s-1"}, expected)
    stub.activate()
    return client


def sms(carrier: Any, booked: Booked | None = None, most_parts: int = 3) -> Sms:
    return Sms(carrier, booked or Booked(), most_parts)


def test_end_user_messaging_gets_text_origin_context_and_time_to_live() -> None:
    expected = {
        "DestinationPhoneNumber": NUMBER,
        "OriginationIdentity": ORIGIN,
        "MessageBody": "At ten.",
        "MessageType": "TRANSACTIONAL",
        "Context": {"lifeline_id": "clinic7:1", "lifeline_act": "2"},
        "TimeToLive": 60,
        "ConfigurationSetName": "lifeline-fallback",
    }
    booked = Booked()
    carrier = EndUserMessaging(messaging(expected), ORIGIN, "lifeline-fallback")
    assert sms(carrier, booked).send(NUMBER, "Title", "At ten.", "clinic7:1", 2, 60) == "s-1"
    assert booked.parts == [1]


@pytest.mark.parametrize(("ttl", "sent"), [(1, MIN_TTL), (10**7, MAX_TTL)])
def test_a_time_to_live_is_within_what_the_service_takes(ttl: int, sent: int) -> None:
    expected = dict.fromkeys(
        ("DestinationPhoneNumber", "OriginationIdentity", "MessageBody", "MessageType", "Context"), ANY
    )
    carrier = EndUserMessaging(messaging({**expected, "TimeToLive": sent}), ORIGIN, "")
    assert sms(carrier).send(NUMBER, "T", "x", "m", 1, ttl) == "s-1"


def test_who_has_opted_out_is_gone() -> None:
    modeled = {"Reason": "DESTINATION_PHONE_NUMBER_OPTED_OUT"}
    carrier = EndUserMessaging(messaging(error=("ConflictException", modeled)), ORIGIN, "")
    with pytest.raises(NotTaken) as caught:
        sms(carrier).send(NUMBER, "T", "x", "m", 1, None)
    assert (caught.value.gone, caught.value.code) == (True, "DESTINATION_PHONE_NUMBER_OPTED_OUT")


def test_another_conflict_says_nothing_of_the_person() -> None:
    modeled = {"Reason": "DESTINATION_PHONE_NUMBER_NOT_VERIFIED"}
    carrier = EndUserMessaging(messaging(error=("ConflictException", modeled)), ORIGIN, "")
    with pytest.raises(NotTaken) as caught:
        sms(carrier).send(NUMBER, "T", "x", "m", 1, None)
    assert not caught.value.gone


def test_sns_gets_number_and_text_and_its_opt_out_counts_as_well() -> None:
    client = Client()
    way = sms(SnsText(stand_in("sns", client, "sesv2")), most_parts=1)
    assert way.send(NUMBER, "T", "x" * 500, "m", 1, 60) == "service-1"
    (asked,) = client.calls
    assert asked["PhoneNumber"] == NUMBER
    assert asked["Message"] == "x" * 157 + "..."
    assert asked["MessageAttributes"]["AWS.SNS.SMS.SMSType"]["StringValue"] == "Transactional"
    answer: Any = {"Error": {"Code": "OptedOut"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    client.fails = ClientError(answer, "Publish")
    with pytest.raises(NotTaken) as caught:
        way.send(NUMBER, "T", "x", "m", 1, None)
    assert caught.value.gone


def test_above_the_ceiling_nothing_leaves() -> None:
    client, booked = Client(), Booked()
    booked.above = True
    with pytest.raises(NotTaken, match=CEILING):
        sms(SnsText(stand_in("sns", client, "sesv2")), booked).send(NUMBER, "T", "€" * 81, "m", 1, None)
    assert (client.calls, booked.parts) == ([], [2])


def test_where_sms_is_off_nothing_is_booked() -> None:
    booked = Booked()
    with pytest.raises(NotTaken, match=OFF):
        sms(None, booked).send(NUMBER, "T", "x", "m", 1, None)
    assert booked.parts == []


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ReadTimeoutError(endpoint_url="https://sns"), UnknownOutcome),
        (ConnectTimeoutError(endpoint_url="https://sns"), NotTaken),
        (ValueError("nobody foresaw this"), UnknownOutcome),
    ],
)
def test_a_lost_answer_is_a_doubt_and_is_not_asked_again(error: Exception, outcome: type[Exception]) -> None:
    client = Client()
    client.fails = error
    with pytest.raises(outcome):
        sms(SnsText(stand_in("sns", client, "sesv2"))).send(NUMBER, "T", "x", "m", 1, None)
    assert len(client.calls) == 1
