"""``lifeline whatsapp token-status``, ``refresh-token`` and ``set-token``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from getpass import getpass
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from lifeline.contract.operator_actions import OPERATOR_ACTIONS

from lifeline_cli import render
from lifeline_cli.errors import usage
from lifeline_cli.render import Cli

if TYPE_CHECKING:
    from rich.console import RenderableType

LONGEST: Final = 8_192
"""Characters read from standard input: more is no token."""
_STYLES: Final[Mapping[str, tuple[str, str]]] = {
    "never_expires": ("valid and never expires", "green"),
    "fine": ("valid", "green"),
    "to_renew": ("valid, and due for renewal", "yellow"),
    "invalid": ("NOT VALID", "bold white on red"),
}


def token_status(context: typer.Context) -> None:
    """Show the state of the access token and its last renewal. The token itself is never shown."""
    cli: Cli = context.obj
    cli.show("whatsapp.token_status", cli.client.call("whatsapp.token_status"), draw_status)


def refresh_token(
    context: typer.Context,
    reason: Annotated[
        str, typer.Option("--reason", help="The reason, for the history.")
    ] = "asked by an operator",
    force: Annotated[
        bool,
        typer.Option("--force", help="Exchange a token that never expires too; the new one lasts 60 days."),
    ] = False,
) -> None:
    """Exchange the access token now: the new one is verified before it becomes current."""
    cli: Cli = context.obj
    fields: dict[str, Any] = {"reason": reason} | ({"force": True} if force else {})
    cli.show("whatsapp.refresh_token", cli.client.change("whatsapp.refresh_token", **fields), draw_refresh)


def set_token(
    context: typer.Context,
    reason: Annotated[
        str, typer.Option("--reason", help="Why; it goes into the history.")
    ] = "set by an operator",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Make a new access token current. It is read from a prompt, or from standard input where that is no
    terminal, never from an argument; Meta has to call it valid first."""
    cli: Cli = context.obj
    name = "whatsapp.set_token"
    render.confirm("Make a new access token current?", yes, OPERATOR_ACTIONS[name].danger)
    fields = {"token": _new_token(), "reason": reason, "sure": True}
    cli.show(name, cli.client.change(name, **fields), draw_set)


def _new_token() -> str:
    """From a prompt without echo, or from standard input. Raises a usage error where there is none."""
    if sys.stdin.isatty():
        try:
            given = getpass("New access token (it is not shown): ")
        except EOFError:
            given = ""
    else:
        given = sys.stdin.read(LONGEST)
    if not given.strip():
        raise usage("no token was given", "Paste the token in a terminal, or pipe it to standard input.")
    return given.strip()


def draw_set(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """What is current now."""
    end = (
        f"it expires at {render.moment(result['expires_at'])}" if result["expires_at"] else "it never expires"
    )
    yield render.text(f"The new access token was verified at Meta and is current; {end}.", "green")
    if result["previous_kept"]:
        yield render.text("The previous one stays as AWSPREVIOUS. Workers use the new one within a minute.")
    for note in result["notes"]:
        yield render.warn(note)


def draw_status(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """State, end, permissions, and what the token keeper did last."""
    words, style = _STYLES.get(result["state"], (str(result["state"]), ""))
    yield render.text(f"The access token is {words}.", style)
    if result["why_invalid"]:
        yield render.text(f"Meta says: {result['why_invalid']}")
    if result["expires_at"]:
        yield render.text(
            f"It expires at {render.moment(result['expires_at'])}: {_left(result['days_left'])}."
        )
    if result["renews_at"]:
        ahead = f"{result['renew_days']:g} days ahead"
        yield render.text(f"Lifeline renews it {ahead}, from {render.moment(result['renews_at'])} on.")
    if result["scopes"]:
        yield render.text(f"Permissions: {', '.join(result['scopes'])}")
    if result["missing_scopes"]:
        yield render.warn(f"Missing permissions: {', '.join(result['missing_scopes'])}")
    yield from _keeper(result)
    if result["state"] == "invalid":
        failed = (result["keeper"] or {}).get("outcome") == "failed"
        yield render.text(f"Next: lifeline whatsapp {'set-token' if failed else 'refresh-token'}")


def _keeper(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    keeper = result["keeper"]
    if not keeper:
        yield render.text("The token keeper has not checked it yet; it checks every hour.")
        return
    yield render.text(
        f"The token keeper checked it {render.ago(keeper['at'], result['at'])}: "
        f"{str(keeper['outcome']).replace('_', ' ')}"
        + (f"; last renewal {render.moment(keeper['renewed_at'])}" if keeper["renewed_at"] else "")
        + "."
    )
    if keeper["outcome"] == "failed":
        yield render.warn(f"Step {keeper['step']} failed: {keeper['detail']}")
        yield render.text(str(keeper["remedy"]))


def draw_refresh(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """Whether it was refreshed, and when it expires."""
    end = (
        f"it expires at {render.moment(result['expires_at'])}" if result["expires_at"] else "it never expires"
    )
    if result["refreshed"]:
        yield render.text(f"The access token was refreshed and verified; {end}.", "green")
        if result["previous_kept"]:
            yield render.text("The previous one stays as AWSPREVIOUS, so running sends do not fail.")
    else:
        yield render.text(f"No refresh was needed: the access token is valid, and {end}.")
    for note in result["notes"]:
        yield render.warn(note)


def _left(days: float | None) -> str:
    if days is None:
        return "never expires"
    return f"{days:.1f} days are left" if days else "it has expired"
