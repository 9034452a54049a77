"""Write the ``lifeline`` console script into the project environment.

An editable install would leave files in the tree and need a build back end; four lines do.
"""

from __future__ import annotations

import sys
from pathlib import Path

SCRIPT = """#!{python}
import sys
sys.path[:0] = [{layer!r}, {cli!r}]
from lifeline_cli.main import run
sys.exit(run())
"""


def main(target: str) -> None:
    """Write the script to ``target`` (``.venv/bin/lifeline``)."""
    root = Path(__file__).resolve().parents[1]
    path = Path(target)
    path.write_text(
        SCRIPT.format(python=sys.executable, layer=str(root / "layers" / "lifeline"), cli=str(root / "cli"))
    )
    path.chmod(0o755)


if __name__ == "__main__":
    main(sys.argv[1])
