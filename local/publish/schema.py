"""Write what is made of the contract for producers: ``python -m local.publish.schema`` (``make schema``)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lifeline.contract.inbound import INBOUND_SCHEMA
from lifeline.contract.messages import MESSAGE_SCHEMA
from lifeline.contract.outcomes import OUTCOME_SCHEMA

from local.publish.builders import builders
from local.publish.typescript import typescript

ROOT = Path(__file__).resolve().parents[2]


def published() -> dict[str, str]:
    """Every file that is written, by its path in the repository, with its text."""
    return {
        "schema/message.schema.json": _document(MESSAGE_SCHEMA),
        "schema/outcome.schema.json": _document(OUTCOME_SCHEMA),
        "schema/inbound.schema.json": _document(INBOUND_SCHEMA),
        "schema/lifeline.d.ts": typescript(),
        "producer/src/lifeline_producer/kinds.py": builders(),
    }


def _document(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write them all."""
    for name, text in published().items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        print(f"written: {name}")


if __name__ == "__main__":
    main()
