"""The deployed prober asks OpenAI itself: a list of models is not enough while nothing can be spoken."""

from __future__ import annotations

from lifeline.contract.scopes import OPENAI_VOICE
from lifeline.use_cases.panic.probe_voice import PROBE_TEXT

from tests.support.causes import SETTINGS
from tests.support.system import System, eventually


def test_voice_recovers_when_openai_speaks_again(system: System) -> None:
    system.fresh()
    system.openai("POST", "/faults", {"kind": "quota", "match": {"path": "/v1/audio/speech"}})
    asked = {"action": "panic.enable", "scope": OPENAI_VOICE, "reason": "no credit", "actor": "test"}
    system.invoke("Operator", asked)
    assert system.flag(OPENAI_VOICE)["state"] == "panic"
    assert system.flag()["state"] == "normal"
    refused = eventually(
        lambda: [
            entry
            for entry in system.openai("GET", "/requests?path=/v1/audio/speech")["requests"]
            if entry["content"] == PROBE_TEXT and entry["answer"]["status"] == 429
        ],
        60,
        "a probe that OpenAI refuses",
    )
    assert refused[0]["body"]["response_format"] == "opus"
    assert system.openai("GET", "/requests?path=/v1/models&accepted=true")["count"] >= 1
    assert system.flag(OPENAI_VOICE)["state"] == "panic"
    system.openai("DELETE", "/faults")
    system.recovers(OPENAI_VOICE)
    needed = SETTINGS["panic"]["successes_to_end"]
    assert system.openai("GET", "/voice")["speech"]["accepted"][PROBE_TEXT] >= needed
