"""Each cause on the deployed system: fault on, the right scope panics or not, the right people are
reached, fault off, recovery. Counts are taken from the simulator's record.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.support.system import System, eventually
from tests.support.traffic import many, works_again

REMINDER = "appointment_reminder"
TEMPLATE_SCOPE = f"whatsapp/template/{REMINDER}"


def reminder(*parameters: str) -> dict[str, Any]:
    """A template message with three placeholders."""
    values = [*parameters, "Ana", "ten", "Monday"][:3]
    return {
        "type": "template",
        "template": {"name": REMINDER, "language": "en_US", "parameters": values},
        "text": "Your appointment is at ten.",
    }


def nobody_twice(system: System, prefix: str, ids: Sequence[str]) -> None:
    """Meta took each message at most once, and who was pushed not at all."""
    taken = system.accepted(prefix)
    assert len(taken) == len(set(taken))
    pushed = {name for name, status in system.statuses(ids).items() if status == "PUSHED"}
    assert not pushed & set(taken)


@pytest.mark.parametrize(
    ("kind", "options", "cause"),
    [
        # Those that do not reach Meta stand apart: three minutes of them in a row set off an alarm as well.
        ("unreachable", {}, "unreachable"),
        ("auth", {}, "auth"),
        ("rate_limit", {}, "rate_limit"),
        ("server_error", {}, "unreachable"),
        ("account", {}, "account"),
        ("spam_limit", {}, "spam_limit"),
        ("not_json", {}, "unreachable"),
    ],
)
def test_the_channel_panics_and_recovers(
    system: System, kind: str, options: dict[str, Any], cause: str
) -> None:
    prefix = system.fresh()
    system.fault(kind, **options)
    ids = many(system, prefix, 30)
    flag = system.panics(cause)
    assert flag["source"] in ("sender", "prober")
    system.wait_for(ids, "PUSHED", within=60)
    assert [event["kind"] for event in system.history()].count("entered") == 1
    if cause in ("auth", "account"):
        # One batch of sends at most: an expired token is not tried a thousand times.
        assert len(system.sends(prefix)) <= 32
    late = many(system, f"{prefix}-late", 5)
    asked = len(system.sends(f"{prefix}-late"))
    system.wait_for(late, "PUSHED", within=20)
    assert asked == len(system.sends(f"{prefix}-late")) == 0, "nothing is sent while the channel panics"
    assert system.flag()["state"] == "panic"
    system.faults_off()
    system.recovers()
    works_again(system, prefix)
    nobody_twice(system, prefix, [*ids, *late])


def test_a_rate_limit_is_not_probed_before_its_stated_regain_time(system: System) -> None:
    prefix = system.fresh()
    system.fault("rate_limit", regain_minutes=1)
    many(system, prefix, 30)
    flag = system.panics("rate_limit")
    assert float(flag["earliest_recovery"]) >= system.began + 55
    system.faults_off()
    # Three probes are due in this time. A call under a limit would lengthen it, so nothing is asked.
    eventually(_later_than(time.time() + 16), 30, "three slots")
    assert time.time() < float(flag["earliest_recovery"])
    assert system.questions() == []
    assert system.flag()["state"] == "panic"


def test_one_bad_send_does_not_trip_and_is_tried_again(system: System) -> None:
    prefix = system.fresh()
    system.fault("server_error", count=1)
    name = f"{prefix}-once"
    system.produce(system.person(name))
    system.wait_for([name], "DELIVERED")
    assert system.flag()["state"] == "normal"
    assert system.accepted(prefix) == [name]


def test_a_refused_template_panics_alone(system: System) -> None:
    prefix = system.fresh()
    system.fault("template_rejected", match={"template": REMINDER})
    ids = many(system, prefix, 3, **reminder())
    flag = system.panics("template_rejected", TEMPLATE_SCOPE)
    system.wait_for(ids, "PUSHED", within=30)
    works_again(system, prefix)
    assert system.flag()["state"] == "normal", "one rejected template does not silence the clinic"
    asked = len(system.sends(f"{prefix}-late"))
    late = many(system, f"{prefix}-late", 2, **reminder())
    system.wait_for(late, "PUSHED", within=20)
    assert len(system.sends(f"{prefix}-late")) == asked == 0
    system.faults_off()
    system.recovers(TEMPLATE_SCOPE)
    again = many(system, f"{prefix}-again", 1, **reminder())
    system.wait_for(again, "DELIVERED")
    assert flag["incident_id"]


def test_a_template_that_meta_pauses_by_webhook_and_approves_again(system: System) -> None:
    prefix = system.fresh()
    system.template(REMINDER, status="PAUSED", reason="quality")
    system.panics("template_rejected", TEMPLATE_SCOPE)
    ids = many(system, prefix, 2, **reminder())
    system.wait_for(ids, "PUSHED", within=20)
    assert system.sends(prefix) == []
    system.template(REMINDER, status="APPROVED", reason="NONE")
    system.recovers(TEMPLATE_SCOPE, within=15)
    kinds = [event["kind"] for event in system.history(TEMPLATE_SCOPE)]
    assert kinds[-1] == "recovering"
    again = many(system, f"{prefix}-again", 1, **reminder())
    system.wait_for(again, "DELIVERED")


def test_a_mapped_replacement_is_used_at_once(system: System) -> None:
    prefix = system.fresh()

    def operate(action: str, **fields: str) -> dict[str, Any]:
        request = {"action": action, "template": REMINDER, "reason": "test", "actor": "test", **fields}
        answer: dict[str, Any] = system.invoke("Operator", request)
        return answer

    unfit = operate("whatsapp.map_template", replacement="order_update")
    assert unfit["error"]["code"] == "unfit_replacement"
    assert "3 in its body" in unfit["error"]["message"]
    assert operate("whatsapp.map_template", replacement="appointment_reminder_v2")["ok"]
    try:
        system.template(REMINDER, status="PAUSED", webhook=False)
        ids = many(system, prefix, 2, **reminder())
        system.wait_for(ids, "DELIVERED")
        system.panics("template_rejected", TEMPLATE_SCOPE)
        late = many(system, f"{prefix}-late", 2, **reminder())
        system.wait_for(late, "DELIVERED")
        taken = [entry for entry in system.sends(prefix) if entry["accepted"]]
        assert {entry["body"]["template"]["name"] for entry in taken} == {"appointment_reminder_v2"}
        assert len(taken) == 4
        refused = [entry for entry in system.sends(f"{prefix}-late") if not entry["accepted"]]
        assert refused == [], "a template in panic is not tried"
    finally:
        assert operate("whatsapp.unmap_template")["ok"]


@pytest.mark.parametrize("code", [131026, 131049, 130472])
def test_a_person_who_cannot_be_reached_takes_the_fallback_alone(system: System, code: int) -> None:
    prefix = system.fresh()
    system.fault("invalid_phone", code=code, match={"to": "4915112399999"})
    lost, fine = f"{prefix}-lost", f"{prefix}-fine"
    system.produce(system.person(lost, to="+4915112399999"), system.person(fine))
    system.wait_for([lost], "PUSHED")
    system.wait_for([fine], "DELIVERED")
    assert len(system.sends(lost)) == 1
    assert system.flag()["state"] == "normal"


def test_unreachable_people_never_make_a_panic(system: System) -> None:
    prefix = system.fresh()
    system.fault("invalid_phone")
    ids = many(system, prefix, 40)
    system.wait_for(ids, "PUSHED", within=60)
    assert system.flag()["state"] == "normal"
    assert len(system.sends(prefix)) == 40


def test_a_pair_limit_makes_one_person_wait(system: System) -> None:
    prefix = system.fresh()
    system.fault("pair_rate_limit", count=1, match={"to": "4915112388888"})
    slow, fine = f"{prefix}-slow", f"{prefix}-fine"
    system.produce(system.person(slow, to="+4915112388888"), system.person(fine))
    system.wait_for([slow, fine], "DELIVERED")
    assert len(system.sends(slow)) == 2
    assert system.flag()["state"] == "normal"


def test_a_bad_request_waits_for_a_person_with_its_reason(system: System) -> None:
    prefix = system.fresh()
    name, fine = f"{prefix}-bad", f"{prefix}-fine"
    system.produce(
        system.person(
            name, type="template", template={"name": REMINDER, "language": "en_US", "parameters": ["1"]}
        ),
        system.person(fine),
    )
    system.wait_for([name], "REJECTED")
    system.wait_for([fine], "DELIVERED")
    looked = system.invoke("Operator", {"action": "queue.peek", "queue": "refused", "id": name})
    assert looked["ok"], looked
    (found,) = looked["result"]["sample"]
    assert (found["id"], found["template"]) == (name, REMINDER)
    assert "132000" in found["reason"]
    assert (system.row(name)["cause"], system.row(name)["code"]) == ("bad_request", "132000")
    assert system.flag()["state"] == "normal"


def test_an_unknown_code_is_that_messages_and_is_counted(system: System) -> None:
    prefix = system.fresh()
    system.fault("code", code=999123, match={"to": "4915112377777"})
    name = f"{prefix}-odd"
    system.produce(system.person(name, to="+4915112377777"))
    system.wait_for([name], "REJECTED")
    eventually(lambda: system.counters().get("e|bad_request|999123") == 1, 5, "the code is counted")
    assert system.flag()["state"] == "normal"


def test_a_slow_answer_is_in_doubt_and_settled_by_the_webhook(system: System) -> None:
    prefix = system.fresh()
    system.fault("ambiguous", count=1)
    name = f"{prefix}-doubt"
    system.produce(system.person(name))
    system.wait_for([name], "DELIVERED")
    assert system.accepted(prefix) == [name]


def test_a_doubt_that_no_webhook_settles_is_sent_again_once_and_counted(system: System) -> None:
    prefix = system.fresh()
    name = f"{prefix}-doubt"
    system.fault("silent", count=1)
    system.fault("ambiguous", count=1)
    system.produce(system.person(name))
    system.wait_for([name], "IN_DOUBT")
    system.wait_for([name], "DELIVERED", within=60)
    assert system.accepted(prefix) == [name, name]
    eventually(lambda: system.counters().get("possible") == 1, 5, "a possible duplicate is counted")
    row = system.row(name)
    assert [doubt.split("/")[:2] for doubt in row["doubts"].split()] == [["1", "whatsapp"]]
    assert "duplicate" not in system.counters(), "nothing proves that the first one arrived"


def _later_than(moment: float) -> Callable[[], bool]:
    return lambda: time.time() > moment


def test_two_workers_an_alarm_and_an_operator_leave_one_incident(system: System) -> None:
    prefix = system.fresh()
    system.fault("auth")
    ids = many(system, prefix, 60)
    name = f"{system.stack.name}-trip-whatsapp-failures"
    system.invoke("Alarm", {"alarmData": {"alarmName": name, "state": {"value": "ALARM", "reason": "r"}}})
    system.panics("auth")
    system.wait_for(ids, "PUSHED", within=60)
    events = system.history()
    assert [event["kind"] for event in events].count("entered") == 1
    assert len({event["incident_id"] for event in events}) == 1


def test_a_late_probe_of_an_earlier_incident_ends_nothing(system: System) -> None:
    prefix = system.fresh()
    system.fault("account")
    many(system, prefix, 3)
    flag = system.panics("account")
    slot = int(time.time() // 15) * 15
    body = json.dumps({"scope": "whatsapp", "incident_id": "20200101-000000-abcdef", "slot": slot})
    system.faults_off()
    record = {
        "messageId": "m",
        "receiptHandle": "r",
        "body": body,
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }
    assert system.invoke("Prober", {"Records": [record]}) == {"batchItemFailures": []}
    assert (system.flag()["state"], system.flag()["incident_id"]) == ("panic", flag["incident_id"])
    kinds = [event["kind"] for event in system.history() if event["incident_id"] != flag["incident_id"]]
    assert kinds == []
    system.recovers()
