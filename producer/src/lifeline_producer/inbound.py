"""What people write, as subscribers of Lifeline's inbound topic get it, in every form of SNS and SQS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lifeline_producer.contract.inbound import Inbound, parse_inbound
from lifeline_producer.envelope import document_of, records


def notifications(event: Mapping[str, Any]) -> list[Inbound]:
    """All notifications of a Lambda event from SNS or from SQS, or of an answer of ``ReceiveMessage``.

    Raises :class:`ContractError` for the first record that holds none. With partial batch responses, call
    :func:`notification` for each record instead.
    """
    return [notification(record) for record in records(event)]


def notification(event: Mapping[str, Any] | str) -> Inbound:
    """The notification in one event, however it came (as :func:`lifeline_producer.outcome` takes it).

    Raises :class:`ContractError` where there is none, or more than one.
    """
    return parse_inbound(document_of(event, "notification"))
