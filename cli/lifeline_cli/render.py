"""How answers look: tables and colours in a terminal, plain text elsewhere, JSON where asked."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from lifeline.contract.instants import duration, parse_instant
from lifeline.contract.operator_actions import ok
from lifeline.contract.text import escaped

from lifeline_cli.client import Client
from lifeline_cli.errors import CliError, usage

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress

PIPE_WIDTH: Final = 500
"""Columns where no terminal says how wide it is: wide enough that a row is one line."""
GAP: Final = 3
"""Columns between two cells of a table."""
STATE_STYLES: Final[Mapping[str, str]] = {
    "normal": "green",
    "panic": "bold white on red",
    "recovering": "yellow",
}

Watch = Annotated[
    float | None,
    typer.Option("--watch", metavar="SECONDS", help="Repeat every so many seconds (5), until Ctrl-C."),
]
Count = Annotated[
    int | None,
    typer.Option("--count", min=1, metavar="TIMES", help="With --watch: stop after this many times."),
]

Draw = Callable[[Mapping[str, Any]], "Iterable[RenderableType]"]


@dataclass(frozen=True)
class Cli:
    """What each command gets: the way to the system, and the way to print."""

    client: Client

    @property
    def as_json(self) -> bool:
        """Whether ``--json`` was given."""
        return self.client.options.as_json

    def show(self, action: str, result: Mapping[str, Any], draw: Draw) -> None:
        """Print one answer."""
        if self.as_json:
            print_json(ok(action, result))
            return
        for part in draw(result):
            out().print(part)

    def watch(
        self,
        action: str,
        fetch: Callable[[], Mapping[str, Any]],
        draw: Draw,
        every: float | None,
        looks: int | None = None,
    ) -> None:
        """Print once, or every ``every`` seconds until Ctrl-C (or ``looks`` times)."""
        if every is None:
            self.show(action, fetch(), draw)
            return
        if every < 1:
            raise usage(f"--watch takes at least 1 second, not {every:g}")
        # Ctrl-C is the way out of a watch, and no failure.
        with contextlib.suppress(KeyboardInterrupt):
            if self.as_json or not out().is_terminal:
                self._watch_plain(action, fetch, draw, every, looks)
            else:
                self._watch_live(fetch, draw, every, looks)

    def _watch_plain(
        self, action: str, fetch: Callable[[], Mapping[str, Any]], draw: Draw, every: float, looks: int | None
    ) -> None:
        for _ in _turns(every, looks):
            result = fetch()
            if self.as_json:
                # One line per look, for jq and for logs.
                write(json.dumps(ok(action, result)))
            else:
                self.show(action, result, draw)
                write("")

    @staticmethod
    def _watch_live(
        fetch: Callable[[], Mapping[str, Any]], draw: Draw, every: float, looks: int | None
    ) -> None:
        from rich.console import Group
        from rich.live import Live

        with Live(console=out(), auto_refresh=False, vertical_overflow="visible") as live:
            for _ in _turns(every, looks):
                try:
                    parts = list(draw(fetch()))
                except CliError as error:
                    if error.code not in ("unreachable", "timeout", "unavailable"):
                        raise
                    parts = [text(f"no answer just now: {error.message}", "red")]
                foot = text(f"every {every:g} s, Ctrl-C ends", "dim")
                live.update(Group(*parts, foot), refresh=True)


def _turns(every: float, looks: int | None) -> Iterable[int]:
    turn = 0
    while looks is None or turn < looks:
        if turn:
            time.sleep(every)
        yield turn
        turn += 1


def out() -> Console:
    """The console for answers."""
    from rich.console import Console

    wide = None if sys.stdout.isatty() or os.environ.get("COLUMNS") else PIPE_WIDTH
    return Console(width=wide, highlight=False, emoji=False)


def err() -> Console:
    """The console for what is not an answer: faults, questions, progress."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)


def write(line: str) -> None:
    """One plain line on standard output."""
    sys.stdout.write(writable(line) + "\n")
    sys.stdout.flush()


def writable(words: str) -> str:
    """``words`` in lines that any output takes and no terminal obeys: what does not show is escaped.
    Inside JSON that is the same text."""
    return "\n".join(escaped(line) for line in words.split("\n"))


def print_json(document: Mapping[str, Any]) -> None:
    """A JSON document on standard output."""
    write(json.dumps(document, indent=2, ensure_ascii=False))


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    right: Sequence[str] = (),
    *,
    tight: bool = False,
) -> RenderableType:
    """A table without lines around cells; columns named in ``right`` are numbers. ``tight``: with no empty
    rows above and below, where a screen has to suffice.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    lined = sys.stdout.isatty()
    grid = Table(
        box=box.SIMPLE_HEAD if lined else None,
        pad_edge=False,
        show_edge=not tight,
        header_style="bold",
        padding=(0, 1) if lined else (0, 2, 0, 0),
    )
    rows = list(rows)
    widths = [_longest_word(column) for column in zip(columns, *rows, strict=True)]
    # Rich cuts off what is wider than the terminal: where not every word finds room, words are broken.
    whole = sum(widths) + GAP * len(columns) <= out().width
    for name, width in zip(columns, widths, strict=True):
        grid.add_column(
            name,
            justify="right" if name in right else "left",
            overflow="fold",
            min_width=width if whole else None,
        )
    for row in rows:
        grid.add_row(*(cell if isinstance(cell, Text) else Text(writable(str(cell))) for cell in row))
    return grid


def _longest_word(cells: Iterable[Any]) -> int:
    return max((len(word) for cell in cells for word in writable(str(cell)).split()), default=0)


def text(words: str, style: str = "") -> RenderableType:
    """Text as it is: brackets in it are no markup."""
    from rich.text import Text

    return Text(writable(words), style=style)


def state(name: str) -> Any:
    """A panic state in its colour, in capitals where it needs attention without colours too."""
    from rich.text import Text

    words = name.upper() if name == "panic" else writable(name)
    return Text(words, style=STATE_STYLES.get(name, ""))


def line(*parts: Any) -> RenderableType:
    """One line of texts, escaped, and of parts that have a style."""
    from rich.text import Text

    return Text.assemble(*(part if isinstance(part, Text) else writable(str(part)) for part in parts))


def warn(words: str) -> RenderableType:
    """Something that the operator should not overlook."""
    return text(f"! {words}", "yellow")


def moment(instant: str | None) -> str:
    """An instant to the second, in UTC as everywhere in Lifeline; ``-`` for none."""
    return f"{instant[:19].replace('T', ' ')} UTC" if instant else "-"


def clock_time(instant: str | None) -> str:
    """The time of day of an instant, in UTC; ``-`` for none."""
    return instant[11:19] if instant else "-"


def brief(instant: str, beside: str) -> str:
    """An instant in UTC: the time alone where ``beside`` is of the same day, else with the date."""
    return instant[11:19] if instant[:10] == beside[:10] else f"{instant[:10]} {instant[11:16]}"


def ago(instant: str | None, at: str) -> str:
    """How long ago ``instant`` was, seen from ``at``."""
    if not instant:
        return "-"
    return f"{duration(max(0.0, parse_instant(at) - parse_instant(instant)))} ago"


def confirm(question: str, yes: bool, danger: str = "") -> None:
    """Ask before something hard to undo, and say first what cannot be taken back (``danger``).

    Raises :class:`CliError` without a yes.
    """
    if yes:
        return
    danger = f"{danger[:1].upper()}{danger[1:]}." if danger else ""
    if not sys.stdin.isatty():
        words = f"{danger} {question} Confirmation needs a terminal.".strip()
        raise CliError("not_confirmed", words, "Use --yes to confirm.")
    if danger:
        err().print(text(danger))
    err().print(text(f"{question} [y/N] "), end="")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CliError("not_confirmed", "nothing was changed")


def change_surely(cli: Cli, action: str, yes: bool, **fields: Any) -> dict[str, Any]:
    """Change something that may need to be meant: where the function says so, a person is asked.

    Raises :class:`CliError`: refused for another reason, or not meant.
    """
    try:
        return cli.client.change(action, **fields, **({"sure": True} if yes else {}))
    except CliError as error:
        if error.code != "unsure":
            raise
        confirm(f"{error.message}. Go on?", yes)
        return cli.client.change(action, **fields, sure=True)


def progress(quiet: bool) -> Progress:
    """A bar on standard error for long work; nothing where nobody watches."""
    from rich.progress import Progress

    console = err()
    return Progress(console=console, transient=True, disable=quiet or not console.is_terminal)
