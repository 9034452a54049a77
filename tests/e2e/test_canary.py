"""canary.yaml on the local AWS, which has aliases and versions but no CodeDeploy: that part is left out."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from local.build import SAM, build
from local.canary import SHIFTS, laid_over
from local.stack import LocalStack
from tests.support.causes import SETTINGS
from tests.support.openapi import OPENAPI
from tests.support.system import System


def canary_build(folder: Path, stamp: str) -> Path:
    """The present build with the overlay, as ``make build CANARY=...`` makes it, but for CodeDeploy."""
    shutil.copytree(build(say=False), folder)
    template = folder / "template.yaml"
    laid = laid_over(yaml.safe_load(template.read_text()), SHIFTS[0], stamp)
    for name in ("SenderFunction", "WebhookFunction", "WebhookEventsFunction"):
        del laid["Resources"][name]["Properties"]["DeploymentPreference"]
    template.write_text(yaml.safe_dump(laid, sort_keys=False))
    return folder


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    """A system of its own, deployed without canary: others go on with the build that they know."""
    if not SAM.exists():
        pytest.skip(f"{SAM} is missing; make setup installs it")
    name = f"canary-{os.environ.get('PYTEST_XDIST_WORKER', 'test')}"
    openapi = OPENAPI if OPENAPI.exists() else None
    stack = LocalStack(tmp_path / "stack", name=name, settings=SETTINGS, quiet=True, openapi=openapi)
    try:
        yield System(stack.start())
    finally:
        stack.stop()


def live(system: System, output: str) -> tuple[str, str]:
    """The version that a function's alias leads to, and the stamp of its build."""
    name = system.out[output]
    version = system.functions.get_alias(FunctionName=name, Name="live")["FunctionVersion"]
    found = system.functions.get_function_configuration(FunctionName=name, Qualifier=version)
    return version, found["Environment"]["Variables"]["BUILT_AT"]


def fed(system: System) -> set[str]:
    """What the sender's four queues invoke, from the function's name on."""
    listed = system.functions.list_event_source_mappings()["EventSourceMappings"]
    arns = [arn for arn in (item["FunctionArn"] for item in listed) if "-sender" in arn]
    assert len(arns) == 4
    return {arn.partition(":function:")[2] for arn in arns}


@pytest.mark.timeout(420)
def test_messages_pass_the_alias_and_each_deployment_moves_it(system: System, tmp_path: Path) -> None:
    prefix, sender = system.fresh(), system.out["SenderFunctionName"]
    outputs = ("SenderFunctionName", "WebhookFunctionName", "WebhookEventsFunctionName")

    def delivered(name: str) -> None:
        """Meta's report has come in as well, so the webhook was reached."""
        system.produce(system.person(f"{prefix}-{name}"))
        system.wait_for([f"{prefix}-{name}"], "DELIVERED", within=60)

    delivered("plain")
    system.stack.update(canary_build(tmp_path / "first", "first"))
    assert fed(system) == {f"{sender}:live"}
    delivered("first")
    first = {output: live(system, output) for output in outputs}
    assert {stamp for _, stamp in first.values()} == {"first"}

    # Nothing but the stamp has changed.
    system.stack.update(canary_build(tmp_path / "second", "second"))
    delivered("second")
    second = {output: live(system, output) for output in outputs}
    assert {stamp for _, stamp in second.values()} == {"second"}
    assert all(first[output][0] != second[output][0] for output in outputs)

    system.stack.update(build(say=False))
    assert fed(system) == {sender}
    delivered("plain-again")
    assert len(system.accepted(prefix)) == 4
