"""Meta's OpenAPI file, which lies beside the project and is not part of it."""

from __future__ import annotations

from pathlib import Path

OPENAPI = Path(__file__).resolve().parents[3] / "shared" / "meta" / "business-messaging-api_v23.0.yaml"
MISSING = f"Meta's OpenAPI file is not there: {OPENAPI.name} (facebook/openapi) in ../shared/meta"
