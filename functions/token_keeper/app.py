"""TokenKeeperFunction: each hour, and when asked, look at the access token and renew it ahead of time; or
take a new one."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from lifeline.wiring import make_ready, token_keeper

make_ready(token_keeper.use_case)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take the event's ``token``, which an operator brings, or do one look; ``source`` says who asks."""
    if "token" in event:
        return token_keeper.set_token()(event)
    return token_keeper.use_case()(event, lambda: context.get_remaining_time_in_millis() / 1000)
