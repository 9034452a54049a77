"""Messages as producers send them: a good one, and any JSON in their shape."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from lifeline.contract.messages import MESSAGE_SCHEMA

GOOD: dict[str, Any] = {
    "id": "clinic-7:2026-03-01",
    "to": "+4915112345678",
    "type": "template",
    "template": {"name": "appointment_reminder", "language": "en-US", "parameters": ["Ana", 9, "Monday"]},
    "text": "Your appointment is on Monday at 9.",
    "priority": "critical",
    "category": "appointment",
    "recipient": {"user_id": "u1", "email": "ana@example.org"},
    "fallback": {"title": "Appointment", "body": "Monday at 9"},
    "expires_at": "2026-03-01T09:00:00Z",
    "send_after": "2026-02-28T09:00:00+01:00",
    "campaign": "spring",
}


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 70)
    | st.text(max_size=6)
    | st.sampled_from(
        [
            "template",
            "text",
            "voice",
            "normal",
            "en_US",
            "a",
            "a@b",
            "2026-03-01T09:00:00Z",
            "x" * 130,
            "é",
            "a\n",
        ]
    )
)

names = st.sampled_from(
    [
        *MESSAGE_SCHEMA["properties"],
        "name",
        "language",
        "parameters",
        "components",
        "user_id",
        "email",
        "title",
        "x",
    ]
)

documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5),
    max_leaves=12,
)
