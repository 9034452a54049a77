"""The pictures of README.md: whole, loading nothing, telling nothing of a machine."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.support.template import ROOT

PICTURES = sorted((ROOT / "docs" / "pictures").iterdir())
TEXT = "{http://www.w3.org/2000/svg}text"


def words(picture: Path) -> str:
    """What is written in a picture."""
    root = ET.fromstring(picture.read_text())
    return " ".join("".join(node.itertext()) for node in root.iter(TEXT)).replace("\xa0", " ")


def test_there_are_those_that_the_script_makes() -> None:
    assert [path.name for path in PICTURES] == ["outage.svg", "status.svg"]
    made = (ROOT / "local" / "README.md").read_text()
    assert all(f"docs/pictures/{path.name}" in made for path in PICTURES)


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.name)
def test_it_is_whole_and_loads_nothing(picture: Path) -> None:
    text = picture.read_text()
    root = ET.fromstring(text)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    assert 600 <= width <= 1100
    assert 300 <= height <= 1100
    assert not re.search(r"url\((?!#)|<image|<script|xlink:href|@import", text)
    assert not re.search(r"/(?:work|home|root|tmp|Users)/|127\.0\.0\.1|localhost", text)


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.name)
def test_it_has_a_background_of_its_own_for_light_and_dark_pages(picture: Path) -> None:
    root = ET.fromstring(picture.read_text())
    first = next(node for node in root.iter() if node.tag.endswith("rect") and "fill" in node.attrib)
    _, _, width, _ = map(float, root.attrib["viewBox"].split())
    assert float(first.attrib["width"]) >= width - 20
    assert re.fullmatch(r"#[0-9a-f]{6}", first.attrib["fill"])


def test_they_show_an_outage_and_what_the_terminal_says_of_it() -> None:
    outage, status = map(words, PICTURES)
    assert re.search(r"whatsapp was in panic mode for \d", outage)
    assert "Parked backlog, messages" in outage
    assert re.search(r"whatsapp\s+PANIC", status)
    assert "lifeline status" in status


def test_the_readme_shows_them_with_words_for_who_cannot_see_them() -> None:
    readme = (ROOT / "README.md").read_text()
    shown = {target: alt for alt, target in re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", readme)}
    assert set(shown) == {f"docs/pictures/{path.name}" for path in PICTURES}
    assert all(len(alt) > 40 for alt in shown.values())
