"""What Meta tells of the account, on the deployed system: told to whom it concerns, or a panic that ends."""

from __future__ import annotations

import time
from typing import Any

from tests.support.inbox import Inbox, inbox
from tests.support.meta import post
from tests.support.system import System, eventually
from tests.support.webhook_samples import ACCOUNT


def told_of(box: Inbox, field: str) -> dict[str, Any]:
    return eventually(
        lambda: next((found for found in box.look() if found.get("field") == field), None),
        30,
        f"a notification of {field}",
    )


def news(system: System, name: str) -> None:
    assert system.webhook(post(ACCOUNT[name].change, time=time.time())).status_code == 200


def test_each_audience_hears_what_concerns_it(system: System) -> None:
    system.fresh()
    with (
        inbox(system, {"audience": ["marketing"]}) as marketing,
        inbox(system, {"audience": ["meta-support"]}) as support,
    ):
        for name in ("PIN changed", "template category", "limits changed", "alert"):
            news(system, name)
        assert told_of(marketing, "template_category_update")["scope"] == "whatsapp/template/promo"
        assert "2000" in told_of(marketing, "business_capability_update")["text"]
        assert told_of(support, "account_alerts")["event"] == "INCREASED_CAPABILITIES_ELIGIBILITY_FAILED"
        assert {found["field"] for found in marketing.look()} == {
            "template_category_update",
            "business_capability_update",
        }
        assert {found["field"] for found in support.look()} == {"account_alerts"}
    assert system.flag()["state"] == "normal"


def test_a_partner_that_is_removed_is_a_panic_that_ends_where_we_may_still_send(system: System) -> None:
    prefix = system.fresh()
    news(system, "partner removed")
    system.panics("account")
    system.recovers()
    system.produce(system.person(f"{prefix}-after"))
    system.wait_for([f"{prefix}-after"], "DELIVERED", within=60)
