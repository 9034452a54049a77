"""A WhatsApp business account (WABA): fields, numbers, subscribed apps; accounts of a business; an app's
subscription.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any, Final

from local.simulators.graph.nodes import Node
from local.simulators.graph.number import NUMBER
from local.simulators.graph.refusals import invalid
from local.simulators.server import Answer, Request

BUSINESS_ID: Final = "506914307656634"
ACCOUNT: Final = Node(
    "WhatsAppBusinessAccount",
    (
        *("status", "business_verification_status", "is_enabled_for_insights", "ownership_type"),
        *("marketing_messages_lite_api_status", "marketing_messages_onboarding_status", "health_status"),
        *("on_behalf_of_business_info", "owner_business_info", "country", "subscribed_apps"),
        *("account_review_status", "disable_marketing_messages_on_cloud_api", "primary_business_location"),
        *("phone_numbers", "message_templates", "analytics", "conversation_analytics"),
        *("whatsapp_business_manager_messaging_limit", "purchase_order_number", "schedules"),
    ),
    ("id", "name", "currency", "timezone_id", "message_template_namespace"),
)


class Account:
    """The account that owns the number. ``health``: what ``health_status`` says; ``number``: its fields."""

    def __init__(
        self,
        waba_id: str,
        app_id: str,
        health: Callable[[], Mapping[str, Any]],
        number: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._id, self._app_id = waba_id, app_id
        self._health, self._number = health, number
        self._numbers = itertools.count(1)
        self.reset()

    def reset(self) -> None:
        business = {"id": BUSINESS_ID, "name": "Lifeline Clinic"}
        self._facts: dict[str, Any] = {
            "id": self._id,
            "name": "Lifeline Clinic",
            "currency": "USD",
            "timezone_id": "1",
            "message_template_namespace": "ba30dd89_2ebd_41e4_b805_f2c05ae04cc9",
            "status": "ACTIVE",
            "business_verification_status": "VERIFIED",
            "is_enabled_for_insights": True,
            "ownership_type": "SELF_OWNED",
            "marketing_messages_lite_api_status": "ONBOARDED",
            "marketing_messages_onboarding_status": "ONBOARDED",
            "on_behalf_of_business_info": {**business, "status": "APPROVED", "type": "SELF"},
            "owner_business_info": business,
            "country": "US",
            "account_review_status": "APPROVED",
            "disable_marketing_messages_on_cloud_api": False,
        }
        self._added: list[dict[str, Any]] = []
        self._override = ""
        self._subscribed = True

    def answer(self, request: Request, edge: list[str]) -> Answer | None:
        """``/{waba-id}`` and what is below it, but for templates; ``None`` where there is no such edge."""
        body = request.body if isinstance(request.body, dict) else {}
        match request.method, edge:
            case "GET", []:
                return ACCOUNT.shown(self._seen(), request)
            case "POST", []:
                known = ("disable_marketing_messages_on_cloud_api", "degrees_of_freedom_spec")
                if not body or set(body) - set(known):
                    return invalid(f"the settings of an account are {', '.join(known)}")
                self._facts |= body
                return Answer(200, {"id": self._id})
            case "GET", ["phone_numbers"]:
                return NUMBER.listed([self._number(), *self._added], request)
            case "POST", ["phone_numbers"]:
                return self._add_number(body)
            case "GET", ["subscribed_apps"]:
                return Answer(200, {"data": self._apps()})
            case "POST", ["subscribed_apps"]:
                self._override = str(body.get("override_callback_uri") or "")
                self._subscribed = True
                return Answer(200, {"success": True})
            case "DELETE", ["subscribed_apps"]:
                self._subscribed = False
                return Answer(200, {"success": True})
        return None

    def of_business(self, request: Request) -> Answer:
        """``/{business-id}/owned_whatsapp_business_accounts`` and the shared ones: this one."""
        return ACCOUNT.listed([self._seen()], request)

    def subscribe_app(self, request: Request) -> Answer:
        """``POST /{app-id}/subscriptions``: where an app's webhooks go. Nothing is asked there."""
        given = {**request.query, **(request.body if isinstance(request.body, dict) else {})}
        missing = [name for name in ("object", "callback_url", "verify_token") if not given.get(name)]
        if missing:
            return invalid(f"{missing[0]} is missing")
        return Answer(200, {"success": True})

    def _seen(self) -> dict[str, Any]:
        return {
            **self._facts,
            "health_status": self._health(),
            "subscribed_apps": {"data": self._apps()},
            "phone_numbers": {"data": [self._number()]},
        }

    def _apps(self) -> list[dict[str, Any]]:
        if not self._subscribed:
            return []
        link = f"https://www.facebook.com/games/?app_id={self._app_id}"
        app: dict[str, Any] = {
            "whatsapp_business_api_data": {"id": self._app_id, "name": "Lifeline", "link": link}
        }
        if self._override:
            app["override_callback_uri"] = self._override
        return [app]

    def _add_number(self, body: Mapping[str, Any]) -> Answer:
        code = str(body.get("country_code") or body.get("cc") or "")
        number = str(body.get("phone_number", ""))
        if not code.isdigit() or not number.isdigit() or not body.get("verified_name"):
            return invalid("country_code, phone_number and verified_name are needed")
        added = {
            "id": str(106_540_352_300_000 + next(self._numbers)),
            "display_phone_number": f"+{code} {number}",
            "verified_name": body["verified_name"],
            "status": "PENDING",
            "quality_rating": "NA",
            "code_verification_status": "UNVERIFIED",
            "platform_type": "NOT_APPLICABLE",
        }
        self._added.append(added)
        return Answer(200, {"id": added["id"]})


def health(phone_number_id: str, waba_id: str, app_id: str, *, blocked: bool) -> dict[str, Any]:
    """``health_status`` of the number and of the account: the worst of all that take part."""
    state = "BLOCKED" if blocked else "AVAILABLE"
    account: dict[str, Any] = {"entity_type": "WABA", "id": waba_id, "can_send_message": state}
    if blocked:
        account["errors"] = [
            {
                "error_code": 141006,
                "error_description": "There is an error with your payment method.",
                "possible_solution": "Check the payment method in Business Manager.",
            }
        ]
    return {
        "can_send_message": state,
        "entities": [
            {"entity_type": "PHONE_NUMBER", "id": phone_number_id, "can_send_message": "AVAILABLE"},
            account,
            {"entity_type": "BUSINESS", "id": BUSINESS_ID, "can_send_message": "AVAILABLE"},
            {"entity_type": "APP", "id": app_id, "can_send_message": "AVAILABLE"},
        ],
    }
