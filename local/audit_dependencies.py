"""Ask for known vulnerabilities of what is pinned, and take no missing answer for a good one.

pip-audit asks PyPI. Where it cannot, it ends like a finding (exit code 1, with a traceback); where an index
has no advisories, it passes over every package and says "No known vulnerabilities found". Here a finding is
1, and both of these are 0 with a sentence that says what was not looked up.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.requirements_check import COMPILED

ROOT = Path(__file__).resolve().parents[1]
TOOL = ROOT / ".venv-lint" / "bin" / "pip-audit"
PARTS = ("layer", "cli", "dev")
"""What ships, and what runs beside it. SAM and checkov pin what they need, and read files of ours only."""
ANSWER_SECONDS = 10
LIMIT_SECONDS = 180
COULD_NOT_LOOK = "Known vulnerabilities were NOT looked up"

Run = Callable[[list[str]], "subprocess.CompletedProcess[str]"]
"""Runs a command and returns what it said; raises TimeoutExpired after LIMIT_SECONDS."""

_OUT_OF_REACH = re.compile(
    r"requests\.exceptions\.|ServiceError|Could not connect|not redirecting properly|timed out", re.IGNORECASE
)


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """The real runner."""
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS)


def audit(run: Run) -> tuple[int, str]:
    """Exit code and what to say: 0 is clean or out of reach, 1 is a finding or a check that is broken."""
    files = [word for part in PARTS for word in ("--requirement", str(COMPILED[part]))]
    options = ("--require-hashes", "--disable-pip", "--format", "json", "--progress-spinner", "off")
    try:
        done = run([str(TOOL), *options, "--timeout", str(ANSWER_SECONDS), *files])
    except subprocess.TimeoutExpired:
        return 0, f"{COULD_NOT_LOOK}: the index gave no answer within {LIMIT_SECONDS} s."
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        lines = done.stderr.strip().splitlines() or ["it said nothing"]
        why = next((line for line in reversed(lines) if _OUT_OF_REACH.search(line)), None)
        if why:
            return 0, f"{COULD_NOT_LOOK}: the index could not be reached ({_short(why)})."
        return 1, f"pip-audit failed (exit code {done.returncode}): {_short(lines[-1])}"
    return _verdict(packages)


def _verdict(packages: list[dict[str, Any]]) -> tuple[int, str]:
    skipped = sorted({item["name"] for item in packages if "skip_reason" in item})
    looked = {item["name"] for item in packages if "skip_reason" not in item}
    found = sorted({line for item in packages for line in _findings(item)})
    if not looked:
        return (
            0,
            f"{COULD_NOT_LOOK}: the index that is reachable has no advisories ({len(skipped)} packages).",
        )
    said = [f"{len(found)} known vulnerabilities in {len(looked)} packages that were looked up.", *found]
    if skipped:
        said.append(f"{COULD_NOT_LOOK} for {len(skipped)} packages: {', '.join(skipped)}.")
    return (1 if found else 0), "\n".join(said)


def _findings(item: dict[str, Any]) -> list[str]:
    return [
        f"{item['name']} {item['version']}: {', '.join([one['id'], *one.get('aliases', ())])}, "
        f"fixed in {', '.join(one['fix_versions']) or 'no version yet'}"
        for one in item.get("vulns", ())
    ]


def _short(line: str) -> str:
    return line.strip()[:160]


if __name__ == "__main__":
    code, text = audit(run)
    print(text)
    sys.exit(code)
