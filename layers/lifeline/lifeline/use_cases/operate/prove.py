"""Who asks: the actor of a change is proven by STS, or marked as unverified. Reading needs no proof."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from lifeline.adapters.sts import Sts
from lifeline.adapters.used_proofs import UsedProofs
from lifeline.contract.actors import unverified
from lifeline.contract.operator_actions import OPERATOR_ACTIONS
from lifeline.contract.operator_proof import digest
from lifeline.domain.caller import Caller, check_caller, check_proof, proof_end
from lifeline.errors import RefusedError

REMEMBERED: Final = 64
"""Callers that a worker remembers at most; more than that forget the oldest."""

Key = tuple[tuple[tuple[str, str], ...], str]


class ProveActor:
    """Finds the actor of a request that changes something."""

    def __init__(
        self, *, sts: Callable[[], Sts], used: UsedProofs, account: str, clock: Callable[[], float]
    ) -> None:
        """``sts`` is made with the first proof. ``account``: the stack's own, 12 digits."""
        self._sts = sts
        self._used = used
        self._account = account
        self._clock = clock
        self._known: dict[Key, tuple[float, Caller]] = {}

    def __call__(self, request: Mapping[str, Any]) -> str:
        """The ARN of the one who signed ``request``; a declared actor, marked, where nobody did.

        ``request`` fits its schema. Raises :class:`RefusedError` for a proof that proves nothing, and for an
        actor that is another than the signer; :class:`UnavailableError`.
        """
        declared, proof = request.get("actor"), request.get("proof")
        if proof is None:
            if declared is None:
                raise RefusedError(
                    "invalid_request",
                    "request.proof: is required; without a signer, request.actor (the history then says "
                    "unverified)",
                    tuple(OPERATOR_ACTIONS[request["action"]].fields),
                )
            return unverified(declared)
        caller = self._caller(proof, request)
        check_caller(caller, self._account, declared)
        if not OPERATOR_ACTIONS[request["action"]].bulk and not self._used.use(
            proof["signature"], proof_end(proof)
        ):
            raise RefusedError("proof_used", "this signed request was used before: sign it again")
        return caller.arn

    def _caller(self, proof: Mapping[str, str], request: Mapping[str, Any]) -> Caller:
        """As STS says; what it said of this proof and digest is remembered until the proof ends."""
        now, sts = self._clock(), self._sts()
        check_proof(proof, sts.host, now)
        covered = digest(request, proof["nonce"], OPERATOR_ACTIONS[request["action"]].bulk)
        # All that STS would look at: a signature alone says nothing about another request.
        key = (tuple(sorted(proof.items())), covered)
        known = self._known.get(key)
        if known and now < known[0]:
            return known[1]
        caller = sts.caller(proof, covered)
        self._known = {one: value for one, value in self._known.items() if now < value[0]}
        if len(self._known) >= REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[key] = (proof_end(proof), caller)
        return caller
