"""A business phone number: its fields, settings, profile, commerce, registration, QR codes, blocked users."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from local.simulators.graph.nodes import Node, page
from local.simulators.graph.refusals import invalid, refusal
from local.simulators.server import Answer, Request

NUMBER: Final = Node(
    "WhatsAppBusinessPhoneNumber",
    (
        *("status", "health_status", "name_status", "new_name_status", "quality_score", "account_mode"),
        *("is_on_biz_app", "is_official_business_account", "is_pin_enabled", "is_preverified_number"),
        *("whatsapp_business_manager_messaging_limit", "messaging_limit_tier", "search_visibility"),
        *("eligibility_for_api_business_global_search", "certificate", "new_certificate", "username"),
        *("conversational_automation", "country_code", "country_dial_code", "host_platform"),
        *("unified_cert_status", "new_display_name", "new_verified_name"),
    ),
    (
        *("id", "verified_name", "code_verification_status", "display_phone_number", "quality_rating"),
        *("platform_type", "throughput", "last_onboarded_time", "webhook_configuration"),
    ),
)
_SETTINGS: Final = Node(
    "WhatsAppBusinessPhoneNumberSettings",
    (),
    ("calling", "storage_configuration", "user_identity_change", "payload_encryption"),
)
_PROFILE_FIELDS: Final = (
    *("about", "address", "description", "email", "profile_picture_url", "websites", "vertical"),
    *("messaging_product", "profile_picture_handle"),
)
_PROFILE: Final = Node("WhatsAppBusinessProfile", _PROFILE_FIELDS, ("messaging_product",))
_COMMERCE: Final = Node(
    "WhatsAppCommerceSettings", (), ("id", "catalog_id", "is_cart_enabled", "is_catalog_visible")
)
_QR: Final = Node(
    "WhatsAppMessageQRDL",
    ("qr_image_url", "creation_time"),
    ("code", "prefilled_message", "deep_link_url"),
)
_LENGTHS: Final = {"about": 139, "address": 256, "description": 512, "email": 128}
"""Meta, "Business profiles"."""
MOST_BLOCKED_AT_ONCE: Final = 1000
_PIN: Final = re.compile(r"\d{6}")
_CODE: Final = re.compile(r"\d{3}-?\d{3}")


class PhoneNumber:
    """The number from which is sent. ``health``: what ``health_status`` says now."""

    def __init__(self, phone_number_id: str, health: Callable[[], Mapping[str, Any]]) -> None:
        self._id, self._health = phone_number_id, health
        self._codes = itertools.count(1)
        self.reset()

    def reset(self) -> None:
        self.facts: dict[str, Any] = {
            "id": self._id,
            "verified_name": "Lifeline Clinic",
            "display_phone_number": "+1 555-078-3881",
            "status": "CONNECTED",
            "quality_rating": "GREEN",
            "quality_score": {"score": "GREEN"},
            "code_verification_status": "VERIFIED",
            "throughput": {"level": "STANDARD"},
            "name_status": "APPROVED",
            "new_name_status": "NONE",
            "platform_type": "CLOUD_API",
            "account_mode": "LIVE",
            "is_pin_enabled": True,
            "is_official_business_account": False,
            "is_on_biz_app": False,
            "is_preverified_number": False,
            "country_code": "US",
            "country_dial_code": "1",
            "host_platform": "CLOUD_API",
            "whatsapp_business_manager_messaging_limit": "TIER_10K",
            "last_onboarded_time": "2025-06-30T09:00:00+0000",
            "webhook_configuration": {"application": "https://example.org/webhook"},
        }
        self._settings: dict[str, Any] = {
            "calling": {
                "status": "DISABLED",
                "call_icon_visibility": "DEFAULT",
                "ip_addresses": {"default": []},
                "callback_permission_status": "DISABLED",
            },
            "storage_configuration": {"status": "DEFAULT"},
            "user_identity_change": {"enable_identity_key_check": False},
            "payload_encryption": {"status": "DISABLED"},
        }
        self._profile: dict[str, Any] = {
            "messaging_product": "whatsapp",
            "about": "Your clinic.",
            "address": "1 Hacker Way, Menlo Park, CA 94025",
            "description": "Appointments and reminders.",
            "email": "clinic@example.org",
            "vertical": "HEALTH",
            "websites": ["https://example.org/"],
            "profile_picture_url": "https://example.org/picture.jpg",
        }
        self._commerce = {"id": "727705352028726", "is_cart_enabled": True, "is_catalog_visible": False}
        self._key = ""
        self._pin = "123456"
        self._qr: dict[str, dict[str, Any]] = {}
        self._blocked: dict[str, dict[str, Any]] = {}

    def seen(self) -> dict[str, Any]:
        """All fields, as they are now."""
        return {**self.facts, "health_status": self._health()}

    def answer(self, request: Request, edge: list[str]) -> Answer | None:
        """``/{phone-number-id}`` and what is below it; ``None`` where Meta has no such edge."""
        body = request.body if isinstance(request.body, dict) else {}
        given = {**request.query, **body}
        match request.method, edge:
            case "GET", []:
                return NUMBER.shown(self.seen(), request)
            case "POST", []:
                return self._change(given)
            case "GET", ["settings"]:
                return self._plain(_SETTINGS, self._settings, request)
            case "POST", ["settings"]:
                return self._set(given)
            case "GET", ["whatsapp_business_profile"]:
                return self._first(_PROFILE, self._profile, request)
            case "POST", ["whatsapp_business_profile"]:
                return self._set_profile(given)
            case "GET", ["whatsapp_commerce_settings"]:
                return self._first(_COMMERCE, self._commerce, request)
            case "POST", ["whatsapp_commerce_settings"]:
                return self._set_commerce(given)
            case "POST", ["conversational_automation"]:
                return self._automate(given)
            case "GET", ["whatsapp_business_encryption"]:
                status = {"business_public_key_signature_status": "VALID"} if self._key else {}
                return Answer(200, {"data": [{"business_public_key": self._key, **status}]})
            case "POST", ["whatsapp_business_encryption"]:
                return self._set_key(given)
            case _, ["message_qrdls", *code]:
                return self._qr_codes(request, given, code)
            case _, ["block_users"]:
                return self._block(request, given)
            case "POST", [way]:
                return self._register(way, given)
        return None

    # -- fields and settings ------------------------------------------------------------------------

    @staticmethod
    def _plain(node: Node, row: Mapping[str, Any], request: Request) -> Answer:
        names = node.wanted(request)
        if isinstance(names, Answer):
            return names
        return Answer(200, {name: row[name] for name in names if name in row})

    def _first(self, node: Node, row: Mapping[str, Any], request: Request) -> Answer:
        found = self._plain(node, row, request)
        if found.status != 200:
            return found
        return Answer(200, {"data": [{**found.body, **({"id": row["id"]} if "id" in row else {})}]})

    def _change(self, given: Mapping[str, Any]) -> Answer:
        """A display name, or where this number's webhooks go."""
        if "new_display_name" in given:
            if given.get("messaging_product") not in (None, "whatsapp") or not given["new_display_name"]:
                return invalid("new_display_name must not be empty")
            self.facts |= {
                "new_display_name": given["new_display_name"],
                "new_name_status": "PENDING_REVIEW",
            }
        elif isinstance(given.get("webhook_configuration"), dict):
            address = given["webhook_configuration"].get("override_callback_uri")
            kept = {"application": self.facts["webhook_configuration"]["application"]}
            self.facts["webhook_configuration"] = {**kept, "phone_number": address} if address else kept
        else:
            return invalid("new_display_name or webhook_configuration is needed")
        return Answer(200, {"success": True})

    def _set(self, given: Mapping[str, Any]) -> Answer:
        for name, value in given.items():
            if name not in self._settings or not isinstance(value, dict):
                return invalid(f"{name} is no setting of a phone number")
        for name, value in given.items():
            self._settings[name] = {**self._settings[name], **value}
        return Answer(200, {"success": True})

    def _set_profile(self, given: Mapping[str, Any]) -> Answer:
        if given.get("messaging_product") != "whatsapp":
            return refusal(100, "The parameter messaging_product is required.", 400)
        for name, value in given.items():
            if name not in _PROFILE_FIELDS:
                return invalid(f"{name} is no part of a business profile")
            if len(str(value)) > _LENGTHS.get(name, 10_000):
                return invalid(f"{name} may have at most {_LENGTHS[name]} characters")
        if len(given.get("websites") or []) > 2:
            return invalid("websites may be at most 2")
        self._profile |= {name: value for name, value in given.items() if name != "profile_picture_handle"}
        return Answer(200, {"success": True})

    def _set_commerce(self, given: Mapping[str, Any]) -> Answer:
        for name in ("is_cart_enabled", "is_catalog_visible"):
            if name in given:
                self._commerce[name] = str(given[name]).lower() == "true"
        return Answer(200, {"success": True})

    def _automate(self, given: Mapping[str, Any]) -> Answer:
        commands, prompts = given.get("commands") or [], given.get("prompts") or []
        if isinstance(commands, str):
            commands = json.loads(commands)
        if len(commands) > 30 or len(prompts) > 4:
            return invalid("commands may be at most 30, prompts at most 4")
        if any(len(str(prompt)) > 80 for prompt in prompts):
            return invalid("a prompt may have at most 80 characters")
        self.facts["conversational_automation"] = {
            "id": self._id,
            "prompts": list(prompts),
            "commands": list(commands),
        }
        return Answer(200, {"success": True})

    def _set_key(self, given: Mapping[str, Any]) -> Answer:
        key = str(given.get("business_public_key", ""))
        if "BEGIN PUBLIC KEY" not in key:
            return invalid("business_public_key must be an RSA key of 2048 bits in PEM")
        self._key = key
        return Answer(200, {"success": True})

    # -- registration -------------------------------------------------------------------------------

    def _register(self, way: str, given: Mapping[str, Any]) -> Answer | None:
        match way:
            case "register":
                if not _PIN.fullmatch(str(given.get("pin", ""))):
                    return refusal(131009, details="pin must have 6 digits")
                if given["pin"] != self._pin:
                    return refusal(133005)
                self.facts["status"] = "CONNECTED"
            case "deregister":
                self.facts["status"] = "DISCONNECTED"
            case "request_code":
                if given.get("code_method") not in ("SMS", "VOICE") or not given.get("language"):
                    return invalid("code_method must be SMS or VOICE, and language is needed")
            case "verify_code":
                if not _CODE.fullmatch(str(given.get("code", ""))):
                    return refusal(136025)
                self.facts["code_verification_status"] = "VERIFIED"
            case _:
                return None
        return Answer(200, {"success": True})

    # -- QR codes and blocked users -----------------------------------------------------------------

    def _qr_codes(self, request: Request, given: Mapping[str, Any], code: list[str]) -> Answer | None:
        known = self._qr.get(code[0] if code else str(given.get("code", "")))
        match request.method, code:
            case "GET", []:
                return _QR.listed(list(self._qr.values()), request, with_id=False)
            case "GET", [_]:
                return _QR.listed([known] if known else [], request, with_id=False)
            case "DELETE", [name] if known:
                del self._qr[name]
                return Answer(200, {"success": True})
            case "POST", []:
                text = str(given.get("prefilled_message") or "")
                if not 1 <= len(text) <= 140:
                    return invalid("prefilled_message must have 1 to 140 characters")
                if known is None and "code" in given:
                    return refusal(100, "QR code does not exist", 400)
                row = known or self._new_code()
                row["prefilled_message"] = text
                return Answer(200, row)
        return None

    def _new_code(self) -> dict[str, Any]:
        digest = hashlib.sha256(f"{self._id}/{next(self._codes)}".encode()).hexdigest()
        code = digest[:14].upper()
        self._qr[code] = {
            "code": code,
            "prefilled_message": "",
            "deep_link_url": f"https://wa.me/message/{code}",
            "qr_image_url": f"https://scontent.example.org/{code}.png",
            "creation_time": 1751247548,
        }
        return self._qr[code]

    def _block(self, request: Request, given: Mapping[str, Any]) -> Answer | None:
        if request.method == "GET":
            return page(list(self._blocked.values()), request, 25)
        listed = given.get("block_users")
        if not isinstance(listed, list) or not 1 <= len(listed) <= MOST_BLOCKED_AT_ONCE:
            return invalid(f"block_users must be a list of 1 to {MOST_BLOCKED_AT_ONCE}")
        users = [str(one.get("user") or one.get("user_id") or "") for one in listed]
        found = []
        for user in users:
            name = "user_id" if "." in user else "wa_id"
            entry = {"input": user, name: user.lstrip("+")}
            found.append(entry)
            if request.method == "POST":
                self._blocked[user] = {"messaging_product": "whatsapp", **entry}
            else:
                self._blocked.pop(user, None)
        key = "added_users" if request.method == "POST" else "removed_users"
        return Answer(200, {"messaging_product": "whatsapp", "block_users": {key: found}})
