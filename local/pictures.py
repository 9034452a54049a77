"""The pictures of README.md, from the last run of the demo.

    make demo && python -m local.pictures    out/demo/ -> docs/pictures/

``outage.svg`` is the incident's report: its first sentence, its figures and its chart. ``status.svg`` is what
``lifeline status`` printed in a terminal during panic. Both have a background of their own, and so read on
light and on dark pages.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

from lifeline_cli import incident_parts
from lifeline_cli.incident_svg import INK, SOFT, picture

from local.build import ROOT, LocalError

FROM: Final = ROOT / "out" / "demo"
TO: Final = ROOT / "docs" / "pictures"
WIDTH: Final = 760
"""Of the chart, in pixels."""
EDGE: Final = 22
HEAD: Final = 86
"""Height of the sentence and the figures above the chart, in pixels."""
FONTS: Final = 'font-family="system-ui, -apple-system, Segoe UI, Roboto, Arial, sans-serif"'


def outage(report: Mapping[str, Any]) -> str:
    """The head and the chart of an incident's report."""
    chart = picture(report["timeline"], WIDTH)
    height = int(re.findall(r' height="(\d+)"', chart)[0])
    cells, x = "", 0
    for name, value in incident_parts.figures(report):
        cells += (
            f'<text x="{x}" y="50" fill="{INK}" font-size="17" font-weight="700">{escape(value)}</text>'
            f'<text x="{x}" y="68" fill="{SOFT}" font-size="11">{escape(name)}</text>'
        )
        x += max(10 * len(value), 6 * len(name)) + 18
    wide, high = WIDTH + 2 * EDGE, HEAD + height + 2 * EDGE
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" '
        f"{FONTS}>"
        f'<rect x="0.5" y="0.5" width="{wide - 1}" height="{high - 1}" rx="10" fill="#ffffff" '
        'stroke="#d9dee5"/>'
        f'<g transform="translate({EDGE} {EDGE})">'
        f'<text x="0" y="16" fill="{INK}" font-size="16" font-weight="700">'
        f"{escape(incident_parts.headline(report))}</text>{cells}</g>"
        f'<g transform="translate({EDGE} {EDGE + HEAD})">{chart}</g></svg>\n'
    )


def main() -> None:
    """Entry point."""
    try:
        report = json.loads((FROM / "report.json").read_text())
        status = (FROM / "status.svg").read_text()
    except FileNotFoundError as error:
        raise LocalError(f"{Path(error.filename).name} is missing; run: make demo") from error
    TO.mkdir(exist_ok=True)
    (TO / "outage.svg").write_text(outage(report))
    (TO / "status.svg").write_text(status)
    print("docs/pictures/outage.svg\ndocs/pictures/status.svg")


if __name__ == "__main__":
    try:
        main()
    except LocalError as error:
        sys.exit(str(error))
