"""One person's data wherever Lifeline keeps them, and where they are looked for afterwards."""

from __future__ import annotations

import base64
import json
import re
from typing import Any, Final

from lifeline.adapters.contacts import Contact
from lifeline.adapters.queues import Outgoing
from lifeline.contract.names import EVENTS_DLQ, VOICE_DLQ, WHATSAPP_DLQ
from lifeline.domain.campaign.campaign import Campaign, CampaignState
from lifeline.domain.inbound.inbound import VoiceNote
from lifeline.domain.voice.speech import recording_key
from lifeline.wiring import operator

from tests.support import hostile
from tests.support.meta import inbound, post
from tests.support.operating import ACTOR, itself, url
from tests.support.sending import DEVICE

NUMBER: Final = "+4915155544433"
NAME: Final = "Jane Doe"
MAIL: Final = "jane.doe@example.org"
USER: Final = "patient-77"
TEXT: Final = "Your biopsy is on Tuesday."
OTHER: Final = "+4917012345678"
"""Somebody who stays."""

SEEDS: Final = {
    "number": r"1\D{0,3}5\D{0,3}1\D{0,3}5\D{0,3}5\D{0,3}5\D{0,3}4",
    "number in a wamid": re.escape(base64.b64encode(b"4915155544433").decode().rstrip("=")),
    "name": "Jane Doe",
    "mail": r"jane\.doe",
    "user id": "patient-77",
    "text": "biopsy",
    "device": re.escape(DEVICE),
}


def leaks(text: str) -> list[str]:
    """What of the person stands in ``text``."""
    return [name for name, pattern in SEEDS.items() if re.search(pattern, text)]


def to(name: str, who: str = NUMBER, **more: Any) -> str:
    """A message's body with all that it may say of a person."""
    recipient = {"user_id": USER, "push_endpoint": DEVICE, "email": MAIL} if who == NUMBER else {}
    text = TEXT if who == NUMBER else "See you."
    return hostile.good(**{"id": name, "to": who, "text": text, "recipient": recipient, **more})


class World(hostile.World):
    """Everything in memory, with recordings."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, str] = {}
        self.also(recordings=self)
        self.operate = operator.build(self.adapters("operator"), itself)

    # -- recordings, as the adapter keeps them

    def find(self, key: str, now: float) -> str | None:
        return self.kept.get(key)

    def delete(self, key: str) -> bool:
        return self.kept.pop(key, None) is not None

    # -- what there is of people

    def fill(self) -> None:
        """Every place gets something of the person, and of somebody else."""
        for who, prefix in ((NUMBER, "hers"), (OTHER, "his")):
            self.invoke(
                to(f"{prefix}-sent", who), to(f"{prefix}-later", who, send_after="2099-01-01T00:00:00Z")
            )
            self.trip()
            self.invoke(to(f"{prefix}-parked", who, recipient={}))
            self.clear()
            self.queues.send(
                url(WHATSAPP_DLQ), [Outgoing(to(f"{prefix}-dead", who), reason="taken too often")]
            )
            self.queues.send(
                url(EVENTS_DLQ), [Outgoing(json.dumps({"mail": MAIL if who == NUMBER else "x@y.zz"}))]
            )
            note = VoiceNote(f"w-{prefix}", who, "", NAME if who == NUMBER else "Max", self.clock(), "m")
            self.queues.send(url(VOICE_DLQ), [Outgoing(note.job())])
            self.inbox.keep(f"w-{prefix}", note.job(), self.clock(), self.clock())
            digest = self.adapters().people.person(who)
            assert digest
            self.inbox.remember_language(digest, "de", self.clock())
        self.contacts.save(Contact(USER, {"push": (DEVICE,), "email": (MAIL,)}))
        self.contacts.refuse("email", MAIL, "bounce: no such mailbox", self.clock())
        self.contacts.save(Contact("somebody", {"email": ("max@example.org",)}))
        speech = self.settings.openai
        key = recording_key(TEXT, speech.speech_model, speech.speaks_as(self.settings.phone_number_id))
        self.kept |= {key: "media-1", "another": "media-2"}
        self.campaigns.create(Campaign("spring", CampaignState.RUNNING, "spring", 4, 1e12, 60.0, released=1))
        lines = [
            to(f"spring:{n}", NUMBER if n % 2 else OTHER, campaign="spring", priority="bulk")
            for n in range(4)
        ]
        self.campaigns.put_chunk("spring", 0, lines, 1e12)

    def receive(self) -> None:
        """She writes to us; her wamid holds her number."""
        held = base64.b64encode(b"4915155544433").decode()
        message = {"from": NUMBER[1:], "id": f"wamid.{held}", "type": "text", "text": {"body": TEXT}}
        assert self.hook(post(inbound(message))) == 200

    def everything(self) -> dict[str, str]:
        """All tables and queues as text, by name."""
        queues = {
            name: json.dumps(self.queues.held(url(name))) for name in (WHATSAPP_DLQ, VOICE_DLQ, EVENTS_DLQ)
        }
        return {
            "ledger": repr(self.ledger.rows),
            "contacts": repr((self.contacts.known, self.contacts.marks)),
            "inbox": repr((self.inbox.waiting, self.inbox.done, self.inbox.leases, self.inbox.languages)),
            "campaigns": repr((self.campaigns.items, self.campaigns.chunks)),
            "history": repr((self.control.events, self.control.values, self.control.minutes)),
            "recordings": repr(self.kept),
            **queues,
        }

    def person(self, action: str, who: str = NUMBER, **more: Any) -> dict[str, Any]:
        """The answers to ``person.ACTION``, asked for until nothing is left: the last one, numbers added."""
        request = {"action": f"person.{action}", "who": who, "reason": "asked", "actor": ACTOR, **more}
        sure = {"sure": True} if action == "erase" else {}
        total: dict[str, Any] = {"removed": {}, "found": []}
        for _ in range(200):
            answer = self.ask({**request, **sure})
            assert answer["ok"], answer
            result = answer["result"]
            for name, count in result.get("removed", {}).items():
                total["removed"][name] = total["removed"].get(name, 0) + count
            total["found"] += result.get("found", [])
            if not result["next"]:
                return {**result, **total}
            request |= result["next"]
        raise AssertionError("it goes round for ever")
