"""The statuses of whom a way has reached: each way brings its own, so that no class names them."""

from __future__ import annotations

from typing import Final

from lifeline.contract.ways import EMAIL, PUSH
from lifeline.domain.message.status import Status

PUSHED: Final = Status(PUSH.status)
EMAILED: Final = Status(EMAIL.status)
