"""One run: a handful of messages, workers that die, services that lose answers, clocks that disagree.

Everything follows from the seed: :meth:`World.at` is asked at each step of each service and answers with a
fault, with nothing, or by letting *another* actor do its work right there (a webhook that overtakes, a second
worker, the tick). Decisions are numbered per point, so that a run repeats exactly and can be shortened by
switching decisions off one by one.

A run has two phases: faults, and then none. In the second all that was held back is delivered, and the system
must come to rest.
"""

from __future__ import annotations

import heapq
import json
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from lifeline.adapters.outcomes import NotTaken, UnknownOutcome
from lifeline.adapters.queues import Incoming, Outgoing
from lifeline.adapters.whatsapp import Accepted
from lifeline.contract.instants import format_instant, parse_instant
from lifeline.contract.messages import Message
from lifeline.contract.scopes import WHATSAPP
from lifeline.contract.ways import WAYS
from lifeline.domain.failure.causes import Fault as Transport
from lifeline.domain.failure.classify import Failure, classify_answer, classify_fault
from lifeline.domain.fallback.feedback import MailKind, MailReport
from lifeline.domain.fallback.policy import Policy
from lifeline.domain.inbound.opting_out import Statement
from lifeline.domain.message.row import Change, Fate, Lane, Row, Written
from lifeline.domain.message.status import Status
from lifeline.domain.message.steering import cancel, move, redrive
from lifeline.domain.panic.ending import disable
from lifeline.domain.panic.entering import enable
from lifeline.domain.panic.flag import By, Flag, State
from lifeline.errors import LifelineError, UnavailableError
from lifeline.settings import Limiter, Settings
from lifeline.use_cases.deliver import Deliver, SqsRecord
from lifeline.use_cases.feedback.settle_mails import SettleMails
from lifeline.use_cases.webhook.bodies import Body, TakeBodies
from lifeline.use_cases.webhook.inbound import Passed
from lifeline.wiring import drainer, sender, webhook, webhook_events
from lifeline.wiring.adapters import Adapters

from tests.chaos.fuzz.devices import Pushed, check_devices
from tests.chaos.fuzz.escalation import FAULTY, START, Escalation, Told, Violation, check_escalation
from tests.chaos.fuzz.stand_ins import (
    APP_SECRET,
    PHONE_NUMBER_ID,
    WABA_ID,
    Campaigns,
    Contacts,
    OutcomesSeen,
    Quiet,
    StatusPost,
    WishPost,
    body_of,
    signature,
)
from tests.support.executor import Inline
from tests.support.memory import (
    Died,
    Fault,
    MemoryAgenda,
    MemoryControl,
    MemoryLedger,
    MemoryNotices,
    MemoryQueues,
    Recorder,
    StubSecrets,
)
from tests.support.opt_outs import MemoryOptOuts
from tests.support.services import keyed
from tests.support.statuses import PUSHED

REST: Final = 3600.0
"""Seconds within which the system must have come to rest afterwards."""
LIMITS: Final = {
    "sender": 50.0,
    "tick": 60.0,
    "front": 28.0,
    "webhook": 20.0,
    "feedback": 30.0,
    "panic": 30.0,
}
"""Seconds after which Lambda ends a function."""
VISIBILITY: Final = {"wake": 60, "webhook": 41}
"""Seconds for which a queue hides what was taken, where it is not 120."""
TAKEN_TOO_OFTEN: Final = 30
DEPTH: Final = 2
"""How deep actors may interrupt each other."""

POINTS: Final[Mapping[str, tuple[Fault, ...]]] = {
    "ledger.write.before": (Fault.LOSE, Fault.LATE, Fault.DIE),
    "ledger.write.after": (Fault.LOSE, Fault.DIE),
    "ledger.write.statement": (Fault.FAIL, Fault.LOSE),
    "ledger.straggler": (Fault.LATE,),
    "ledger.read": (Fault.FAIL, Fault.DIE),
    "agenda.propagate": (Fault.LAG,),
    "agenda.query": (Fault.FAIL, Fault.DIE),
    "agenda.order": (Fault.SWAP,),
    "queues.send.before": (Fault.LOSE, Fault.DIE),
    "queues.send.entry": (Fault.FAIL, Fault.REPEAT),
    "queues.send.after": (Fault.LOSE, Fault.DIE),
    "queues.receive.entry": (Fault.SWAP, Fault.REPEAT),
    "queues.delete.entry": (Fault.FAIL, Fault.REPEAT),
    "graph.before": (Fault.LOSE, Fault.FAIL, Fault.DIE),
    "graph.after": (Fault.LOSE, Fault.DIE),
    "graph.ask": (Fault.FAIL, Fault.DIE),
    "push.before": (Fault.LOSE, Fault.FAIL, Fault.DIE),
    "push.after": (Fault.LOSE, Fault.DIE),
    "email.before": (Fault.LOSE, Fault.FAIL, Fault.DIE),
    "email.after": (Fault.LOSE, Fault.DIE),
    "sms.before": (Fault.LOSE, Fault.FAIL, Fault.DIE),
    "sms.after": (Fault.LOSE, Fault.DIE),
    "control": (Fault.FAIL,),
    "topic.before": (Fault.FAIL, Fault.LOSE, Fault.DIE),
    "topic.entry": (Fault.FAIL,),
    "topic.after": (Fault.LOSE, Fault.DIE),
    "opt_outs.state": (Fault.FAIL,),
    "opt_outs.of": (Fault.FAIL,),
}
REPORTED: Final = (
    *((131026, ""), (131049, ""), (132000, "")),
    *((131000, ""), (131016, ""), (130429, ""), (131056, "")),
    (131053, "Downloading media from weblink failed with http code 503"),
)
"""What Meta says later of what it took: failures for good, then those that pass; code and details."""
EFFECTS: Final = ("graph", "push", "email", "sms")
MEANWHILE: Final = frozenset(
    {
        *("ledger.write.before", "ledger.write.after", "graph.after", "push.after", "email.after"),
        *("sms.after", "topic.before", "topic.after"),
    }
)
"""Where another actor may come in between."""


@dataclass(order=True, slots=True)
class Event:
    """Something that happens at a time."""

    at: float
    number: int
    name: str = field(compare=False)
    act: Callable[[], None] = field(compare=False)


class World:
    """Services, actors, people; ``skip``: decisions that are switched off."""

    def __init__(self, seed: int, skip: frozenset[str] = frozenset()) -> None:
        self.seed = seed
        self.skip = skip
        self.now = START
        self.healed = False
        self.made: list[tuple[str, str]] = []
        """Decisions that were taken: key and what."""
        self.log: list[str] = []
        self._asked: Counter[str] = Counter()
        self._events: list[Event] = []
        self._number = 0
        self._depth = 0
        self._actors: list[tuple[str, float]] = []
        self._rates = self._draw_rates()
        self.told: list[Told] = []
        self.failed_at_meta: set[tuple[str, int]] = set()
        self.accepted: dict[str, dict[str, Any]] = {}
        self.held_back: list[Callable[[], None]] = []
        self.moved: dict[str, tuple[float, float]] = {}
        self.reported: dict[str, float] = {}
        """When Lifeline first took Meta's word that a device has a message."""
        self.doubtful = False
        """Something happened after which nobody can know of an act whether it took place."""
        self.cut_off = False
        """A worker died, or a write got no answer: what an act came to may not be on record."""
        self.slow = False
        """Some call took seconds: there may have been no time left for all devices of a person."""
        self.dead: set[str] = set()
        """Devices that are gone."""
        self.pushes: list[Pushed] = []
        """What each device was asked, in order."""
        self.settings = self._draw_settings()
        self.ledger = Ledger(self)
        self.agenda = MemoryAgenda(self.ledger, page=1 + self.pick("page", 3))
        self.queues = MemoryQueues(lambda: self.now, self)
        self.queues.retention["wake"] = 900.0
        for name in ("whatsapp", "critical", "bulk"):
            self.queues.redrives[name] = (TAKEN_TOO_OFTEN, "dlq")
        self.queues.redrives["webhook"] = (3 * TAKEN_TOO_OFTEN, "webhook-dlq")
        self.control = FaultyControl(self)
        self.campaigns = Campaigns()
        self.topic = OutcomesSeen(self.at)
        self.contacts = Contacts()
        self.opt_outs = FaultyOptOuts(self)
        self.stopped: dict[str, list[tuple[float, str]]] = defaultdict(list)
        """By person: when which wish was known, in order."""
        self.wished: dict[str, list[tuple[float, str]]] = defaultdict(list)
        """By person: when Meta posted which wish."""
        self._senders: dict[int, Deliver] = {}
        self._posts: dict[str, StatusPost | WishPost] = {}
        """What Meta posted, by the body on the queue."""
        self._ops = 0

    # -- decisions ------------------------------------------------------------------------------------

    def _draw_rates(self) -> dict[str, float]:
        """Rates come from the seed too: some runs lose nothing but repeat everything."""
        levels = (0.0, 0.01, 0.05, 0.15)
        services = {point.partition(".")[0] for point in POINTS}
        kinds = [f"{service}/{fault}" for service in sorted(services) for fault in Fault]
        kinds += ["meanwhile", "poison"]
        rates = {kind: levels[self._hash(f"rate/{kind}") % len(levels)] for kind in kinds}
        rates["meanwhile"] *= 3
        if self._hash("nobody dies") % 3 == 0:
            rates |= {kind: 0.0 for kind in kinds if kind.endswith("/die")}
        return rates

    def _draw_settings(self) -> Settings:
        """The usual, or a tight limiter, or another policy of the fallback."""
        policies: tuple[object, ...] = (
            {},
            {},
            {},
            {"take_all": True},
            {"whatsapp_later": True},
            {"steps": {"normal": ["email", "push", "park"], "bulk": ["push", "park"]}},
            {"after": {"critical": 20, "normal": 40}},
            {"after": {"critical": 30}, "take_all": True},
            {"after": {"critical": 30}, "steps": {"critical": ["sms", "push", "email", "park"]}},
        )
        tight = Limiter(rate=0.4, burst=1, horizon=2.0) if self._hash("tight") % 4 == 0 else Limiter()
        return Settings(
            whatsapp_queue_url="whatsapp",
            critical_queue_url="critical",
            bulk_queue_url="bulk",
            wake_queue_url="wake",
            voice_queue_url="voice",
            whatsapp_dlq_url="dlq",
            probe_queue_url="probe",
            webhook_queue_url="webhook",
            webhook_dlq_url="webhook-dlq",
            messages_table="messages",
            phone_number_id=PHONE_NUMBER_ID,
            waba_id=WABA_ID,
            outcomes_topic_arn="outcomes",
            limiter=tight,
            fallback=Policy.parse(policies[self._hash("policy") % len(policies)]),
        )

    def _hash(self, key: str) -> int:
        return zlib.crc32(f"{self.seed}/{key}".encode())

    def chance(self, key: str) -> float:
        """A number in [0, 1) for this key; a key that is asked again gives another."""
        self._asked[key] += 1
        return self._hash(f"{key}/{self._asked[key]}") % 1_000_003 / 1_000_003

    def pick(self, key: str, choices: int) -> int:
        """One of ``choices``, by the seed."""
        return int(self.chance(key) * choices)

    def at(self, point: str) -> Fault | None:
        """The fault at a point (see ``tests/support/memory.py``); another actor may come in between."""
        self._asked[point] += 1
        key = f"{point}:{self._asked[point]}"
        self._time_passes(point)
        if self.healed:
            return None
        interrupted = point in MEANWHILE and self._happens(f"{key}/meanwhile", self._rates["meanwhile"])
        if interrupted:
            self._meanwhile(key)
        for fault in POINTS.get(point, ()):
            # An answer that is lost matters most where somebody else came in between.
            rate = self._rates[f"{point.partition('.')[0]}/{fault}"]
            if interrupted and rate:
                rate = max(0.3, rate)
            if point == "agenda.query":
                rate /= 20  # a tick asks often: it would hardly ever come to its end
            if self._happens(f"{key}/{fault}", rate):
                if fault is Fault.DIE and not self._actors:
                    continue
                if fault is Fault.DIE or (fault is Fault.LOSE and point.startswith(EFFECTS)):
                    self.doubtful = True
                self.cut_off |= fault is Fault.DIE
                return fault
        return None

    def _happens(self, key: str, rate: float) -> bool:
        if not rate or key in self.skip or self._hash(key) % 10_007 / 10_007 >= rate:
            return False
        self.made.append((key, f"{self.now - START:8.3f}"))
        self.log.append(f"{self.now - START:9.3f}  {self._who():8}  {key}")
        return True

    def _time_passes(self, point: str) -> None:
        if not point.startswith(("ledger.write.s", "queues.send.e", "agenda.p", "agenda.o", "queues.rec")):
            self.now += 0.007
        self._kill_the_late()

    def _kill_the_late(self) -> None:
        """Lambda ends what runs too long."""
        if self._actors:
            name, began = self._actors[-1]
            if self.now - began > LIMITS[name]:
                self.note("killed by its time-out")
                self.doubtful = self.cut_off = True
                raise Died("time-out")

    def poison(self, where: str) -> None:
        """Now and then something happens that nobody foresaw."""
        self._asked[f"poison/{where}"] += 1
        key = f"poison/{where}:{self._asked[f'poison/{where}']}"
        if not self.healed and self._happens(key, self._rates["poison"]):
            self.doubtful = True
            raise ValueError("nobody foresaw this")

    def note(self, text: str) -> None:
        """A line of the log."""
        self.log.append(f"{self.now - START:9.3f}  {self._who():8}  {text}")

    def _who(self) -> str:
        return self._actors[-1][0] if self._actors else "world"

    def new_op(self) -> str:
        self._ops += 1
        return f"op{self._ops}"

    # -- actors ---------------------------------------------------------------------------------------

    @contextmanager
    def _acting(self, name: str) -> Iterator[None]:
        self._actors.append((name, self.now))
        try:
            yield
        finally:
            self._actors.pop()

    def run_actor(self, name: str, work: Callable[[], None]) -> bool:
        """Let one invocation run; False where it died."""
        depth, self._depth = self._depth, self._depth + 1
        try:
            with self._acting(name):
                self._kill_the_late()
                work()
        except Died as death:
            self.note(f"{name} died at {death}")
            return False
        except LifelineError as error:
            if name == "sender":
                raise Violation(f"crash: the sender's batch failed as a whole: {error}") from error
            self.note(f"{name} failed: {error}")
            return False
        finally:
            self._depth = depth
        self.check_accounting()
        return True

    def _meanwhile(self, key: str) -> None:
        """Another actor works while this one is in the middle of its own."""
        if self._depth > DEPTH:
            return
        leaps = self._hash(f"{key}/leaps") % 3 == 0
        self.now += (0.05, 2.0, 20.0, 65.0)[self._hash(f"{key}/leap") % 4] if leaps else 0.01
        self.slow |= leaps
        which = self._hash(f"{key}/who") % 4
        if which == 0 and self._events:
            self._next_event()
        elif which == 1:
            self.tick()
        else:
            self.poll()
        self._kill_the_late()

    def later(self, delay: float, name: str, act: Callable[[], None]) -> None:
        """Do something at a later time."""
        self._number += 1
        heapq.heappush(self._events, Event(self.now + delay, self._number, name, act))

    def _next_event(self) -> None:
        event = heapq.heappop(self._events)
        self.now = max(self.now, event.at)
        event.act()

    # -- the sender ------------------------------------------------------------------------------------

    def _worker(self, number: int) -> Deliver:
        if number not in self._senders:
            self._senders[number] = self._new_sender(number)
        return self._senders[number]

    def clock_of(self, number: int) -> Callable[[], float]:
        """A worker's clock: up to 2.5 seconds off, so that two differ by 5 at most."""
        skew = (self._hash(f"skew/{number}") % 5001 - 2500) / 1000
        return lambda: self.now + skew

    def adapters(self, function: str, clock: Callable[[], float], **more: Any) -> Adapters:
        """The wiring of one worker, on the services of this world."""
        return Adapters(
            function,
            {
                "settings": self.settings,
                "ledger": self.ledger,
                "agenda": self.agenda,
                "control": self.control,
                "campaigns": self.campaigns,
                "contacts": self.contacts,
                "opt_outs": self.opt_outs,
                "queues": self.queues,
                "outcome_topic": self.topic,
                "notices": MemoryNotices(),
                "app_secret": StubSecrets({"app_secret": APP_SECRET}),
                "people": keyed(StubSecrets({"person_key": "k"}), clock, Recorder()),
                "telemetry": Quiet(),
                "clock": clock,
                "pause": self.pause,
                "new_id": lambda: f"{self._hash(str(self.now)):06x}"[:6],
                "pool": lambda *_: Inline(),
                **more,
            },
        )

    def _new_sender(self, number: int) -> Deliver:
        ways = {way.name: Courier(self, way.name) for way in WAYS}
        return sender.build(
            self.adapters(
                "sender",
                self.clock_of(number),
                whatsapp=Graph(self),
                chance=lambda: self.chance("jitter"),
                couriers=ways,
            )
        )

    def pause(self, seconds: float) -> None:
        """A worker waits."""
        self.now += seconds
        self.slow = True
        self._kill_the_late()

    def poll(self) -> bool:
        """Lambda's pollers bring a batch to a sender, or to the webhook's worker; False where nothing is
        visible."""
        order = ["critical", "wake", "whatsapp", "bulk", "webhook"]
        first = self.pick("queue", len(order))
        return any(
            self._poll_webhooks() if name == "webhook" else self._poll(name)
            for name in order[first:] + order[:first]
        )

    def _receive(self, name: str) -> list[Incoming]:
        depth, self._depth = self._depth, self._depth + 1  # SQS itself does not act
        batch = self.queues.receive(name, 1 + self.pick("batch", 5), VISIBILITY.get(name, 120))
        self._depth = depth
        return batch

    def _poll(self, name: str) -> bool:
        batch = self._receive(name)
        if not batch:
            return False
        number = self.pick("worker", 2)
        records = [SqsRecord(item.id, item.body, item.receive_count, name == "wake") for item in batch]
        back: list[str] = [record.id for record in records]
        began = self.now

        def work() -> None:
            nonlocal back
            back = self._worker(number)(records, lambda: LIMITS["sender"] - (self.now - began))

        self.note(f"sender {number} takes {name}: {', '.join(sorted({_name(item.body) for item in batch}))}")
        if not self.run_actor("sender", work):
            self._senders.pop(number, None)
            return True
        self.queues.delete(name, [item.receipt for item in batch if item.id not in back])
        self.check_accounting()
        return True

    # -- the tick, webhooks, panic -----------------------------------------------------------------------

    def tick(self) -> None:
        """One run of the minute."""
        began = self.now
        adapters = self.adapters("drainer", self.clock_of(7))
        tick = drainer.tick(adapters)
        self.run_actor("tick", lambda: _drop(tick(lambda: LIMITS["tick"] - (self.now - began))))

    def report(self, post: StatusPost | WishPost) -> None:
        """Meta posts until it is answered with 200, as it does for days."""
        answered = False

        def work() -> None:
            nonlocal answered
            raw = body_of(post)
            self._posts[raw.decode()] = post
            if isinstance(post, WishPost):
                self.wished[post.person].append((self.now, post.wish))
            front = webhook.build(self.adapters("webhook", self.clock_of(6)))
            answered = front.receive(raw, signature(raw)).status == 200

        self.note(f"Meta reports {post}")
        self.run_actor("front", work)
        if not answered:
            self.later(5.0 if not self.healed else 1.0, f"again {post}", lambda: self.report(post))

    def _poll_webhooks(self) -> bool:
        """A batch of what Meta posted; what is not acknowledged comes again."""
        batch = self._receive("webhook")
        if not batch:
            return False
        bodies = [Body(item.id, item.body) for item in batch]
        back = [body.id for body in bodies]
        began = self.now

        def work() -> None:
            nonlocal back
            back = self._webhook()(bodies, lambda: LIMITS["webhook"] - (self.now - began))

        self.note(f"the webhook's worker takes {', '.join(str(self._posts[item.body]) for item in batch)}")
        if not self.run_actor("webhook", work):
            return True
        done = [item for item in batch if item.id not in back]
        for item in done:
            self._is_known(self._posts[item.body])
        self.queues.delete("webhook", [item.receipt for item in done])
        return True

    def _is_known(self, post: StatusPost | WishPost) -> None:
        """Lifeline knows from now on what Meta said."""
        if isinstance(post, WishPost):
            self.stopped[post.person].append((self.now, post.wish))
        elif post.state in ("delivered", "read"):
            self.reported.setdefault(post.tag.rpartition("#")[0], self.now)

    def _webhook(self) -> TakeBodies:
        more = {"chance": lambda: self.chance("webhook jitter"), "inbox": None, "inbound_topic": None}
        return webhook_events.build(
            self.adapters("webhook_events", self.clock_of(8), **more),
            lambda messages: [Passed.DONE] * len(messages),
        )

    def mail_event(self, report: MailReport) -> None:
        """SES tells of a mail; SNS tries again until it was taken."""
        adapters = self.adapters("feedback", self.clock_of(9))
        settle = SettleMails(adapters.fold_reports(adapters.control.count), adapters.clock)
        done = self.run_actor("feedback", lambda: settle([report]))
        if not done:
            self.later(5.0, "mail event again", lambda: self.mail_event(report))

    def set_panic(self, on: bool) -> None:
        """An operator switches the channel."""

        def work() -> None:
            panic = self.adapters("operator", lambda: self.now).panic
            if on:
                panic.change(
                    WHATSAPP,
                    lambda flag: enable(
                        flag, By("fuzz", "operator", "the fuzz", self.now), new_incident_id="i-1"
                    ),
                )
            else:
                panic.change(
                    WHATSAPP,
                    lambda flag: (
                        disable(flag, By("fuzz", "operator", "the fuzz", self.now))
                        if flag.state is State.PANIC
                        else None
                    ),
                )

        self.note(f"panic {'on' if on else 'off'}")
        healed, self.healed = self.healed, True
        self.run_actor("panic", work)
        self.healed = healed

    def set_campaign(self, state: str) -> None:
        """The campaign of this run moves; what was cancelled stays so."""
        if self.campaigns.states["spring"] != "cancelled" and not (self.healed and state == "paused"):
            self.campaigns.states["spring"] = state
            self.note(f"campaign {state}")

    def free(self) -> None:
        """Nothing is held any more: templates work, the campaign runs, refused messages are redriven."""
        for scope in [scope for scope in self.control.stored if scope != WHATSAPP]:
            self.control.stored[scope] = Flag.normal(scope)
        if self.campaigns.states["spring"] == "paused":
            self.set_campaign("running")
        for row in list(self.ledger.rows.values()):
            if row.lane == Lane.REFUSED and self.pick("redrive?", 2):
                again = redrive(row, self.now)
                assert again is not None, "a refused row can be redriven"
                self.ledger.write([Change(row, again, "redriven")], self.now)
                self.note(f"{row.id} is redriven")

    def steer(self, name: str, to: float | None) -> None:
        """An operator takes a message back, or moves it to another time (``to``)."""
        row = self.ledger.rows.get(name)
        if row is None:
            return
        after = cancel(row) if to is None else move(row, to, row.body)
        if after is None:
            return
        healed, self.healed = self.healed, True
        (written,) = self.ledger.write([Change(row, after, "by the operator")], self.now)
        self.healed = healed
        if written.fate is Fate.DONE and to is not None:
            self.moved[name] = (self.now, to)
        self.note(f"operator: {name} {'cancelled' if to is None else 'moved'}: {written.fate}")

    # -- producers --------------------------------------------------------------------------------------

    def produce(self) -> None:
        """Put the run's messages on the queues, some of them twice."""
        for number in range(1 + self.pick("messages", 5)):
            name = f"m{number}"
            priority = ("critical", "normal", "normal", "bulk")[self.pick("priority", 4)]
            body: dict[str, Any] = {
                "id": name,
                "to": f"+49151000000{number}",
                "type": "text",
                "text": f"hello {number}",
                "priority": priority,
                "recipient": {},
            }
            if self.pick("no number?", 6) == 0:
                del body["to"]
                body["recipient"]["bsuid"] = f"DE.1349{number}"
            if self.pick("template?", 3) == 0:
                body |= {"type": "template", "template": {"name": "reminder", "language": "en"}}
            if priority == "bulk" and self.pick("campaign?", 2):
                body["campaign"] = "spring"
            if self.pick("push?", 3):
                body["recipient"]["push_endpoint"] = self._devices(number)
            if self.pick("mail?", 2):
                body["recipient"]["email"] = f"p{number}@example.com"
            if self.pick("sms?", 2):
                body["recipient"]["sms_number"] = f"+49151000000{number}"
            if self.pick("after?", 3) == 0:
                body["fallback"] = {"body": f"hello {number}", "after": 10 + self.pick("after", 90)}
            if self.pick("deadline?", 2 if self._hash("hurry") % 4 == 0 else 4) == 0:
                body["expires_at"] = format_instant(START + 5 + 100 * self.chance("deadline"))
            elif self.pick("later?", 5) == 0:
                body["send_after"] = format_instant(START + 60 * self.chance("later"))
            queue = {"critical": "critical", "bulk": "bulk"}.get(priority, "whatsapp")
            if self.pick("other queue?", 5) == 0:
                queue = "whatsapp"
            when = 60 * self.chance("when") if self.pick("spread?", 2) else 0.0
            for _ in range(1 + (self.pick("twice?", 4) == 0)):
                of = f"bulk {_person(body)}" if priority == "bulk" else name
                self.later(when, f"produce {of}", self._producer(queue, name, body))

    def _devices(self, number: int) -> str | list[str]:
        """One to three devices of a person, some of them dead."""
        devices = [
            f"arn:aws:sns:eu-west-1:000000000000:endpoint/GCM/app/{number}-{device}"
            for device in range(1 + self.pick("devices", 3))
        ]
        self.dead |= {device for device in devices if self.pick("dead device?", 4) == 0}
        return devices if len(devices) > 1 else devices[0]

    def _producer(self, queue: str, name: str, body: dict[str, Any]) -> Callable[[], None]:
        def put() -> None:
            healed, self.healed = self.healed, True
            self.queues.send(queue, [Outgoing(json.dumps(body))])
            self.healed = healed
            self.accepted[name] = body
            self.note(f"{name} ({body['priority']}) is put on {queue}")

        return put

    # -- a run -------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Faults, then none, then rest. Raises :class:`Violation`."""
        self.produce()
        for _ in range(self.pick("panics", 3)):
            begins = 150.0 * self.chance("panic at") ** 2
            self.later(begins, "panic", lambda: self.set_panic(True))
            self.later(begins + 90.0 * self.chance("panic for"), "end", lambda: self.set_panic(False))
        if self.pick("campaign moves?", 2):
            for _ in range(1 + self.pick("moves", 3)):
                state = ("running", "paused", "cancelled")[self.pick("campaign state", 3)]
                self.later(200.0 * self.chance("campaign at"), "campaign", partial(self.set_campaign, state))
        if self.pick("operator?", 3) == 0:
            to = START + 100 + 100 * self.chance("moved to") if self.pick("move?", 2) else None
            self.later(60 * self.chance("operator at"), "operator", lambda: self.steer("m0", to))
        self._wishes()
        self._live(START + FAULTY)
        self.note("healed")
        self.healed = True
        self.set_panic(False)
        self.free()
        held, self.held_back = self.held_back, []
        for act in held:
            self.later(1.0, "held back until now", act)
        self._live(START + FAULTY + REST, until_rest=True)
        self.check_end()

    def _wishes(self) -> None:
        """Some people want no promotions, many of them when theirs is about to leave; half of them want them
        again later."""
        promoted = [event for event in self._events if event.name.startswith("produce bulk")]
        for number, event in enumerate(sorted(promoted)):
            if self.pick("opts out?", 3):
                continue
            person = event.name.rpartition(" ")[2]
            at = event.at + (0.01, 0.02, 0.05, 60.0)[self.pick("opt-out at", 4)] * (1 + number)
            wishes = [("stop", at)]
            if self.pick("opts in?", 2):
                wishes.append(("resume", at + 100.0 * self.chance("opt-in after")))
            for wish, when in wishes:
                post = WishPost(person, wish, when)
                for _ in range(1 + (self.pick("wish repeated", 4) == 0)):
                    delay = when - START + (0.0, 0.0, 3.0, 90.0)[self.pick("wish delay", 4)]
                    self.later(delay, f"{person} {wish}", partial(self.report, post))

    def _live(self, until: float, until_rest: bool = False) -> None:
        next_tick = self.now + 60.0 * self.chance("tick phase")
        while self.now < until:
            if self._events and self._events[0].at <= self.now:
                self._next_event()
                continue
            if self.poll():
                continue
            if self.now >= next_tick:
                next_tick = self.now + 60.0
                if self.healed or self.pick("tick missed", 8):
                    self.tick()
                continue
            if until_rest and self._rests():
                return
            soonest = [next_tick, self.now + 5.0]
            if self._events:
                soonest.append(self._events[0].at)
            self.now = max(self.now + 0.001, min(soonest))

    def _rests(self) -> bool:
        rows = self.ledger.rows
        settled = all(
            name in rows and not rows[name].open and rows[name].onward is None for name in self.accepted
        )
        unread = self.queues._queues["webhook"]
        return settled and not self._events and not unread and not self._in_sqs()

    def _in_sqs(self) -> set[str]:
        found = set()
        for name in ("whatsapp", "critical", "bulk", "dlq"):
            for stored in self.queues._queues[name]:
                found.add(_name(stored.message.body))
        return found

    # -- checks ------------------------------------------------------------------------------------------

    def check_accounting(self) -> None:
        """Each accepted id is in SQS unacknowledged, on the agenda, or at a status that owes nothing."""
        waiting = self._in_sqs()
        for name in self.accepted:
            row = self.ledger.rows.get(name)
            if name in waiting or (row is not None and row.accounted):
                continue
            raise Violation(f"accounting: {name} is in no queue, off the agenda, {row and row.status}")

    def check_end(self) -> None:
        """What an observer outside sees, against what the ledger says."""
        if self.queues._queues["webhook-dlq"]:
            raise Violation("dead: a webhook that is in order became a dead letter")
        tellings: dict[str, list[Told]] = defaultdict(list)
        for told in self.told:
            tellings[told.message].append(told)
        for name, body in self.accepted.items():
            row = self.ledger.rows.get(name)
            if row is None or row.open:
                state = "no row" if row is None else f"{row.status} {row.phase} lane {row.lane} due {row.due}"
                raise Violation(f"stuck: {name}: {state}")
            self._check_message(name, body, row, tellings[name])
            wrong = self.topic.wrong_about(row)
            if wrong:
                raise Violation(f"outcomes: {name}: {wrong}")
            if row.doubts and not self.doubtful:
                raise Violation(f"false doubt: {name} has {row.doubts}, though every act had its answer")

    def _check_message(self, name: str, body: Mapping[str, Any], row: Row, told: list[Told]) -> None:
        if "expires_at" in body:
            end = parse_instant(body["expires_at"])
            late = [item for item in told if item.at > end + 2.6]
            if late:
                raise Violation(f"late: {name}: {late[0].way} {late[0].at - end:.1f} s after its end")
        if name in self.moved or "send_after" in body:
            since, begin = self.moved.get(name) or (0.0, parse_instant(body["send_after"]))
            early = [item for item in told if since < item.at < begin - 2.6]
            if early:
                raise Violation(f"early: {name}: {begin - early[0].at:.1f} s before its time")
        self._check_wish(name, body, told)
        alive = [item for item in told if (name, item.act) not in self.failed_at_meta]
        reached = len([item for item in alive if item.way != "push"])
        reached += any(item.way == "push" for item in alive)
        twice = self.settings.fallback.whatsapp_later  # then push and WhatsApp are both wanted
        if row.status in (Status.CANCELLED, Status.SUPPRESSED) and not row.doubts and alive and not twice:
            raise Violation(f"untrue: {name} is {row.status}, but was told by {alive[0].way}")
        if row.status is Status.SUPPRESSED and not self.stopped[_person(body)]:
            raise Violation(f"untrue: {name} is suppressed, though nobody opted out")
        check_escalation(
            Escalation(name, body, row, alive, self.reported.get(name)), self.settings.fallback, self.doubtful
        )
        wanted = self._wanted(row)
        if reached - wanted > row.possible_duplicates:
            ways = ", ".join(f"{item.way}#{item.act}" for item in alive)
            raise Violation(
                f"uncounted: {name} was told {reached} times ({ways}); the row counts "
                f"{row.possible_duplicates} ({row.status}, doubts {row.doubts}, duplicates {row.duplicates})"
            )
        if row.reached and not reached:
            raise Violation(f"untrue: {name} is {row.status}, but nobody was told")
        if row.reached and not any(item.act == row.via for item in told):
            raise Violation(f"untrue: {name} is {row.status} by act {row.via}, which told nobody")
        pushes = [item for item in self.pushes if item.message == name]
        if not self.cut_off:
            check_devices(name, body, pushes, all_of_them=row.status is PUSHED and not self.slow)
        proven = [act for act in row.duplicates if not any(item.act == act for item in told)]
        if proven:
            raise Violation(f"untrue: {name} has proven duplicates {proven} that told nobody")
        if not reached and row.status.value in ("SENT", "DELIVERED", "READ", "PUSHED", "EMAILED", "TEXTED"):
            raise Violation(f"untrue: {name}: {row.status}")

    def _check_wish(self, name: str, body: Mapping[str, Any], told: list[Told]) -> None:
        """Nothing promotional begins once it is known that the person wants none, as long as no other wish
        was on its way."""
        if body["priority"] != "bulk":
            return
        posted = self.wished[_person(body)]
        for since, wish in self.stopped[_person(body)]:
            until = min((at for at, other in posted if other != wish), default=float("inf"))
            late = [item for item in told if since < item.at < until]
            if wish == "stop" and late:
                raise Violation(f"unwanted: {name}: {late[0].way} {late[0].at - since:.3f} s after the stop")

    def _wanted(self, row: Row) -> int:
        """How often the policy tells a person: once, or by every way, or over WhatsApp as well.

        By WhatsApp and by its fallback where no device had it in time.
        """
        policy = self.settings.fallback
        return 1 + 2 * policy.take_all + policy.whatsapp_later + (row.escalated > 0)


class Ledger(MemoryLedger):
    """Notes writes that got no answer at all: whoever has to go on from there is in doubt."""

    def __init__(self, world: World) -> None:
        super().__init__(world, new_op=world.new_op, outcomes=True)
        self._world = world

    def _one(self, change: Change, op: str, now: float) -> Written:
        written = super()._one(change, op, now)
        row = self.rows.get(change.after.id)
        if row is not None and written.fate is Fate.DONE:
            self._world.topic.written(row)
        return written

    def write(self, changes: Sequence[Change], now: float) -> list[Written]:
        written = super().write(changes, now)
        if any(result.fate is Fate.UNKNOWN for result in written):
            self._world.doubtful = self._world.cut_off = True
        return written


class FaultyControl(MemoryControl):
    """The control table; DynamoDB fails here as well."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def _check(self) -> None:
        if self._world.at("control") is Fault.FAIL:
            raise UnavailableError("DynamoDB", "testing", "made to fail")


class FaultyOptOuts(MemoryOptOuts):
    """The marks of people who opted out; DynamoDB fails here as well."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def state(self, keys: Sequence[str], statement: Statement, source: str) -> None:
        if self._world.at("opt_outs.state") is Fault.FAIL:
            raise UnavailableError("DynamoDB", "testing", "made to fail")
        super().state(keys, statement, source)

    def of(self, keys: Iterable[str]) -> dict[str, Statement]:
        if self._world.at("opt_outs.of") is Fault.FAIL:
            raise UnavailableError("DynamoDB", "testing", "made to fail")
        return super().of(keys)


class Graph:
    """Meta, as a worker's adapter shows it."""

    last_usage = None

    def __init__(self, world: World) -> None:
        self._world = world

    def send(
        self, message: Message, to: str, tag: str, *, template: object = None, media_id: str | None = None
    ) -> Accepted | Failure:
        world = self._world
        name, _, act = tag.rpartition("#")
        world.poison("graph")
        fault = world.at("graph.before")
        if fault is Fault.DIE:
            raise Died("graph.before")
        if fault is Fault.LOSE:
            world.pause(13.0 * world.chance("slow"))
            return classify_fault(Transport.READ_TIMEOUT, "no answer")
        if fault is Fault.FAIL:
            return self._refusal()
        number = sum(1 for told in world.told if told.message == name) + 1
        wamid = f"wamid.{name}.{number}"
        world.told.append(Told(name, WHATSAPP, int(act), world.now))
        world.note(f"Meta takes {tag}")
        self._reports(name, tag, wamid, int(act))
        fault = world.at("graph.after")
        if fault is Fault.DIE:
            raise Died("graph.after")
        if fault is Fault.LOSE:
            world.pause(13.0 * world.chance("slow"))
            return classify_fault(Transport.BROKEN, "the answer was lost")
        return Accepted(wamid, False, None)

    def reaches(self, within: float) -> Failure | None:
        fault = self._world.at("graph.ask")
        if fault is Fault.DIE:
            raise Died("graph.ask")
        return self._refusal() if fault is Fault.FAIL else None

    def _refusal(self) -> Failure:
        codes = (131000, 130429, 131056, 131026, 132001, 190, 0, 500)
        code = codes[self._world.pick("refusal", len(codes))]
        if code == 500:
            return classify_fault(Transport.REFUSED, "connection refused")
        status = 401 if code in (190, 0) else 400
        return classify_answer(status, {"error": {"code": code, "message": "no"}}, {})

    def _reports(self, name: str, tag: str, wamid: str, act: int) -> None:
        world = self._world
        fails = world.pick("fails later", 12) == 0
        states = (
            ["sent", "failed"] if fails else ["sent", "delivered", "read"][: 1 + world.pick("how far", 3)]
        )
        if fails:
            world.failed_at_meta.add((name, act))
        why = REPORTED[world.pick("why", len(REPORTED))]
        off = 0.0
        if world.pick("phone off?", 4) == 0:
            # It takes its messages when it is switched on again, or never.
            off = (0.0, 15.0, 45.0, 130.0)[world.pick("phone off for", 4)]
            states = [state for state in states if off or state not in ("delivered", "read")]
        for state in states:
            post = StatusPost(tag, wamid, state, *(why if state == "failed" else ()))
            for _ in range(1 + (world.pick("repeated", 6) == 0)):
                if not world.healed and world.pick("dropped", 8) == 0:
                    world.held_back.append(partial(world.report, post))
                else:
                    delay = (0.001, 0.5, 3.0, 62.0, 90.0)[world.pick("report delay", 5)]
                    delay += off if state in ("delivered", "read") else 0.0
                    world.later(delay, str(post), partial(world.report, post))


class Courier:
    """Push or mail, as a worker's adapter shows it."""

    def __init__(self, world: World, way: str) -> None:
        self._world, self._way = world, way

    def send(
        self, address: str, title: str, body: str, message_id: str, act: int, ttl_seconds: int | None
    ) -> str:
        world, way = self._world, self._way
        pushed = Pushed(message_id, address, act)
        if way == "push":
            world.pushes.append(pushed)
        if address in world.dead:
            raise NotTaken("EndpointDisabled", gone=True)
        world.poison(way)
        fault = world.at(f"{way}.before")
        if fault is Fault.DIE:
            raise Died(f"{way}.before")
        if fault is Fault.LOSE:
            world.pause(5.0)
            raise UnknownOutcome("ReadTimeoutError")
        if fault is Fault.FAIL:
            raise NotTaken("Throttling", retryable=True)
        world.told.append(Told(message_id, way, act, world.now))
        world.note(f"{way} takes {message_id}#{act} for {address}")
        if way in ("email", "sms"):
            kinds: tuple[MailKind, ...] = ("sent", "delivered")
            for kind in kinds[: 1 + world.pick("mail reports", 2)]:
                report = MailReport(message_id, act, kind, world.now, way)
                delay = (0.01, 2.0, 80.0)[world.pick("mail delay", 3)]
                world.later(delay, f"mail {kind}", partial(world.mail_event, report))
        fault = world.at(f"{way}.after")
        if fault is Fault.DIE:
            raise Died(f"{way}.after")
        if fault is Fault.LOSE:
            raise UnknownOutcome("ConnectionClosedError")
        pushed.answered = True
        return f"{way}-{message_id}-{act}"


def _person(body: Mapping[str, Any]) -> str:
    """By what a message names its recipient."""
    return str(body.get("to") or body["recipient"]["bsuid"])


def _name(body: str) -> str:
    try:
        return str(json.loads(body)["id"])
    except (ValueError, TypeError, KeyError):
        return body


def _drop(_: object) -> None:
    return None
