"""What docs/updates.md shows to others: names and parameters of the template, a role that may do little."""

from __future__ import annotations

import json
import re

from tests.support.template import ROOT, source

TEXT = (ROOT / "docs" / "updates.md").read_text()


def shown(language: str) -> str:
    (block,) = re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return str(block)


def test_the_examples_give_parameters_and_read_outputs_that_exist() -> None:
    template = source()
    for language, assigned in (("typescript", ":"), ("hcl", "=")):
        block = shown(language)
        (given,) = re.findall(r"parameters\s*[:=]\s*\{(.*?)\}", block, re.DOTALL)
        names = set(re.findall(rf"\b([A-Z]\w+)\s*{assigned}\s*\"", given))
        assert {"Stage", "PhoneNumberId", "WabaId"} <= names <= set(template["Parameters"])
        read = set(re.findall(r"[Oo]utputs(?:\.|\[\")(\w+)", block))
        assert read == {"ProducerPolicyArn"}
        assert read <= set(template["Outputs"])


def test_what_must_be_given_is_given() -> None:
    required = {name for name, value in source()["Parameters"].items() if "Default" not in value}
    for language in ("typescript", "hcl"):
        assert all(re.search(rf"\b{name}\b", shown(language)) for name in required), required


def test_the_alarms_to_watch_exist() -> None:
    names = " ".join(
        str(value["Properties"].get("AlarmName", ""))
        for value in source()["Resources"].values()
        if value["Type"] == "AWS::CloudWatch::Alarm"
    )
    watched = re.findall(r"`(\w+_(?:active|empty|errors))`", TEXT)
    assert len(watched) == 3
    assert all(name in names for name in watched)


def test_the_pipeline_may_touch_its_stacks_its_bucket_and_one_role() -> None:
    policy = json.loads((ROOT / "docs" / "pipeline-policy.json").read_text())
    for statement in policy["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not [action for action in actions if "*" in action]
        assert statement["Resource"] != "*"
    (passing,) = (s for s in policy["Statement"] if s["Action"] == "iam:PassRole")
    assert passing["Condition"]["StringEquals"] == {"iam:PassedToService": "cloudformation.amazonaws.com"}
