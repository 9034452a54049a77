"""People who want no promotions, on the deployed system: what leaves is counted at Meta."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.meta import post
from tests.support.shell import Shell
from tests.support.system import System, eventually
from tests.support.webhook_samples import preference

TEMPLATE = "promo_offer"
STAYS, GOES = "4915112601001", "4915112601002"


@pytest.fixture
def lifeline(system: System) -> Shell:
    system.fresh()
    return Shell(system)


def says(system: System, wish: str, **who: str) -> None:
    """The person uses WhatsApp's switch for marketing messages; Meta tells us."""
    assert system.webhook(post(preference(wish, at=time.time(), **who))).status_code == 200
    system.webhooks_are_taken()


def campaign(system: System, lifeline: Shell, folder: Path) -> str:
    """A campaign to both people; answers with its name once all its messages are settled."""
    name = f"offer-{time.time_ns()}"
    file = folder / f"{name}.csv"
    file.write_text(f"to,parameter_1\n+{STAYS},10 %\n+{GOES},10 %\n")
    lifeline.answer("campaign", "send", str(file), "--template", TEMPLATE, "--over", "1m", "--name", name)

    def settled() -> bool:
        system.invoke("Drainer", {"source": "lifeline.schedule"})
        shown = state(lifeline, name)
        return bool(shown["sent"] + shown["suppressed"] == 2)

    eventually(settled, within=90, what="both messages are counted")
    return name


def state(lifeline: Shell, name: str) -> dict[str, Any]:
    return dict(lifeline.answer("campaign", "status", name)["campaigns"][0])


def to_whom(system: System, prefix: str) -> list[str]:
    return sorted(str(send["body"]["to"]) for send in system.sends(prefix) if send["accepted"])


def test_stop_a_campaign_skips_the_person_resume_and_it_reaches_them_again(
    system: System, lifeline: Shell, tmp_path: Path
) -> None:
    says(system, "stop", wa_id=GOES, user_id="DE.13492601002")
    first = campaign(system, lifeline, tmp_path)
    assert to_whom(system, first) == [STAYS]
    assert (state(lifeline, first)["sent"], state(lifeline, first)["suppressed"]) == (1, 1)
    rows = system.statuses(f"{first}:{line}" for line in range(4))
    (skipped,) = [name for name, status in rows.items() if status == "SUPPRESSED"]
    assert "SUPPRESSED" in lifeline("message", skipped).stdout
    assert "SUPPRESSED" in lifeline("whatsapp", "volume").stdout

    says(system, "resume", user_id="DE.13492601002")
    second = campaign(system, lifeline, tmp_path)
    assert to_whom(system, second) == [STAYS, GOES]
    assert state(lifeline, second)["suppressed"] == 0


def test_service_messages_go_on_and_what_is_parked_is_asked_about_again(
    system: System, lifeline: Shell
) -> None:
    prefix = system.fresh()
    lifeline("panic", "enable", "whatsapp", "a test", "--hold")
    system.flags_are_read()
    promo, visit = f"{prefix}-promo", f"{prefix}-visit"
    person = {"to": f"+{GOES}", "type": "text", "text": "hello"}
    system.produce(
        {"id": promo, **person, "category": "promotion"}, {"id": visit, **person, "category": "appointment"}
    )
    system.wait_for([promo, visit], "PARKED", within=60)
    says(system, "stop", wa_id=GOES)
    lifeline("panic", "disable", "whatsapp", "the test is over", "--no-ramp", "--yes")
    system.flags_are_read()

    def released() -> bool:
        system.invoke("Drainer", {"source": "lifeline.schedule"})
        return set(system.statuses([promo, visit]).values()) <= {"SUPPRESSED", "SENT", "DELIVERED", "READ"}

    eventually(released, within=90, what="both have left the backlog")
    assert system.statuses([promo])[promo] == "SUPPRESSED"
    assert system.accepted(prefix) == [visit]
    says(system, "resume", wa_id=GOES)
