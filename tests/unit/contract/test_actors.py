"""Actors as people read them."""

from __future__ import annotations

import pytest
from lifeline.contract.actors import short, unverified


@pytest.mark.parametrize(
    ("actor", "read"),
    [
        ("arn:aws:iam::111122223333:user/ada", "ada"),
        ("arn:aws:iam::111122223333:user/on/call/ada", "ada"),
        ("arn:aws:iam::111122223333:root", "root"),
        ("arn:aws:sts::111122223333:assumed-role/OnCall/ada@example.org", "ada@example.org as OnCall"),
        (
            "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_OnCall_0123456789abcdef/ada@example.org",
            "ada@example.org as OnCall",
        ),
        (
            "arn:aws-cn:sts::111122223333:assumed-role/R/" + "s" * 64,
            "s" * 31 + "… as R",
        ),
        ("arn:aws:sts::111122223333:federated-user/ada", "ada"),
        ("SenderFunction", "SenderFunction"),
        ("arn:aws:iam::111122223333:user/ada (unverified)", "ada (unverified)"),
        ("ada (unverified)", "ada (unverified)"),
        ("", ""),
    ],
)
def test_a_name_is_short_and_keeps_its_role_and_mark(actor: str, read: str) -> None:
    assert short(actor) == read


def test_a_declared_name_is_marked_once() -> None:
    assert unverified("ada") == "ada (unverified)"
    assert unverified(unverified("ada")) == "ada (unverified)"
