"""An incident's report as one page: no script, no file beside it, for a phone, a desk and paper."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any, Final

from lifeline_cli import incident_parts as read
from lifeline_cli import render
from lifeline_cli.incident_svg import picture

WIDE: Final = 916
NARROW: Final = 360
"""Widths of the picture in pixels; each is drawn for its width, so that its letters stay letters."""

STYLE: Final = """
:root { color-scheme: light; --ink: #1b2430; --soft: #5a6675; --line: #d9dee5; --paper: #ffffff;
  --good: #1a7f4b; --bad: #b3261e; --tint: #f5f7fa; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--tint); color: var(--ink); font: 16px/1.5 system-ui, -apple-system,
  "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; overflow-wrap: anywhere; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1.25rem 3rem; background: var(--paper); }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .4rem 0; }
.soft { color: var(--soft); font-size: .875rem; }
.verdict { border-left: .3rem solid var(--good); background: #eef7f1; padding: .6rem .9rem; margin: 1rem 0; }
.verdict.bad { border-color: var(--bad); background: #fcefee; }
.warning { border-left: .3rem solid #b26a00; background: #fff6e5; padding: .6rem .9rem; margin: .5rem 0; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .6rem;
  margin: 1rem 0; padding: 0; list-style: none; }
.figures li { border: 1px solid var(--line); border-radius: .5rem; padding: .55rem .75rem; }
.figures b { display: block; font-size: 1.15rem; line-height: 1.3; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; font-size: .9375rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .9rem .35rem 0;
  border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; font-size: .8125rem; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.n:last-child, th.n:last-child { padding-right: 0; }
.pairs td:first-child { color: var(--soft); width: 11rem; }
.checklist { list-style: none; padding: 0; margin: 0; }
.checklist li { padding: .5rem 0 .5rem 1.9rem; border-bottom: 1px solid var(--line); position: relative; }
.checklist .box { position: absolute; left: 0; top: .5rem; font-weight: 700; color: var(--soft); }
.checklist .done .box { color: var(--good); }
figure { margin: 1rem 0; }
figure svg { display: block; width: 100%; height: auto; }
.narrow { display: none; }
@media (max-width: 700px) {
  main { padding: 1rem .65rem 2rem; }
  .wide { display: none; } .narrow { display: block; }
  .figures { grid-template-columns: repeat(2, 1fr); }
  .pairs tr { display: block; padding: .35rem 0; border-bottom: 1px solid var(--line); }
  .pairs td { display: block; border: 0; padding: 0; }
  .pairs td:first-child { width: auto; font-size: .8125rem; }
  .stack thead { display: none; }
  .stack tr { display: block; padding: .45rem 0; border-bottom: 1px solid var(--line); }
  .stack td, .stack td.n { display: flex; justify-content: space-between; gap: 1rem; border: 0;
    padding: .05rem 0; text-align: right; }
  .stack td::before { content: attr(data-name); color: var(--soft); font-size: .8125rem; text-align: left;
    flex: none; }
}
@media print {
  @page { margin: 14mm; }
  body { background: none; font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  .wide { display: block; } .narrow { display: none; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  section, figure, tr, li { break-inside: avoid; }
  h2 { break-after: avoid; }
}
"""


POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""What the page may load: its own styles. A word that escaped its escaping could neither run nor send."""


def page(report: Mapping[str, Any]) -> str:
    """The whole page. Every word of it that came from outside is escaped."""
    title = f"Incident {report['incident_id']}"
    needed = report["post_mortem"]["needed"]
    body = [
        f"<h1>{escape(read.headline(report))}</h1>",
        f'<p class="soft">{escape(title)}, {escape(render.moment(report["opened_at"]))}. '
        f"Report of {escape(render.moment(report['at']))}; all times are UTC.</p>",
        f'<p class="verdict{" bad" if needed else ""}">{escape(read.verdict(report))}</p>',
        *(f'<p class="warning">{escape(words)}.</p>' for words in read.warnings(report)),
        '<ul class="figures">'
        + "".join(f"<li><b>{escape(value)}</b>{escape(name)}</li>" for name, value in read.figures(report))
        + "</ul>",
        _figure(report["timeline"]),
        *map(_part, read.parts(report)),
        _checklist(report),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )


def _figure(timeline: Mapping[str, Any]) -> str:
    caption = ""
    if timeline["first_failure_t"] is not None:
        caption = '<figcaption class="soft">The dashed line marks the first failed send.</figcaption>'
    return (
        "<section><h2>Timeline</h2><figure>"
        f'<div class="wide">{picture(timeline, WIDE)}</div>'
        f'<div class="narrow">{picture(timeline, NARROW)}</div>'
        f"{caption}</figure></section>"
    )


def _part(part: read.Part) -> str:
    pairs = part.columns == ("what", "found")
    head = ""
    if not pairs:
        cells = "".join(f"<th{_number(name, part)}>{escape(name)}</th>" for name in part.columns)
        head = f"<thead><tr>{cells}</tr></thead>"
    kind = "pairs" if pairs else ("stack" if len(part.columns) > 3 else "")
    rows = "".join(
        "<tr>"
        + "".join(
            f'<td{_number(name, part)} data-name="{escape(name)}">{escape(str(cell))}</td>'
            for name, cell in zip(part.columns, row, strict=True)
        )
        + "</tr>"
        for row in part.rows
    )
    note = f'<p class="soft">{escape(part.note)}</p>' if part.note else ""
    return (
        f'<section><h2>{escape(part.title)}</h2><table class="{kind}">{head}<tbody>{rows}</tbody></table>'
        f"{note}</section>"
    )


def _number(name: str, part: read.Part) -> str:
    return ' class="n"' if name in part.right else ""


def _checklist(report: Mapping[str, Any]) -> str:
    items = "".join(
        f'<li class="{"done" if done else "open"}"><span class="box">{"☑" if done else "☐"}</span>'
        f'{escape(question)}<br><span class="soft">{escape(known)}</span></li>'
        for done, question, known in read.checklist(report)
    )
    return f'<section><h2>Runbook checklist</h2><ul class="checklist">{items}</ul></section>'
