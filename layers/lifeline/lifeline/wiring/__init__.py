"""The composition root: settings to adapters to use cases, made once per worker.

One file per function builds that function's use case, and imports what it uses and nothing else;
``adapters.py`` has what several share. Nothing is built at import, but by :func:`make_ready`. ``build`` takes
the adapters, so that tests wire the same use cases on adapters in memory; ``use_case`` is ``build`` on the
real ones.
"""

import contextlib
import gc
import os
from collections.abc import Callable


def make_ready(use_case: Callable[[], object]) -> None:
    """Make a function's use case and its clients as Lambda loads it: INIT has a whole core, whatever the
    memory that is paid for, and the first message waits for less. Elsewhere nothing happens.

    What fails here fails again in the first invocation, which tells it.
    """
    if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
        with contextlib.suppress(Exception):
            use_case()
        gc.freeze()
