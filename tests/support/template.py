"""``template.yaml`` as data: as it is written, and as CloudFormation gets it after SAM's transform."""

from __future__ import annotations

import copy
import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import yaml

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "template.yaml"


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms (``!Ref``, ``!GetAtt``, ...)."""


def _short_form(loader: Loader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix in ("Ref", "Condition"):
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


Loader.add_multi_constructor("!", _short_form)


@functools.cache
def _source() -> dict[str, Any]:
    return dict(yaml.load(TEMPLATE.read_text(), Loader))


def source() -> dict[str, Any]:
    """The template as it is written."""
    return copy.deepcopy(_source())


def expanded(fragment: dict[str, Any]) -> dict[str, Any]:
    """A template after SAM's transform; what it is made from stays as it is."""
    from samtranslator.public.translator import ManagedPolicyLoader
    from samtranslator.translator.transform import transform

    # The translator asks the environment for a region and IAM for AWS's own policies.
    policies = mock.Mock(spec=ManagedPolicyLoader)
    policies.load.return_value = {}
    fragment = copy.deepcopy(fragment)
    values = {name: item["Default"] for name, item in fragment["Parameters"].items() if "Default" in item}
    for resource in fragment["Resources"].values():
        # SAM CLI hands the transform a template whose local folders it has replaced.
        for name in ("CodeUri", "ContentUri"):
            if name in resource.get("Properties", {}):
                resource["Properties"][name] = f"s3://bucket/{resource['Properties'][name]}"
    with mock.patch.dict(os.environ, {"AWS_DEFAULT_REGION": "eu-west-1"}):
        return dict(transform(fragment, values, policies))


@functools.cache
def _transformed() -> dict[str, Any]:
    return expanded(source())


def transformed() -> dict[str, Any]:
    """The template after SAM's transform."""
    return copy.deepcopy(_transformed())


def resources(kind: str, template: dict[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    """Properties by logical id of all resources of one type, after the transform."""
    found = (template or transformed())["Resources"]
    return {name: item.get("Properties", {}) for name, item in found.items() if item["Type"] == kind}


def functions() -> dict[str, dict[str, Any]]:
    """Each function's folder name and its properties as written, with globals laid under them."""
    template = source()
    shared = template["Globals"]["Function"]
    result = {}
    for item in template["Resources"].values():
        if item["Type"] == "AWS::Serverless::Function":
            own = item["Properties"]
            variables = {
                **shared["Environment"]["Variables"],
                **own.get("Environment", {}).get("Variables", {}),
            }
            result[Path(own["CodeUri"]).name] = {**shared, **own, "Environment": {"Variables": variables}}
    return result


def logical_id(folder: str) -> str:
    """``token_keeper`` -> ``TokenKeeperFunction``."""
    return "".join(word.capitalize() for word in folder.split("_")) + "Function"


def target(value: Any) -> str | None:
    """The logical id that a ``Ref`` or ``GetAtt`` names."""
    if isinstance(value, dict):
        if "Ref" in value:
            return str(value["Ref"])
        if "Fn::GetAtt" in value:
            return str(value["Fn::GetAtt"][0])
    return None


def chosen(value: Any) -> Any:
    """A nested value with the first choice of each ``If``: what a new stack gets."""
    if isinstance(value, dict):
        return chosen(value["Fn::If"][1]) if "Fn::If" in value else {k: chosen(v) for k, v in value.items()}
    return [chosen(item) for item in value] if isinstance(value, list) else value


def strings(value: Any) -> Iterator[str]:
    """Every string in a nested value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
