"""The widget's page: plain values in, HTML out. Whatever comes from outside is escaped.

CloudWatch shows the HTML inside the dashboard, without JavaScript. A ``cwdb-action`` element makes a button
of the element before it (CloudWatch, "Interactivity in the custom widget").
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from lifeline.contract.instants import duration
from lifeline.domain.text import one_line

ENABLE: Final = "panic.enable"
DISABLE: Final = "panic.disable"
HOLD: Final = "panic.hold"

STATE_COLOURS: Final[Mapping[str, tuple[str, str]]] = {
    "panic": ("#b3261e", "#ffffff"),
    "recovering": ("#8a5300", "#ffffff"),
    "normal": ("#1b6e37", "#ffffff"),
}
"""Background and text of a state; readable (4.5:1) on the light and on the dark dashboard."""

STYLE: Final = """<style>
.ll{font:14px/1.45 "Amazon Ember",Helvetica,Arial,sans-serif;max-width:100%}
.ll h3{font-size:15px;margin:14px 0 4px}
.ll p{margin:2px 0}
.ll .b{display:inline-block;border-radius:4px;padding:1px 8px;font-weight:700}
.ll .say{border-left:4px solid #0972d3;padding:6px 10px;margin:0 0 10px}
.ll .bad{border-left-color:#b3261e}
.ll .scope{border:1px solid #8d99a8;border-radius:8px;padding:8px 12px;margin:0 0 8px;overflow-wrap:anywhere}
.ll .row{display:flex;flex-wrap:wrap;gap:8px;align-items:center}
.ll .wide{overflow-x:auto}
.ll table{border-collapse:collapse}
.ll td,.ll th{padding:2px 14px 2px 0;text-align:left;white-space:nowrap}
.ll input{font:inherit;padding:6px 8px;max-width:100%;box-sizing:border-box}
.ll input[name=reason]{width:26em}
.ll .btn{display:inline-block;padding:8px 14px;margin-top:6px}
.ll .dim{opacity:.75}
cwdb-action{display:none}
</style>"""


@dataclass(frozen=True, slots=True)
class Said:
    """What became of the last button. ``done``: it was carried out."""

    done: bool
    text: str


def page(
    *,
    panic: Mapping[str, Any] | None,
    queues: Mapping[str, Any] | None,
    incidents: Mapping[str, Any] | None,
    unknown: Sequence[str],
    endpoint: str,
    said: Said | None,
    typed: Mapping[str, str],
) -> str:
    """The page.

    Args:
        panic: Result of ``panic.status``; ``None`` where it could not be read, as the next two.
        queues: Result of ``queue.status``.
        incidents: Result of ``incident.list``.
        unknown: A sentence for each part that could not be read.
        endpoint: ARN of the function that carries out what buttons ask.
        said: What became of the button that led here.
        typed: What the form held, to be shown again.
    """
    parts = [STYLE, '<div class="ll">']
    if said:
        parts.append(f'<p class="say{"" if said.done else " bad"}">{_text(said.text)}</p>')
    parts += [f'<p class="say bad">{_text(sentence)}</p>' for sentence in unknown]
    if panic:
        # The fields of a form reach the function with every button of the page, wherever they stand.
        parts.append(_form(typed))
        parts += [_scope(flag, endpoint) for flag in panic["scopes"]]
    if queues:
        parts.append(_backlog(queues))
    if incidents:
        parts.append(_incidents(incidents["incidents"]))
    at = (panic or queues or incidents or {}).get("at", "")
    parts.append(
        f'<p class="dim">{_text(f"As of {at[:19]}Z." if at else "")} More: lifeline status.</p></div>'
    )
    return "".join(parts)


def _scope(flag: Mapping[str, Any], endpoint: str) -> str:
    state = str(flag["state"])
    background, colour = STATE_COLOURS.get(state, ("#414d5c", "#ffffff"))
    lines = [
        f'<div class="row"><b>{_text(flag["scope"])}</b>'
        f'<span class="b" style="background:{background};color:{colour}">{_text(state.upper())}</span>'
        + (f"<span>{_text(flag['cause'])}</span>" if flag["cause"] else "")
        + (
            f"<span>for {_text(duration(flag['since_seconds']))}</span>"
            if flag["since_seconds"] is not None and state != "normal"
            else ""
        )
        + ("<span>shadow: only reports panic</span>" if flag["shadow"] else "")
        + "</div>"
    ]
    if state == "panic":
        lines += [f"<p>{_text(flag['reason'])}</p>", f"<p>{_text(_probes(flag))}</p>"]
    if flag["ends"]:
        lines.append(f"<p>{_text(one_line(flag['ends']).capitalize())}.</p>")
    if flag["remedy"]:
        lines.append(f"<p><b>{_text(flag['remedy'])}</b></p>")
    return f'<div class="scope">{"".join(lines)}{_buttons(flag, endpoint)}</div>'


def _probes(flag: Mapping[str, Any]) -> str:
    """``last 8 probes: 8 failed, latest: reachability: refused``."""
    probes = flag.get("probes") or ()
    if not probes:
        return "No probe yet."
    failed = sum(1 for probe in probes if not probe["ok"])
    latest = "OK" if probes[0]["ok"] else probes[0]["found"] or "failed"
    return f"Last {len(probes)} probes: {failed} failed, latest: {latest}"


def _buttons(flag: Mapping[str, Any], endpoint: str) -> str:
    scope, state = str(flag["scope"]), flag["state"]
    if state != "panic":
        return _button("Enter panic mode", ENABLE, scope, endpoint, f"Put {scope} in panic mode?")
    hold = "" if flag["hold"] else _button("Hold", HOLD, scope, endpoint, f"Hold the panic of {scope}?")
    return f"{hold} {_button('End panic mode', DISABLE, scope, endpoint, f'End the panic of {scope}?')}"


def _button(label: str, do: str, scope: str, endpoint: str, ask: str) -> str:
    asked = escape(json.dumps({"do": do, "scope": scope}), quote=False)
    return (
        f'<a class="btn btn-primary">{_text(label)}</a><cwdb-action action="call" display="widget" '
        f'endpoint="{escape(endpoint)}" confirmation="{escape(ask)}">{asked}</cwdb-action>'
    )


def _form(typed: Mapping[str, str]) -> str:
    def field(name: str, hint: str) -> str:
        return (
            f'<input name="{name}" placeholder="{hint}" aria-label="{hint}" '
            f'value="{escape(typed.get(name, ""))}">'
        )

    return (
        f'<form class="row">{field("name", "Your name")}{field("reason", "Reason")}</form>'
        '<p class="dim">A button needs both; the history names you, marked as unverified. '
        "Hold: only an operator ends the panic.</p>"
    )


def _backlog(queues: Mapping[str, Any]) -> str:
    drain = queues["drain"]
    if not queues["waiting"]:
        head = "No backlog."
    else:
        eta = queues["eta_seconds"]
        head = f"{queues['waiting']} wait, {drain['rate']:.3g}/s leave, " + (
            f"done in {duration(eta)}" if eta is not None else "held by panic"
        )
    rows = [
        (row["name"], total, duration(row["oldest_age_seconds"]))
        for row in queues["queues"]
        if (total := row["visible"] + row["in_flight"] + row["delayed"])
    ]
    table = _table(("queue or lane", "waiting", "oldest"), rows)
    notes = "".join(f'<p class="dim">{_text(note)}</p>' for note in queues["notes"])
    return f"<h3>Backlog</h3><p>{_text(head)}</p>{table}{notes}"


def _incidents(incidents: Sequence[Mapping[str, Any]]) -> str:
    if not incidents:
        return "<h3>Last incidents</h3><p>No incidents in 90 days.</p>"
    table = _table(
        ("began", "scope", "cause", "in panic", "state"),
        [
            (
                str(one["opened_at"])[:16].replace("T", " "),
                one["scope"],
                one["cause"],
                duration(one["panic_seconds"]),
                one["state"],
            )
            for one in incidents
        ],
    )
    return f"<h3>Last incidents</h3>{table}"


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{_text(name)}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(f'<td>{_text(value)}</td>' for value in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def _text(value: object) -> str:
    return escape(one_line(str(value)))
