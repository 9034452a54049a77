"""Commands against an operator function of the test: requests, answers, exit codes, what people read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lifeline_cli.main import run

from tests.support.operator_answers import AUDIT, ROW
from tests.support.operator_function import AT, CHANGE, FLAG, MOVED, PEEK, Function
from tests.support.proofs import SAMPLE

LANE_ROW = {
    "in_flight": 0, "delayed": 2, "oldest_age_seconds": 75.0, "eta_seconds": 30, "eta": AT,
}  # fmt: skip


def test_status_says_what_ends_it_and_what_to_do(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["panic", "status"]) == 0
    out = capsys.readouterr().out
    for words in ("PANIC", "2 min ago", "too fast", "1 of 3", "Lower the sending rate.", "token: not valid"):
        assert words in out
    assert "\x1b[" not in out


@pytest.mark.parametrize("words", [["--json", "panic", "status"], ["panic", "status", "--json"]])
def test_json_before_and_after(
    function: Function, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert run(words) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == {"ok": True, "action": "panic.status", "result": function.answers["panic.status"]}


def test_a_change_carries_the_caller_and_the_reason(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["panic", "enable", "whatsapp", "campaign peak", "--hold", "--for", "2h"]
    assert run(words) == 0
    assert function.requests == [
        {
            "action": "panic.enable", "proof": SAMPLE, "scope": "whatsapp", "reason": "campaign peak",
            "hold": True, "for_seconds": 7200.0,
        }
    ]  # fmt: skip
    assert "! an alarm is still in ALARM" in capsys.readouterr().out


def test_shadow_needs_on_or_off(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["panic", "shadow", "whatsapp", "maybe"]) == 2
    assert run(["panic", "shadow", "whatsapp", "on"]) == 0
    assert function.requests[0]["on"] is True


@pytest.mark.parametrize(
    "words",
    [
        ["panic", "enable", "whatsapp"],
        ["panic", "nope"],
        ["panic", "status", "--nope"],
        ["send", "--to", "+49"],
        [],
    ],
)
def test_wrong_usage_is_two(function: Function, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert run(words) == 2
    assert function.requests == []


def test_a_refusal_is_one_and_names_what_is_valid(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    refusal = {"code": "unknown_scope", "message": "'x' is not a scope", "valid": ["whatsapp"]}
    function.answers["panic.disable"] = {"refuse": refusal}
    assert run(["panic", "disable", "x", "why"]) == 1
    assert "Valid: whatsapp" in capsys.readouterr().err
    assert run(["panic", "disable", "x", "why", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "unknown_scope"


def test_without_ramp_is_asked_first(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["panic", "disable", "whatsapp", "why", "--no-ramp"]) == 1
    assert function.requests == []
    assert "--yes" in capsys.readouterr().err
    assert run(["panic", "disable", "whatsapp", "why", "--no-ramp", "--yes"]) == 0
    assert function.requests[0]["ramp"] is False


def test_redrive_shows_reasons_before_it_moves(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["queue", "redrive", "--queue", "whatsapp-dlq"]) == 1
    assert [request["action"] for request in function.requests] == ["queue.peek"]
    assert "bad_request: code 100" in capsys.readouterr().out
    assert (
        run(["queue", "redrive", "--queue", "whatsapp-dlq", "--yes", "--reason", "template corrected"]) == 0
    )
    assert function.requests[-1]["reason"] == "template corrected"
    assert "Sent 2 of whatsapp-dlq again, to whatsapp-queue" in capsys.readouterr().out


def test_redrive_asks_again_for_what_is_left(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    function.answers["queue.peek"] = {**PEEK, "waiting": 30}
    function.answers["queue.redrive"] = [
        {**MOVED, "moved": 15, "accounted": 5, "complete": False},
        {**MOVED, "moved": 10, "waiting": 1, "complete": True},
    ]
    assert run(["queue", "redrive", "--queue", "whatsapp-dlq", "--yes"]) == 0
    assert [r["limit"] for r in function.requests if r["action"] == "queue.redrive"] == [30, 10]
    out = capsys.readouterr().out
    assert "Sent 25 of whatsapp-dlq again" in out
    assert "Deleted 5 that were settled meanwhile" in out


def test_refused_messages_are_chosen_by_template_and_cause(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    function.answers["queue.peek"] = {**PEEK, "queue": "refused", "to": "whatsapp", "waiting": 9}
    chosen = ["--template", "reminder", "--cause", "bad_request"]
    assert run(["queue", "redrive", "--queue", "refused", *chosen, "--yes"]) == 0
    peek, redrive = function.requests
    for request in (peek, redrive):
        assert (request["template"], request["cause"]) == ("reminder", "bad_request")
    assert redrive["limit"] == 2, "no more than were shown"
    assert run(["queue", "redrive", "--queue", "whatsapp-dlq", *chosen, "--yes"]) == 2


@pytest.mark.parametrize("words", [["--dry-run"], ["--id", "m-9"]])
def test_nothing_is_asked_for_where_nothing_is_meant(
    function: Function, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    if words == ["--id", "m-9"]:
        function.answers["queue.peek"] = {**PEEK, "seen": 0, "sample": [], "reasons": []}
    assert run(["queue", "redrive", "--queue", "whatsapp-dlq", *words]) == 0
    assert [request["action"] for request in function.requests] == ["queue.peek"]


def test_discard_needs_a_reason_and_a_yes(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["queue", "discard", "--queue", "refused"]) == 2
    words = ["queue", "discard", "--queue", "whatsapp-dlq", "--reason", "a test of the producer"]
    assert run(words) == 1
    assert [request["action"] for request in function.requests] == ["queue.peek"]
    function.answers["queue.discard"] = {
        "queue": "whatsapp-dlq", "discarded": 2, "failed": 0, "waiting": 0, "ids": ["m-1"], "complete": True,
        "warnings": [],
    }  # fmt: skip
    assert run([*words, "--yes"]) == 0
    assert (function.requests[-1]["reason"], function.requests[-1]["proof"]) == (
        "a test of the producer",
        SAMPLE,
    )
    assert "Discarded 2 of whatsapp-dlq" in capsys.readouterr().out


def test_queue_status_shows_lanes_with_age_and_eta(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    lanes = [
        {**LANE_ROW, "name": "normal", "kind": "backlog", "visible": 300, "rate": 10.0},
        {**LANE_ROW, "name": "refused", "kind": "refused", "visible": 1, "rate": None, "eta_seconds": None},
    ]
    function.answers["queue.status"] = {
        "at": AT, "queues": lanes, "waiting": 302, "released": 0, "refused": 1, "unreadable": 0,
        "eta_seconds": 30, "eta": AT, "drain": {"rate": 10.0, "ceiling": 10.0, "state": "releasing"},
        "notes": ["1 refused: needs an operator (lifeline queue redrive --queue refused --dry-run)"],
    }  # fmt: skip
    assert run(["queue", "status", "--queue", "whatsapp-queue"]) == 0
    out = capsys.readouterr().out
    for words in ("normal", "1 min 15 s", "10/s", "30 s", "draining at 10/s", "! 1 refused"):
        assert words in out


# --- audit -------------------------------------------------------------------------------------------------


def test_all_accounted_for_is_zero(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    function.answers["audit.run"] = AUDIT
    assert run(["audit"]) == 0
    assert function.requests == [{"action": "audit.run"}]
    out = capsys.readouterr().out
    for words in ("accounted for", "under 2 min", "10 min to 1 h", "over 1 h", "critical", "20 s ago"):
        assert words in out


def test_something_to_look_at_is_one_and_names_the_command(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    command = "lifeline message m-1"
    finding = {"what": "overdue by more than two minutes", "count": 4, "command": command}
    function.answers["audit.run"] = {**AUDIT, "verdict": "look", "command": command, "findings": [finding]}
    assert run(["audit"]) == 1
    captured = capsys.readouterr()
    assert "! 4 overdue" in captured.out
    assert f"Run: {command}" in captured.err
    assert run(["audit", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["result"]["command"] == command


def test_a_deep_audit_asks_for_each_part_of_a_large_ledger(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    def part(found: int, ids: list[str], following: int | None) -> dict[str, Any]:
        verdict = {"verdict": "look", "command": "lifeline audit --deep --wake"} if found else {}
        return {**AUDIT, **verdict, "deep": {"found": found, "ids": ids, "woken": found, "next": following}}

    function.answers["audit.run"] = [part(0, [], 20), part(2, ["a", "b"], 50), part(1, ["c"], None)]
    assert run(["audit", "--deep", "--wake"]) == 1
    assert [request.get("segment") for request in function.requests] == [None, 20, 50]
    assert all(request["deep"] and request["wake"] for request in function.requests)
    assert "3 open and off the agenda; 3 woken" in capsys.readouterr().out
    assert run(["audit", "--wake"]) == 2


def test_a_part_that_takes_too_long_ends_the_deep_audit(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    deep = {"found": 0, "ids": [], "woken": 0, "next": 7}
    function.answers["audit.run"] = {**AUDIT, "deep": deep}
    assert run(["audit", "--deep"]) == 1, "not read to its end is not accounted for"
    assert len(function.requests) == 2
    assert "did not finish" in capsys.readouterr().out


# --- one message -------------------------------------------------------------------------------------------


def test_a_message_tells_doubts_duplicates_and_other_content(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    function.answers["message.show"] = {
        **ROW,
        "status": "IN_DOUBT",
        "reached": False,
        "waits_for": "a report of act 2 (whatsapp), until 2026-03-01T09:01:00.000Z",
        "acts": 2,
        "doubts": [{"act": 2, "way": "whatsapp", "at": AT}],
        "possible_duplicates": 2,
        "duplicates": [1],
        "conflicts": 3,
    }
    assert run(["message", "m-1"]) == 0
    out = capsys.readouterr().out
    for words in (
        "a report of act 2",
        "act 2 (whatsapp) since 2026-03-01 09:00:00 UTC",
        "possible duplicates: 2 (proven 1)",
        "! the same ID came with other content, times: 3",
    ):
        assert words in out


def test_a_message_tells_that_both_told_as_it_was_meant(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    both = {"status": "PUSHED", "escalated": True, "told_by_both": True, "also": "READ"}
    function.answers["message.show"] = {**ROW, **both}
    assert run(["message", "m-1"]) == 0
    assert "no device had it in time; told as well: READ" in capsys.readouterr().out
    function.answers["message.show"] = {**ROW, **both, "told_by_both": False, "also": None}
    assert run(["message", "m-1"]) == 0
    assert "told as well" not in capsys.readouterr().out


def test_a_cancel_says_what_it_cannot_undo(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    done = {"id": "m-1", "status": "CANCELLED", "changed": True, "in_doubt": True}
    function.answers["message.cancel"] = done
    assert run(["message", "m-1", "--cancel", "called off"]) == 0
    out = capsys.readouterr().out
    assert "Message m-1 is cancelled." in out
    assert "may have arrived" in out
    function.answers["message.cancel"] = {**done, "changed": False, "in_doubt": False}
    assert run(["message", "m-1", "--cancel", "called off"]) == 0
    assert "was already cancelled" in capsys.readouterr().out


def test_send_follows_to_the_end(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    function.answers["message.send"] = {
        "id": "m-1",
        "queue": "whatsapp-critical-queue",
        "to": "+49***",
        "known": False,
    }
    function.answers["message.show"] = [
        {"found": False, "id": "m-1", "status": None},
        {**ROW, "status": "SENT"},
        {**ROW, "status": "DELIVERED"},
    ]
    assert run(["send", "--to", "+4915112345678", "--text", "Hello", "--priority", "critical"]) == 0
    assert function.requests[0]["message"] == {
        "to": "+4915112345678", "type": "text", "priority": "critical", "text": "Hello",
    }  # fmt: skip
    captured = capsys.readouterr()
    assert "m-1: DELIVERED" in captured.out
    assert "SENT" in captured.err


def test_send_to_a_user_id_of_metas(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    function.answers["message.send"] = {"id": "m-1", "queue": "whatsapp-queue", "to": "US.*", "known": False}
    assert run(["send", "--bsuid", "US.1349", "--text", "Hello", "--no-follow"]) == 0
    assert function.requests[0]["message"] == {
        "type": "text", "priority": "normal", "text": "Hello", "recipient": {"bsuid": "US.1349"},
    }  # fmt: skip
    assert run(["send", "--text", "Hello"]) == 2
    assert "--bsuid" in capsys.readouterr().err


def test_contacts_name_each_bad_line_and_go_on(
    function: Function, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_text(
        "\ufeffuser_id, email ,push_endpoint\n" + "".join(f"u{n},u{n}@example.org,\n" for n in range(150))
    )
    function.answers["contacts.import"] = [
        {"saved": 99, "rejected": [{"line": 7, "fault": "contact.email: no"}]},
        {"saved": 50, "rejected": []},
    ]
    assert run(["contacts", "import", str(file)]) == 1
    captured = capsys.readouterr()
    assert "149 contacts registered" in captured.out
    assert "line 7: contact.email: no" in captured.out
    assert [len(request["contacts"]) for request in function.requests] == [100, 50]
    assert function.requests[0]["contacts"][0] == {"line": 2, "user_id": "u0", "email": "u0@example.org"}


def test_a_file_may_give_several_devices_of_a_person(function: Function, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("user_id,push_endpoint,email\nana,arn:1  arn:2,\nbob,arn:3,b@example.org\n")
    function.answers["contacts.import"] = {"saved": 2, "rejected": []}
    assert run(["contacts", "import", str(file)]) == 0
    assert function.requests[0]["contacts"] == [
        {"line": 2, "user_id": "ana", "push_endpoint": ["arn:1", "arn:2"]},
        {"line": 3, "user_id": "bob", "push_endpoint": "arn:3", "email": "b@example.org"},
    ]


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "user_id,email\n"])
def test_a_file_that_holds_no_contacts_is_refused(
    function: Function, capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str
) -> None:
    file = tmp_path / "people.csv"
    file.write_text(text)
    assert run(["contacts", "import", str(file)]) == 1
    assert function.requests == []


def test_no_stack_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("LIFELINE_STACK", raising=False)
    assert run(["panic", "status"]) == 2
    assert "--stack" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [[], ["panic"], ["queue"], ["contacts"], ["send"], ["errors"], ["message"], ["audit"]]
)
def test_help_loads_no_aws(words: list[str]) -> None:
    import subprocess
    import sys

    code = (
        "import sys; from lifeline_cli.main import run; code = run(sys.argv[1:]); "
        "assert 'boto3' not in sys.modules; sys.exit(code)"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code, *words, "--help"],
        env={"PYTHONPATH": f"{root / 'cli'}:{root / 'layers' / 'lifeline'}", "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Usage: lifeline" in done.stdout


def test_enabling_during_panic_says_that_it_stays(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    function.answers["panic.enable"] = {**CHANGE, "event": "changed"}
    assert run(["panic", "enable", "whatsapp", "I look at it"]) == 0
    assert "whatsapp stays PANIC" in capsys.readouterr().out


def test_more_successes_than_needed_are_not_four_of_three(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    function.answers["panic.status"] = {"at": AT, "panic": True, "scopes": [{**FLAG, "probe_successes": 4}]}
    assert run(["panic", "status"]) == 0
    assert "3 of 3" in capsys.readouterr().out


DEAD = {**PEEK["sample"][0], "since": AT, "receive_count": 30, "status": None}
UNKNOWN = {"found": False, "id": "m-1", "status": None, "final": False, "trail": []}


def test_a_message_that_is_a_dead_letter_says_so_and_what_to_run(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    function.answers["message.show"] = UNKNOWN
    function.answers["queue.peek"] = {**PEEK, "sample": [DEAD]}
    assert run(["message", "m-1"]) == 1
    words = capsys.readouterr().err
    assert "in the dead-letter queue whatsapp-dlq" in words
    assert "bad_request: code 100" in words
    assert "lifeline queue redrive --queue whatsapp-dlq --id m-1 --dry-run" in words.replace("\n", " ")
    assert "still in its queue" not in words


def test_a_row_whose_dead_letter_alone_carries_it_waits_for_a_person(
    function: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    function.answers["message.show"] = {**ROW, "final": False, "due_at": None, "waits_for": "its SQS message"}
    function.answers["queue.peek"] = {**PEEK, "sample": [DEAD]}
    assert run(["message", "m-1"]) == 0
    assert "it is a dead letter" in " ".join(capsys.readouterr().out.split())


def test_a_message_that_is_nowhere_is_unknown(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    function.answers["message.show"] = UNKNOWN
    function.answers["queue.peek"] = {**PEEK, "sample": []}
    assert run(["message", "m-1"]) == 1
    assert "could not search" not in capsys.readouterr().err
    function.answers["queue.peek"] = {"refuse": {"code": "denied", "message": "may not"}}
    assert run(["message", "m-1"]) == 1
    assert "could not search" in " ".join(capsys.readouterr().err.split())
