"""What refusals may not hold."""

from __future__ import annotations

import re
from typing import Final

SYNTAX: Final = re.compile(r"[\^\\]|\[[^\]]*-[^\]]*\]|\{\d*,?\d*\}|\(\?|\$$|\]\+|\]\*")
"""What regular expressions have and sentences do not."""
