"""What one operator action is, and the fields that several of them have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lifeline.contract.names import DEAD_LETTER_QUEUES
from lifeline.contract.operator_proof import PROOF
from lifeline.contract.patterns import LABEL, LINE
from lifeline.contract.scopes import SCOPE_WORDS


@dataclass(frozen=True, slots=True)
class Action:
    """One operator action: what it does, what a request holds, what ``result`` answers.

    ``fields`` are JSON Schemas with a ``description`` each; ``required`` names those that must be there.
    ``changes``: the action changes something, so it is written into the history with its actor, who is proven
    by a ``proof``; ``actor`` alone is what a caller says who cannot sign.
    ``danger``: what cannot be taken back; it is carried out only where the request is ``sure``.
    ``bulk``: fields that a proof leaves open. Thousands of such requests follow each other, and each may be
    repeated without harm, so one proof serves them all until it ends.
    """

    description: str
    answer: str
    fields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    changes: bool = False
    danger: str = ""
    bulk: tuple[str, ...] = ()

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of the request."""
        return {
            "type": "object",
            "additionalProperties": False,
            # A proof stands for the actor; that one of both is there is asked where it is proven.
            "required": ["action", *(name for name in self.required if name != "actor")],
            "properties": {
                "action": {"type": "string", "pattern": LINE},
                **self.fields,
                **({"proof": PROOF} if self.changes else {}),
                **({"sure": SURE} if self.danger else {}),
            },
        }


SURE: Final = {"type": "boolean", "description": "true: confirms what cannot be undone"}


WORD: Final[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": LINE}
SCOPE: Final = {**WORD, "maxLength": 600, "description": SCOPE_WORDS}
ACTOR: Final = {
    **WORD,
    "maxLength": 512,
    "description": "Who asks, where nobody can sign; must be the signer's name beside a proof",
}
REASON: Final = {**WORD, "maxLength": 500, "description": "The reason, one sentence for the history"}
CAMPAIGN: Final[dict[str, Any]] = {
    "type": "string",
    "minLength": 1,
    "maxLength": 100,
    "pattern": LABEL,
    "description": "The campaign's name; its messages are called NAME:LINE",
}
TEMPLATE: Final[dict[str, Any]] = {**WORD, "maxLength": 512}
QUEUE: Final = {**WORD, "description": "A queue by its bare name, or with the stack's prefix"}
HELD: Final = {**WORD, "description": f"refused, {', '.join(DEAD_LETTER_QUEUES)}"}
ONLY: Final[dict[str, dict[str, Any]]] = {
    "id": {**WORD, "description": "Only the message of this id"},
    "template": {**WORD, "maxLength": 512, "description": "Of refused: only messages of this template"},
    "cause": {**WORD, "description": "Of refused: only those refused for this cause, such as bad_request"},
}
SPAN: Final = {"type": "number", "minimum": 1, "maximum": 31_622_400}
