"""Deliver a batch of the entry queues or of ``wake-queue``: each step takes jobs and gives jobs.

``deliver.py`` has the order; ``intake``, ``decide``, ``tokens``, ``claim``, ``send``, ``fall_back``,
``fallbacks``, ``record`` and ``count`` are the steps.
"""

from lifeline.use_cases.deliver.deliver import Deliver
from lifeline.use_cases.deliver.fall_back import FallBack
from lifeline.use_cases.deliver.job import SqsRecord

__all__ = ["Deliver", "FallBack", "SqsRecord"]
