"""Operator actions before and beside an incident: the whole at a glance, and a rehearsal."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from lifeline.adapters.alarms import Alarms
from lifeline.adapters.contacts import Contacts, WayAddress, contact_key, contact_keys, each
from lifeline.adapters.control import Control
from lifeline.adapters.ledger import SEGMENTS, Ledger
from lifeline.adapters.mail_account import MailAccounts
from lifeline.adapters.notices import Subscriptions
from lifeline.adapters.push import Push
from lifeline.contract.instants import format_instant, parse_instant
from lifeline.contract.messages import ContractError, Message, parse_message
from lifeline.contract.names import DEAD_LETTER_QUEUES
from lifeline.contract.scopes import WHATSAPP
from lifeline.contract.ways import EMAIL, PARK, PUSH, WAYS, Way
from lifeline.domain.account import counters
from lifeline.domain.account.counters import Counts
from lifeline.domain.account.records import TokenLook
from lifeline.domain.inbound.records import WebhookSeen
from lifeline.domain.incident import readiness
from lifeline.domain.incident.readiness import Judged, MissingFact, Person
from lifeline.domain.message.status import Status
from lifeline.domain.panic.detection import STATUS_WITHIN, unreported
from lifeline.domain.panic.flag import State
from lifeline.domain.panic.records import ProberMinute
from lifeline.errors import RefusedError, UnavailableError
from lifeline.settings import Settings
from lifeline.use_cases.operate.operate import Handler, Request
from lifeline.use_cases.shared.incidents import Incidents

T = TypeVar("T")

DAY: Final = 86_400.0
RECENT: Final = 3600.0
"""Seconds over which ``status.show`` counts sends, failures and fallbacks."""
SAMPLE: Final = 300
"""Messages of today that a rehearsal looks at: a share of them is known to about 6 points."""
DEVICES: Final = 25
"""Devices and addresses that are asked for one by one."""
ROWS: Final = 2_000
"""Rows of the last incident that are read for what its fallback did."""
LIVE_SECONDS: Final = 600.0
"""A live rehearsal's panic ends by itself after this, should nobody end it."""
FICTIONAL: Final = "+12025550123"
"""A number of the range that is kept for fiction (NANP, 555-0100 to 555-0199)."""


@dataclass(frozen=True, slots=True)
class _Sampled:
    """One message of today and how its recipient could be reached."""

    message: Message
    person: Person
    addresses: Sequence[WayAddress]
    """Those that were not refused."""


class OperateReady:
    """Status and rehearsal. Both only look; only ``drill.start`` changes something, and never in prod."""

    def __init__(
        self,
        *,
        settings: Settings,
        control: Control,
        ledger: Ledger,
        contacts: Contacts,
        push: Push,
        mail: MailAccounts,
        alarms: Alarms,
        subscriptions: Subscriptions,
        incidents: Incidents,
        panic_status: Handler,
        panic_enable: Handler,
        queue_status: Handler,
        send: Handler,
        clock: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        """The four handlers are those of the other groups, so that both say the same."""
        self._settings = settings
        self._control = control
        self._ledger = ledger
        self._contacts = contacts
        self._push = push
        self._mail = mail
        self._alarms = alarms
        self._subscriptions = subscriptions
        self._incidents = incidents
        self._panic_status = panic_status
        self._panic_enable = panic_enable
        self._queue_status = queue_status
        self._send = send
        self._clock = clock
        self._new_id = new_id

    def handlers(self) -> Mapping[str, Handler]:
        """The actions of this group."""
        return {"status.show": self.status, "drill.run": self.drill, "drill.start": self.start}

    # -- at a glance ---------------------------------------------------------------------------------

    def status(self, request: Request) -> dict[str, Any]:
        """Everything at once. A part that cannot be read is null, and a note says why."""
        now = self._clock()
        notes: list[str] = []

        def part(name: str, look: Callable[[], T]) -> T | None:
            try:
                return look()
            except UnavailableError as error:
                notes.append(f"{name} unknown: {error}")
                return None

        panic = part("panic", lambda: self._panic_status({"action": "panic.status"}))
        queues = part("queues", lambda: self._queue_status({"action": "queue.status"}))
        if queues:
            notes += queues["notes"]
        age = part("prober", self._prober_age)
        if age is not None and age > readiness.PROBER_LATE:
            notes.append(f"the prober last ran {age:.0f} s ago: panic cannot end by itself")
        counts = part("counters", lambda: self._control.counts(now - RECENT, now))
        if counts and (silence := part("statuses", lambda: self._silence(counts, now))):
            notes.append(silence)
        dead = {row["name"]: row["visible"] for row in queues["queues"]} if queues else {}
        return {
            "at": format_instant(now),
            "panic": panic and panic["panic"],
            "scopes": panic and panic["scopes"],
            "queues": queues and queues["queues"],
            "waiting": queues and queues["waiting"],
            "refused": queues and queues["refused"],
            "dead_letters": {name: dead[name] for name in DEAD_LETTER_QUEUES} if dead else None,
            "drain": queues and queues["drain"],
            "limiter": part("limiter", lambda: self._limiter(now)),
            "last_hour": None if counts is None else _last_hour(counts),
            "token": part("token", self._token),
            "prober": {
                "age_seconds": age,
                "last_at": None if age is None else format_instant(now - age),
            },
            "notes": notes,
        }

    def _prober_age(self) -> float | None:
        at = self._control.kept(ProberMinute).at
        return round(max(0.0, self._clock() - at), 1) if at else None

    def _silence(self, counts: Counts, now: float) -> str:
        """Whether accepted messages lack the statuses that traffic leads one to expect; else empty."""
        silence = unreported(
            counts,
            now - STATUS_WITHIN,
            seen=self._control.kept(WebhookSeen).value.at or 0.0,
            thresholds=self._settings.detection,
        )
        if silence is None or not silence.is_strange(now):
            return ""
        return (
            f"Meta has sent no status for the last {silence.sends} messages that it accepted, since "
            f"{format_instant(silence.since)[11:16]} UTC: they may not arrive. Check: "
            "lifeline whatsapp test --to NUMBER"
        )

    def _limiter(self, now: float) -> dict[str, Any]:
        at = self._control.limiter(WHATSAPP)
        return {
            "rate": self._settings.limiter.under(self._control.operators_rate(), now).rate,
            "booked_seconds": round(max(0.0, (at or 0.0) - now), 3),
        }

    def _token(self) -> dict[str, Any] | None:
        kept = self._control.kept(TokenLook)
        if not kept.is_there:
            return None
        left = self._control.flag(WHATSAPP).left_panic_at
        if kept.value.outcome == "failed" and not kept.value.lasts(left):
            return {"at": format_instant(left), "outcome": "works again"}
        return kept.value.to_item()

    # -- rehearsal -----------------------------------------------------------------------------------

    def drill(self, request: Request) -> dict[str, Any]:
        """Look at everything that an outage will need. Nothing is sent, and nothing is changed."""
        now = self._clock()
        sample = self._known(lambda: self._sample(now))
        totals = self._known(lambda: self._critical_today(now))
        account = self._known(self._mail.account)
        mails, peak = self._mails(sample, totals)
        addresses = _addresses(sample)
        steps = [
            readiness.recipients(
                sample if isinstance(sample, MissingFact) else [item.person for item in sample],
                self._settings.fallback,
            ),
            readiness.endpoints(self._devices(sample)),
            readiness.identity(
                self._settings.email_identity,
                self._known(lambda: self._mail.verified(self._settings.email_identity)),
            ),
            readiness.sandbox(account),
            readiness.quota(account, mails, peak),
            readiness.suppression(
                addresses
                if isinstance(addresses, MissingFact)
                else self._known(lambda: self._mail.suppressed(addresses)),
                0 if isinstance(addresses, MissingFact) else len(addresses),
            ),
            readiness.subscriptions(
                {
                    "ops": self._known(lambda: self._subscriptions.counts(self._settings.ops_topic_arn)),
                    "alarms": self._known(
                        lambda: self._subscriptions.counts(self._settings.alarms_topic_arn)
                    ),
                }
            ),
            readiness.alarms(self._known(self._alarms.all), stood_in=self._settings.stage == "local"),
            readiness.prober(self._known(self._prober_age)),
            self._last_fallback(now),
        ]
        return {
            "at": format_instant(now),
            "stage": self._settings.stage,
            "verdict": str(readiness.verdict(steps)),
            "sampled": None if isinstance(sample, MissingFact) else len(sample),
            "critical_today": None if isinstance(totals, MissingFact) else sum(totals.values()),
            "recipients": []
            if isinstance(sample, MissingFact)
            else [
                {"priority": row.priority, "people": row.people, **row.by_way, "waits": row.waits}
                for row in readiness.coverage([item.person for item in sample], self._settings.fallback)
            ],
            "steps": [_step(step) for step in steps],
        }

    @staticmethod
    def _known(look: Callable[[], T]) -> T | MissingFact:
        try:
            return look()
        except UnavailableError as error:
            return MissingFact(str(error))

    def _sample(self, now: float) -> list[_Sampled]:
        """Some of today's messages, each with what is known of its recipient, one a person.

        Critical ones are few, and an outage is about them: they are looked for first.
        """
        people: dict[str, Message] = {}
        segments = list(range(SEGMENTS))
        random.shuffle(segments)
        rows = self._ledger.sample(now - DAY, SAMPLE // 2, segments, "critical")
        rows += self._ledger.sample(now - DAY, SAMPLE - len(rows), segments)
        for row in rows:
            try:
                people.setdefault(row.person or row.id, parse_message(row.body))
            except ContractError:
                continue
        messages = list(people.values())
        contacts = self._contacts.read(contact_keys(message.recipient for message in messages))
        ways: list[list[WayAddress]] = []
        for message in messages:
            contact = contacts.get(contact_key(message.recipient))
            known = contact.addresses if contact else {}
            ways.append([*each({**known, **message.recipient.addresses})])
        marks = self._contacts.refused({way for mine in ways for way in mine})
        result = []
        for message, mine in zip(messages, ways, strict=True):
            free = [pair for pair in mine if pair not in marks]
            refused = tuple(way for way, address in mine if (way, address) in marks)
            ways_left = frozenset(way for way, _ in free)
            result.append(_Sampled(message, Person(message.priority, ways_left, refused), free))
        return result

    def _critical_today(self, now: float) -> dict[int, int]:
        """Critical messages of the last 24 hours by minute."""
        minutes: dict[int, int] = {}
        for minute, counts in self._control.counts(now - DAY, now).items():
            for _, kind, count in counters.outcomes(counts):
                if kind.priority == "critical":
                    minutes[minute] = minutes.get(minute, 0) + count
        return minutes

    def _mails(
        self, sample: Sequence[_Sampled] | MissingFact, totals: Mapping[int, int] | MissingFact
    ) -> tuple[float | MissingFact, float]:
        """Mails of an outage of a whole day like this one, and of its worst minute per second."""
        if isinstance(sample, MissingFact):
            return sample, 0.0
        if isinstance(totals, MissingFact):
            return totals, 0.0
        rows = readiness.coverage(
            [item.person for item in sample if item.person.priority == "critical"], self._settings.fallback
        )
        if not totals or not rows:
            return MissingFact(
                "no critical message in the last 24 hours, so the volume of an outage is unknown"
            ), 0.0
        # Of those whose push fails, some take the mail: everybody with an address is counted.
        able = [item.person for item in sample if item.person.priority == "critical"]
        share = sum(EMAIL.name in person.ways for person in able) / len(able)
        return share * sum(totals.values()), share * max(totals.values()) / 60

    def _devices(self, sample: Sequence[_Sampled] | MissingFact) -> list[bool] | MissingFact:
        if isinstance(sample, MissingFact):
            return sample
        devices = list(dict.fromkeys(_of(sample, PUSH)))[:DEVICES]
        return self._known(lambda: [self._push.enabled(device) for device in devices])

    def _last_fallback(self, now: float) -> Judged:
        def look() -> tuple[float | None, Mapping[str, int]]:
            for incident in self._incidents.newest(limit=20):
                counts: Counter[str] = Counter()
                for index, row in enumerate(self._ledger.affected(str(incident["incident_id"]))):
                    counts.update({move.status for move in row.moves})
                    if index >= ROWS:
                        break
                reached = {way.name: counts[way.status] for way in WAYS}
                if any(reached.values()):
                    return (now - parse_instant(str(incident["opened_at"]))) / DAY, reached
            return None, {}

        last = self._known(look)
        if isinstance(last, MissingFact):
            return readiness.last_fallback(last, {})
        return readiness.last_fallback(*last)

    def start(self, request: Request) -> dict[str, Any]:
        """Begin a live rehearsal: panic by the operator, and test messages that take their fallback.

        Raises :class:`RefusedError` in prod, and while WhatsApp is not in its normal state.
        """
        if self._settings.stage == "prod":
            raise RefusedError(
                "prod", "a live rehearsal stops WhatsApp for everybody; run it on a stack that is not prod"
            )
        flag = self._control.flag(WHATSAPP)
        if flag.state is not State.NORMAL:
            raise RefusedError(
                "not_normal", f"whatsapp is in {flag.state}; run it when lifeline panic status says normal"
            )
        now = self._clock()
        actor = request["actor"]
        enabled = self._panic_enable(
            {
                "action": "panic.enable",
                "scope": WHATSAPP,
                "reason": "live rehearsal",
                "actor": actor,
                "hold": True,
                "for_seconds": LIVE_SECONDS,
            }
        )
        run = self._new_id()
        recipients: list[tuple[str, dict[str, str], str]] = [
            (way.name, {way.field: address}, way.status)
            for way in WAYS
            if (address := request.get(way.field) or way.sample)
        ]
        # Its time passes before the rehearsal's panic does: nobody gets it later.
        recipients.append((PARK, {}, Status.PARKED))
        messages = []
        for name, recipient, expected in recipients:
            message = {
                "id": f"drill-{run}-{name}",
                "to": request.get("to") or FICTIONAL,
                "type": "text",
                "text": "This is a test of Lifeline. You need not do anything.",
                "priority": "critical",
                "category": "drill",
                "recipient": recipient,
                "expires_at": format_instant(now + 90),
            }
            sent = self._send({"action": "message.send", "message": message, "actor": actor})
            messages.append({"id": sent["id"], "way": name, "expected": str(expected)})
        return {"incident_id": enabled["incident_id"], "messages": messages, "until_seconds": LIVE_SECONDS}


def _step(step: Judged) -> dict[str, str]:
    return {"name": step.name, "state": str(step.grade), "found": step.finding, "fix": step.fix}


def _addresses(sample: Iterable[_Sampled] | MissingFact) -> list[str] | MissingFact:
    if isinstance(sample, MissingFact):
        return sample
    return list(dict.fromkeys(_of(sample, EMAIL)))


def _of(sample: Iterable[_Sampled], way: Way) -> Iterable[str]:
    """The addresses of one way."""
    return (address for item in sample for name, address in item.addresses if name == way.name)


def _last_hour(minutes: Counts) -> dict[str, Any]:
    outcomes: Counter[str] = Counter()
    causes: Counter[str] = Counter()
    elsewhere: Counter[str] = Counter()
    accepted = 0
    last = None
    for minute, counts in sorted(minutes.items()):
        if counts.get(counters.ACCEPTED):
            accepted += counts[counters.ACCEPTED]
            last = minute
        for status, _, count in counters.outcomes(counts):
            outcomes[status] += count
        for cause, _, count in counters.failures(counts):
            causes[cause] += count
        for what, count in counters.failures_elsewhere(counts):
            elsewhere[what.channel] += count
    return {
        "accepted": accepted,
        "last_accepted_at": None if last is None else format_instant(last),
        "failures": dict(causes.most_common()),
        "failures_elsewhere": dict(elsewhere.most_common()),
        "fallbacks": {way.name: outcomes[way.status] for way in WAYS},
        "parked": outcomes[Status.PARKED],
        "expired": outcomes[Status.EXPIRED],
    }
