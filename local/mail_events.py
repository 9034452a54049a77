"""Stands in for what SES does after SendEmail: it tells the configuration set's destinations of each mail.

The local AWS takes mails and keeps event destinations, but publishes no event, and forgets a mail's tags. So
the functions reach SESv2 through this door (``AWS_ENDPOINT_URL_SESV2``). It hands every call on to the local
AWS as it came, and publishes for each mail that was taken what SES publishes to SNS ("Examples of event data
that Amazon SES publishes to Amazon SNS"), where the set's destinations ask for it. Of SES's mailbox simulator
it knows ``bounce@`` and ``complaint@simulator.amazonses.com``; every other address gets its mail, unless the
mail holds the name of the test virus (:data:`VIRUS`).

AWS publishes within seconds, in any order, now and then twice; :class:`Settings` lets tests have that. The
fault ``lost`` carries a call out and breaks the connection instead of answering; ``paused`` refuses each mail
as SES does for an account whose sending it has paused.
"""

from __future__ import annotations

import heapq
import http.client
import itertools
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as AwsConnectionError

from local.simulators.server import BREAK, Answer, Request, Simulator

SEND_PATH = "/v2/email/outbound-emails"
MAILBOX = "@simulator.amazonses.com"
VIRUS = "EICAR-STANDARD-ANTIVIRUS-TEST-FILE"
"""What makes SES reject a mail after it took it."""
BREATH = 0.1
"""Seconds between two events: each that comes while a worker is busy has the local AWS start one more."""
_NOT_HANDED_ON = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})


@dataclass
class Settings:
    """How events come. ``drop``: event types that never do (``"Send"``, ``"Delivery"``, ...).

    ``repeat``: how often each comes; ``delay``: seconds from the mail to its first event; ``gap``: seconds
    between two events of a mail. Below 0 it turns their order round.
    """

    drop: set[str] = field(default_factory=set)
    repeat: int = 1
    delay: float = 0.0
    gap: float = 0.0


class MailEvents(Simulator):
    """SESv2's door and the publisher of its events, in threads of their own."""

    kinds = ("lost", "paused")

    def __init__(self, aws_port: int, client: Callable[[str], Any]) -> None:
        """``aws_port``: of the local AWS on the loopback; ``client``: makes boto3 clients on it."""
        super().__init__()
        self.settings = Settings()
        self.published: list[dict[str, Any]] = []
        """Every event that was published, for tests and people."""
        self._aws_port = aws_port
        self._sns, self._ses = client("sns"), client("sesv2")
        self._due: list[tuple[float, int, str, dict[str, Any]]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="mail-events", daemon=True)

    def start(self) -> MailEvents:
        """Open the door and begin to publish."""
        super().start()
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close the door; events that are still due are dropped."""
        super().stop()
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join(timeout=10)

    def reset(self) -> None:
        """Clear faults, settings, and the records; events that are due still come."""
        super().reset()
        self.settings = Settings()
        self.published.clear()

    # -- the door ------------------------------------------------------------------------------------

    def answer(self, request: Request) -> Answer:
        """Hand one call on, and plan the events of a mail that was taken."""
        facts = {"path": request.path, "method": request.method, "to": ",".join(_recipients(request.body))}
        if request.path == SEND_PATH and self.take_fault(("paused",), facts):
            refusal = {"message": "Email sending has been disabled for this account."}
            return Answer(400, refusal, {"x-amzn-errortype": "SendingPausedException"}, {"accepted": False})
        try:
            status, headers, raw = self._hand_on(request)
        except OSError:
            return Answer(BREAK)
        taken = request.method == "POST" and request.path == SEND_PATH and status == 200
        if taken:
            self._plan(request.body, str(json.loads(raw)["MessageId"]))
        if self.take_fault(("lost",), facts):
            return Answer(BREAK, notes={"accepted": taken})
        kind = headers.pop("content-type", "application/json")
        return Answer(status, headers=headers, notes={"accepted": taken}, raw=raw, content_type=kind)

    def _hand_on(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        # The signature covers the caller's Host header and the target as it was written.
        headers = {name: value for name, value in request.headers.items() if name not in _NOT_HANDED_ON}
        connection = http.client.HTTPConnection("127.0.0.1", self._aws_port, timeout=30)
        try:
            connection.request(request.method, request.target, request.raw, headers)
            answer = connection.getresponse()
            raw = answer.read()
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()
        kept = {name.lower(): value for name, value in answer.getheaders()}
        dropped = (*_NOT_HANDED_ON, "date", "server")
        return answer.status, {name: value for name, value in kept.items() if name not in dropped}, raw

    # -- the events ----------------------------------------------------------------------------------

    def _plan(self, body: Mapping[str, Any], mail_id: str) -> None:
        settings, now = self.settings, self.clock()
        set_name = str(body.get("ConfigurationSetName") or "")
        if not set_name:
            return
        found = [event for event in events(body, mail_id, now) if event["eventType"] not in settings.drop]
        last = len(found) - 1
        with self._changed:
            for index, event in enumerate(found):
                place = index if settings.gap >= 0 else last - index
                at = now + settings.delay + place * abs(settings.gap)
                for _ in range(settings.repeat):
                    heapq.heappush(self._due, (at, next(self._numbers), set_name, event))
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._ended and (not self._due or self._due[0][0] > self.clock()):
                    self._changed.wait(max(0.0, self._due[0][0] - self.clock()) if self._due else None)
                if self._ended:
                    return
                _, _, set_name, event = heapq.heappop(self._due)
            self._publish(set_name, event)
            time.sleep(BREATH)

    def _publish(self, set_name: str, event: dict[str, Any]) -> None:
        message = json.dumps(event)
        while not self._ended:
            try:
                for topic in self._topics(set_name, event["eventType"]):
                    self._sns.publish(
                        TopicArn=topic, Subject="Amazon SES Email Event Notification", Message=message
                    )
                self.published.append(event)
                return
            except ClientError as error:
                print(f"no event {event['eventType']} for {set_name}: {error}", file=sys.stderr, flush=True)
                return
            except (AwsConnectionError, HTTPClientError):
                # The local AWS is down or starting again: SES keeps its events too.
                time.sleep(0.2)

    def _topics(self, set_name: str, kind: str) -> Iterator[str]:
        answer = self._ses.get_configuration_set_event_destinations(ConfigurationSetName=set_name)
        for destination in answer["EventDestinations"]:
            if destination.get("Enabled") and kind.upper() in destination["MatchingEventTypes"]:
                topic = destination.get("SnsDestination", {}).get("TopicArn")
                if topic:
                    yield str(topic)


def events(body: Mapping[str, Any], mail_id: str, now: float) -> Iterator[dict[str, Any]]:
    """SES's events about one mail, in their order. ``body``: of SendEmail; ``now``: epoch seconds."""
    to = _recipients(body)
    tags = {tag["Name"]: [tag["Value"]] for tag in body.get("EmailTags") or []}
    tags["ses:configuration-set"] = [str(body.get("ConfigurationSetName") or "")]
    subject = body.get("Content", {}).get("Simple", {}).get("Subject", {}).get("Data", "")
    source = str(body.get("FromEmailAddress") or "")
    mail = {
        "timestamp": _moment(now),
        "source": source,
        "messageId": mail_id,
        "destination": to,
        "headersTruncated": False,
        "commonHeaders": {"from": [source], "to": to, "messageId": mail_id, "subject": subject},
        "tags": tags,
    }
    yield {"eventType": "Send", "mail": mail, "send": {}}
    if VIRUS in body.get("Content", {}).get("Simple", {}).get("Body", {}).get("Text", {}).get("Data", ""):
        yield {"eventType": "Reject", "mail": mail, "reject": {"reason": "Bad content"}}
        return
    later = _moment(now + 1)
    if f"bounce{MAILBOX}" in to:
        bounced = [{"emailAddress": address, "action": "failed", "status": "5.1.1"} for address in to]
        kind = {"bounceType": "Permanent", "bounceSubType": "General"}
        bounce = {"feedbackId": mail_id, **kind, "bouncedRecipients": bounced, "timestamp": later}
        yield {"eventType": "Bounce", "mail": mail, "bounce": bounce}
        return
    delivery = {
        "timestamp": later,
        "processingTimeMillis": 1000,
        "recipients": to,
        "smtpResponse": "250 2.0.0 OK",
        "reportingMTA": "mta.example.com",
    }
    yield {"eventType": "Delivery", "mail": mail, "delivery": delivery}
    if f"complaint{MAILBOX}" in to:
        complained = [{"emailAddress": address} for address in to]
        complaint = {
            "feedbackId": mail_id,
            "complaintSubType": None,
            "complaintFeedbackType": "abuse",
            "complainedRecipients": complained,
            "timestamp": later,
        }
        yield {"eventType": "Complaint", "mail": mail, "complaint": complaint}


def _recipients(body: object) -> list[str]:
    destination = body.get("Destination") if isinstance(body, Mapping) else None
    return list(destination.get("ToAddresses") or []) if isinstance(destination, Mapping) else []


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
