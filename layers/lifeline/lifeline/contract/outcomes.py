"""Outcomes: what a producer is told of a message, one JSON document per change.

Written by whoever publishes them, read by subscribers (``lifeline_producer.outcomes``): both use this file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lifeline.contract.instants import INSTANT, format_instant, parse_instant
from lifeline.contract.messages import MAX_DEPTH, ContractError
from lifeline.contract.patterns import LINE, MAX_ID, TEXT, worded
from lifeline.contract.schema import DEFINITIONS, violations
from lifeline.contract.statuses import STATUSES
from lifeline.contract.text import depth
from lifeline.contract.ways import WAYS

CONFLICT: Final = "CONFLICT"
"""Told of an id that came again with other content: the first content stays, so it is no status of the
row."""

_UNDER_WAY: Final = frozenset({"CLAIMED", "HELD", "IN_DOUBT"})
OUTCOMES: Final = (*(status for status in STATUSES if status not in _UNDER_WAY), CONFLICT)
"""What an event may say. A newer Lifeline may say more, so subscribers pass over what they do not know."""

_VIA: Final = ", ".join(way.name for way in WAYS)
_NAME: Final[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": LINE}

OUTCOME_SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:lifeline:outcome:1",
    "title": "Lifeline outcome",
    "description": "The outcome of one message, a JSON object. Fields that do not apply are left out; a "
    "newer Lifeline may add fields and statuses.",
    "type": "object",
    "required": ["event_id", "status", "time"],
    "$defs": DEFINITIONS,
    "properties": {
        "event_id": {
            "type": "string",
            "minLength": 1,
            "maxLength": 256,
            "pattern": LINE,
            "description": "The same for every copy of one event: events come at least once.",
        },
        "sequence": {
            "type": "number",
            "description": "Orders the events of one message, which may arrive in any order: "
            "the highest is the last. Left out where there is no order: CONFLICT, and a body that "
            "breaks the contract.",
        },
        "id": {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_ID,
            "pattern": LINE,
            "description": "The message's id, as its producer gave it; left out where its body had none.",
        },
        "status": {
            "type": "string",
            "pattern": worded("^[A-Z][A-Z_]{0,31}$", "must be a status, such as DELIVERED"),
            "description": f"One of {', '.join(OUTCOMES)}.",
        },
        "via": {
            **_NAME,
            "description": f"The channel that reached the person: whatsapp, or {_VIA}.",
        },
        "time": {"type": "string", "pattern": INSTANT, "description": "When it happened."},
        "cause": {**_NAME, "description": "Why it failed; docs/failures.md lists the causes."},
        "code": {"type": "number", "description": "Meta's error code."},
        "wamid": {
            "type": "string",
            "minLength": 1,
            "maxLength": 512,
            "pattern": LINE,
            "description": "Meta's id of the WhatsApp message.",
        },
        "reasons": {
            "type": "array",
            "maxItems": 16,
            "items": {"type": "string", "pattern": TEXT},
            "description": "Why it was refused, each reason with its place.",
        },
        "eta": {
            "type": "string",
            "pattern": INSTANT,
            "description": "When a parked message is expected to leave.",
        },
        "message_id": {
            "type": "string",
            "minLength": 1,
            "maxLength": 128,
            "pattern": LINE,
            "description": "SQS's message id of a body that breaks the contract.",
        },
        "metadata": {
            "type": "object",
            "$ref": "#/$defs/clean",
            "description": "The producer's own object, returned unchanged.",
        },
    },
}
"""JSON Schema (draft 2020-12) of an outcome."""


@dataclass(frozen=True, slots=True)
class OutcomeEvent:
    """One change of one message. Instants are epoch seconds (UTC); what does not apply is ``None`` or empty.

    ``event_id`` is the same for every copy of the event; ``sequence`` orders those of one message.
    ``status``: one of :data:`OUTCOMES`, or what a newer Lifeline says. ``via``: the way that the person was
    reached by. ``cause``, ``code``: why it failed, Meta's error code. ``eta``: when a parked message is
    expected to leave. ``message_id``: SQS's, of a body that breaks the contract and may have no ``id``.
    ``metadata``: the producer's own.
    """

    event_id: str
    status: str
    time: float
    id: str | None = None
    via: str | None = None
    cause: str | None = None
    code: int | None = None
    wamid: str | None = None
    metadata: Mapping[str, Any] | None = None
    reasons: tuple[str, ...] = ()
    eta: float | None = None
    message_id: str | None = None
    sequence: int | None = None

    def to_body(self) -> str:
        """The JSON document that is published; :func:`parse_outcome` reads it.

        It is ASCII: SNS refuses some of the characters that JSON may hold.
        """
        fields = {
            "event_id": self.event_id,
            "sequence": self.sequence,
            "id": self.id,
            "status": self.status,
            "via": self.via,
            "time": format_instant(self.time),
            "cause": self.cause,
            "code": self.code,
            "wamid": self.wamid,
            "reasons": list(self.reasons) or None,
            "eta": None if self.eta is None else format_instant(self.eta),
            "message_id": self.message_id,
            "metadata": self.metadata,
        }
        given = {name: value for name, value in fields.items() if value is not None}
        return json.dumps(given, separators=(",", ":"))


def parse_outcome(body: str) -> OutcomeEvent:
    """Read one event. Fields that are not known are passed over. Raises :class:`ContractError`."""
    if depth(body) > MAX_DEPTH:
        raise ContractError([f"outcome: is nested deeper than {MAX_DEPTH} levels"])
    try:
        document = json.loads(body)
    except ValueError as error:
        raise ContractError([f"outcome: is not valid JSON ({error})"]) from error
    faults = list(violations(document, OUTCOME_SCHEMA, "outcome"))
    if faults:
        raise ContractError(faults)
    instants: dict[str, float] = {}
    for name in ("time", "eta"):
        if name in document:
            try:
                instants[name] = parse_instant(document[name])
            except ValueError as error:
                raise ContractError([f"outcome.{name}: is not a real instant ({error})"]) from error
    code, sequence = document.get("code"), document.get("sequence")
    return OutcomeEvent(
        event_id=document["event_id"],
        status=document["status"],
        time=instants["time"],
        id=document.get("id"),
        via=document.get("via"),
        cause=document.get("cause"),
        code=None if code is None else int(code),
        wamid=document.get("wamid"),
        metadata=document.get("metadata"),
        reasons=tuple(document.get("reasons", ())),
        eta=instants.get("eta"),
        message_id=document.get("message_id"),
        sequence=None if sequence is None else int(sequence),
    )
