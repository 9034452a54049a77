"""``lifeline whatsapp token-status`` and ``refresh-token``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from lifeline_cli import render
from lifeline_cli.render import Cli

if TYPE_CHECKING:
    from rich.console import RenderableType

_STYLES: Final[Mapping[str, tuple[str, str]]] = {
    "never_expires": ("valid, without an end", "green"),
    "fine": ("valid", "green"),
    "to_renew": ("valid, and due for renewal", "yellow"),
    "invalid": ("NOT VALID", "bold white on red"),
}


def token_status(context: typer.Context) -> None:
    """Show what Meta says of the access token, and how its last renewal went. The token is never shown."""
    cli: Cli = context.obj
    cli.show("whatsapp.token_status", cli.client.call("whatsapp.token_status"), draw_status)


def refresh_token(
    context: typer.Context,
    reason: Annotated[
        str, typer.Option("--reason", help="Why; it goes into the history.")
    ] = "asked by an operator",
    force: Annotated[
        bool,
        typer.Option("--force", help="Exchange a token without an end as well; the new one lasts 60 days."),
    ] = False,
) -> None:
    """Exchange the access token now: the new one is verified before it becomes current."""
    cli: Cli = context.obj
    fields: dict[str, Any] = {"reason": reason} | ({"force": True} if force else {})
    cli.show("whatsapp.refresh_token", cli.client.change("whatsapp.refresh_token", **fields), draw_refresh)


def draw_status(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """State, end, permissions, and what the token keeper did last."""
    words, style = _STYLES.get(result["state"], (str(result["state"]), ""))
    yield render.text(f"The access token is {words}.", style)
    if result["why_invalid"]:
        yield render.text(f"Meta says: {result['why_invalid']}")
    if result["expires_at"]:
        yield render.text(f"It ends at {render.moment(result['expires_at'])}: {_left(result['days_left'])}.")
    if result["renews_at"]:
        ahead = f"{result['renew_days']:g} days ahead"
        yield render.text(f"It is renewed {ahead}, from {render.moment(result['renews_at'])} on.")
    if result["scopes"]:
        yield render.text(f"Permissions: {', '.join(result['scopes'])}")
    if result["missing_scopes"]:
        yield render.warn(f"It lacks: {', '.join(result['missing_scopes'])}")
    yield from _keeper(result)
    failed = (result["keeper"] or {}).get("outcome") == "failed"
    if result["state"] == "invalid" and not failed:
        yield render.text("Next: lifeline whatsapp refresh-token")


def _keeper(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    keeper = result["keeper"]
    if not keeper:
        yield render.text("The token keeper has not looked yet; it does each hour.")
        return
    yield render.text(
        f"The token keeper looked {render.ago(keeper['at'], result['at'])}: "
        f"{str(keeper['outcome']).replace('_', ' ')}"
        + (f"; last renewal {render.moment(keeper['renewed_at'])}" if keeper["renewed_at"] else "")
        + "."
    )
    if keeper["outcome"] == "failed":
        yield render.warn(f"Step {keeper['step']} failed: {keeper['detail']}")
        yield render.text(str(keeper["remedy"]))


def draw_refresh(result: Mapping[str, Any]) -> Iterable[RenderableType]:
    """What became of it."""
    end = f"it ends at {render.moment(result['expires_at'])}" if result["expires_at"] else "it has no end"
    if result["refreshed"]:
        yield render.text(f"The access token was refreshed and verified; {end}.", "green")
        if result["previous_kept"]:
            yield render.text("The previous one is kept as AWSPREVIOUS. Running sends are not disturbed.")
    else:
        yield render.text(f"Nothing was refreshed: the access token is valid, and {end}.")
    for note in result["notes"]:
        yield render.warn(note)


def _left(days: float | None) -> str:
    if days is None:
        return "no end"
    return f"{days:.1f} days are left" if days else "it is over"
