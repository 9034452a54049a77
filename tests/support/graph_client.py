"""The adapter of the Graph API on a running simulator."""

from __future__ import annotations

from collections.abc import Callable

from lifeline.adapters.secrets import Secrets
from lifeline.adapters.whatsapp import WhatsApp

from local.simulators.graph import GraphSimulator

TOKEN = "EAAlocaltoken0000000000000001"


class Secret(Secrets):
    """With one token, and no Secrets Manager behind it."""

    def __init__(self, token: str = TOKEN) -> None:
        self.token = token

    def get(self, name: str) -> str:
        return self.token

    def renewed(self, used: str) -> str:
        return self.token


def client(simulator: GraphSimulator, token: str = TOKEN, app_token: Callable[[], str] = str) -> WhatsApp:
    """With ``token`` as ours; ``app_token`` for what is asked about tokens."""
    return WhatsApp(
        Secret(token),
        app_token=app_token,
        base_url=simulator.url,
        version="v23.0",
        phone_number_id=simulator.phone_number_id,
        waba_id=simulator.waba_id,
        connections=2,
        connect_timeout=3,
        read_timeout=5,
    )
