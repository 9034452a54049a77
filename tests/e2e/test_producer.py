"""A producer with its own package and policy, as docs/producers.md shows it, against the deployed system."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.producers import built_wheel
from tests.support.system import System, eventually
from tests.support.template import ROOT

SEND = """
import json, sys
from lifeline_producer import Lifeline, text
kinds = ("critical", "normal", "bulk")
report = Lifeline.of_stack(sys.argv[1]).send_many(
    text(id=f"{sys.argv[2]}:{number}", to="+4915112345678", text="Hi", priority=kinds[number % 3])
    for number in range(24)
)
print(json.dumps([report.sent, [failure.code for failure in report.failures]]))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package; a wheel of pure Python can be imported as it is."""
    return built_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def keys(system: System) -> Iterator[dict[str, str]]:
    """Credentials of a user with the producers' policy and nothing else."""
    iam = system.stack.client("iam")
    name = f"producer-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    policy = {"UserName": name, "PolicyArn": system.out["ProducerPolicyArn"]}
    iam.attach_user_policy(**policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    yield {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    iam.detach_user_policy(**policy)


def run(*words: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        words,
        cwd=cwd,
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_messages_of_all_priorities_arrive_once(
    system: System, wheel: Path, keys: dict[str, str], tmp_path: Path
) -> None:
    prefix = system.fresh()
    environment = system.stack.environment() | keys | {"PYTHONPATH": str(wheel)}
    for _ in range(2):  # the second time they are known
        shown = run(sys.executable, "-c", SEND, system.stack.name, prefix, cwd=tmp_path, **environment)
        assert json.loads(shown) == [24, []]
    names = [f"{prefix}:{number}" for number in range(24)]
    system.wait_for(names, "DELIVERED")
    assert sorted(system.accepted(prefix)) == sorted(names)


def test_a_producers_own_project_is_tested_as_the_document_says(
    system: System, wheel: Path, tmp_path: Path
) -> None:
    text = (ROOT / "docs" / "producers.md").read_text()
    (commands,) = re.findall(r"^## Test your own project\n.*?^```bash\n(.*?)^```$", text, re.M | re.S)
    system.fresh()
    commands = commands.replace("../lifeline/.local/env", str(system.stack.folder / "env"))
    commands = commands.replace("lifeline-local", system.stack.name).replace('"t1"', f'"{uuid.uuid4().hex}"')
    send, _, rest = commands.partition("\ncurl")
    environment: dict[str, Any] = {"PYTHONPATH": str(wheel)}
    run("bash", "-ec", send, cwd=tmp_path, **environment)
    eventually(lambda: len(system.sends()) == 1, 20, "the message at WhatsApp")
    source = commands.splitlines()[0]
    shown = run("bash", "-ec", f"{source}\ncurl{rest}", cwd=tmp_path, **environment)
    assert '"Hi"' in shown
    system.faults_off()
