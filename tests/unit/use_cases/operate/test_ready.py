"""Status and rehearsal: gathered from everywhere, honest about what does not answer, and changing nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from lifeline.adapters.contacts import Contact
from lifeline.adapters.queues import Depth
from lifeline.contract.instants import format_instant
from lifeline.contract.names import CRITICAL_QUEUE, LANES, WHATSAPP_DLQ
from lifeline.contract.scopes import SCOPES, WHATSAPP
from lifeline.contract.ways import WAYS_BY_NAME
from lifeline.domain.account.records import TokenLook
from lifeline.domain.incident.readiness import EXPECTED, Alarm, MailAccount
from lifeline.domain.message.row import Row
from lifeline.domain.message.status import Status
from lifeline.domain.panic.records import ProberMinute
from lifeline.errors import RefusedError, UnavailableError
from lifeline.settings import Settings
from lifeline.use_cases.operate.ready import FICTIONAL, SAMPLE, OperateReady

from tests.support.operating import ACTOR, World, url
from tests.support.services import instead
from tests.support.statuses import PUSHED

DEVICE = "arn:aws:sns:eu-west-1:000000000000:endpoint/GCM/app/"


class Outside:
    """SES, SNS and CloudWatch. ``broken``: what does not answer."""

    def __init__(self) -> None:
        self.broken: set[str] = set()
        self.off: set[str] = set()
        self.marks: dict[tuple[str, str], str] = {}
        self.asked: list[str] = []

    def _ask(self, name: str) -> None:
        self.asked.append(name)
        if name in self.broken:
            raise UnavailableError("AWS", f"asking {name}", "broken on purpose")

    def enabled(self, endpoint: str) -> bool:
        self._ask("device")
        return endpoint not in self.off

    def account(self) -> MailAccount:
        self._ask("account")
        return MailAccount(True, True, "HEALTHY", 50_000, 10, 14)

    def verified(self, identity: str) -> bool:
        self._ask("identity")
        return identity == "example.org"

    def suppressed(self, addresses: list[str]) -> int:
        self._ask("suppression")
        return 0

    def counts(self, topic: str) -> tuple[int, int]:
        self._ask(topic)
        return 1, 0

    def all(self) -> list[Alarm]:
        self._ask("alarms")
        return [Alarm(name, "OK", True) for name in EXPECTED]

    def refused(self, ways: set[tuple[str, str]]) -> dict[tuple[str, str], str]:
        self._ask("marks")
        return {way: why for way, why in self.marks.items() if way in ways}


class Ready:
    def __init__(self, stage: str = "staging") -> None:
        self.world = World()
        self.outside = Outside()
        self.ledger = self.world.ledger
        world, outside = self.world, self.outside
        instead(world.control, limiter=lambda lane: world.clock() + 2.5)
        instead(world.contacts, refused=outside.refused)
        self.started: list[dict[str, Any]] = []

        def act(request: Any) -> dict[str, Any]:
            given = {**request}
            self.started.append(given)
            return dict(world.operate(given, lambda: 60.0)["result"])

        settings = replace(
            world.settings,
            stage=stage,
            email_identity="example.org",
            ops_topic_arn="ops",
            alarms_topic_arn="alarms-topic",
        )
        services = dict.fromkeys(("push", "mail_accounts", "alarms", "subscriptions"), outside)
        adapters = world.adapters("operator", settings=settings, **services)
        self.ready = OperateReady(
            settings=settings,
            control=adapters.control,
            ledger=adapters.ledger,
            contacts=adapters.contacts,
            push=adapters.push,
            mail=adapters.mail_accounts,
            alarms=adapters.alarms,
            subscriptions=adapters.subscriptions,
            incidents=adapters.incidents,
            panic_status=act,
            panic_enable=act,
            queue_status=act,
            send=act,
            clock=adapters.clock,
            new_id=adapters.short_id,
        )
        self.tick(10)

    def tick(self, ago: float) -> None:
        self.world.control.keep(
            ProberMinute(), actor="ProberFunction", reason="ran", now=self.world.clock() - ago
        )

    def message(self, name: str, priority: str = "critical", ago: float = 60, **recipient: str) -> None:
        body = {"id": name, "to": "+4915112345678", "type": "text", "text": "x", "priority": priority}
        at = self.world.clock() - ago
        self.ledger.put(
            Row(
                name,
                Status.SENT,
                created_at=at,
                person=name,
                priority=priority,
                body=json.dumps({**body, "recipient": recipient}),
            )
        )
        self.world.control.count(int(at // 60) * 60, {f"o|SENT|{priority}|-|-": 1})

    def drill(self) -> dict[str, Any]:
        return self.ready.drill({"action": "drill.run"})

    def step(self, name: str) -> dict[str, str]:
        return next(step for step in self.drill()["steps"] if step["name"] == name)


@pytest.fixture
def it() -> Ready:
    found = Ready()
    for index in range(4):
        found.message(f"push-{index}", push_endpoint=f"{DEVICE}{index}")
    for index in range(3):
        found.message(f"mail-{index}", email=f"{index}@example.org")
    return found


def test_all_well_is_ready_and_a_fallback_never_taken_is_told(it: Ready) -> None:
    result = it.drill()
    grades = {step["name"]: step["state"] for step in result["steps"]}
    assert grades.pop("last real fallback") == "warn"
    assert set(grades.values()) == {"ok"}, result
    assert result["verdict"] == "ready"
    assert result["sampled"] == 7
    assert result["critical_today"] == 7
    assert result["recipients"] == [
        {
            "priority": "critical",
            "people": 7,
            **dict.fromkeys(WAYS_BY_NAME, 0),
            "push": 4,
            "email": 3,
            "waits": 0,
        }
    ]


def test_the_few_critical_messages_among_many_are_looked_at(it: Ready) -> None:
    many = Ready()
    for index in range(2 * SAMPLE):
        many.message(f"bulk-{index}", priority="bulk", email=f"{index}@example.org")
    many.message("critical", push_endpoint=f"{DEVICE}1")
    rows = {row["priority"]: row["people"] for row in many.drill()["recipients"]}
    assert rows["critical"] == 1
    # The second half of the sample is drawn from all, and may meet the critical one once more.
    assert rows["bulk"] in (SAMPLE - 2, SAMPLE - 1)


def test_a_rehearsal_changes_nothing(it: Ready) -> None:
    before = (dict(it.world.control.values), dict(it.world.control.events), dict(it.ledger.rows))
    it.drill()
    assert before == (it.world.control.values, it.world.control.events, it.ledger.rows)
    assert not it.world.queues.sent
    assert not it.world.notices.told
    assert it.started == []


@pytest.mark.parametrize(
    ("broken", "steps"),
    [
        ("device", {"push endpoints"}),
        ("account", {"mail account", "mail quota"}),
        ("identity", {"mail identity"}),
        ("suppression", {"suppression list"}),
        ("ops", {"notification recipients"}),
        ("alarms-topic", {"notification recipients"}),
        ("alarms", {"alarms"}),
        ("marks", {"recipients", "push endpoints", "mail quota", "suppression list"}),
    ],
)
def test_what_does_not_answer_is_unknown_and_never_ok(it: Ready, broken: str, steps: set[str]) -> None:
    it.outside.broken.add(broken)
    result = it.drill()
    assert {step["name"] for step in result["steps"] if step["state"] == "unknown"} == steps
    assert result["verdict"] == "unclear"


def test_a_broken_ledger_is_unknown_too(it: Ready) -> None:
    it.ledger.broken = True
    assert it.drill()["verdict"] == "unclear"
    assert it.drill()["sampled"] is None


def test_refused_ways_do_not_count_as_ways(it: Ready) -> None:
    it.outside.marks = {("email", f"{index}@example.org"): "bounce General" for index in range(3)}
    assert it.drill()["recipients"][0]["waits"] == 3
    assert it.step("recipients")["state"] == "warn"
    assert "3 email addresses failed before" in it.step("recipients")["found"]


def test_contacts_are_looked_up_by_user_id(it: Ready) -> None:
    it.message("ana", user_id="ana")
    it.world.contacts.known["ana"] = Contact("ana", {"email": ("ana@example.org",)})
    assert it.drill()["recipients"][0]["email"] == 4


def test_yesterdays_messages_are_none_of_today() -> None:
    it = Ready()
    it.message("old", ago=90_000, email="a@example.org")
    result = it.drill()
    assert result["sampled"] == 0
    assert result["verdict"] == "unclear"


def test_devices_that_are_off_are_found(it: Ready) -> None:
    it.outside.off = {f"{DEVICE}0"}
    assert it.step("push endpoints")["state"] == "fail"
    assert it.drill()["verdict"] == "not_ready"


def test_a_prober_that_stopped_is_found(it: Ready) -> None:
    it.tick(400)
    assert it.step("prober")["state"] == "fail"


def test_the_last_incident_that_took_a_fallback_is_found(it: Ready) -> None:
    it.world.trip()
    incident = it.world.control.flag(WHATSAPP).incident_id
    at = it.world.clock()
    it.ledger.put(
        Row(
            "reached",
            PUSHED,
            created_at=at,
            incident_id=incident,
            trail={f"{int(at * 1000)}_PUSHED": ""},
        )
    )
    assert "people reached: 1 by push, 0 by email" in it.step("last real fallback")["found"]
    assert it.step("last real fallback")["state"] == "ok"


# -- live ----------------------------------------------------------------------------------------------------


def test_a_live_rehearsal_is_refused_in_prod() -> None:
    it = Ready("prod")
    with pytest.raises(RefusedError, match="not prod"):
        it.ready.start({"actor": ACTOR})
    assert it.started == []


def test_a_live_rehearsal_is_refused_during_a_real_panic(it: Ready) -> None:
    it.world.trip()
    with pytest.raises(RefusedError, match="is in panic"):
        it.ready.start({"actor": ACTOR})


def test_a_live_rehearsal_enters_panic_for_ten_minutes_and_sends_to_nobody_by_whatsapp(it: Ready) -> None:
    result = it.ready.start({"actor": ACTOR, "push_endpoint": DEVICE + "1"})
    flag = it.world.status()
    assert (flag["state"], flag["hold"], flag["reason"]) == ("panic", True, "live rehearsal")
    assert it.world.control.flag(WHATSAPP).until == it.world.clock() + 600
    sent = [json.loads(item.body) for item in it.world.queues.carriers(CRITICAL_QUEUE)]
    assert [message["recipient"] for message in sent] == [
        {"push_endpoint": DEVICE + "1"},
        {"email": "success@simulator.amazonses.com"},
        {},
    ]
    assert {message["to"] for message in sent} == {FICTIONAL}
    assert all(message["expires_at"] for message in sent)
    assert [m["expected"] for m in result["messages"]] == ["PUSHED", "EMAILED", "PARKED"]


# -- status --------------------------------------------------------------------------------------------------


def test_status_has_everything_on_one_screen(it: Ready) -> None:
    failed = {"e|auth|190": 2, "x|email|-|MessageRejected": 4, "x|openai_voice|auth|401": 1}
    it.world.control.count(int(it.world.clock() // 60) * 60, {"acc": 5, "o|PUSHED|normal|-|-": 3, **failed})
    it.world.queues.depths[url(WHATSAPP_DLQ)] = Depth(4, 0, 0)
    result = it.ready.status({"action": "status.show"})
    assert result["panic"] is False
    assert [flag["scope"] for flag in result["scopes"]] == list(SCOPES)
    others = dict.fromkeys(("voice-dlq", "probe-dlq", "webhook-dlq", "events-dlq"), 0)
    assert result["dead_letters"] == {"whatsapp-dlq": 4, **others}
    assert {row["name"] for row in result["queues"]} >= set(LANES)
    assert result["refused"] == 0
    assert result["last_hour"]["accepted"] == 5
    assert result["last_hour"]["failures"] == {"auth": 2}
    assert result["last_hour"]["failures_elsewhere"] == {"email": 4, "openai_voice": 1}
    assert result["last_hour"]["fallbacks"] == dict.fromkeys(WAYS_BY_NAME, 0) | {"push": 3}
    assert result["limiter"] == {"rate": Settings().limiter.rate, "booked_seconds": 2.5}
    assert result["prober"]["age_seconds"] == 10
    assert result["token"] is None
    assert any("4 on whatsapp-dlq" in note for note in result["notes"])


def test_status_tells_of_a_prober_that_stopped(it: Ready) -> None:
    it.tick(500)
    assert any("panic cannot end" in note for note in it.ready.status({})["notes"])


def test_status_forgets_a_failed_refresh_once_panic_is_left(it: Ready) -> None:
    now = it.world.clock()
    look = TokenLook(format_instant(now), "failed", "invalid", step="exchange")
    it.world.control.keep(look, actor="k", reason="r", now=now)
    it.world.control.stored[WHATSAPP] = replace(it.world.control.flag(WHATSAPP), left_panic_at=now - 60)
    assert it.ready.status({})["token"]["outcome"] == "failed"
    it.world.control.stored[WHATSAPP] = replace(it.world.control.flag(WHATSAPP), left_panic_at=now + 60)
    token = it.ready.status({})["token"]
    assert token == {"at": format_instant(now + 60), "outcome": "works again"}


def test_status_warns_when_the_statuses_that_traffic_leads_one_to_expect_do_not_come(it: Ready) -> None:
    now = int(it.world.clock() // 60) * 60
    it.world.control.count(now - 600, {"acc": 20, "sts": 20})
    assert not [note for note in it.ready.status({})["notes"] if "sent no status" in note]
    it.world.control.count(now - 240, {"acc": 12})
    (note,) = [note for note in it.ready.status({})["notes"] if "sent no status" in note]
    assert "the last 12 messages" in note
    assert "lifeline whatsapp test --to" in note


def test_a_part_that_cannot_be_read_is_null_and_told(it: Ready) -> None:
    def broken(*_: Any) -> Any:
        raise UnavailableError("SQS", "reading queue attributes", "broken on purpose")

    it.ready._queue_status = broken
    instead(it.world.control, counts=broken)
    result = it.ready.status({"action": "status.show"})
    assert result["queues"] is None
    assert result["dead_letters"] is None
    assert result["last_hour"] is None
    assert result["scopes"]
    assert len([note for note in result["notes"] if "unknown" in note]) == 2
