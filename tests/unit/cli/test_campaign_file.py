"""A campaign's file: streamed, each line one message."""

from __future__ import annotations

from pathlib import Path

import pytest
from lifeline_cli.campaign import batches, read_lines
from lifeline_cli.errors import CliError


def test_the_file_is_streamed_and_each_line_becomes_a_message(tmp_path: Path) -> None:
    file = tmp_path / "spring.csv"
    line = "+4915112345678,u-1,Europe/Berlin,10 %,Ten off\n"
    file.write_text("to,user_id,time_zone,parameter_1,text\n" + line * 250)
    common = {"campaign": "spring", "type": "template", "priority": "bulk"}
    sizes = [len(batch) for batch in batches(read_lines(file, "promo", "en_US", common))]
    assert sizes == [100, 100, 50]
    first = next(read_lines(file, "promo", "en_US", common))
    assert first["line"] == 2
    assert first["message"]["id"] == "spring:2"
    assert first["message"]["template"]["parameters"] == ["10 %"]
    assert first["message"]["recipient"] == {"user_id": "u-1", "time_zone": "Europe/Berlin"}
    file.write_text("to,usr_id\n+4915112345678,u-1\n")
    with pytest.raises(CliError, match="header"):
        next(read_lines(file, "promo", "en_US", common))


def test_people_may_have_a_user_id_of_metas_instead_of_a_number(tmp_path: Path) -> None:
    file = tmp_path / "spring.csv"
    common = {"campaign": "spring", "type": "template", "priority": "bulk"}
    file.write_text("to,bsuid\n+4915112345678,\n,US.1349\n+4915112345679,US.2\n,\n")
    found = [item["message"] for item in read_lines(file, "promo", "en_US", common)]
    assert [(one.get("to"), one.get("recipient")) for one in found] == [
        ("+4915112345678", None),
        (None, {"bsuid": "US.1349"}),
        ("+4915112345679", {"bsuid": "US.2"}),
        ("", None),
    ]
    file.write_text("bsuid,parameter_1\nUS.1349,Ana\n")
    assert [item["message"]["recipient"] for item in read_lines(file, "promo", "en_US", common)] == [
        {"bsuid": "US.1349"}
    ]
