"""What an answer of pip-audit means: clean, found, not looked up; a broken check is none of them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from local.audit_dependencies import COULD_NOT_LOOK, LIMIT_SECONDS, audit

CLEAN = {"name": "boto3", "version": "1.43.106", "vulns": []}
SKIPPED = {
    "name": "idna",
    "skip_reason": "Dependency not found on PyPI and could not be audited: idna (3.20)",
}
BAD = {
    "name": "urllib3",
    "version": "2.8.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.9.0"], "aliases": ["CVE-2"], "description": "long"}],
}
OFFLINE = """\
Traceback (most recent call last):
  File "pip_audit/_cli.py", line 554, in audit
requests.exceptions.ProxyError: HTTPSConnectionPool(host='index.example', port=443): Max retries exceeded
"""
ADVICE = """\
ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed
ERROR:pip_audit._cli:Tip: your network may be blocking this service. Try another service with `-s SERVICE`
"""


def says(code: int, *packages: dict[str, Any], err: str = "") -> Callable[[list[str]], Any]:
    """A stand-in for pip-audit; without packages it prints nothing on standard output."""
    out = json.dumps({"dependencies": packages, "fixes": []}) if packages else ""
    return lambda command: subprocess.CompletedProcess(command, code, out, err)


def test_clean_is_said_with_how_many_were_looked_up() -> None:
    assert audit(says(0, CLEAN)) == (0, "0 known vulnerabilities in 1 packages that were looked up.")


def test_a_finding_fails_and_says_what_fixes_it() -> None:
    code, text = audit(says(1, CLEAN, BAD, BAD))

    assert code == 1
    assert text.splitlines() == [
        "1 known vulnerabilities in 2 packages that were looked up.",
        "urllib3 2.8.0: PYSEC-1, CVE-2, fixed in 2.9.0",
    ]


def test_a_finding_without_a_fix_is_a_finding() -> None:
    unfixed = {**BAD, "vulns": [{"id": "PYSEC-1", "fix_versions": []}]}

    assert audit(says(1, unfixed))[0] == 1
    assert "fixed in no version yet" in audit(says(1, unfixed))[1]


@pytest.mark.parametrize("words", [OFFLINE, ADVICE, "pip_audit._service.interface.ServiceError\n"])
def test_an_index_out_of_reach_passes_and_says_so(words: str) -> None:
    code, text = audit(says(1, err=words))

    assert code == 0
    assert text.startswith(f"{COULD_NOT_LOOK}: the index could not be reached (")
    assert "\n" not in text


def test_an_index_without_advisories_is_not_taken_for_clean() -> None:
    """pip-audit says "No known vulnerabilities found" and exits 0 when it passed over every package."""
    code, text = audit(says(0, SKIPPED, err="No known vulnerabilities found"))

    assert code == 0
    assert text == f"{COULD_NOT_LOOK}: the index that is reachable has no advisories (1 packages)."


def test_an_index_that_does_not_answer_passes_and_says_so() -> None:
    def hang(command: list[str]) -> Any:
        raise subprocess.TimeoutExpired(command, LIMIT_SECONDS)

    code, text = audit(hang)
    assert code == 0
    assert text.startswith(COULD_NOT_LOOK)


def test_what_was_passed_over_is_named_beside_what_was_looked_up() -> None:
    code, text = audit(says(0, CLEAN, SKIPPED))
    assert (code, text.splitlines()[1]) == (0, f"{COULD_NOT_LOOK} for 1 packages: idna.")

    assert audit(says(1, BAD, SKIPPED))[0] == 1


@pytest.mark.parametrize(
    ("code", "words"),
    [(2, "pip-audit: error: unrecognized arguments: --nope"), (0, ""), (1, "ERROR: no hash for requests")],
)
def test_a_broken_check_fails(code: int, words: str) -> None:
    result, text = audit(says(code, err=words))

    assert result == 1
    assert text.startswith(f"pip-audit failed (exit code {code}): ")


def test_it_asks_for_all_three_parts_as_they_are_pinned() -> None:
    asked: list[str] = []

    def keep(command: list[str]) -> Any:
        asked.extend(command)
        return says(0, CLEAN)(command)

    audit(keep)
    files = [asked[at + 1] for at, word in enumerate(asked) if word == "--requirement"]
    assert [file.split("/")[-2:] for file in files] == [
        ["lifeline", "requirements.txt"],
        ["requirements", "cli.txt"],
        ["requirements", "dev.txt"],
    ]
    assert {"--require-hashes", "--disable-pip"} <= set(asked)
