from __future__ import annotations

from lifeline.contract.names import is_scope


def test_scopes() -> None:
    assert is_scope("whatsapp")
    assert is_scope("openai_voice")
    assert is_scope("whatsapp/template/appointment_reminder")
    assert not is_scope("whatsapp/template/")
    assert not is_scope("telegram")
