"""The simulator: routes, faults, sends, and what a test controls."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from local.simulators.graph.account import BUSINESS_ID, Account, health
from local.simulators.graph.media import Media
from local.simulators.graph.number import PhoneNumber
from local.simulators.graph.pace import Pace
from local.simulators.graph.refusals import no_object, refusal
from local.simulators.graph.sends import SEND_FAULTS, Sends
from local.simulators.graph.templates import Templates
from local.simulators.graph.tokens import EXPIRED, Tokens, invalid_token
from local.simulators.graph.webhooks import Webhooks
from local.simulators.server import BREAK, Answer, ControlError, Request, Simulator

if TYPE_CHECKING:
    from local.simulators.meta_schema import MetaSchema

WEBHOOK_SCHEMAS: Final = {"messages": "StatusMessageValue", "messages in": "IncomingMessageValueGeneral"}
"""What Meta's file calls the values of the field ``messages``; other fields it does not describe."""


class GraphSimulator(Simulator):
    """One account with one number."""

    kinds = (
        "server_error",
        "not_json",
        "auth",
        *SEND_FAULTS,
        "ambiguous",
        "held",
        "silent",
        "undelivered",
        "phone_off",
    )

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
        self._inbound_serial = itertools.count(1)
        self.app_id, self.app_secret, self.verify_token = app_id, app_secret, verify_token
        self.phone_number_id, self.waba_id = phone_number_id, waba_id
        self.webhooks = Webhooks(waba_id, app_secret, self.clock, self._hold_value)
        self.tokens = Tokens(access_token, app_id, app_secret, self.clock)
        self.number = PhoneNumber(phone_number_id, self._health)
        self.account = Account(waba_id, app_id, self._health, self.number.seen)
        self.templates = Templates(self._tell_status)
        self.media = Media()
        self.pace = Pace(self.clock)
        self.sends = Sends(self, self._schema)

    def start(self) -> GraphSimulator:
        """Open both ports and begin to deliver webhooks."""
        super().start()
        self.webhooks.start()
        return self

    def stop(self) -> None:
        """Close both ports; when this returns, no webhook is under way any more."""
        super().stop()
        self.webhooks.stop()

    def reset(self) -> None:
        """Clear faults, record, templates, media, limits; the webhook address stays, and so do the tokens
        that were issued.
        """
        with self.lock:
            for part in (
                *(self.tokens, self.number, self.account, self.templates),
                *(self.media, self.pace, self.sends),
            ):
                part.reset()
            self.webhooks.log.clear()
        super().reset()

    # -- control ----------------------------------------------------------------------------------

    def apply_settings(self, body: Mapping[str, Any]) -> None:
        """``throughput``, ``pair_limit``, ``latency_ms``, ``webhook_*``, ``number``, ``usage``, ..."""
        super().apply_settings(body)
        for name, value in body.items():
            match name:
                case "latency_ms":
                    pass
                case "number":
                    self.number.facts |= value
                case "media_seconds":
                    self.media.seconds = float(value)
                case "throughput":
                    self.pace.throughput = float(value)
                case "pair_limit":
                    self.pace.pair_limit = bool(value)
                case "usage":
                    self.sends.usage = value
                case "token_exchange":
                    self.tokens.exchange = str(value)
                case _ if name in self.webhooks.settings:
                    self.webhooks.set(name, value)
                case _:
                    known = ("latency_ms", "media_seconds", "number", "throughput", "pair_limit", "usage")
                    raise ControlError(
                        f"unknown setting {name!r}; known are "
                        + ", ".join((*known, "token_exchange", *self.webhooks.settings))
                    )
        self.webhooks.deliver_dropped()

    def state(self) -> dict[str, Any]:
        """Templates, number, tokens by fingerprint, limits."""
        return {
            **super().state(),
            "templates": self.templates.rows,
            "number": self.number.facts,
            "tokens": self.tokens.state(),
            "throughput": self.pace.throughput,
            **self.webhooks.state(),
            "schema_faults": self.schema_faults,
        }

    def control(self, method: str, path: str, query: dict[str, str], body: Any) -> Any:
        """``/templates``, ``/tokens``, ``/inbound``, ``/inbound-media``, ``/webhooks``."""
        match method, path:
            case "POST", "/templates":
                return self.templates.set(body)
            case "POST", "/tokens":
                return self.tokens.set(body)
            case "POST", "/inbound":
                return self._inbound(body)
            case "DELETE", "/inbound-media":
                return {"forgotten": self.media.forget()}
            case "POST", "/webhooks":
                raw = json.dumps(body["payload"]).encode()
                return {"status": self.webhooks.post(raw, body.get("signature") or self.webhooks.sign(raw))}
            case "GET", "/webhooks":
                return {"webhooks": self.webhooks.log}
        return None

    def _tell_status(self, found: Mapping[str, Any], reason: Any) -> None:
        self.webhooks.tell(
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

    def _inbound(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Somebody writes (``text``), speaks (``audio``: Base64, ``audio_bytes``: so many zeros;
        ``mime_type``, ``voice``: false for a file), or sends ``message`` as it is. ``from`` (null: no phone
        number is shown), ``user_id``.
        """
        wamid = f"wamid.IN{next(self._inbound_serial):08d}"
        sender = body.get("from", "16505551234")
        message: dict[str, Any] = {"id": wamid, "timestamp": str(int(self.clock()))}
        contact: dict[str, Any] = {"profile": {"name": "Ana"}}
        if sender is not None:
            message["from"] = contact["wa_id"] = str(sender)
        if "user_id" in body:
            message["from_user_id"] = contact["user_id"] = str(body["user_id"])
        if "audio" in body or "audio_bytes" in body:
            message |= self.media.message(body)
        else:
            text = {"type": "text", "text": {"body": str(body.get("text", "hello"))}}
            message |= body.get("message") or text
        self.webhooks.tell(
            "messages",
            {
                "messaging_product": "whatsapp",
                "metadata": self.sends.metadata,
                "contacts": [contact],
                "messages": [message],
            },
        )
        return {"wamid": wamid, "message": message}

    def _health(self) -> dict[str, Any]:
        blocked = any(fault.kind == "account" for fault in self.faults)
        return health(self.phone_number_id, self.waba_id, self.app_id, blocked=blocked)

    # -- answers ----------------------------------------------------------------------------------

    def _hold_against(self, name: str | None, document: Any) -> None:
        """Note what this simulator says otherwise than Meta's file does."""
        if self._schema and name:
            self.schema_faults += [f"{name}: {text}" for text in self._schema.errors(name, document)]

    def _hold_value(self, name: str, value: dict[str, Any]) -> None:
        self._hold_against(WEBHOOK_SCHEMAS.get(name if "statuses" in value else f"{name} in"), value)

    def answer(self, request: Request) -> Answer:
        """Route one API request; answers are held against Meta's file where it describes them."""
        found = self._route(request)
        if found.status in (200, BREAK) and request.method == "POST" and request.path.endswith("messages"):
            self._hold_against("MessageResponsePayload", found.body)
        elif found.status >= 400 and found.raw is None:
            self._hold_against("GraphAPIError", found.body)
        return found

    def _route(self, request: Request) -> Answer:
        facts = _facts(request)
        broken = self.take_fault(("server_error", "not_json"), facts)
        if broken and broken.kind == "not_json":
            return Answer(
                502, raw=b"<html>Bad gateway</html>", content_type="text/html", notes={"fault": "not_json"}
            )
        if broken:
            found = refusal(2, "Service temporarily unavailable", int(broken.options.get("status", 500)))
            found.notes["fault"] = "server_error"
            return found
        parts = [part for part in request.path.split("/") if part]
        if parts and parts[0].startswith("v") and parts[0][1:2].isdigit():
            parts = parts[1:]
        match parts:
            case ["debug_token"]:
                fault = self.take_fault(("auth",), {"path": request.path, "method": request.method})
                subcode = int(fault.options.get("subcode", EXPIRED)) if fault else None
                return self.tokens.debug(request.query.get("input_token", ""), subcode)
            case ["oauth", "access_token"]:
                return self.tokens.issue(request)
            case ["oauth", "revoke"]:
                return self.tokens.revoke(request.query.get("revoke_token", ""))
        refused = self._authenticate(request, facts)
        if refused:
            return refused
        found = self._routed(request, parts, facts) or no_object(request.method, "/".join(parts[:1]))
        if found.status == 200 and found.raw is None and not found.headers:
            found.headers = self.sends.usage_headers(0)
        return found

    def _routed(self, request: Request, parts: list[str], facts: dict[str, Any]) -> Answer | None:
        """The answer of one of the objects that there are."""
        match request.method, parts:
            case "POST", [self.phone_number_id, "messages" | "marketing_messages" as edge]:
                return self.sends.answer(request, facts, marketing_only=edge != "messages")
            case "POST", [self.phone_number_id, "media"]:
                return self.media.upload(request)
            case _, [self.phone_number_id, *edge]:
                return self.number.answer(request, edge)
            case _, [self.waba_id, ("message_templates" | "upsert_message_templates") as edge, *more]:
                return self._of_templates(request, [edge, *more])
            case "POST", [self.waba_id, "migrate_message_templates"]:
                return self.templates.migrate(request)
            case _, [self.waba_id, *edge]:
                return self.account.answer(request, edge)
            case "GET", [
                str(business),
                "owned_whatsapp_business_accounts" | "client_whatsapp_business_accounts",
            ] if business == BUSINESS_ID:
                return self.account.of_business(request)
            case "POST", [self.app_id, "uploads"]:
                return self.media.open_session(request)
            case "POST", [self.app_id, "subscriptions"]:
                return self.account.subscribe_app(request)
            case method, [session] if session.startswith("upload:"):
                return self.media.session(method, session, request)
            case "GET", ["whatsapp_business", "attachments"]:
                return self.media.download(request)
            case "GET", [media_id] if media_id in self.media:
                return self.media.described(media_id, self.url)
            case "DELETE", [media_id] if media_id in self.media:
                return self.media.delete(media_id)
            case "POST", [template_id, "unpause"]:
                return self.templates.unpause(template_id)
            case method, [template_id, *edge] if row := self.templates.by_id(template_id):
                match method, edge:
                    case "GET", []:
                        return self.templates.shown(row, request)
                    case "POST", []:
                        return self.templates.edit(row, request)
                    case "GET", ["compare"]:
                        return self.templates.compare(row, request)
        return None

    def _of_templates(self, request: Request, edge: list[str]) -> Answer | None:
        match request.method, edge:
            case "GET", ["message_templates"]:
                return self.templates.listed(request)
            case "POST", ["message_templates"]:
                return self.templates.create(request)
            case "DELETE", ["message_templates"]:
                return self.templates.delete(request)
            case "POST", ["message_templates", "archive" | "unarchive" as way]:
                return self.templates.archive(request, way)
            case "POST", ["upsert_message_templates"]:
                return self.templates.upsert(request)
        return None

    def _authenticate(self, request: Request, facts: Mapping[str, Any]) -> Answer | None:
        fault = self.take_fault(("auth",), facts)
        if fault:
            found = invalid_token(int(fault.options.get("subcode", EXPIRED)))
            found.notes["fault"] = "auth"
            return found
        token = request.bearer or request.query.get("access_token", "")
        if not token:
            return refusal(104, "An access token is required", 401)
        invalid = self.tokens.why_invalid(token)
        return invalid_token(invalid) if invalid else None


def _facts(request: Request) -> dict[str, Any]:
    """What a fault's ``match`` looks at."""
    body = request.body if isinstance(request.body, dict) else {}
    chosen = body.get("template")
    return {
        "path": request.path,
        "method": request.method,
        "to": body.get("to") or body.get("recipient"),
        "type": body.get("type"),
        "template": chosen.get("name") if isinstance(chosen, dict) else None,
        "id": body.get("biz_opaque_callback_data"),
        "text": json.dumps(body, ensure_ascii=False),
    }
