"""A simulator of Meta's Graph API as far as Lifeline uses it: sends, templates, numbers, tokens, webhooks.

    python -m local.simulators.graph --port 0 --control-port 0

Fault kinds and what they touch:

``unreachable``        the API port closes, the control port stays
``slow``               every call waits ``latency_ms`` (default 30000)
``server_error``       every call answers 500 (or ``status``) with code 2
``not_json``           every call answers 502 with HTML
``auth``               every call with a bearer token answers 190 (``subcode``); debug_token: invalid
``account``            sends answer 131031; the number's health status is BLOCKED
``rate_limit``         sends answer 130429, with ``regain_minutes`` in the usage header if given
``spam_limit``         sends answer 131048
``pair_rate_limit``    sends answer 131056
``template_rejected``  template sends answer 132015 (or ``code``)
``invalid_phone``      sends answer 131026 (or ``code``)
``code``               sends answer ``code`` with ``status`` (default 400), ``details``, ``subcode``
``ambiguous``          the send is accepted and recorded, then the connection breaks
``held``               sends answer held_for_quality_assessment
``silent``             sends are accepted; no webhook ever comes
``undelivered``        sends are accepted; the webhook says failed with ``code`` (default 131026)

Webhooks: ``webhook_delay`` and up to ``webhook_jitter`` more (seconds), ``webhook_duplicates`` and
``webhook_drop`` (shares; what is dropped is delivered once the share is 0 again), ``webhook_shuffle``.

``match`` narrows by ``to`` (one or a list), ``template``, ``type``, ``id`` (callback id), ``path``, ``text``.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import hmac
import itertools
import json
import queue
import random
import signal
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import requests

from local.simulators.inbound_media import InboundMedia
from local.simulators.openai import multipart
from local.simulators.server import BREAK, Answer, ControlError, Fault, Request, Simulator

if TYPE_CHECKING:
    from local.simulators.meta_schema import MetaSchema

SEND_FAULTS = (
    "account",
    "rate_limit",
    "spam_limit",
    "pair_rate_limit",
    "template_rejected",
    "invalid_phone",
    "code",
)
MESSAGES: dict[int, tuple[int, str]] = {
    4: (429, "Application request limit reached"),
    100: (400, "Invalid parameter"),
    190: (401, "Error validating access token"),
    130429: (429, "Rate limit hit"),
    131026: (400, "Message undeliverable"),
    131031: (403, "Business account has been locked"),
    131048: (429, "Spam rate limit hit"),
    131056: (429, "(Business Account, Consumer Account) pair rate limit hit"),
    132000: (400, "Number of parameters does not match the expected number of params"),
    132001: (404, "Template name does not exist in the translation"),
    132015: (400, "Template is paused"),
    132016: (400, "Template is disabled"),
}
WEBHOOK_SCHEMAS = {"messages": "StatusMessageValue", "messages in": "IncomingMessageValueGeneral"}
"""What Meta's file calls the values of the field ``messages``; other fields it does not describe."""
PAIR_INTERVAL = 6.0
PAIR_BURST = 45
"""One message per 6 seconds to one user, up to 45 borrowed from the future (Meta, "Pair rate limits")."""


def template(
    name: str, parameters: int, category: str = "UTILITY", status: str = "APPROVED", reason: str = "NONE"
) -> dict[str, Any]:
    """One message template as Meta lists it."""
    text = " ".join(f"{{{{{n}}}}}" for n in range(1, parameters + 1)) or "Hello"
    return {
        "id": str(int(hashlib.sha256(name.encode()).hexdigest()[:12], 16)),
        "name": name,
        "language": "en_US",
        "status": status,
        "category": category,
        "rejected_reason": reason,
        "quality_score": {"score": "GREEN", "date": 1751247548},
        "components": [{"type": "BODY", "text": text}],
        "parameters": parameters,
    }


def default_templates() -> list[dict[str, Any]]:
    """What a fresh account has."""
    return [
        template("appointment_reminder", 3),
        template("appointment_reminder_v2", 3),
        template("order_update", 1),
        template("promo_offer", 1, "MARKETING"),
        template("hello_world", 0),
        template("rejected_offer", 1, "MARKETING", "REJECTED", "PROMOTIONAL"),
        template("paused_notice", 1, "UTILITY", "PAUSED"),
    ]


WEBHOOK_TIMEOUT = 20.0
"""Seconds that a receiver of webhooks has for its answer."""


class GraphSimulator(Simulator):
    """One account with one number."""

    kinds = ("server_error", "not_json", "auth", *SEND_FAULTS, "ambiguous", "held", "silent", "undelivered")

    def __init__(
        self,
        port: int = 0,
        control_port: int = 0,
        *,
        access_token: str = "EAAlocaltoken0000000000000001",
        app_id: str = "1234567890",
        app_secret: str = "local-app-secret",
        verify_token: str = "local-verify-token",
        phone_number_id: str = "106540352242922",
        waba_id: str = "102290129340398",
        openapi: str | None = None,
    ) -> None:
        """``openapi``: path of Meta's OpenAPI file; sends that break it are refused, and what this simulator
        says itself is held against it (``schema_faults`` of ``GET /_control/state``).
        """
        super().__init__(port, control_port)
        self._schema: MetaSchema | None = None
        if openapi:
            from local.simulators.meta_schema import MetaSchema

            self._schema = MetaSchema(openapi)
        self.schema_faults: list[str] = []
        self.app_id, self.app_secret, self.verify_token = app_id, app_secret, verify_token
        self.phone_number_id, self.waba_id = phone_number_id, waba_id
        self._first_token = access_token
        self._serial = itertools.count(1)
        self._wamids = itertools.count(1)
        self._due: queue.PriorityQueue[tuple[float, int, str, bytes, dict[str, Any]]] = queue.PriorityQueue()
        self._dropped: list[tuple[int, str, bytes]] = []
        self._under_way = 0
        self._chance = random.Random(7)
        self.webhook_log: list[dict[str, Any]] = []
        self._ended = threading.Event()
        self._courier = threading.Thread(target=self._deliver_webhooks, daemon=True)
        self._fresh()

    def start(self) -> GraphSimulator:
        """Open both ports and begin to deliver webhooks."""
        super().start()
        self._courier.start()
        return self

    def stop(self) -> None:
        """Close both ports; when this returns, no webhook is under way any more."""
        super().stop()
        self._ended.set()
        if self._courier.is_alive():
            self._courier.join(WEBHOOK_TIMEOUT + 1)

    def _fresh(self) -> None:
        self.tokens: dict[str, dict[str, Any]] = {self._first_token: {"expires_at": 0, "revoked": False}}
        self.templates = default_templates()
        self.uploads: dict[str, bytes] = {}
        self.throughput = 80.0
        self.pair_limit = True
        self._window: list[float] = []
        self._pairs: dict[str, float] = {}
        self.number: dict[str, Any] = {
            "id": self.phone_number_id,
            "verified_name": "Lifeline Clinic",
            "display_phone_number": "+1 555-078-3881",
            "status": "CONNECTED",
            "quality_rating": "GREEN",
            "throughput": {"level": "STANDARD"},
            "name_status": "APPROVED",
            "platform_type": "CLOUD_API",
            "account_mode": "LIVE",
            "whatsapp_business_manager_messaging_limit": "TIER_10K",
        }
        self.usage = {"call_count": 1, "total_cputime": 1, "total_time": 1}
        self.token_exchange = "works"
        self.inbound_media = InboundMedia()

    def reset(self) -> None:
        """Clear faults, record, templates, limits; the webhook address stays, and so do the tokens that were
        issued, valid and without an end: those who hold one need not know of the reset.
        """
        with self.lock:
            issued = list(self.tokens)
            self._fresh()
            self.tokens |= {token: {"expires_at": 0, "revoked": False} for token in issued}
            self.webhook_log.clear()
        super().reset()

    # -- control ----------------------------------------------------------------------------------

    webhook_url = ""
    webhook_host = ""
    webhook_delay = 0.05
    webhook_duplicates = 0.0
    webhook_shuffle = False
    webhook_read = False
    webhook_jitter = 0.0
    webhook_drop = 0.0

    def apply_settings(self, body: Mapping[str, Any]) -> None:
        """``throughput``, ``pair_limit``, ``latency_ms``, ``webhook_*``, ``number``, ``usage``, ..."""
        super().apply_settings(body)
        known = (
            "throughput",
            "pair_limit",
            "webhook_url",
            "webhook_host",
            "webhook_delay",
            "webhook_duplicates",
            "webhook_shuffle",
            "webhook_read",
            "webhook_jitter",
            "webhook_drop",
            "usage",
            "token_exchange",
        )
        for name, value in body.items():
            if name == "number":
                self.number |= value
            elif name == "media_seconds":
                self.inbound_media.seconds = float(value)
            elif name in known:
                setattr(self, name, value)
            elif name != "latency_ms":
                raise ControlError(
                    f"unknown setting {name!r}; known are latency_ms, media_seconds, number, "
                    + ", ".join(known)
                )
        if not self.webhook_drop:
            self._deliver_dropped()

    def state(self) -> dict[str, Any]:
        """Templates, number, tokens by fingerprint, limits."""
        tokens = [
            {"fingerprint": hashlib.sha256(token.encode()).hexdigest()[:12], **facts}
            for token, facts in self.tokens.items()
        ]
        return {
            **super().state(),
            "templates": self.templates,
            "number": self.number,
            "tokens": tokens,
            "throughput": self.throughput,
            "webhook_url": self.webhook_url,
            "webhooks_waiting": self._due.qsize() + self._under_way,
            "webhooks_dropped": len(self._dropped),
            "schema_faults": self.schema_faults,
        }

    def control(self, method: str, path: str, query: dict[str, str], body: Any) -> Any:
        """``/templates``, ``/tokens``, ``/inbound``, ``/inbound-media``, ``/webhooks``."""
        match method, path:
            case "POST", "/templates":
                return self._set_template(body)
            case "POST", "/tokens":
                return self._set_token(body)
            case "POST", "/inbound":
                return self._inbound(body)
            case "DELETE", "/inbound-media":
                return {"forgotten": self.inbound_media.forget()}
            case "POST", "/webhooks":
                return self._raw_webhook(body)
            case "GET", "/webhooks":
                return {"webhooks": self.webhook_log}
        return None

    def _set_template(self, body: Mapping[str, Any]) -> dict[str, Any]:
        name = body["name"]
        found = next((t for t in self.templates if t["name"] == name), None)
        if found is None:
            found = template(name, int(body.get("parameters", 0)))
            self.templates.append(found)
        found |= {k: v for k, v in body.items() if k not in ("webhook", "reason")}
        if "reason" in body:
            found["rejected_reason"] = body["reason"]
        if body.get("webhook", "status" in body):
            self._tell_status(found, body.get("reason"))
        return found

    def _tell_status(self, found: Mapping[str, Any], reason: Any) -> None:
        self._change(
            "message_template_status_update",
            {
                "event": found["status"],
                "message_template_id": int(found["id"]),
                "message_template_name": found["name"],
                "message_template_language": found["language"],
                "message_template_category": found["category"],
                "reason": reason,
            },
        )

    def _set_token(self, body: Mapping[str, Any]) -> dict[str, Any]:
        token = body.get("token") or self._current_token()
        if body.get("issue"):
            token = self._new_token(int(body.get("expires_at", 0)))
        facts = self.tokens.setdefault(token, {"expires_at": 0, "revoked": False})
        if "expires_in" in body:
            facts["expires_at"] = int(self.clock() + float(body["expires_in"]))
        if "expires_at" in body:
            facts["expires_at"] = int(body["expires_at"])
        if "revoked" in body:
            facts["revoked"] = bool(body["revoked"])
        return {"token": token, **facts}

    def _inbound(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Somebody writes (``text``), speaks (``audio``: Base64, ``audio_bytes``: so many zeros;
        ``mime_type``, ``voice``: false for a file), or sends ``message`` as it is; ``from``, ``user_id``.
        """
        wamid = f"wamid.IN{next(self._wamids):08d}"
        sender = str(body.get("from", "16505551234"))
        message: dict[str, Any] = {"from": sender, "id": wamid, "timestamp": str(int(self.clock()))}
        contact: dict[str, Any] = {"profile": {"name": "Ana"}, "wa_id": sender}
        if "user_id" in body:
            message["from_user_id"] = contact["user_id"] = str(body["user_id"])
        if "audio" in body or "audio_bytes" in body:
            message |= self.inbound_media.message(body)
        else:
            text = {"type": "text", "text": {"body": str(body.get("text", "hello"))}}
            message |= body.get("message") or text
        self._change(
            "messages",
            {
                "messaging_product": "whatsapp",
                "metadata": self._metadata(),
                "contacts": [contact],
                "messages": [message],
            },
        )
        return {"wamid": wamid, "message": message}

    def _raw_webhook(self, body: Mapping[str, Any]) -> dict[str, Any]:
        raw = json.dumps(body["payload"]).encode()
        signature = body.get("signature") or self._sign(raw)
        status = self._post(raw, signature)
        return {"status": status}

    # -- answers ----------------------------------------------------------------------------------

    def _hold_against(self, name: str | None, document: Any) -> None:
        """Note what this simulator says otherwise than Meta's file does."""
        if self._schema and name:
            self.schema_faults += [f"{name}: {text}" for text in self._schema.errors(name, document)]

    def answer(self, request: Request) -> Answer:
        """Route one API request; answers are held against Meta's file where it describes them."""
        found = self._route(request)
        if found.status in (200, BREAK) and request.method == "POST" and request.path.endswith("/messages"):
            self._hold_against("MessageResponsePayload", found.body)
        elif found.status >= 400 and found.raw is None:
            self._hold_against("GraphAPIError", found.body)
        return found

    def _route(self, request: Request) -> Answer:
        facts = self._facts(request)
        broken = self.take_fault(("server_error", "not_json"), facts)
        if broken and broken.kind == "not_json":
            return Answer(
                502, raw=b"<html>Bad gateway</html>", content_type="text/html", notes={"fault": "not_json"}
            )
        if broken:
            found = self._error(2, "Service temporarily unavailable", int(broken.options.get("status", 500)))
            found.notes["fault"] = "server_error"
            return found
        parts = [part for part in request.path.split("/") if part]
        if parts and parts[0].startswith("v") and parts[0][1:2].isdigit():
            parts = parts[1:]
        tail = "/".join(parts)
        if tail == "debug_token":
            return self._debug_token(request)
        if tail == "oauth/access_token":
            return self._exchange(request)
        if tail == "oauth/revoke":
            self.tokens.setdefault(request.query.get("revoke_token", ""), {"expires_at": 0})["revoked"] = True
            return Answer(200, {"success": "true"})
        refused = self._authenticate(request, facts)
        if refused:
            return refused
        match request.method, parts:
            case "POST", [self.phone_number_id, "messages"]:
                return self._send(request, facts)
            case "POST", [self.phone_number_id, "media"]:
                return self._upload(request)
            case "GET", [self.phone_number_id]:
                return self._fields(self.number | {"health_status": self._health()}, request)
            case "GET", [self.waba_id]:
                return self._fields({"id": self.waba_id, "health_status": self._health()}, request)
            case "GET", [self.waba_id, "message_templates"]:
                return self._list_templates(request)
            case "GET", ["whatsapp_business", "attachments"]:
                return self.inbound_media.download(request) or self._error(100, "Media not found", 404)
            case "GET", [media_id] if media_id in self.inbound_media:
                return Answer(200, self.inbound_media.described(media_id, self.url))
            case "POST", [template_id, "unpause"]:
                return self._unpause(template_id)
        return self._error(100, "Unsupported request - object does not exist", 400, subcode=33)

    def _facts(self, request: Request) -> dict[str, Any]:
        body = request.body if isinstance(request.body, dict) else {}
        chosen = body.get("template")
        return {
            "path": request.path,
            "method": request.method,
            "to": body.get("to"),
            "type": body.get("type"),
            "template": chosen.get("name") if isinstance(chosen, dict) else None,
            "id": body.get("biz_opaque_callback_data"),
            "text": json.dumps(body, ensure_ascii=False),
        }

    def _authenticate(self, request: Request, facts: Mapping[str, Any]) -> Answer | None:
        fault = self.take_fault(("auth",), facts)
        if fault:
            return self._auth_error(int(fault.options.get("subcode", 463)), "auth")
        if not request.bearer:
            return self._error(104, "An access token is required", 401)
        invalid = self._why_invalid(request.bearer)
        return self._auth_error(invalid, None) if invalid else None

    def _why_invalid(self, token: str) -> int:
        known = self.tokens.get(token)
        if known is None or known.get("revoked"):
            return 467
        if known["expires_at"] and known["expires_at"] <= self.clock():
            return 463
        return 0

    def _auth_error(self, subcode: int, fault: str | None) -> Answer:
        text = (
            "Error validating access token: Session has expired"
            if subcode == 463
            else "The session is invalid"
        )
        found = self._error(190, text, 401, subcode=subcode)
        found.notes["fault"] = fault
        return found

    def _send(self, request: Request, facts: dict[str, Any]) -> Answer:
        body = request.body
        if not isinstance(body, dict) or body.get("messaging_product") != "whatsapp":
            return self._error(100, "(#100) The parameter messaging_product is required.", 400)
        if body.get("status") == "read":
            return Answer(200, {"success": True})
        errors = self._schema.send_errors(body) if self._schema else []
        if errors:
            found = self._error(100, "Invalid parameter", 400, details=errors[0])
            found.notes["schema_errors"] = errors
            return found
        fault = self.take_fault(SEND_FAULTS, facts)
        if fault:
            found = self._fault_answer(fault)
            found.notes["fault"] = fault.kind
            return found
        refused = self._own_limits(body) or self._own_rules(body)
        if refused:
            return refused
        return self._accept(body, facts)

    def _fault_answer(self, fault: Fault) -> Answer:
        codes = {
            "account": 131031,
            "rate_limit": 130429,
            "spam_limit": 131048,
            "pair_rate_limit": 131056,
            "template_rejected": 132015,
            "invalid_phone": 131026,
        }
        code = int(fault.options.get("code", codes.get(fault.kind, 131000)))
        status = int(fault.options.get("status", MESSAGES.get(code, (400, ""))[0]))
        answer = self._error(
            code,
            MESSAGES.get(code, (400, "Something went wrong"))[1],
            status,
            details=str(fault.options.get("details", "")),
            subcode=fault.options.get("subcode"),
        )
        if "regain_minutes" in fault.options:
            answer.headers |= self._usage_headers(int(fault.options["regain_minutes"]))
        return answer

    def _own_limits(self, body: Mapping[str, Any]) -> Answer | None:
        now = self.clock()
        with self.lock:
            self._window = [at for at in self._window if at > now - 1.0]
            if len(self._window) >= self.throughput:
                return self._error(
                    130429, "Rate limit hit", 429, details="Message throughput has been reached."
                )
            to = str(body.get("to", "")).lstrip("+")
            due = max(self._pairs.get(to, 0.0), now - PAIR_INTERVAL)
            if self.pair_limit and due + PAIR_INTERVAL > now + PAIR_BURST * PAIR_INTERVAL:
                return self._error(131056, MESSAGES[131056][1], 429)
            self._window.append(now)
            self._pairs[to] = due + PAIR_INTERVAL
        return None

    def _own_rules(self, body: Mapping[str, Any]) -> Answer | None:
        to = str(body.get("to", "")).lstrip("+")
        if not to.isdigit() or not 7 <= len(to) <= 15:
            return self._error(
                131009, "Parameter value is not valid", 400, details="Invalid phone number in 'to'"
            )
        kind = body.get("type", "text")
        if kind == "text":
            text = (body.get("text") or {}).get("body")
            if not text or len(text) > 4096:
                return self._error(
                    100, "Invalid parameter", 400, details="text.body must have 1 to 4096 characters"
                )
        elif kind == "template":
            return self._template_rules(body.get("template") or {})
        elif kind == "audio":
            medium = body.get("audio") or {}
            if not medium.get("id") and not medium.get("link"):
                return self._error(100, "Invalid parameter", 400, details="audio needs id or link")
            if medium.get("id") and medium["id"] not in self.uploads:
                return self._error(131053, "Media upload error", 400, details="no medium has this id")
        else:
            return self._error(131051, "Unsupported message type", 400)
        return None

    def _template_rules(self, chosen: Mapping[str, Any]) -> Answer | None:
        language = (chosen.get("language") or {}).get("code")
        found = next(
            (t for t in self.templates if t["name"] == chosen.get("name") and t["language"] == language), None
        )
        if found is None or found["status"] in ("REJECTED", "PENDING", "DELETED"):
            return self._error(
                132001, MESSAGES[132001][1], 404, details=f"template {chosen.get('name')} ({language})"
            )
        if found["status"] == "PAUSED":
            return self._error(132015, MESSAGES[132015][1], 400)
        if found["status"] != "APPROVED":
            return self._error(132016, MESSAGES[132016][1], 400)
        bodies = [c for c in chosen.get("components") or [] if c.get("type") == "body"]
        given = len(bodies[0].get("parameters") or []) if bodies else 0
        if given != found["parameters"]:
            details = f"body: number of localizable_params ({given}) does not match ({found['parameters']})"
            return self._error(132000, MESSAGES[132000][1], 400, details=details)
        return None

    def _accept(self, body: Mapping[str, Any], facts: Mapping[str, Any]) -> Answer:
        wamid = f"wamid.HBgL{next(self._wamids):010d}"
        to = str(body["to"]).lstrip("+")
        held = self.take_fault(("held",), facts)
        ambiguous = self.take_fault(("ambiguous",), facts)
        silent = self.take_fault(("silent",), facts)
        failed = self.take_fault(("undelivered",), facts)
        callback = body.get("biz_opaque_callback_data")
        if not silent and not held:
            code = int(failed.options.get("code", 131026)) if failed else None
            self._statuses(wamid, to, callback, code)
        message: dict[str, Any] = {"id": wamid}
        if body.get("type") == "template":
            message["message_status"] = "held_for_quality_assessment" if held else "accepted"
        elif held:
            message["message_status"] = "held_for_quality_assessment"
        answer = Answer(
            BREAK if ambiguous else 200,
            {
                "messaging_product": "whatsapp",
                "contacts": [{"input": str(body["to"]), "wa_id": to}],
                "messages": [message],
            },
            self._usage_headers(0),
        )
        applied = next((f.kind for f in (ambiguous, held, silent, failed) if f), None)
        answer.notes = {
            "accepted": True,
            "wamid": wamid,
            "callback": callback,
            "fault": applied,
            "undelivered": bool(failed and not silent and not held),
            "to": to,
        }
        return answer

    def _usage_headers(self, regain_minutes: int) -> dict[str, str]:
        usage = [
            {"type": "whatsapp", **self.usage, "estimated_time_to_regain_access": regain_minutes},
        ]
        return {
            "X-Business-Use-Case-Usage": json.dumps({self.waba_id: usage}),
            "X-App-Usage": json.dumps(self.usage),
        }

    def _error(
        self, code: int, message: str, status: int, details: str = "", subcode: int | None = None
    ) -> Answer:
        error: dict[str, Any] = {
            "message": f"(#{code}) {message}",
            "type": "OAuthException",
            "code": code,
            "error_data": {"messaging_product": "whatsapp", "details": details or message},
            "fbtrace_id": f"A{next(self._serial):022d}",
        }
        if subcode is not None:
            error["error_subcode"] = int(subcode)
        return Answer(status, {"error": error})

    def _fields(self, everything: Mapping[str, Any], request: Request) -> Answer:
        wanted = [name.split("{")[0] for name in request.query.get("fields", "id,verified_name").split(",")]
        shown = {name: everything[name] for name in wanted if name in everything}
        return Answer(200, {**shown, "id": everything["id"]}, self._usage_headers(0))

    def _health(self) -> dict[str, Any]:
        blocked = any(fault.kind == "account" for fault in self.faults)
        state = "BLOCKED" if blocked else "AVAILABLE"
        account: dict[str, Any] = {"entity_type": "WABA", "id": self.waba_id, "can_send_message": state}
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
                {"entity_type": "PHONE_NUMBER", "id": self.phone_number_id, "can_send_message": "AVAILABLE"},
                account,
                {"entity_type": "BUSINESS", "id": "506914307656634", "can_send_message": "AVAILABLE"},
                {"entity_type": "APP", "id": self.app_id, "can_send_message": "AVAILABLE"},
            ],
        }

    def _list_templates(self, request: Request) -> Answer:
        found = self.templates
        for name in ("name", "status", "category", "language"):
            if name in request.query:
                found = [t for t in found if t[name] == request.query[name]]
        limit = max(1, int(request.query.get("limit", 25)))
        start = int(request.query.get("after") or 0)
        page = found[start : start + limit]
        wanted = request.query.get("fields", "id,name,language,status,category,components").split(",")
        body: dict[str, Any] = {
            "data": [{name: t[name] for name in wanted if name in t} for t in page],
            "paging": {"cursors": {"before": str(start), "after": str(start + len(page))}},
        }
        if start + len(page) < len(found):
            body["paging"]["next"] = f"{self.url}{request.path}?after={start + len(page)}"
        return Answer(200, body, self._usage_headers(0))

    def _unpause(self, template_id: str) -> Answer:
        for found in self.templates:
            if found["id"] == template_id and found["status"] == "PAUSED":
                found["status"] = "APPROVED"
                self._tell_status(found, None)
                return Answer(200, {"success": True})
        return self._error(100, "Template is not paused", 400)

    def _upload(self, request: Request) -> Answer:
        """Take a recording (Meta, "Media": Ogg only with Opus, at most 16 MB, kept 30 days)."""
        fields, audio, _ = multipart(request)
        if fields.get("messaging_product") != "whatsapp" or not audio:
            return self._error(100, "Invalid parameter", 400, details="messaging_product and file are needed")
        if not audio.startswith(b"OggS") or b"OpusHead" not in audio[:64]:
            return self._error(131053, "Media upload error", 400, details="audio/ogg must hold Opus")
        if len(audio) > 16 * 1024 * 1024:
            return self._error(131053, "Media upload error", 400, details="larger than 16 MB")
        media_id = str(7_000_000_000 + next(self._serial))
        self.uploads[media_id] = audio
        return Answer(200, {"id": media_id})

    # -- tokens -----------------------------------------------------------------------------------

    def _current_token(self) -> str:
        return next(reversed(self.tokens))

    def _new_token(self, expires_at: int) -> str:
        token = f"EAAlocaltoken{len(self.tokens) + 1:016d}"
        self.tokens[token] = {"expires_at": expires_at, "revoked": False}
        return token

    def _debug_token(self, request: Request) -> Answer:
        token = request.query.get("input_token", "")
        fault = self.take_fault(("auth",), {"path": request.path, "method": request.method})
        subcode = int(fault.options.get("subcode", 463)) if fault else self._why_invalid(token)
        if subcode:
            error = {"code": 190, "message": "Error validating access token", "subcode": subcode}
            return Answer(200, {"data": {"is_valid": False, "scopes": [], "error": error}})
        return Answer(
            200,
            {
                "data": {
                    "app_id": self.app_id,
                    "type": "SYSTEM_USER",
                    "application": "Lifeline",
                    "expires_at": self.tokens[token]["expires_at"],
                    "data_access_expires_at": 0,
                    "is_valid": True,
                    "issued_at": 1,
                    "scopes": ["whatsapp_business_messaging", "whatsapp_business_management"],
                }
            },
        )

    def _exchange(self, request: Request) -> Answer:
        query = request.query
        if query.get("client_id") != self.app_id or query.get("client_secret") != self.app_secret:
            return self._error(101, "Error validating application", 400)
        if self.token_exchange == "refused" or self._why_invalid(query.get("fb_exchange_token", "")):
            return self._auth_error(463, None)
        if self.token_exchange == "bad_token":
            return Answer(200, {"access_token": "EAAbad", "token_type": "bearer", "expires_in": 5183944})
        token = self._new_token(int(self.clock() + 5183944))
        return Answer(200, {"access_token": token, "token_type": "bearer", "expires_in": 5183944})

    # -- webhooks ---------------------------------------------------------------------------------

    def _metadata(self) -> dict[str, str]:
        return {"display_phone_number": "15550783881", "phone_number_id": self.phone_number_id}

    def _statuses(self, wamid: str, to: str, callback: str | None, failed_code: int | None) -> None:
        steps = ["failed"] if failed_code else ["sent", "delivered", *(["read"] if self.webhook_read else [])]
        if self.webhook_shuffle:
            self._chance.shuffle(steps)
        for index, step in enumerate(steps):
            status: dict[str, Any] = {
                "id": wamid,
                "status": step,
                "timestamp": str(int(self.clock())),
                "recipient_id": to,
            }
            if callback:
                status["biz_opaque_callback_data"] = callback
            if failed_code:
                title = MESSAGES.get(failed_code, (400, "Message failed"))[1]
                status["errors"] = [
                    {"code": failed_code, "title": title, "message": title, "error_data": {"details": title}}
                ]
            value = {"messaging_product": "whatsapp", "metadata": self._metadata(), "statuses": [status]}
            copies = 2 if self._chance.random() < self.webhook_duplicates else 1
            for _ in range(copies):
                self._change("messages", value, delay=self.webhook_delay * (index + 1))

    def _change(self, name: str, value: dict[str, Any], delay: float = 0.0) -> None:
        if not self.webhook_url:
            return
        payload = {
            "object": "whatsapp_business_account",
            "entry": [
                {"id": self.waba_id, "time": int(self.clock()), "changes": [{"field": name, "value": value}]}
            ],
        }
        self._hold_against(WEBHOOK_SCHEMAS.get(name if "statuses" in value else f"{name} in"), value)
        # ensure_ascii: Meta signs the body with non-ASCII escaped.
        raw = json.dumps(payload).encode()
        with self.lock:
            if self._chance.random() < self.webhook_drop:
                self._dropped.append((next(self._serial), name, raw))
                return
        delay += self._chance.uniform(0.0, self.webhook_jitter)
        self._due.put((time.monotonic() + delay, next(self._serial), name, raw, {"tries": 0}))

    def _deliver_dropped(self) -> None:
        """Meta repeats for days what was not taken: what was dropped comes now, late and in another order."""
        with self.lock:
            dropped, self._dropped = self._dropped, []
        self._chance.shuffle(dropped)
        for serial, name, raw in dropped:
            self._due.put((time.monotonic(), serial, name, raw, {"tries": 0}))

    def _sign(self, raw: bytes) -> str:
        return "sha256=" + hmac.new(self.app_secret.encode(), raw, hashlib.sha256).hexdigest()

    def _post(self, raw: bytes, signature: str) -> int:
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": signature}
        if self.webhook_host:
            headers["Host"] = self.webhook_host
        try:
            return requests.post(
                self.webhook_url, data=raw, headers=headers, timeout=WEBHOOK_TIMEOUT
            ).status_code
        except requests.RequestException:
            return 0

    def _deliver_webhooks(self) -> None:
        """Deliver what is due in batches; anything but 200 is tried again, more and more rarely."""
        while not self._ended.is_set():
            try:
                due, serial, name, raw, facts = self._due.get(timeout=0.1)
            except queue.Empty:
                continue
            wait = due - time.monotonic()
            if wait > 0:
                # Something earlier may come in meanwhile.
                self._due.put((due, serial, name, raw, facts))
                time.sleep(min(wait, 0.02))
                continue
            batch = [(serial, name, raw, facts)]
            while len(batch) < 100:
                with contextlib.suppress(queue.Empty):
                    item = self._due.get_nowait()
                    if item[0] <= time.monotonic():
                        batch.append(item[1:])
                        continue
                    self._due.put(item)
                break
            entries = [entry for _, _, text, _ in batch for entry in json.loads(text)["entry"]]
            joined = json.dumps({"object": "whatsapp_business_account", "entry": entries}).encode()
            self._under_way = len(batch)
            status = self._post(joined, self._sign(joined))
            self.webhook_log.append({"time": time.time(), "updates": len(batch), "status": status})
            if status != 200:
                for serial, name, raw, facts in batch:
                    tries = facts["tries"] + 1
                    if tries < 12:
                        later = time.monotonic() + min(30.0, 0.2 * 2**tries)
                        self._due.put((later, serial, name, raw, {"tries": tries}))
            self._under_way = 0


def main() -> None:
    """Run until a termination signal."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--control-port", type=int, default=0)
    for name in (
        "access-token",
        "app-id",
        "app-secret",
        "verify-token",
        "phone-number-id",
        "waba-id",
        "openapi",
    ):
        parser.add_argument(f"--{name}", default=None)
    options = {name: value for name, value in vars(parser.parse_args()).items() if value is not None}
    simulator = GraphSimulator(**options)
    simulator.start()
    print(f"graph on {simulator.url}, control on {simulator.control_url}", flush=True)
    ended = threading.Event()
    for kind in (signal.SIGTERM, signal.SIGINT):
        signal.signal(kind, lambda *_: ended.set())
    ended.wait()
    simulator.stop()


if __name__ == "__main__":
    main()
