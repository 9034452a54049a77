"""One suite over the control table: in memory and on the local AWS; and what only a table has: attributes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from typing import Any

import pytest
from lifeline.adapters.contacts import Contact, Contacts, bsuid_key
from lifeline.adapters.control import Control
from lifeline.adapters.uploads import Upload, Uploads
from lifeline.domain.account.records import TemplateMap, TokenIncident
from lifeline.domain.failure.records import FailureSample
from lifeline.domain.inbound.records import WebhookSeen
from lifeline.domain.pace.pace import SetRate
from lifeline.domain.pace.records import DrainState
from lifeline.domain.panic.detection import Bucket, Window
from lifeline.domain.panic.flag import Event, Flag, Kind, PanicChange, State
from lifeline.domain.panic.planned import PanicPlan
from lifeline.domain.panic.records import PlannedPanics
from lifeline.errors import ConflictError, UnavailableError

from tests.support.memory import MemoryControl
from tests.support.stores import LocalAws, lose

NOW = 1_790_000_000.0
SCOPE = "whatsapp"
FULL = Flag(
    scope=SCOPE,
    state=State.RECOVERING,
    cause="rate_limit",
    reason="too fast — 3 of 4",
    actor="ada",
    source="sender",
    since=NOW - 100.25,
    incident_id="20260302-090000-abcdef",
    version=1,
    successes=2,
    hold=True,
    until=NOW + 900.125,
    earliest_recovery=NOW + 60,
    shadow=True,
    recovering_since=NOW - 10,
    left_panic_at=NOW - 20,
    trips=3,
    settle_until=NOW + 600,
    evidence={"failed": 3, "codes": [130429], "deep": {"a": None}},
    would_enter_at=NOW - 1,
)


class Aws:
    """The adapter on a table of its own, and the table beneath it."""

    def __init__(self, local: LocalAws, attempts: int = 1) -> None:
        self.name = local.table("ControlTable")
        self.client = local.client("dynamodb", attempts)
        self.control = Control(self.client, self.name)

    def items(self) -> dict[tuple[str, str], dict[str, Any]]:
        found = self.client.scan(TableName=self.name)["Items"]
        return {(item["pk"]["S"], item["sk"]["S"]): item for item in found}

    def set(self, kind: str, name: str, value: dict[str, Any]) -> None:
        """Set an attribute of the only item of a kind, as another version of Lifeline might."""
        ((pk, sk),) = [key for key in self.items() if key[0] == kind]
        self.client.update_item(
            TableName=self.name,
            Key={"pk": {"S": pk}, "sk": {"S": sk}},
            UpdateExpression="SET #n = :v",
            ExpressionAttributeNames={"#n": name},
            ExpressionAttributeValues={":v": value},
        )


@pytest.fixture(scope="module")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    running = LocalAws(tmp_path_factory.mktemp("control"))
    yield running
    running.stop()


@pytest.fixture
def aws(local_aws: LocalAws) -> Aws:
    return Aws(local_aws)


@pytest.fixture(params=["memory", "aws"])
def control(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return MemoryControl()
    return Aws(request.getfixturevalue("local_aws")).control


def test_what_an_hour_costs_never_passes_its_ceiling_and_one_is_first_to_tell(control: Any) -> None:
    hour = int(NOW) // 3600 * 3600
    with ThreadPoolExecutor(8) as pool:
        booked = list(pool.map(lambda _: control.spend("sms", hour, 3, 10), range(8)))
    assert booked.count(True) == 3
    assert control.spend("sms", hour, 1, 10)
    assert not control.spend("sms", hour, 1, 10)
    assert control.spend("sms", hour + 3600, 1, 10)
    assert [control.first_above("sms", hour) for _ in range(2)] == [True, False]
    control.untold("sms", hour)
    assert control.first_above("sms", hour)


def event(at: float = NOW, **values: Any) -> Event:
    given = {
        "kind": Kind.NOTED,
        "scope": SCOPE,
        "incident_id": FULL.incident_id,
        "version": 1,
        "at": at,
        "actor": "ada",
        "source": "operator",
        "cause": "",
        "reason": "why",
        "evidence": {"setting": "x", "before": 1.5},
    }
    return Event(**{**given, **values})


def change(version: int = 1, **values: Any) -> PanicChange:
    flag = replace(FULL, version=version, **values)
    return PanicChange(flag, event(NOW + version, scope=flag.scope, version=version, kind=Kind.ENTERED))


def keep(control: Any, record: Any, of: str = "", version: int | None = None, now: float = NOW) -> None:
    control.keep(record, of, actor="ada", reason="because", now=now, read_version=version)


# -- flags and history ------------------------------------------------------------------------------------


def test_a_flag_comes_back_as_it_was_written(control: Any) -> None:
    default = Flag(SCOPE)
    same = {one.name for one in fields(Flag) if getattr(FULL, one.name) == getattr(default, one.name)}
    assert same == {"scope"}, "each field is tried"
    control.write(change(), 0)
    assert control.flag(SCOPE) == FULL
    plain = change(scope="openai_voice", until=None, recovering_since=None, settle_until=None)
    control.write(plain, 0)
    assert control.flags() == {SCOPE: FULL, "openai_voice": plain.flag}


def test_a_scope_never_written_is_normal(control: Any) -> None:
    assert control.flag(SCOPE) == Flag.normal(SCOPE)
    assert control.flags() == {}


def test_a_flag_is_written_only_over_the_version_that_was_read(control: Any) -> None:
    control.write(change(1), 0)
    for version, read in ((1, 0), (3, 2), (2, 7)):
        with pytest.raises(ConflictError, match=f"{SCOPE} was changed by somebody else"):
            control.write(change(version, reason="late"), read)
    assert control.flag(SCOPE) == FULL
    assert len(control.history()) == 1, "the event of a change that lost is not told"
    control.write(change(2, reason="second"), 1)
    assert (control.flag(SCOPE).version, control.flag(SCOPE).reason) == (2, "second")
    assert [told.version for told in control.history()] == [2, 1]


def test_of_many_writers_one_wins(aws: Aws) -> None:
    def write(number: int) -> bool:
        try:
            aws.control.write(change(reason=str(number)), 0)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(write, range(8)))
    assert sum(won) == 1
    assert aws.control.flag(SCOPE).reason == str(won.index(True))
    assert len(aws.control.history()) == 1


def test_events_come_newest_first_by_scope_incident_and_time(control: Any) -> None:
    told = [
        event(NOW),
        event(NOW + 1.5, scope="openai_voice"),
        event(NOW + 2, incident_id="other"),
        event(NOW + 3, cause="auth", evidence={}),
    ]
    for one in told:
        control.append(one)
    assert control.history() == told[::-1]
    assert control.history(SCOPE) == [told[3], told[2], told[0]]
    assert control.history(incident_id="other") == [told[2]]
    assert control.history(SCOPE, incident_id=FULL.incident_id) == [told[3], told[0]]
    assert control.history(since=NOW + 1.5) == [told[3], told[2], told[1]]
    assert control.history(limit=2) == [told[3], told[2]]


def test_the_same_event_twice_is_one(control: Any) -> None:
    control.append(event())
    control.append(event())
    assert control.history() == [event()]


# -- records by name --------------------------------------------------------------------------------------


def test_a_record_that_was_never_kept_is_empty(control: Any) -> None:
    kept = control.kept(TemplateMap)
    assert (kept.value, kept.version, kept.is_there, kept.at) == (TemplateMap(), 0, False, 0.0)
    assert control.all_kept(FailureSample) == {}


def test_a_record_is_kept_with_who_why_and_when(control: Any) -> None:
    keep(control, TemplateMap({"old": "new"}))
    kept = control.kept(TemplateMap)
    assert (kept.value.of, kept.actor, kept.reason, kept.at) == ({"old": "new"}, "ada", "because", NOW)
    assert kept.version == 1
    for number in range(3):
        keep(control, TemplateMap({"old": str(number)}), now=NOW + number)
    assert (control.kept(TemplateMap).version, control.kept(TemplateMap).value.of) == (4, {"old": "2"})


def test_a_record_is_kept_only_over_the_version_that_was_read(control: Any) -> None:
    keep(control, TokenIncident("first"), version=0)
    for version in (0, 2):
        with pytest.raises(ConflictError, match="token_incident was changed by somebody else"):
            keep(control, TokenIncident("late"), version=version)
    assert control.kept(TokenIncident).value.id == "first"
    keep(control, TokenIncident("second"), version=1)
    keep(control, TokenIncident("whatever was there"))
    with pytest.raises(ConflictError):
        keep(control, TokenIncident("late"), version=2)
    assert control.kept(TokenIncident).version == 3


def test_records_of_something_are_listed_by_what_they_are_of(control: Any) -> None:
    keep(control, FailureSample(190, "expired"), "auth")
    keep(control, FailureSample(None, "slow", http_status=503), "unreachable")
    keep(control, TemplateMap({"a": "b"}))
    found = control.all_kept(FailureSample)
    assert {of: kept.value.details for of, kept in found.items()} == {
        "auth": "expired",
        "unreachable": "slow",
    }
    assert control.kept(FailureSample, "auth").value.code == 190


# -- windows, limiters, marks, counters -------------------------------------------------------------------


def test_outcomes_add_up_and_an_answer_ends_a_streak(control: Any) -> None:
    assert control.window(SCOPE) == Window()
    control.record_outcomes(SCOPE, 100, 0, {"unreachable": 2}, 2)
    window = control.record_outcomes(SCOPE, 100, 0, {"unreachable": 3}, 3)
    assert window == Window((Bucket(100, 0, {"unreachable": 5}),), 5)
    window = control.record_outcomes(SCOPE, 110, 4, {"rate_limit": 1, "unreachable": 1}, 1)
    assert window.consecutive_unreachable == 1
    assert window.buckets[1] == Bucket(110, 4, {"rate_limit": 1, "unreachable": 1})
    window = control.record_outcomes(SCOPE, 120, 1, {}, 0, stale=(100, 110))
    assert window == Window((Bucket(120, 1, {}),), 0)
    assert control.window(SCOPE) == window
    assert control.window("openai_voice") == Window()
    control.clear_window(SCOPE)
    assert control.window(SCOPE) == Window()


def test_a_rate_that_an_operator_set_comes_with_each_reservation(control: Any) -> None:
    control.reserve("whatsapp", 1, 0.1, 1, NOW)
    assert control.operators_rate() is None
    control.limit(SetRate(30.0, NOW + 60))
    assert control.limiter("whatsapp") == pytest.approx(NOW + 0.0, abs=0.2), "tokens stay"
    control.reserve("whatsapp", 1, 0.1, 1, NOW)
    assert control.operators_rate() == SetRate(30.0, NOW + 60)
    control.reserve("bulk", 1, 0.1, 1, NOW)
    assert control.operators_rate() == SetRate(30.0, NOW + 60), "another lane says nothing of it"
    control.limit(SetRate(20.0))
    assert control.operators_rate() == SetRate(20.0)
    control.limit(None)
    control.reserve("whatsapp", 1, 0.1, 1, NOW)
    assert control.operators_rate() is None


def test_a_limiter_books_ahead_and_refuses_past_its_bound(control: Any) -> None:
    assert control.limiter("bulk") is None
    assert control.reserve("bulk", 100, 0.1, 1, NOW, 5.0) == pytest.approx(NOW + 9.9)
    assert control.reserve("bulk", 1, 0.1, 1, NOW, 5.0) is None
    assert control.limiter("bulk") == pytest.approx(NOW + 9.9)
    assert control.reserve("bulk", 1, 0.1, 1, NOW) == pytest.approx(NOW + 10.0), "without a bound it books"
    assert control.reserve("bulk", 1, 0.1, 5, NOW + 60) == pytest.approx(NOW + 59.6), "idle: a whole burst"
    assert control.limiter("whatsapp") is None


def test_a_probe_slot_is_claimed_once(control: Any) -> None:
    assert [control.claim_slot(SCOPE, slot) for slot in (30, 30, 15, 45)] == [True, False, False, True]
    assert control.claim_slot("openai_voice", 30)


def test_a_mark_moves_only_from_where_it_was_seen(control: Any) -> None:
    assert control.mark("drain") is None
    assert control.advance("drain", NOW + 75, None)
    assert not control.advance("drain", NOW + 80, None)
    assert not control.advance("drain", NOW + 80, NOW)
    assert control.advance("drain", NOW + 135.5, NOW + 75)
    assert control.mark("drain") == NOW + 135.5


def test_counters_add_up_by_the_minute(control: Any) -> None:
    minute = int(NOW // 60) * 60
    control.count(minute, {"acc": 3, "e|auth|190": 1})
    control.count(minute, {"acc": 2, "drained": 0})
    control.count(minute - 60, {"o|SENT|normal|-|-": 7})
    control.count(minute, {})
    assert control.counts(minute, minute) == {minute: {"acc": 5, "e|auth|190": 1}}
    assert control.counts(minute - 59, minute - 1) == {minute - 60: {"o|SENT|normal|-|-": 7}}
    assert set(control.counts(minute - 60, NOW)) == {minute - 60, minute}
    assert control.counts(minute + 60, minute + 600) == {}


# -- what another version wrote ---------------------------------------------------------------------------


def test_a_flag_of_another_version_is_read(aws: Aws) -> None:
    aws.control.write(change(), 0)
    aws.set("flag", "new_field", {"S": "of tomorrow"})
    aws.set("flag", "successes", {"S": "two"})
    aws.set("flag", "evidence", {"S": "{"})
    assert aws.control.flag(SCOPE) == replace(FULL, successes=0, evidence={})
    aws.set("flag", "state", {"S": "half_open"})
    assert aws.control.flags()[SCOPE].blocks_sending, "a state that is not known lets nothing out"


def test_an_event_of_a_kind_that_is_not_known_is_left_out(aws: Aws) -> None:
    aws.control.append(event())
    aws.set("history", "kind", {"S": "of tomorrow"})
    aws.control.append(event(NOW + 1))
    assert aws.control.history() == [event(NOW + 1)]


@pytest.mark.parametrize("value", ["{", "[]", '"x"', "7", "null", '{"rate": "fast", "limits": 3, "x": {}}'])
def test_a_record_of_another_version_is_as_if_never_kept(aws: Aws, value: str) -> None:
    keep(aws.control, DrainState(rate=3.0))
    aws.set("setting", "value", {"S": value})
    assert aws.control.kept(DrainState).value == DrainState()
    assert aws.control.kept(DrainState).version == 1


def test_fields_that_are_not_known_are_left_out(aws: Aws) -> None:
    plan = {"id": "p", "scope": SCOPE, "reason": "r", "actor": "a", "at": 1, "until": 2, "of_tomorrow": True}
    lacks = {"id": "q", "scope": SCOPE}
    keep(aws.control, PlannedPanics())
    aws.set("setting", "value", {"S": json.dumps([plan, lacks, 7])})
    assert aws.control.kept(PlannedPanics).value.plans == (PanicPlan("p", SCOPE, "r", "a", 1.0, 2.0),)


# -- no answer --------------------------------------------------------------------------------------------


def test_a_change_whose_answer_was_lost_is_ours(local_aws: LocalAws) -> None:
    aws = Aws(local_aws, attempts=2)
    lose(aws.client, "TransactWriteItems", 1, carried_out=True)
    aws.control.write(change(), 0)
    assert aws.control.flag(SCOPE) == FULL
    assert len(aws.control.history()) == 1


CALLS: dict[str, tuple[str, Callable[[Control], object]]] = {
    "flags": ("Query", lambda control: control.flags()),
    "flag": ("GetItem", lambda control: control.flag(SCOPE)),
    "write": ("TransactWriteItems", lambda control: control.write(change(), 0)),
    "append": ("PutItem", lambda control: control.append(event())),
    "history": ("Query", lambda control: control.history()),
    "kept": ("GetItem", lambda control: control.kept(WebhookSeen)),
    "keep": ("UpdateItem", lambda control: keep(control, WebhookSeen(1.0, 1.0))),
    "record_outcomes": ("UpdateItem", lambda control: control.record_outcomes(SCOPE, 0, 1, {}, 0)),
    "clear_window": ("DeleteItem", lambda control: control.clear_window(SCOPE)),
    "reserve": ("UpdateItem", lambda control: control.reserve("bulk", 1, 1.0, 1, NOW)),
    "counts": ("Query", lambda control: control.counts(0, NOW)),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_without_an_answer_says_what_was_done_and_why_not(aws: Aws, name: str) -> None:
    operation, call = CALLS[name]
    lose(aws.client, operation, 1, carried_out=False)
    with pytest.raises(UnavailableError) as caught:
        call(aws.control)
    assert (caught.value.service, caught.value.code) == ("DynamoDB", "ReadTimeoutError")
    call(aws.control)


@pytest.mark.parametrize("name", CALLS)
def test_a_refusal_keeps_the_code_of_aws(aws: Aws, name: str) -> None:
    gone = Control(aws.client, "there-is-no-such-table")
    with pytest.raises(UnavailableError) as caught:
        CALLS[name][1](gone)
    assert caught.value.code == "ResourceNotFoundException"


# -- contacts ---------------------------------------------------------------------------------------------


@pytest.fixture
def contacts(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Contacts:
    for name, value in (
        ("AWS_ENDPOINT_URL", local_aws.url),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ):
        monkeypatch.setenv(name, value)
    return Contacts(local_aws.client("dynamodb"), local_aws.table("ContactsTable"), "eu-west-1")


def test_contacts_are_read_as_they_were_saved(contacts: Contacts) -> None:
    people = [Contact(f"p{n}", {"email": (f"p{n}@example.org",)}, updated_at=NOW + n) for n in range(130)]
    for person in people:
        contacts.save(person)
    found = contacts.read([*(person.user_id for person in people), "p1", "nobody"])
    assert found == {person.user_id: person for person in people}, "more than one call of a hundred"
    contacts.save(Contact("p1", {"push": ("arn:1", "arn:2")}, updated_at=NOW + 500))
    assert contacts.read(["p1"])["p1"] == Contact(
        "p1", {"push": ("arn:1", "arn:2"), "email": ("p1@example.org",)}, updated_at=NOW + 500
    )
    assert contacts.read([]) == {}
    wishes = Contact("p2", time_zone="UTC", quiet_hours=(21.5, 8.0), language="de", updated_at=NOW)
    contacts.save(wishes)
    assert contacts.read(["p2"])["p2"] == replace(wishes, addresses={"email": ("p2@example.org",)})


def test_a_contact_is_found_by_its_user_id_at_meta(contacts: Contacts) -> None:
    bsuid = "US.13491208655302741918"
    contacts.save(Contact("ana", {"email": ("ana@example.org",)}, updated_at=NOW, bsuid=bsuid))
    ana = contacts.read(["ana"])["ana"]
    assert ana.bsuid == bsuid
    assert contacts.read([bsuid_key(bsuid), "nobody"]) == {bsuid_key(bsuid): ana}
    contacts.save(Contact("ana", updated_at=NOW, bsuid="US.2"))
    assert contacts.read([bsuid_key(bsuid)]) == {}


def test_an_upload_is_kept_found_and_forgotten(local_aws: LocalAws) -> None:
    uploads = Uploads(local_aws.client("dynamodb"), local_aws.table("ControlTable"))
    one = Upload("m1", "ab" * 32, "image/png", "dot.png", 70, NOW, NOW + 0.5, "ada")
    uploads.keep(one)
    uploads.keep(replace(one, media_id="m2"))
    uploads.keep(replace(one, mime_type="image/webp"))
    assert uploads.find(one.sha256, "image/png") == replace(one, media_id="m2")
    assert len(uploads.all()) == 2
    uploads.forget(one)
    assert uploads.find(one.sha256, "image/png") is None


def test_a_refusal_is_found_until_it_is_lifted_and_a_complaint_stays(contacts: Contacts) -> None:
    mail, push = ("email", "Ana@Example.org"), ("push", "arn:1")
    assert contacts.refused([mail, push]) == {}
    contacts.refuse(*mail, "bounce General", NOW)
    contacts.refuse(*push, "disabled", NOW)
    assert contacts.refused([mail, push]) == {mail: "bounce General", push: "disabled"}
    contacts.forgive(*push, NOW + 1)
    contacts.refuse("email", "ana@example.org", "complaint abuse", NOW + 2)
    contacts.refuse(*mail, "bounce General", NOW + 3)
    contacts.forgive(*mail, NOW + 4)
    assert contacts.refused([mail, push]) == {mail: "complaint abuse"}
