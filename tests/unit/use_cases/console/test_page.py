"""The page alone: plain values to HTML."""

from __future__ import annotations

from typing import Any

from lifeline.use_cases.console.page import Said, page

FLAG: dict[str, Any] = {
    "scope": "whatsapp", "state": "panic", "cause": "rate_limit", "reason": "too fast", "since_seconds": 725,
    "shadow": True, "hold": True, "ends": "held: ends by an operator", "remedy": "Lower the sending rate.",
    "probes": [{"ok": False, "found": "token: not valid"}, {"ok": True, "found": ""}],
}  # fmt: skip
AT = "2026-03-01T09:00:00.000Z"


def rendered(**changes: Any) -> str:
    given: dict[str, Any] = {
        "panic": {"at": AT, "scopes": [FLAG]},
        "queues": None,
        "incidents": None,
        "unknown": [],
        "endpoint": "arn:aws:lambda:x",
        "said": None,
        "typed": {},
    }
    return page(**(given | changes))


def test_probes_are_one_line_with_the_latest_finding() -> None:
    assert "Last 2 probes: 1 failed, latest: token: not valid" in rendered()
    well = FLAG | {"probes": [{"ok": True, "found": ""}]}
    assert "Last 1 probes: 0 failed, latest: OK" in rendered(panic={"at": AT, "scopes": [well]})


def test_a_held_panic_has_no_second_hold_and_says_how_long_it_lasts() -> None:
    text = rendered()
    assert ">Hold<" not in text
    assert "for 12 min 5 s" in text
    assert "shadow: only reports panic" in text
    assert "<b>Lower the sending rate.</b>" in text
    assert "As of 2026-03-01T09:00:00Z." in text


def test_buttons_call_the_function_that_may_change() -> None:
    assert 'endpoint="arn:aws:lambda:x"' in rendered()
    assert 'confirmation="End the panic of whatsapp?"' in rendered()


def test_what_was_done_stands_first_and_a_refusal_is_marked() -> None:
    assert '<p class="say">done' in rendered(said=Said(True, "done"))
    assert '<p class="say bad">not &lt;done&gt;' in rendered(said=Said(False, "not <done>"))


def test_the_backlog_has_its_rate_and_eta_or_is_held() -> None:
    row = {"name": "normal", "visible": 4, "in_flight": 0, "delayed": 1, "oldest_age_seconds": 90}
    empty = {"name": "bulk", "visible": 0, "in_flight": 0, "delayed": 0, "oldest_age_seconds": None}
    queues = {
        "at": AT,
        "waiting": 5,
        "drain": {"rate": 2.0},
        "eta_seconds": 3,
        "queues": [row, empty],
        "notes": ["a < b"],
    }
    text = rendered(queues=queues)
    assert "5 wait, 2/s leave, done in 3 s" in text
    assert "<td>normal</td><td>5</td><td>1 min 30 s</td>" in text
    assert "<td>bulk</td>" not in text
    assert "a &lt; b" in text
    assert "held by panic" in rendered(queues=queues | {"eta_seconds": None})


def test_incidents_are_a_table() -> None:
    one = {"opened_at": AT, "scope": "whatsapp", "cause": "auth", "panic_seconds": 60, "state": "over"}
    text = rendered(incidents={"at": AT, "incidents": [one]})
    assert "<td>2026-03-01 09:00</td><td>whatsapp</td><td>auth</td><td>1 min</td><td>over</td>" in text


def test_nothing_readable_is_a_page_all_the_same() -> None:
    text = rendered(panic=None, unknown=["panic.status could not be read: x"])
    assert "could not be read: x" in text
    assert "<cwdb-action" not in text
