"""A function loads what it uses and nothing else: what it does not load costs no cold start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from lifeline.settings import NEEDS

ROOT: Final = Path(__file__).parents[2]
LAYER: Final = ROOT / "layers" / "lifeline"
LARGE: Final = ("openai", "phonenumbers", "pynamodb", "requests")
"""Packages that take long to load; ``openai`` stands for the adapter."""

LOADS: Final[dict[str, set[str]]] = {
    # phonenumbers: numbers that producers and operators give. pynamodb: loaded with the first write of a
    # contact, by none before. requests: by none; what asks once per message goes without it.
    "alarm": set(),
    "drainer": set(),
    "feedback": set(),
    "operator": {"phonenumbers"},
    "operator_read": {"phonenumbers"},
    "prober": {"openai"},
    "sender": {"phonenumbers"},
    "token_keeper": set(),
    "voice": {"openai"},
    "webhook": set(),
    "webhook_events": set(),
}
CONTACTS: Final = {"feedback", "operator", "operator_read", "sender"}
"""Who reads or marks contacts."""
SHARES: Final = {
    "operator_read": {"lifeline.wiring.operator"},
    "sender": {"lifeline.wiring.messages", "lifeline.wiring.texts"},
    "webhook_events": {"lifeline.wiring.messages"},
}
"""Whose wiring is another's with something left out, or has a part in common with another's."""

BUILD: Final = """
import json, sys
import functions.{name}.app as app
app.{name}.use_case()
print(json.dumps(sorted(sys.modules)))
"""


def loaded(name: str) -> set[str]:
    """The modules of a fresh process that has made the function's use case."""
    settings = dict.fromkeys(
        (*NEEDS[name], "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "https://example.org/x"
    )
    region = dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), "eu-west-1")
    found = subprocess.run(
        [sys.executable, "-c", BUILD.format(name=name)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{LAYER}{os.pathsep}{ROOT}", **settings, **region},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    return set(json.loads(found.stdout))


def test_every_function_is_listed() -> None:
    assert set(LOADS) == {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}


@pytest.mark.parametrize("name", LOADS)
def test_a_function_loads_what_it_uses_and_nothing_else(name: str) -> None:
    modules = loaded(name)
    known = {"openai": "lifeline.adapters.openai"}
    assert {package for package in LARGE if known.get(package, package) in modules} == LOADS[name]
    assert ("lifeline.adapters.contacts" in modules) == (name in CONTACTS)
    wired = {module for module in modules if module.startswith("lifeline.wiring.")}
    assert wired == {"lifeline.wiring.adapters", f"lifeline.wiring.{name}"} | SHARES.get(name, set())
