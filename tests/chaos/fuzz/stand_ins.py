"""Collaborators of the use cases that the fuzz does not fault, and Meta's reports as it writes them."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from lifeline.domain.campaign.campaign import Campaign, CampaignState

APP_SECRET: Final = "made-up"
PHONE_NUMBER_ID: Final = "10000000001"
WABA_ID: Final = "20000000001"


class Quiet:
    """Telemetry that nobody reads."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


class Campaigns:
    """One campaign, ``spring``."""

    def __init__(self) -> None:
        self.states = {"spring": "running"}

    def state(self, name: str) -> str:
        return self.states.get(name, "")

    def all(self) -> list[Campaign]:
        return [
            Campaign(id=name, state=CampaignState(state), template="reminder", total=0, start=0.0, over=1.0)
            for name, state in self.states.items()
        ]

    def count(self, name: str, counts: Mapping[str, int]) -> None:
        return None


class Contacts:
    """Nobody is registered, and no address was refused."""

    def read(self, user_ids: Iterable[str]) -> Mapping[str, Any]:
        return {}

    def refused(self, ways: object) -> Mapping[Any, str]:
        return {}

    def refuse(self, *_: object) -> None:
        return None


@dataclass(frozen=True, slots=True)
class StatusPost:
    """One status of Meta's."""

    tag: str
    wamid: str
    state: str
    code: int | None = None

    def __str__(self) -> str:
        return f"{self.tag} {self.state}"


def body_of(post: StatusPost) -> bytes:
    """The POST of one status, as Meta writes it."""
    status: dict[str, Any] = {
        "id": post.wamid,
        "status": post.state,
        "timestamp": "1790000000",
        "recipient_id": "491510000000",
        "biz_opaque_callback_data": post.tag,
    }
    if post.code is not None:
        status["errors"] = [{"code": post.code, "title": "failed", "message": "failed"}]
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "491510000000", "phone_number_id": PHONE_NUMBER_ID},
        "statuses": [status],
    }
    document = {
        "object": "whatsapp_business_account",
        "entry": [{"id": WABA_ID, "changes": [{"field": "messages", "value": value}]}],
    }
    return json.dumps(document).encode()


def signature(raw: bytes) -> str:
    """Meta's signature of a POST."""
    return "sha256=" + hmac.new(APP_SECRET.encode(), raw, hashlib.sha256).hexdigest()
