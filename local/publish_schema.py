"""Write ``docs/message.schema.json`` from its source, ``lifeline.contract.messages``."""

from __future__ import annotations

import json
from pathlib import Path

from lifeline.contract.messages import MESSAGE_SCHEMA

TARGET = Path(__file__).resolve().parents[1] / "docs" / "message.schema.json"

if __name__ == "__main__":
    TARGET.write_text(json.dumps(MESSAGE_SCHEMA, indent=2, ensure_ascii=False) + "\n")
    print(f"written: {TARGET.name}")
