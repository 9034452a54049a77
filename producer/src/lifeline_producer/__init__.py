"""Lifeline for producers: messages are checked before they leave, sent in batches, and told of afterwards.

from lifeline_producer import Lifeline, text

lifeline = Lifeline.of_stack("lifeline-prod")
lifeline.send(text(id="shop3:order:991", to="+4915112345678", text="Your order is on its way."))
"""

from lifeline_producer import kinds as _kinds
from lifeline_producer.contract.inbound import Inbound
from lifeline_producer.contract.messages import ContractError
from lifeline_producer.contract.outcomes import CONFLICT, OUTCOMES, OutcomeEvent
from lifeline_producer.draft import Checked, Draft
from lifeline_producer.fake import FakeLifeline, sns_event, sqs_event
from lifeline_producer.inbound import notification, notifications
from lifeline_producer.kinds import *  # noqa: F403 - one builder per kind, as the contract has them
from lifeline_producer.lifeline import Lifeline, NotSent, Queues
from lifeline_producer.outcomes import outcome, outcomes
from lifeline_producer.report import Failure, Producer, Progress, Report

__all__ = [
    "CONFLICT",
    "OUTCOMES",
    "Checked",
    "ContractError",
    "Draft",
    "Failure",
    "FakeLifeline",
    "Inbound",
    "Lifeline",
    "NotSent",
    "OutcomeEvent",
    "Producer",
    "Progress",
    "Queues",
    "Report",
    "notification",
    "notifications",
    "outcome",
    "outcomes",
    "sns_event",
    "sqs_event",
]
__all__ += _kinds.__all__
