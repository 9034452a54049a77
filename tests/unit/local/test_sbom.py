"""A bill of materials has exactly what one compiled file pins, each with its licence."""

from __future__ import annotations

from typing import Any

import pytest

from local.sbom import SbomError, bill, licence, licences

PROJECT = {"name": "lifeline", "version": "0.1.0", "license": "MIT"}
PINS = """\
requests==2.34.2 \\
    --hash=sha256:00
typing-extensions==4.16.0 \\
    --hash=sha256:01
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:02
"""


def component(name: str, version: str, *licenses: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": f"{name}=={version}",
        "name": name,
        "version": version,
        "licenses": list(licenses or ({"license": {"id": "MIT"}},)),
    }


def installed(*components: dict[str, Any]) -> dict[str, Any]:
    return {
        "bomFormat": "CycloneDX",
        "serialNumber": "urn:uuid:00000000-0000-4000-8000-000000000000",
        "metadata": {"timestamp": "2026-01-01T00:00:00Z"},
        "components": list(components),
        "dependencies": [
            {"ref": "requests==2.34.2", "dependsOn": ["typing_extensions==4.16.0", "pytest==9.2.0"]},
            {"ref": "typing_extensions==4.16.0"},
            {"ref": "pytest==9.2.0"},
        ],
    }


ALL = installed(
    component("requests", "2.34.2"), component("typing_extensions", "4.16.0"), component("pytest", "9.2.0")
)


def test_it_keeps_what_is_pinned_and_nothing_else() -> None:
    made = bill("layer", ALL, PINS, {"requests"}, PROJECT)

    assert [item["name"] for item in made["components"]] == ["requests", "typing_extensions"]
    assert made["dependencies"] == [
        {"ref": "lifeline-layer", "dependsOn": ["requests==2.34.2"]},
        {"ref": "requests==2.34.2", "dependsOn": ["typing_extensions==4.16.0"]},
        {"ref": "typing_extensions==4.16.0"},
    ]


def test_it_names_the_part_and_has_a_number_of_its_own() -> None:
    made = bill("layer", ALL, PINS, {"requests"}, PROJECT)

    about = made["metadata"]["component"]
    assert (about["name"], about["version"]) == ("lifeline-layer", "0.1.0")
    assert about["licenses"] == [{"license": {"id": "MIT"}}]
    assert made["metadata"]["timestamp"] == "2026-01-01T00:00:00Z"
    assert made["serialNumber"] not in (
        ALL["serialNumber"],
        bill("cli", ALL, PINS, set(), PROJECT)["serialNumber"],
    )


@pytest.mark.parametrize("there", [(), (component("typing_extensions", "4.15.0"),)], ids=["missing", "other"])
def test_what_is_not_installed_as_pinned_stops_it(there: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(SbomError, match=r"typing-extensions 4\.16\.0 is pinned for layer"):
        bill("layer", installed(component("requests", "2.34.2"), *there), PINS, set(), PROJECT)


def test_a_package_without_a_licence_stops_it() -> None:
    unsaid = {**component("typing_extensions", "4.16.0"), "licenses": []}

    with pytest.raises(SbomError, match="says no licence"):
        bill("layer", installed(component("requests", "2.34.2"), unsaid), PINS, set(), PROJECT)


CLASSIFIER = {"license": {"name": "License :: OSI Approved :: BSD License"}}
DECLARED = {"license": {"name": "declared license of 'x'", "text": {"content": "MIT License\n\nCopyright"}}}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([{"license": {"id": "MPL-2.0"}}, CLASSIFIER], "MPL-2.0"),
        ([{"expression": "Apache-2.0 OR BSD-3-Clause"}], "Apache-2.0 OR BSD-3-Clause"),
        ([{"license": {"id": "MIT"}}, {"license": {"id": "MIT-0"}}], "MIT; MIT-0"),
        ([DECLARED, CLASSIFIER], "BSD License"),
        ([DECLARED], "MIT License"),
        ([], ""),
    ],
)
def test_a_licence_is_read_from_the_clearest_words(said: list[dict[str, Any]], expected: str) -> None:
    assert licence({"licenses": said}) == expected


def test_the_list_says_what_each_package_is_in() -> None:
    one, two = component("requests", "2.34.2"), component("typing_extensions", "4.16.0")

    assert licences({"layer": {"components": [two]}, "cli": {"components": [one, two]}}) == [
        ("requests", "2.34.2", "MIT", "cli"),
        ("typing-extensions", "4.16.0", "MIT", "layer cli"),
    ]
