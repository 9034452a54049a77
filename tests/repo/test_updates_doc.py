"""What docs/updates.md and the examples show to others: names of the template, a role that may do little."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
from typing import Any

import pytest

from tests.support.template import ROOT, source

TEXT = (ROOT / "docs" / "updates.md").read_text()
CDK = ROOT / "examples" / "cdk"
TERRAFORM = ROOT / "examples" / "terraform" / "main.tf"
OUTPUTS = {"ProducerPolicyArn", "WhatsappQueueUrl", "CriticalQueueUrl", "WebhookUrl"}


def called(tree: ast.AST, name: str) -> list[Any]:
    """The first argument of each call of a function or method, where it is a text."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and name in (
            getattr(node.func, "id", None),
            getattr(node.func, "attr", None),
        ):
            found += [value.value for value in node.args[:1] if isinstance(value, ast.Constant)]
    return found


def cdk_names() -> tuple[set[str], set[str]]:
    """Parameters that the CDK example gives, and outputs that it reads."""
    tree = ast.parse((CDK / "app.py").read_text())
    (given,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "PARAMETERS"
    )
    return set(given), set(called(tree, "output"))


def terraform_names() -> tuple[set[str], set[str]]:
    """Parameters that the Terraform example gives, and outputs that it reads."""
    text = TERRAFORM.read_text()
    (given,) = re.findall(r"parameters\s*=\s*\{(.*?)\}", text, re.DOTALL)
    return set(re.findall(r"^\s*(\w+)\s*=", given, re.MULTILINE)), set(
        re.findall(r"outputs\[\"(\w+)\"\]", text)
    )


@pytest.mark.parametrize("names", [cdk_names, terraform_names])
def test_the_examples_give_parameters_and_read_outputs_that_exist(names: Any) -> None:
    given, read = names()
    template = source()
    required = {name for name, value in template["Parameters"].items() if "Default" not in value}
    assert required | {"Stage"} <= given <= set(template["Parameters"])
    assert read == OUTPUTS
    assert read <= set(template["Outputs"])


def test_the_cdk_example_compiles_and_its_app_is_the_one_that_cdk_runs() -> None:
    compile((CDK / "app.py").read_text(), "app.py", "exec")
    assert json.loads((CDK / "cdk.json").read_text())["app"].split()[-1] == "app.py"
    needed = (CDK / "requirements.txt").read_text().splitlines()
    assert [re.split(r"[<>=]", line)[0] for line in needed] == ["aws-cdk-lib", "constructs"]


def test_each_variable_of_the_terraform_example_is_used_and_each_used_one_is_declared() -> None:
    text = TERRAFORM.read_text()
    assert text.count("{") == text.count("}")
    declared = set(re.findall(r'^variable "(\w+)"', text, re.MULTILINE))
    assert declared == set(re.findall(r"\bvar\.(\w+)", text))
    made = {".".join(pair) for pair in re.findall(r'^(?:resource|data) "(\w+)" "(\w+)"', text, re.MULTILINE)}
    used = re.findall(r"(?<!\w)(?:data\.)?(aws_\w+\.\w+)\.(?:name|json|outputs)\b", text)
    assert used
    assert set(used) <= made


def test_terraform_finds_the_example_well_written() -> None:
    terraform = shutil.which("terraform") or shutil.which("tofu")
    if terraform is None:
        pytest.skip("neither terraform nor tofu is installed")
    done = subprocess.run(
        [terraform, "fmt", "-check", "-diff", str(TERRAFORM)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_alarms_to_watch_exist() -> None:
    names = " ".join(
        str(value["Properties"].get("AlarmName", ""))
        for value in source()["Resources"].values()
        if value["Type"] == "AWS::CloudWatch::Alarm"
    )
    before_canary = TEXT.partition("## Canary deployment")[0]
    watched = re.findall(r"`(\w+_(?:active|empty|errors))`", before_canary)
    assert len(watched) == 5
    assert all(name in names for name in watched)


def test_the_pipeline_may_touch_its_stacks_its_bucket_and_one_role() -> None:
    policy = json.loads((ROOT / "docs" / "pipeline-policy.json").read_text())
    for statement in policy["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not [action for action in actions if "*" in action]
        assert statement["Resource"] != "*"
    (passing,) = (s for s in policy["Statement"] if s["Action"] == "iam:PassRole")
    assert passing["Condition"]["StringEquals"] == {"iam:PassedToService": "cloudformation.amazonaws.com"}
