"""Whether a proof of who asks may be shown to STS, and whether its answer counts. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from lifeline.contract.actors import short
from lifeline.contract.instants import format_instant
from lifeline.contract.operator_proof import SECONDS, is_loopback
from lifeline.errors import RefusedError

SKEW: Final = 30.0
"""Seconds that the caller's clock may be ahead."""
_ARN: Final = re.compile(r"arn:aws[a-z-]*:(?:iam|sts)::(?P<account>\d{12}):[!-~]{1,1024}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom STS named."""

    arn: str
    account: str


def proof_end(proof: Mapping[str, str]) -> float:
    """Until when a proof stands (epoch seconds). Raises :class:`RefusedError` where its date is none."""
    try:
        made = datetime.strptime(proof["date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise RefusedError("proof_invalid", f"{proof['date']} is not a date; sign again") from None
    return made.timestamp() + SECONDS


def check_proof(proof: Mapping[str, str], host: str, now: float) -> None:
    """Hold a proof against the STS endpoint that this function asks, and against the time.

    Raises :class:`RefusedError` (``proof_elsewhere``, ``proof_invalid``, ``proof_expired``).
    """
    if proof["host"] != host and not (is_loopback(proof["host"]) and is_loopback(host)):
        raise RefusedError(
            "proof_elsewhere",
            f"the request is signed for {proof['host']}, but this stack accepts {host} only: "
            "use --region with the stack's region",
            (host,),
        )
    end = proof_end(proof)
    if not end - SECONDS - SKEW <= now < end:
        raise RefusedError(
            "proof_expired",
            f"the request was signed at {format_instant(end - SECONDS)} and is valid for {SECONDS} s, but it "
            f"is {format_instant(now)} here: send it again; if that fails, check both clocks",
        )


def account_of(stack_id: str) -> str:
    """The account of a stack's ARN; empty where it is none."""
    parts = stack_id.split(":")
    return parts[4] if len(parts) > 5 else ""


def check_caller(caller: Caller, account: str, declared: str | None) -> None:
    """Hold STS's answer against the stack's account and against the name that the request declares.

    Raises :class:`RefusedError` (``other_account``, ``forged_actor``, ``proof_refused``).
    """
    parts = _ARN.fullmatch(caller.arn)
    if parts is None or parts["account"] != caller.account:
        raise RefusedError("proof_refused", "STS's response names no identity")
    if caller.account != account:
        # Whoever has an account of his own can name a user there as he likes.
        raise RefusedError(
            "other_account",
            f"{caller.arn} is of another account than this stack ({account}): assume a role there first",
        )
    if declared is not None and declared not in (caller.arn, short(caller.arn)):
        raise RefusedError(
            "forged_actor",
            f"the request names {declared[:128]} as its actor and is signed by {caller.arn}",
            (caller.arn,),
        )
