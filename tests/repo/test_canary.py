"""canary.yaml: what CloudFormation gets when the build has laid it over the template."""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys
from typing import Any

import yaml

from local.canary import OVERLAY, SHIFTS, laid_over
from tests.support.runbook import RUNBOOK, headings
from tests.support.template import ROOT, expanded, resources, source, strings, target, transformed

SHIFTED = ("SenderFunction", "WebhookFunction", "WebhookEventsFunction")


@functools.cache
def _canary(shift: str, stamp: str) -> dict[str, Any]:
    return expanded(laid_over(source(), shift, stamp))


def canary(kind: str, shift: str = SHIFTS[0], stamp: str = "first") -> dict[str, dict[str, Any]]:
    return resources(kind, _canary(shift, stamp))


def overlay() -> dict[str, Any]:
    return dict(yaml.safe_load(OVERLAY.read_text())["Resources"])


def test_what_it_changes_exists_and_what_it_adds_has_a_type() -> None:
    known = source()["Resources"]
    added = {name for name in overlay() if name not in known}
    assert added == {"SenderErrorsAlarm", "SenderFaults", "SenderFaultsAlarm"}
    assert all("Type" in overlay()[name] for name in added)
    assert all("Type" not in overlay()[name] for name in overlay().keys() - added)


def test_queues_and_api_invoke_the_aliases_of_what_is_shifted() -> None:
    assert set(canary("AWS::Lambda::Alias")) == {f"{name}Aliaslive" for name in SHIFTED}
    mappings = canary("AWS::Lambda::EventSourceMapping")
    for name, properties in mappings.items():
        function = name[: name.index("Function") + 8]
        wanted = f"{function}Aliaslive" if function in SHIFTED else function
        assert target(properties["FunctionName"]) == wanted, name
    assert sum(name.startswith("SenderFunction") for name in mappings) == 4
    (integration,) = canary("AWS::ApiGatewayV2::Integration").values()
    assert target(integration["IntegrationUri"]) == "WebhookFunctionAliaslive"
    permissions = _canary(SHIFTS[0], "first")["Resources"]["WebhookMayBeInvokedByItsAddress"]
    assert target(permissions["Properties"]["FunctionName"]) == "WebhookFunctionAliaslive"


def test_codedeploy_shifts_them_and_goes_back_on_the_alarms_that_the_guide_names() -> None:
    guide = (ROOT / "docs" / "updates.md").read_text()
    alarms = canary("AWS::CloudWatch::Alarm")
    groups = canary("AWS::CodeDeploy::DeploymentGroup")
    assert set(groups) == {f"{name}DeploymentGroup" for name in SHIFTED}
    for name in SHIFTED:
        group = groups[f"{name}DeploymentGroup"]
        assert SHIFTS[0] in json.dumps(group["DeploymentConfigName"])
        assert group["AutoRollbackConfiguration"]["Enabled"] is True
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
        assert group["AlarmConfiguration"]["Enabled"] is True
        watched = {target(item["Name"]) for item in group["AlarmConfiguration"]["Alarms"]}
        assert watched <= alarms.keys()
        (row,) = re.findall(rf"^\| `{name}` \| (.+) \|$", guide, re.MULTILINE)
        named = set(re.findall(r"`([\w-]+)`", row))
        found = {str(alarms[str(item)]["AlarmName"]["Fn::Sub"]).partition("-")[2] for item in watched}
        assert named == found
        alias = _canary(SHIFTS[0], "first")["Resources"][f"{name}Aliaslive"]
        assert "CodeDeployLambdaAliasUpdate" in alias["UpdatePolicy"]


def test_each_build_publishes_versions_and_the_same_build_none() -> None:
    first, again = canary("AWS::Lambda::Version"), expanded(laid_over(source(), SHIFTS[0], "first"))
    assert len(first) == len(SHIFTED)
    assert first.keys() == resources("AWS::Lambda::Version", again).keys()
    assert not first.keys() & canary("AWS::Lambda::Version", stamp="second").keys()
    # The function changes as well: Lambda publishes no version of what has not changed.
    for name in SHIFTED:
        variables = dict(canary("AWS::Lambda::Function")[name]["Environment"]["Variables"])
        assert variables.pop("BUILT_AT") == "first"
        assert variables == resources("AWS::Lambda::Function")[name]["Environment"]["Variables"]


def test_nothing_else_changes() -> None:
    before, after = transformed()["Resources"], _canary(SHIFTS[0], "first")["Resources"]
    assert before.keys() <= after.keys()
    changed = {name for name in before if before[name] != after[name]}
    mappings = resources("AWS::Lambda::EventSourceMapping").keys()
    mapped = {name for name in changed & mappings if name.startswith(SHIFTED)}
    assert len(mapped) == 5
    assert changed - mapped == {*SHIFTED, "WebhookIntegration", "WebhookMayBeInvokedByItsAddress"}


def test_its_alarms_say_what_to_do() -> None:
    for text in strings(overlay()):
        named = re.findall(r'section "([^"]+)"', text)
        assert set(named) <= set(headings(RUNBOOK.read_text()))
        assert set(re.findall(r"logs -n (\w+)", text)) <= set(SHIFTED)
    words = re.findall(r'"(failed unexpectedly)"', OVERLAY.read_text())
    written = (ROOT / "layers/lifeline/lifeline/use_cases/deliver/send.py").read_text()
    assert words
    assert words[0] in written


def test_a_shift_that_codedeploy_does_not_know_is_refused() -> None:
    for arguments in (["--env", "prod", "--canary", "Canary7"], ["--canary", SHIFTS[0]]):
        done = subprocess.run(
            [sys.executable, "-m", "local.build", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert "--canary" in done.stderr
