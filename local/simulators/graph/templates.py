"""Message templates of the account: list, one by id, create, edit, delete, unpause, archive, compare.

Limits of what is created: Meta, "Template components" and "Template review"; their subcodes: Meta, "Error
codes" (2388xxx).
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from local.simulators.graph.nodes import Node
from local.simulators.graph.refusals import invalid, no_object, refusal, template_refusal
from local.simulators.server import Answer, Request

LIMIT: Final = 6000
"""Templates of a verified account (Meta, "Template limits")."""
CATEGORIES: Final = ("AUTHENTICATION", "MARKETING", "UTILITY")
PLACEHOLDER: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_NAME: Final = re.compile(r"[a-z0-9_]{1,512}")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(_[A-Z]{2})?")
_LENGTHS: Final = {"HEADER": (60, 2388047), "BODY": (1024, 2388072), "FOOTER": (60, 2388073)}
_NODE: Final = Node(
    "WhatsAppMessageTemplate",
    (
        *("previous_category", "correct_category", "rejected_reason", "quality_score", "parameter_format"),
        *("message_send_ttl_seconds", "library_template_name", "cta_url_link_tracking_opted_out"),
        *("sub_category", "degrees_of_freedom_spec", "specific_rejection_reason", "last_updated_time"),
        *("health_status", "disabled_reason"),
    ),
    ("id", "name", "language", "status", "category", "components"),
)
Row = dict[str, Any]


def template(
    name: str, parameters: int, category: str = "UTILITY", status: str = "APPROVED", reason: str = "NONE"
) -> Row:
    """One message template as Meta lists it. ``parameters``: positional ones, in its body."""
    found = {
        "id": str(int(hashlib.sha256(name.encode()).hexdigest()[:12], 16)),
        "name": name,
        "language": "en_US",
        "status": status,
        "category": category,
        "rejected_reason": reason,
        "quality_score": {"score": "GREEN", "date": 1751247548},
        "parameter_format": "POSITIONAL",
        "components": [],
    }
    _count(found, parameters)
    return found


def default_templates() -> list[Row]:
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


def component(components: Sequence[Mapping[str, Any]], kind: str) -> Mapping[str, Any] | None:
    """The component of a template (``BODY``, ``HEADER``, ...), however its type is written."""
    return next((c for c in components if str(c.get("type", "")).upper() == kind), None)


@functools.lru_cache(maxsize=1024)
def placeholders(text: str) -> tuple[str, ...]:
    """The distinct parameters of a text, in order."""
    return tuple(dict.fromkeys(PLACEHOLDER.findall(text)))


class Templates:
    """The templates of one account. ``told``: called with a template and a reason when its status changes."""

    def __init__(self, told: Callable[[Row, Any], None]) -> None:
        self._told = told
        self.rows = default_templates()

    def reset(self) -> None:
        self.rows = default_templates()

    def named(self, name: Any, language: Any) -> Row | None:
        return next((row for row in self.rows if row["name"] == name and row["language"] == language), None)

    def by_id(self, template_id: str) -> Row | None:
        return next((row for row in self.rows if row["id"] == template_id), None)

    def set(self, body: Mapping[str, Any]) -> Row:
        """``POST /_control/templates``: fields; ``parameters`` (how many), ``reason``, ``webhook``."""
        name = body["name"]
        found = next((row for row in self.rows if row["name"] == name), None)
        if found is None:
            found = template(name, 0)
            self.rows.append(found)
        found |= {key: value for key, value in body.items() if key not in ("webhook", "reason")}
        if "components" in body:
            _measure(found)
        elif "parameters" in body:
            _count(found, int(body["parameters"]))
        if "reason" in body:
            found["rejected_reason"] = body["reason"]
        if body.get("webhook", "status" in body):
            self._told(found, body.get("reason"))
        return found

    # -- what clients ask ---------------------------------------------------------------------------

    def listed(self, request: Request) -> Answer:
        """``GET /{waba-id}/message_templates``: filters, pages, ``summary``."""
        query = request.query
        found = [row for row in self.rows if _fits(row, query)]
        answer = _NODE.listed(found, request)
        if answer.status == 200 and query.get("summary"):
            totals = {
                "total_count": len(found),
                "message_template_count": len(self.rows),
                "message_template_limit": LIMIT,
                "are_translations_complete": True,
            }
            names = [name.strip() for name in query["summary"].split(",")]
            answer.body["summary"] = {name: totals[name] for name in names if name in totals}
        return answer

    def shown(self, row: Row, request: Request) -> Answer:
        """``GET /{template-id}``."""
        return _NODE.shown(row, request)

    def create(self, request: Request) -> Answer:
        """``POST /{waba-id}/message_templates``: it waits for its review; the control surface approves it."""
        body = request.body if isinstance(request.body, dict) else {}
        refused = _unfit(body) or self._again(body)
        if refused:
            return refused
        return Answer(200, _told_of(self._add(body, str(body["language"]))))

    def upsert(self, request: Request) -> Answer:
        """``POST /{waba-id}/upsert_message_templates``: authentication templates, one a language."""
        body = request.body
        if isinstance(body, str):
            body = json.loads(body)
        languages = body.get("languages") if isinstance(body, dict) else None
        if not languages or body.get("category") != "AUTHENTICATION":
            return invalid("languages and category AUTHENTICATION are needed")
        rows = [self.named(body.get("name"), one) or self._add(body, str(one)) for one in languages]
        return Answer(200, {"data": [_told_of(row) for row in rows]})

    def edit(self, row: Row, request: Request) -> Answer:
        """``POST /{template-id}``: an approved one goes back to review (Meta, "Edit a template")."""
        body = request.body if isinstance(request.body, dict) else {}
        changed = {key: value for key, value in body.items() if key in ("components", "category")}
        refused = _unfit({**row, **changed})
        if refused:
            return refused
        known = ("components", "category", "message_send_ttl_seconds", "parameter_format")
        row |= {key: value for key, value in body.items() if key in known}
        _measure(row)
        if "components" in body:
            row["status"] = "PENDING"
        return Answer(200, {"success": True, **{key: row[key] for key in ("id", "name", "category")}})

    def delete(self, request: Request) -> Answer:
        """``DELETE /{waba-id}/message_templates?name=``: in all languages, or the one with ``hsm_id``."""
        query = request.query
        doomed = [
            row
            for row in self.rows
            if row["name"] == query.get("name") and query.get("hsm_id") in (None, row["id"])
        ]
        if not doomed:
            return template_refusal("Template not found", "Message template not found", 2593002)
        self.rows = [row for row in self.rows if row not in doomed]
        return Answer(200, {"success": True})

    def unpause(self, template_id: str) -> Answer:
        """``POST /{template-id}/unpause``."""
        found = self.by_id(template_id)
        if found is None:
            return no_object("post", template_id)
        if found["status"] != "PAUSED":
            return refusal(100, "Template is not paused", 400)
        found["status"] = "APPROVED"
        self._told(found, None)
        return Answer(200, {"success": True})

    def archive(self, request: Request, way: str) -> Answer:
        """``POST /{waba-id}/message_templates/archive`` and ``/unarchive``, ids in ``hsm_ids``."""
        body = request.body if isinstance(request.body, dict) else {}
        names = [name for name in str(body.get("hsm_ids", "")).split(",") if name]
        done, failed = [], {}
        for name in names:
            row = self.by_id(name)
            if row is None:
                failed[name] = "Template not found"
                continue
            row["status"] = "ARCHIVED" if way == "archive" else "APPROVED"
            done.append(name)
        return Answer(200, {f"{way}d_templates": done, "failed_templates": failed})

    def compare(self, row: Row, request: Request) -> Answer:
        """``GET /{template-id}/compare``: nobody has blocked anything yet."""
        ids = [row["id"], *request.query.get("template_ids", "").split(",")]
        if any(self.by_id(one) is None for one in ids):
            return invalid("template_ids must be templates of the same account")
        sends = [{"key": one, "value": 0} for one in ids]
        reasons = [{"key": one, "value": "UNKNOWN_BLOCK_REASON"} for one in ids]
        data = [
            {"metric": "BLOCK_RATE", "type": "RELATIVE", "order_by_relative_metric": ids},
            {"metric": "MESSAGE_SENDS", "type": "NUMBER_VALUES", "number_values": sends},
            {"metric": "TOP_BLOCK_REASON", "type": "STRING_VALUES", "string_values": reasons},
        ]
        return Answer(200, {"data": data})

    def migrate(self, request: Request) -> Answer:
        """``POST /{waba-id}/migrate_message_templates``: there is no other account to take them from."""
        if not request.query.get("source_waba_id", "").isdigit():
            return invalid("source_waba_id is needed")
        return Answer(200, {"migrated_templates": [], "failed_templates": []})

    # -- inside -------------------------------------------------------------------------------------

    def _again(self, body: Mapping[str, Any]) -> Answer | None:
        if self.named(body.get("name"), body.get("language")) is None:
            return None
        text = f"There is already {body['language']} content for this template."
        return template_refusal("Content in this language already exists", text, 2388024)

    def _add(self, body: Mapping[str, Any], language: str) -> Row:
        name = str(body["name"])
        row = template(name, 0, str(body["category"]), "PENDING")
        known = ("components", "parameter_format", "message_send_ttl_seconds", "library_template_name")
        row |= {key: value for key, value in body.items() if key in known}
        row["language"] = language
        row["id"] = str(int(hashlib.sha256(f"{name}/{language}".encode()).hexdigest()[:12], 16))
        row["quality_score"] = {"score": "UNKNOWN", "date": 1751247548}
        _measure(row)
        self.rows.append(row)
        return row


def _told_of(row: Mapping[str, Any]) -> Row:
    return {key: row[key] for key in ("id", "status", "category")}


def _fits(row: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    for name in ("status", "category", "language"):
        if query.get(name) and row[name] not in _several(query[name]):
            return False
    scores = query.get("quality_score")
    if scores and (row.get("quality_score") or {}).get("score") not in _several(scores):
        return False
    text = json.dumps(row["components"], ensure_ascii=False)
    if query.get("name") and query["name"] != row["name"]:
        return False
    if query.get("content") and query["content"] not in text:
        return False
    both = query.get("name_or_content")
    return not both or both in row["name"] or both in text


def _several(text: str) -> list[str]:
    """``A,B`` or ``["A","B"]``."""
    return [part.strip(' "') for part in text.strip("[]").split(",")]


def _count(row: Row, parameters: int) -> None:
    """Give a template a body with so many positional parameters."""
    text = " ".join(f"{{{{{n}}}}}" for n in range(1, parameters + 1)) or "Hello"
    body: dict[str, Any] = {"type": "BODY", "text": text}
    if parameters:
        body["example"] = {"body_text": [[f"example {n}" for n in range(1, parameters + 1)]]}
    others = [c for c in row["components"] if str(c.get("type", "")).upper() != "BODY"]
    row["components"] = [*others, body]
    row["parameters"] = parameters


def _measure(row: Row) -> None:
    """Types in capitals, as Meta lists them, and how many parameters the body has."""
    row["components"] = [{**c, "type": str(c.get("type", "")).upper()} for c in row["components"]]
    row.setdefault("parameter_format", "POSITIONAL")
    body = component(row["components"], "BODY")
    row["parameters"] = len(placeholders(str((body or {}).get("text", ""))))


def _unfit(body: Mapping[str, Any]) -> Answer | None:
    """Why Meta does not take a template for review."""
    if not _NAME.fullmatch(str(body.get("name", ""))):
        return invalid("name must have 1 to 512 lower-case letters, digits and underscores")
    if body.get("category") not in CATEGORIES:
        return invalid(f"category must be one of {', '.join(CATEGORIES)}")
    if not _LANGUAGE.fullmatch(str(body.get("language", ""))):
        return invalid("language must be a code such as en_US")
    if body.get("library_template_name"):
        return None
    components = body.get("components")
    if not isinstance(components, list) or component(components, "BODY") is None:
        return template_refusal("Body is missing", "A template needs a BODY component.", 2388072)
    for one in components:
        kind = str(one.get("type", "")).upper()
        most, subcode = _LENGTHS.get(kind, (0, 0))
        text = str(one.get("text") or "")
        if most and len(text) > most:
            words = f"{kind} may have at most {most} characters."
            return template_refusal("Message template is too long", words, subcode)
        if kind == "BODY" and _has_edge(text):
            words = "Variables can't be at the start or end of the template."
            return template_refusal("Leading or trailing parameters", words, 2388299)
        if kind in ("HEADER", "BODY") and PLACEHOLDER.search(text) and not one.get("example"):
            words = f"{kind} has variables and needs an example for each."
            return template_refusal("Example is missing", words, 2388043)
    return None


def _has_edge(text: str) -> bool:
    return bool(re.match(r"\s*\{\{", text) or re.search(r"\}\}\s*$", text))
