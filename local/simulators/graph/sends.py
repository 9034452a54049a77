"""``POST /{phone-number-id}/messages``: what is taken, what is refused, and what an answer says."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from local.simulators.graph.kinds import wrong_content, wrong_recipient
from local.simulators.graph.refusals import MESSAGES, refusal
from local.simulators.graph.template_sends import in_small_letters, wrong_template
from local.simulators.server import BREAK, Answer, Fault, Request

if TYPE_CHECKING:
    from local.simulators.graph.simulator import GraphSimulator
    from local.simulators.meta_schema import MetaSchema

SEND_FAULTS: Final = {
    "account": 131031,
    "rate_limit": 130429,
    "spam_limit": 131048,
    "pair_rate_limit": 131056,
    "template_rejected": 132015,
    "invalid_phone": 131026,
    "code": 131000,
}
MAX_CALLBACK: Final = 512
"""Characters of ``biz_opaque_callback_data``."""


class Sends:
    """The sends of a simulator. ``usage``: the shares (percent) in the usage headers."""

    def __init__(self, of: GraphSimulator, schema: MetaSchema | None) -> None:
        self._of, self._schema = of, schema
        self._wamids = itertools.count(1)
        self.metadata = {"display_phone_number": "15550783881", "phone_number_id": of.phone_number_id}
        self.reset()

    def reset(self) -> None:
        self.usage = {"call_count": 1, "total_cputime": 1, "total_time": 1}

    def answer(self, request: Request, facts: dict[str, Any], *, marketing_only: bool) -> Answer:
        if not isinstance(request.body, dict) or request.body.get("messaging_product") != "whatsapp":
            return refusal(100, "(#100) The parameter messaging_product is required.", 400)
        body = _without_nulls(request.body) if b"null" in request.raw else dict(request.body)
        if body.get("status") == "read":
            return self._read(body)
        if isinstance(body.get("template"), dict):
            body["template"] = in_small_letters(body["template"])
        errors = self._schema.send_errors(body) if self._schema else []
        if errors:
            found = refusal(100, "Invalid parameter", 400, details=errors[0])
            found.notes["schema_errors"] = errors
            return found
        fault = self._of.take_fault(tuple(SEND_FAULTS), facts)
        if fault:
            found = self._fault_answer(fault)
            found.notes["fault"] = fault.kind
            return found
        refused = self._of.pace.refused(_address(body)) or self._wrong(body, marketing_only=marketing_only)
        return refused or self._accept(body, facts)

    @staticmethod
    def _read(body: Mapping[str, Any]) -> Answer:
        """Mark a message as read, and perhaps show that we write."""
        if not str(body.get("message_id", "")).startswith("wamid."):
            return refusal(131009, details="message_id must be the id of a message of somebody")
        if "typing_indicator" in body and body["typing_indicator"] != {"type": "text"}:
            return refusal(131009, details="typing_indicator.type must be text")
        return Answer(200, {"success": True})

    def _fault_answer(self, fault: Fault) -> Answer:
        code = int(fault.options.get("code", SEND_FAULTS[fault.kind]))
        status = fault.options.get("status")
        answer = refusal(
            code,
            status=None if status is None else int(status),
            details=str(fault.options.get("details", "")),
            subcode=fault.options.get("subcode"),
        )
        if "regain_minutes" in fault.options:
            answer.headers |= self.usage_headers(int(fault.options["regain_minutes"]))
        return answer

    def _wrong(self, body: Mapping[str, Any], *, marketing_only: bool) -> Answer | None:
        """What Meta refuses of a send by itself."""
        wrong = wrong_recipient(body)
        if wrong:
            return wrong
        if len(str(body.get("biz_opaque_callback_data", ""))) > MAX_CALLBACK:
            most = f"biz_opaque_callback_data may have at most {MAX_CALLBACK} characters"
            return refusal(100, details=most)
        if body.get("type") != "template":
            return refusal(134100) if marketing_only else wrong_content(body, self._of.media)
        chosen = body.get("template")
        if not isinstance(chosen, dict):
            return refusal(131008, details="template is missing")
        wrong = wrong_template(chosen, self._of.templates, self._of.media, by_phone="to" in body)
        if wrong is None and marketing_only:
            found = self._of.templates.named(chosen["name"], chosen["language"]["code"])
            if found and found["category"] != "MARKETING":
                return refusal(134100)
        return wrong

    def _accept(self, body: Mapping[str, Any], facts: Mapping[str, Any]) -> Answer:
        wamid = f"wamid.HBgL{next(self._wamids):010d}"
        to = _address(body)
        held = self._of.take_fault(("held",), facts)
        ambiguous = self._of.take_fault(("ambiguous",), facts)
        silent = self._of.take_fault(("silent",), facts)
        undelivered = self._of.take_fault(("undelivered",), facts)
        off = self._of.take_fault(("phone_off",), facts)
        callback = body.get("biz_opaque_callback_data")
        by_phone = "to" in body
        if not silent and not held:
            failed = None
            if undelivered:
                code = int(undelivered.options.get("code", 131026))
                title = MESSAGES.get(code, (400, "Message failed"))[1]
                failed = code, title, str(undelivered.options.get("details", title))
            recipient = {"recipient_id": to} if by_phone else {"recipient_user_id": to}
            self._of.webhooks.statuses(
                recipient, wamid, self.metadata, callback, failed, off.options if off else None
            )
        message: dict[str, Any] = {"id": wamid}
        if body.get("type") == "template":
            message["message_status"] = "held_for_quality_assessment" if held else "accepted"
        elif held:
            message["message_status"] = "held_for_quality_assessment"
        given = str(body["to"] if by_phone else body["recipient"])
        contact = {"input": given, "wa_id" if by_phone else "user_id": to}
        answer = Answer(
            BREAK if ambiguous else 200,
            {"messaging_product": "whatsapp", "contacts": [contact], "messages": [message]},
            self.usage_headers(0),
        )
        applied = next((f.kind for f in (ambiguous, held, silent, undelivered, off) if f), None)
        answer.notes = {
            "accepted": True,
            "wamid": wamid,
            "callback": callback,
            "fault": applied,
            "undelivered": bool(undelivered and not silent and not held),
            "to": to,
        }
        return answer

    def usage_headers(self, regain_minutes: int) -> dict[str, str]:
        usage = [
            {"type": "whatsapp", **self.usage, "estimated_time_to_regain_access": regain_minutes},
        ]
        return {
            "X-Business-Use-Case-Usage": json.dumps({self._of.waba_id: usage}),
            "X-App-Usage": json.dumps(self.usage),
        }


def _address(body: Mapping[str, Any]) -> str:
    """Digits of the phone number, or the business-scoped user id."""
    if "to" not in body:
        return str(body.get("recipient", ""))
    return "".join(letter for letter in str(body["to"]) if letter not in " +-()")


def _without_nulls(value: Any) -> Any:
    """Graph takes a null for a field that is not there."""
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value]
    return value
