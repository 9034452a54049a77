"""Hostile CSV files: each with where it ends, through the command line and the real operator function."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from lifeline_cli import main
from lifeline_cli.client import Client
from lifeline_cli.main import run

from tests.support.hostile import World
from tests.support.proofs import SAMPLE

NASTY: Final = {
    "NUL": "\x00",
    "escape": "\x1b[2J",
    "C1": "\x9b2J",
    "DEL": "\x7f",
    "no character": "\uffff",
}
ENDPOINT: Final = "arn:aws:sns:eu-west-1:000000000000:endpoint/GCM/app/1"
BROKEN: Final[dict[str, tuple[bytes, str]]] = {
    "nothing": (b"", "header"),
    "a header alone": (b"HEAD\n", "no line|nothing"),
    "UTF-16": ("HEAD\nx".encode("utf-16"), "UTF-8|header|cannot read"),
    "Latin-1": (b"HEAD\n\xfc\xe4\n", "UTF-8|cannot read"),
    "half a character as bytes": (b"HEAD\n\xed\xa0\xbd\n", "UTF-8|cannot read"),
    "NULs": (b"\x00" * 20, "header|cannot read"),
    "an unknown column": (b"HEAD,card_number\n1,2\n", "header"),
    "an escape in the header": (b"HEAD,\x1b[2J\n1,2\n", "header"),
    "a column twice": (b"HEAD,HEAD\n1,2\n", "header"),
    "a formula as column": (b"=cmd|'/c calc'!A1\n1\n", "header"),
    "an HTML page": (b"<html><body>sign in</body></html>", "header"),
    "JSON": (b'{"to": "+49"}', "header"),
    "a field of 200 KB": (b"HEAD\n" + b"9" * 200_000 + b"\n", "cannot read|at most|characters"),
    "a quote that never ends": (b'HEAD\n"+4915\n' + b"x\n" * 100, "line|cannot read"),
    "more fields than the header": (b"HEAD\n+4915112345678,a@b,3,4\n", "more fields"),
    "10,000 columns": (b"HEAD," + b",".join(b"c%d" % n for n in range(10_000)) + b"\n1\n", "header"),
}
"""``HEAD`` stands for the columns that the kind of file needs. The end: one of these words is told."""
ALLOWED: Final = {"an unknown column", "an escape in the header", "10,000 columns"}
"""Of a file of contacts, which may come from elsewhere: other columns are left out. Its line is bad here."""
CAMPAIGN: Final = {
    "to": "+4915112345678",
    "text": "x",
    "parameter_1": "a",
    "user_id": "u",
    "email": "a@b.org",
    "time_zone": "Europe/Berlin",
}
LINES: Final[dict[str, tuple[dict[str, str], str]]] = {
    "an empty number": ({"to": ""}, "message.to: must not be empty"),
    "Arabic digits": ({"to": "٤٩١٥١١٢٣٤٥٦٧٨"}, "digits other than 0 to 9"),
    "400 digits": ({"to": "9" * 400}, "at most 64"),
    "an empty value": ({"parameter_1": ""}, "must not be empty"),
    "five spaces in a value": ({"parameter_1": "a     b"}, "four spaces"),
    "a tab in a value": ({"parameter_1": "a\tb"}, "a tab"),
    "a line break in a value": ({"parameter_1": "a\nb"}, "line break"),
    "2,000 characters of value": ({"parameter_1": "x" * 2000}, "at most 1024"),
    "5,000 characters of text": ({"text": "x" * 5000}, "at most 4096"),
    "two addresses": ({"email": "a@b.org c@d.org"}, "message.recipient.email"),
    "a path as zone": ({"time_zone": "../../etc/passwd"}, "message.recipient.time_zone"),
    "a long name": ({"user_id": "u" * 200}, "at most 128"),
}


class Near(Client):
    """Invokes the operator function of :attr:`world`, over JSON as Lambda does."""

    prove = staticmethod(lambda request: SAMPLE)
    world: World

    def _invoke(self, request: dict[str, Any]) -> object:
        return self.world.ask(json.loads(json.dumps(request).encode()))


@pytest.fixture(params=[False, True], ids=["health", "panic"])
def world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    if request.param:
        made.trip()
    monkeypatch.setattr(Near, "world", made, raising=False)
    monkeypatch.setattr(main, "Client", Near)
    return made


def told(captured: pytest.CaptureFixture[str]) -> str:
    """What was shown; nothing in it steers a terminal."""
    found = captured.readouterr()
    shown = found.out + found.err
    assert not [sign for sign in shown if sign != "\n" and (ord(sign) < 32 or 127 <= ord(sign) < 160)]
    shown.encode()
    return shown


def campaign(file: Path) -> list[str]:
    return ["campaign", "send", str(file), "--template", "reminder", "--over", "1h"]


def written(path: Path, rows: list[dict[str, str]]) -> Path:
    """A file of these rows, quoted so that a line break stays in its field."""
    lines = [",".join(rows[0])]
    lines += [",".join('"' + value.replace('"', '""') + '"' for value in row.values()) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
    return path


def nothing_was_sent(world: World) -> None:
    assert world.campaigns.items == {}
    assert not any(world.queues.sent.values())
    name, body = world.canary()
    assert world.invoke(body) == []
    assert world.sings(name)


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("kind", ["campaign", "contacts"])
def test_a_file_that_is_none_is_refused_and_nothing_is_sent(
    world: World, kind: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, words = BROKEN[name]
    file = tmp_path / "f.csv"
    file.write_bytes(content.replace(b"HEAD", b"to" if kind == "campaign" else b"user_id,email"))
    assert run(campaign(file) if kind == "campaign" else ["contacts", "import", str(file)]) == 1
    shown = told(capsys)
    if kind == "contacts" and name in ALLOWED:
        words = "line 2: contact"
    assert any(word in shown for word in words.split("|")), shown
    assert world.contacts.known == {}
    nothing_was_sent(world)


@pytest.mark.parametrize("what", NASTY)
@pytest.mark.parametrize("column", CAMPAIGN)
def test_a_campaign_with_one_bad_line_is_refused_whole(
    world: World, column: str, what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = {**CAMPAIGN, column: f"{CAMPAIGN[column]}{NASTY[what]}x"}
    assert run(campaign(written(tmp_path / "f.csv", [CAMPAIGN, bad]))) == 1
    shown = told(capsys)
    assert "1 invalid lines, nothing was sent: line 3: message." in shown
    assert "(U+" in shown
    nothing_was_sent(world)


@pytest.mark.parametrize("name", LINES)
def test_a_line_that_meta_would_refuse_is_named(
    world: World, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes, words = LINES[name]
    assert run(campaign(written(tmp_path / "f.csv", [{**CAMPAIGN, **changes}]))) == 1
    assert words in told(capsys)
    nothing_was_sent(world)


@pytest.mark.parametrize("what", NASTY)
@pytest.mark.parametrize("column", ["user_id", "email", "push_endpoint"])
def test_a_bad_contact_is_named_and_the_good_one_saved(
    world: World, column: str, what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = {"user_id": "u1", "email": "a@example.org", "push_endpoint": ENDPOINT}
    bad = {**good, "user_id": "u2"}
    bad[column] += f"{NASTY[what]}x"
    assert run(["contacts", "import", str(written(tmp_path / "f.csv", [good, bad]))]) == 1
    shown = told(capsys)
    assert "line 3: contact." in shown
    assert list(world.contacts.known) == ["u1"]
    nothing_was_sent(world)


def test_there_are_many() -> None:
    assert 2 * len(BROKEN) + len(NASTY) * (len(CAMPAIGN) + 3) + len(LINES) >= 80
