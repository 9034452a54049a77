"""A world for actions on the account: what Meta says, what the way to it does, what is stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lifeline.adapters.reach import UnreachedError
from lifeline.adapters.whatsapp import Accepted, Answer
from lifeline.domain.failure.causes import Fault
from lifeline.domain.failure.classify import Failure, classify_answer, classify_fault
from lifeline.domain.failure.usage import Quota, Usage
from lifeline.domain.inbound.records import ReportOfTest, ReportsOfTests
from lifeline.use_cases.account.usage_seen import UsageSeen
from lifeline.use_cases.operate.whatsapp_account import OperateAccount
from lifeline.use_cases.operate.whatsapp_test import OperateWhatsAppTest

from tests.support.services import Services

ACTOR = "arn:aws:iam::000000000000:user/ada"
NUMBER = {
    "id": "1",
    "status": "CONNECTED",
    "quality_rating": "GREEN",
    "throughput": {"level": "STANDARD"},
    "whatsapp_business_manager_messaging_limit": "TIER_10K",
    "health_status": {"can_send_message": "AVAILABLE", "entities": []},
}
BLOCKED = {"can_send_message": "BLOCKED", "entities": [
    {"entity_type": "WABA", "errors": [{"error_code": 141006, "error_description": "Unpaid."}]}
]}  # fmt: skip
EXPIRED = classify_answer(401, {"error": {"code": 190, "error_subcode": 463, "message": "expired"}}, {})
REFUSED = classify_fault(Fault.REFUSED, "ConnectionError")


def usage(percent: float = 10, regain: float = 0) -> Usage:
    return Usage((Quota("whatsapp", percent, 1, 1, regain),))


class Meta:
    """Answers as it is told. ``sent``: bodies of sends; ``after_send`` runs then, as the webhook would."""

    def __init__(self) -> None:
        self.number: Answer | Failure = Answer(NUMBER, usage())
        self.token: Answer | Failure = Answer({"data": {"is_valid": True, "expires_at": 0}}, None)
        self.listed: Answer | Failure = Answer(
            {"data": [{"name": "reminder", "status": "APPROVED"}, {"name": "old", "status": "PAUSED"}]}, None
        )
        self.outcome: Accepted | Failure = Accepted("wamid.1", False, None)
        self.sent: list[dict[str, Any]] = []
        self.after_send: Callable[[str], None] = lambda key: None
        self.last_usage: Usage | None = None

    def phone_number(self, fields: str = "") -> Answer | Failure:
        return self.number

    def debug_token(self) -> Answer | Failure:
        return self.token

    def templates(self, name: str | None = None, after: str | None = None) -> Answer | Failure:
        return self.listed

    def post_message(self, body: dict[str, Any]) -> Accepted | Failure:
        self.sent.append(body)
        if isinstance(self.outcome, Accepted):
            self.after_send(body["biz_opaque_callback_data"])
        return self.outcome


class Way:
    host = "graph.example.org"

    def __init__(self) -> None:
        self.fault: tuple[str, Fault] | None = None

    def resolve(self) -> list[str]:
        if self.fault and self.fault[0] == "resolve":
            raise UnreachedError(self.fault[1], "no address")
        return ["192.0.2.1"]

    def connect(self) -> str:
        if self.fault:
            raise UnreachedError(self.fault[1], "Connection refused")
        return "takes connections"


class World(Services):
    def __init__(self) -> None:
        super().__init__()
        self.meta = Meta()
        self.way = Way()
        self.also(whatsapp=self.meta, reach=self.way, short_id=lambda: "0123456789ab")
        adapters = self.adapters("operator")
        self.panic = adapters.panic
        account = OperateAccount(
            settings=adapters.settings,
            control=adapters.control,
            whatsapp=adapters.whatsapp,
            clock=adapters.clock,
        )
        way = OperateWhatsAppTest(
            settings=adapters.settings,
            control=adapters.control,
            panic=self.panic,
            whatsapp=adapters.whatsapp,
            reach=adapters.reach,
            clock=adapters.clock,
            pause=adapters.pause,
            new_id=adapters.short_id,
        )
        self.handlers = {**account.handlers(), **way.handlers()}

    def usage_seen(self) -> UsageSeen:
        """The sender's note of what usage headers say."""
        adapters = self.adapters("sender")
        return UsageSeen(
            control=adapters.control,
            whatsapp=adapters.whatsapp,
            clock=adapters.clock,
            telemetry=adapters.telemetry,
        )

    def rate(self) -> dict[str, Any]:
        return self.handlers["whatsapp.rate_status"]({})

    def test(self, **fields: Any) -> dict[str, Any]:
        return self.handlers["whatsapp.test"]({"actor": ACTOR, **fields})

    def steps(self, **fields: Any) -> dict[str, dict[str, Any]]:
        return {step["name"]: step for step in self.test(**fields)["steps"]}

    def report(self, *states: str, **more: Any) -> None:
        """The webhook that follows a send."""
        self.meta.after_send = lambda key: self.control.keep(
            ReportsOfTests({key: ReportOfTest(states, **more)}), actor="", reason="", now=self.clock()
        )
