"""The account on the deployed system: each command in both forms, in health and in trouble."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.inbox import inbox
from tests.support.shell import Shell
from tests.support.system import System

PROMO = "promo_offer"
PROMO_SCOPE = f"whatsapp/template/{PROMO}"
TEST_NUMBER = "+15550100200"


class Account:
    """An operator in front of the account."""

    def __init__(self, system: System) -> None:
        self.prefix = system.fresh()
        self.system = system
        self.shell = Shell(system)

    def both(self, *words: str, code: int = 0) -> tuple[str, dict[str, Any]]:
        """What people read, and what programs read."""
        done = self.shell("whatsapp", *words, code=code)
        document = json.loads(self.shell("whatsapp", *words, "--json", code=code).stdout)
        assert document["action"].startswith("whatsapp.")
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr, document.get("result") or document["error"]

    def promote(self, count: int, part: str = "promo") -> list[str]:
        """Promotional messages, on their way."""
        ids = [f"{self.prefix}-{part}-{number}" for number in range(count)]
        template = {"name": PROMO, "language": "en_US", "parameters": ["10 %"]}
        self.system.produce(
            *(
                {
                    "id": name,
                    "to": f"+49151124{index:05d}",
                    "type": "template",
                    "template": template,
                    "text": "10 % off",
                    "category": "promotion",
                    "recipient": {"push_endpoint": self.system.push_endpoint()},
                }
                for index, name in enumerate(ids)
            )
        )
        return ids


@pytest.fixture
def account(system: System) -> Account:
    return Account(system)


def step(result: dict[str, Any], name: str) -> dict[str, Any]:
    return dict(next(item for item in result["steps"] if item["name"] == name))


def test_a_healthy_account_in_words_and_in_json(account: Account) -> None:
    system = account.system
    system.control_settings(
        usage={"call_count": 91, "total_cputime": 3, "total_time": 4}, number={"quality_rating": "YELLOW"}
    )
    system.wait_for(account.promote(6), "DELIVERED", within=60)  # workers may have to start first
    said, rate = account.both("rate-status")
    assert rate["limiter"]["used_last_minute"] >= 6
    assert rate["meta"]["tier_people_per_day"] == 10_000
    by = {usage["by"]: usage for usage in rate["usage"]}
    assert by["sends"]["percent"] == 91, "the sender has kept the headers"
    assert by["sends"]["age_seconds"] < 300
    for words in ("65/s", "STANDARD (80 messages/s)", "by sends", "91 %", "quality is YELLOW"):
        assert words in said
    said, volume = account.both("volume", "--hours", "1")
    assert (volume["total"], volume["accepted"]) == (6, 6)
    assert volume["categories"] == [{"name": "promotion", "count": 6}]
    assert volume["peak"]["made_of"][0]["template"] == PROMO
    assert "6 messages" in said
    said, found = account.both("test", "--to", TEST_NUMBER)
    assert [item["ok"] for item in found["steps"]] == [True] * 8
    assert "delivered; the webhook works" in step(found, "status")["detail"]
    assert TEST_NUMBER not in json.dumps(found)
    assert "WhatsApp works" in said
    said, listed = account.both("templates", "--category", "marketing")
    rows = {row["name"]: row for row in listed["templates"]}
    assert set(rows) == {PROMO, "rejected_offer"}
    assert (rows[PROMO]["sends"], rows[PROMO]["failure_share"]) == (6, 0)
    assert "rejected_offer (en_US) REJECTED: PROMOTIONAL: it promotes something" in said


def test_an_account_that_meta_has_locked(account: Account) -> None:
    system = account.system
    with inbox(system, {"audience": ["meta-support"]}) as support:
        system.fault("account")
        system.produce(system.person(f"{account.prefix}-1"))
        flag = system.panics("account")
        told = support.told("entered")
        assert flag["incident_id"] in told["text"]
        assert system.stack._local_parameters()["WabaId"] in told["text"]
        assert "Meta Business Support" in told["text"]
        assert [notice["event"] for notice in support.look()] == ["entered"], "marketing's stays there"
    said, found = account.both("test", "--to", TEST_NUMBER, code=1)
    assert step(found, "token")["ok"]
    assert "141006" in step(found, "number health")["detail"]
    assert "131031" in step(found, "send")["detail"]
    assert step(found, "status")["ok"] is None
    assert "Meta Business Support" in said
    assert "WhatsApp does not work: number health, send" in said
    noted = [event for event in system.history() if event["kind"] == "noted"]
    assert len(noted) == 2, "a test in an incident is evidence"
    said, rate = account.both("rate-status")
    assert (rate["state"], rate["error"]) == ("panic", None)
    assert account.both("volume")[1]["outcomes"] == [{"name": "PUSHED", "count": 1}]


@pytest.mark.parametrize(
    ("fault", "failed", "cause"), [("auth", "token", "auth"), ("unreachable", "connection", "unreachable")]
)
def test_a_meta_that_does_not_answer_us(account: Account, fault: str, failed: str, cause: str) -> None:
    account.system.fault(fault)
    said, found = account.both("test", code=1)
    assert [item["name"] for item in found["steps"] if item["ok"] is False] == [failed]
    assert step(found, failed)["remedy"]
    assert f"WhatsApp does not work: {failed}" in said
    said, rate = account.both("rate-status")
    assert (rate["meta"], rate["error"]["cause"]) == (None, cause)
    assert rate["limiter"]["tokens"] == 9, "what is ours is known all the same"
    assert "cannot read them" in said
    said, error = account.both("templates", code=1)
    assert error["code"] == "unavailable"
    assert cause in said


def test_a_rejected_template_is_seen_mapped_and_replaced(account: Account) -> None:
    system = account.system
    with inbox(system, {"audience": ["marketing"]}) as marketing:
        system.template(PROMO, status="REJECTED", category="MARKETING", reason="PROMOTIONAL")
        system.panics("template_rejected", PROMO_SCOPE)
        told = marketing.told("promotions_affected")
        assert PROMO in told["text"]
    said, listed = account.both("templates", "--status", "rejected")
    row = next(row for row in listed["templates"] if row["name"] == PROMO)
    assert (row["reason"], row["panic"], row["replacement"]) == ("PROMOTIONAL", True, None)
    assert f"{PROMO} (en_US) REJECTED: PROMOTIONAL" in said
    shell = account.shell
    unfit = shell("whatsapp", "templates", "--map", f"{PROMO}=rejected_offer", code=1)
    assert "REJECTED, not APPROVED" in unfit.stderr
    mapped = shell("whatsapp", "templates", "--map", f"{PROMO}=order_update", "--reason", "rejected")
    assert f"While {PROMO} is in panic, Lifeline sends order_update." in mapped.stdout
    try:
        ids = account.promote(2, "mapped")
        system.wait_for(ids, "DELIVERED")
        taken = system.sends(f"{account.prefix}-mapped")
        assert [entry["body"]["template"]["name"] for entry in taken] == ["order_update"] * 2
        rows = shell.answer("whatsapp", "templates", "--name", PROMO)["templates"]
        assert rows[0]["replacement"] == "order_update"
        assert "replaced by order_update" in shell("whatsapp", "templates", "--name", PROMO).stdout
    finally:
        shell("whatsapp", "templates", "--unmap", PROMO)


def test_a_template_that_pacing_paused_is_unpaused(account: Account) -> None:
    shell = account.shell
    account.system.template(PROMO, status="PAUSED", reason="RATE_LIMITING_PAUSE")
    account.system.panics("template_rejected", PROMO_SCOPE)
    said = shell("whatsapp", "templates", "--unpause", PROMO, "--reason", "gentler now").stdout
    assert f"Meta sends {PROMO} again (en_US)." in said
    account.system.recovers(PROMO_SCOPE)
    assert "not paused" in shell("whatsapp", "templates", "--unpause", PROMO, code=1).stderr
    account.system.wait_for(account.promote(1, "again"), "DELIVERED")
