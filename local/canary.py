"""Lays ``canary.yaml`` over a built template: see there, and docs/updates.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

OVERLAY: Final = Path(__file__).resolve().parents[1] / "canary.yaml"
SHIFTS: Final = (
    *(f"Canary10Percent{minutes}Minutes" for minutes in (5, 10, 15, 30)),
    *(f"Linear10PercentEvery{minutes}Minute{'s' * (minutes > 1)}" for minutes in (1, 2, 3, 10)),
    "AllAtOnce",
)
"""The traffic shifts that CodeDeploy has for Lambda (SAM, "DeploymentPreference")."""


def lay_over(template: Path, shift: str, stamp: str) -> None:
    """Turn a built template into one with canary deployment.

    Args:
        template: ``template.yaml`` as ``sam build`` wrote it; changed in place.
        shift: One of :data:`SHIFTS`.
        stamp: Another one for each build. It goes into the environment of each function that has an alias, so
            that every deployment publishes a version.
    """
    built = yaml.safe_load(template.read_text())
    template.write_text(yaml.safe_dump(laid_over(built, shift, stamp), sort_keys=False))


def laid_over(built: dict[str, Any], shift: str, stamp: str) -> dict[str, Any]:
    """The template with the overlay; ``built`` stays as it is. Arguments as of :func:`lay_over`."""
    overlay = yaml.safe_load(OVERLAY.read_text())
    for resource in overlay["Resources"].values():
        properties = resource["Properties"]
        if "AutoPublishAlias" in properties:
            properties["DeploymentPreference"]["Type"] = shift
            properties["Environment"] = {"Variables": {"BUILT_AT": stamp}}
    return _merged(built, overlay)


def _merged(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Both, key by key; where both have a value that is no mapping, ``over``'s."""
    both = dict(under)
    for name, value in over.items():
        below = both.get(name)
        # A function of CloudFormation is a value.
        inner = isinstance(below, dict) and isinstance(value, dict) and not _is_function(value)
        both[name] = _merged(below, value) if inner and below is not None else value
    return both


def _is_function(value: dict[str, Any]) -> bool:
    return len(value) == 1 and all(name == "Ref" or name.startswith("Fn::") for name in value)
