"""The tick: what happens each minute, and when recovery begins."""

from lifeline.use_cases.tick.tick import Tick

__all__ = ["Tick"]
