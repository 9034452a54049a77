"""Secrets Manager in memory, behind the real cache."""

from __future__ import annotations

import json

from lifeline.adapters.secrets import Secrets

from tests.support.aws import stand_in
from tests.support.memory import Clock

ARN = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:lifeline-AbCdEf"
OLD, NEW = "EAAoldtoken000000001", "EAAnewtoken000000002"


class Manager:
    """Secrets Manager with one value."""

    def __init__(self, token: str = OLD) -> None:
        self.values = {"access_token": token}
        self.reads = 0

    def get_secret_value(self, **_: str) -> dict[str, str]:
        self.reads += 1
        return {"SecretString": json.dumps(self.values)}


def secrets(manager: Manager, clock: Clock) -> Secrets:
    return Secrets(stand_in("secretsmanager", manager), ARN, clock)
