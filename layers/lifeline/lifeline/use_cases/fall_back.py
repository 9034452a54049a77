"""Reach people another way: push, email, or park, as the policy's table says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from lifeline.adapters.contacts import Contact, Contacts, Way
from lifeline.adapters.email import Email, EmailRefused
from lifeline.adapters.push import Push, PushRefused
from lifeline.contract import WHATSAPP, Message, Recipient
from lifeline.domain.fallback import Notice, Policy, Step, notice, plan
from lifeline.domain.status import Status
from lifeline.errors import UnavailableError
from lifeline.telemetry import Telemetry

WORKERS: Final = 16
"""Pushes and mails in flight per worker. SES and SNS answer within about 100 ms."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Somebody was reached (``status``), or the message is to be parked (``park``).

    ``tried``: the ways that were taken, each that failed with its code: ``push EndpointDisabled, email``.
    """

    status: Status
    why: str
    park: bool = False
    tried: str = ""


@dataclass(frozen=True, slots=True)
class Unreached:
    """Nobody could be reached and WhatsApp cannot help later: counted as ``FAILED``."""

    status: Status
    why: str
    tried: str = ""


class FallBack:
    """Takes the fallback of messages. One instance per worker."""

    def __init__(
        self,
        *,
        policy: Policy,
        push: Push,
        email: Email,
        contacts: Contacts,
        telemetry: Telemetry,
        default_title: str,
        workers: int = WORKERS,
    ) -> None:
        self._policy = policy
        self._push = push
        self._email = email
        self._contacts = contacts
        self._telemetry = telemetry
        self._title = default_title
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="fallback")

    def __call__(self, items: Sequence[tuple[Message, bool, str]], now: float) -> list[Reached | Unreached]:
        """Take the fallback of each ``(message, WhatsApp may deliver later, why)``, side by side."""
        contacts = self._look_up([message.recipient for message, _, _ in items])
        ways = [self._ways(message, contacts) for message, _, _ in items]
        refused = self._marks({way for found in ways for way in found})
        free = [{way: address for way, address in found if (way, address) not in refused} for found in ways]
        taken = list(
            self._pool.map(
                lambda pair: self._one(pair[0][0], pair[0][1], pair[0][2], pair[1], now),
                zip(items, free, strict=True),
            )
        )
        self._count([later for _, later, _ in items], taken)
        return taken

    def _count(self, later: Sequence[bool], taken: Sequence[Reached | Unreached]) -> None:
        """One value per metric and batch; ``FallbackFailing`` is of those that fall back for the channel."""
        reached: Counter[str] = Counter()
        failed: Counter[str] = Counter()
        tried = lost = 0
        for channel, outcome in zip(later, taken, strict=True):
            ways = [entry.partition(" ") for entry in outcome.tried.split(", ") if entry]
            for way, _, code in ways:
                (failed if code else reached)[way] += 1
            if channel and ways:
                tried += 1
                lost += all(code for _, _, code in ways)
        for way, count in reached.items():
            self._telemetry.count("Fallbacks", count, way=way)
        for way, count in failed.items():
            self._telemetry.count("FallbackFailures", count, way=way)
        self._telemetry.share("FallbackFailing", lost, tried - lost, scope=WHATSAPP)

    def _look_up(self, recipients: Sequence[Recipient]) -> Mapping[str, Contact]:
        wanted = {r.user_id for r in recipients if r.user_id and not (r.push_endpoint and r.email)}
        if not wanted:
            return {}
        try:
            return self._contacts.read(wanted)
        except UnavailableError as error:
            # Without the table the ways that came with the message still work.
            self._telemetry.error("contacts cannot be read", detail=str(error))
            return {}

    def _ways(self, message: Message, contacts: Mapping[str, Contact]) -> list[Way]:
        """Where this person can be reached; what came with the message goes before the contact."""
        contact = contacts.get(message.recipient.user_id or "") or Contact(message.recipient.user_id or "")
        endpoint = message.recipient.push_endpoint or contact.push_endpoint
        address = message.recipient.email or contact.email
        ways = []
        if endpoint and not (endpoint == contact.push_endpoint and contact.push_refused):
            ways.append(("push", endpoint))
        if address and not (address == contact.email and contact.email_refused):
            ways.append(("email", address))
        return ways

    def _marks(self, ways: set[Way]) -> Mapping[Way, str]:
        try:
            return self._contacts.refused(ways)
        except UnavailableError as error:
            # A way that is refused fails once more and passes to the next one.
            self._telemetry.error("refused addresses cannot be read", detail=str(error))
            return {}

    def _one(
        self, message: Message, whatsapp_later: bool, why: str, ways: Mapping[str, str], now: float
    ) -> Reached | Unreached:
        endpoint, address = ways.get("push"), ways.get("email")
        text = notice(
            message.fallback_title,
            message.fallback_body,
            message.text,
            message.template.name if message.template else None,
            message.template.parameters if message.template else (),
        )
        steps = plan(
            self._policy,
            message.priority,
            has_push=endpoint is not None and text is not None,
            has_email=address is not None and text is not None,
            whatsapp_later=whatsapp_later,
        )
        reached: list[Status] = []
        tried: list[str] = []
        for step in steps:
            if step is Step.PARK:
                return Reached(Status.PARKED, _why(why, tried), park=True, tried=", ".join(tried))
            assert text is not None
            if reached and not self._policy.take_all:
                break
            if step is Step.PUSH and endpoint:
                if self._try_push(message, endpoint, text, now, tried):
                    reached.append(Status.PUSHED)
            elif step is Step.EMAIL and address and self._try_email(message, address, text, tried):
                reached.append(Status.EMAILED)
            if reached and not self._policy.take_all and not self._policy.whatsapp_later:
                break
        if reached:
            return Reached(reached[0], _why(why, tried), tried=", ".join(tried))
        lost = _why(why, tried) + "; no other way reached this person"
        return Unreached(Status.FAILED, lost, ", ".join(tried))

    def _try_push(self, message: Message, endpoint: str, text: Notice, now: float, tried: list[str]) -> bool:
        ttl = None if message.expires_at is None else int(message.expires_at - now)
        try:
            self._push.send(endpoint, text.title or self._title, text.body, message.id, ttl)
        except PushRefused as error:
            tried.append(f"push {error.code}")
            if error.gone:
                self._refuse(endpoint, error.code, now)
            return False
        tried.append("push")
        return True

    def _try_email(self, message: Message, address: str, text: Notice, tried: list[str]) -> bool:
        try:
            self._email.send(address, text.title or self._title, text.body, message.id)
        except EmailRefused as error:
            tried.append(f"email {error.code}")
            return False
        tried.append("email")
        return True

    def _refuse(self, endpoint: str, code: str, now: float) -> None:
        try:
            self._contacts.refuse("push", endpoint, code, now)
        except UnavailableError as error:
            self._telemetry.warning("a refused push endpoint could not be marked", detail=str(error))


def _why(why: str, tried: Sequence[str]) -> str:
    return f"{why} ({', '.join(tried)})" if tried else why
