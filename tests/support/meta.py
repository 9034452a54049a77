"""Meta's webhook bodies, built as Meta builds them, and signed."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

APP_SECRET = "app-secret-of-the-tests"
PHONE_NUMBER_ID = "100000000000001"
WABA_ID = "200000000000002"
"""Ours: in tests of use cases, in ``events/`` and on the local stack (``samconfig.toml``)."""
DISPLAY = "15550783881"


def sign(raw: bytes, secret: str = APP_SECRET) -> str:
    """The value of ``X-Hub-Signature-256``."""
    return "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()


def status(
    message_id: str | None,
    state: str,
    *,
    act: int | None = None,
    wamid: str = "",
    at: float = 1_790_000_000,
    **more: Any,
) -> dict[str, Any]:
    """One entry of ``statuses``; ``act``: which send of the message, ``None`` for one that named none."""
    entry: dict[str, Any] = {
        "id": wamid or f"wamid.{message_id}",
        "status": state,
        "timestamp": str(int(at)),
        "recipient_id": "491700000001",
        **more,
    }
    if message_id is not None:
        entry["biz_opaque_callback_data"] = message_id if act is None else f"{message_id}#{act}"
    return entry


def failed(
    message_id: str, code: int, *, act: int | None = None, wamid: str = "", at: float = 1_790_000_000
) -> dict[str, Any]:
    """A ``failed`` status with one error."""
    error = {"code": code, "title": f"code {code}", "error_data": {"details": f"details of {code}"}}
    return status(message_id, "failed", act=act, wamid=wamid, at=at, errors=[error])


def change(field: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """One entry of ``changes``."""
    return {"field": field, "value": value}


def statuses(entries: Sequence[Mapping[str, Any]], number: str = PHONE_NUMBER_ID) -> dict[str, Any]:
    """A change of field ``messages`` with these statuses of sends from ``number``."""
    return change(
        "messages",
        {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": DISPLAY, "phone_number_id": number},
            "statuses": list(entries),
        },
    )


def inbound(*messages: Mapping[str, Any], number: str = PHONE_NUMBER_ID) -> dict[str, Any]:
    """A change of field ``messages`` with what people wrote to ``number``."""
    metadata = {"display_phone_number": DISPLAY, "phone_number_id": number}
    value = {"messaging_product": "whatsapp", "metadata": metadata, "messages": list(messages)}
    return change("messages", value)


def post(*changes: Mapping[str, Any], time: float | None = None, waba: str = WABA_ID) -> bytes:
    """The raw body of one POST; non-ASCII is escaped, as Meta does before it signs."""
    entry: dict[str, Any] = {"id": waba, "changes": list(changes)}
    if time is not None:
        entry["time"] = int(time)
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def template_update(
    name: str, event: str, language: str = "en_US", reason: str | None = None, **more: Any
) -> dict[str, Any]:
    """A change of field ``message_template_status_update``."""
    return change(
        "message_template_status_update",
        {
            "event": event,
            "message_template_id": 1234567,
            "message_template_name": name,
            "message_template_language": language,
            "reason": reason,
            **more,
        },
    )
